"""The stand-in API server: from a request to an answer, by way of the request log, scripted faults and credentials."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, replace

from agent.sandbox.http import Request, Response, json_response
from agent.sandbox.kubernetes import bodies, discovery, podsecurity, routes, scale, watch
from agent.sandbox.kubernetes.errors import ApiError, conflict
from agent.sandbox.kubernetes.faults import Asked, Fault, Faults
from agent.sandbox.kubernetes.objects import Obj, labels
from agent.sandbox.kubernetes.proxy import Proxy
from agent.sandbox.kubernetes.routes import Route
from agent.sandbox.kubernetes.verbs import Verbs
from agent.sandbox.kubernetes.world import World

_LOGGED = 100_000
_WARNED = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"}
_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request, as the log keeps it.

    Attributes:
        at: the world's seconds.
        method: HTTP method.
        path: without the query.
        query: the query.
        user_agent: the client's.
        verb: as in RBAC rules; empty for what is no resource.
        resource: plural and subresource; likewise.
        namespace: likewise.
        name: likewise.
        status: of the answer; 0 for one that was dropped.
        dry_run: whether nothing was to be stored.
    """

    at: float
    method: str
    path: str
    query: str
    user_agent: str
    verb: str
    resource: str
    namespace: str
    name: str
    status: int
    dry_run: bool

    @property
    def is_write(self) -> bool:
        """Whether it could change something (reviews of access do not)."""
        return (
            self.method not in {"GET", "HEAD", "OPTIONS"}
            and not self.dry_run
            and "authorization.k8s.io" not in self.path
        )


class Api:
    """Answers requests.

    Args:
        world: the world.
        verbs: what is done to objects.
        proxy: what pods answer.
        faults: what goes wrong.
    """

    def __init__(self, world: World, verbs: Verbs, proxy: Proxy, faults: Faults) -> None:
        self.world = world
        self.verbs = verbs
        self.proxy = proxy
        self.faults = faults
        self.tokens: dict[str, str] = {}
        self.require_token = False
        self.requests: list[Recorded] = []
        self.stopping = threading.Event()
        self._log = threading.Lock()

    def handle(self, request: Request) -> Response:
        """One request to one answer; never raises."""
        route = routes.parse(request)
        asked = _asked(request, route)
        try:
            response = self._answer(request, route, asked)
        except ApiError as error:
            response = error.response()
        except Exception as error:  # noqa: BLE001 - a bug of ours must look like one of the server's, not cut the line
            response = ApiError(500, f"Internal error occurred: the sandbox failed: {error!r}").response()
        self._note(request, asked, 0 if response.drop else response.status)
        return response

    def _note(self, request: Request, asked: Asked, status: int) -> None:
        is_resource = bool(asked.resource)
        entry = Recorded(
            self.world.now(), request.method, request.path, request.query, asked.user_agent,
            asked.verb if is_resource else "", asked.resource, asked.namespace, asked.name, status,
            dry_run=bool(request.parameter("dryRun")),
        )  # fmt: skip
        with self._log:
            self.requests.append(entry)
            if len(self.requests) > _LOGGED:
                del self.requests[: _LOGGED // 10]

    def _answer(self, request: Request, route: Route | None, asked: Asked) -> Response:
        fault = self.faults.find(asked, self.world.now())
        truncated = False
        if fault is not None:
            answer = self._misbehave(fault, route, asked)
            if answer is not None:
                return answer
            truncated = fault.kind == "truncate"
        self._authenticate(request)
        response = self._serve(request, route)
        if truncated and response.stream is None:
            return Response(response.status, response.body, response.headers, truncate=len(response.body) // 2)
        return response

    def _authenticate(self, request: Request) -> None:
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else ""
        if (token and token not in self.tokens) or (self.require_token and not token):
            raise ApiError(401, "Unauthorized")

    def user(self, request: Request) -> str:
        """Who asks."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        return self.tokens.get(token, "system:anonymous")

    def _misbehave(self, fault: Fault, route: Route | None, asked: Asked) -> Response | None:
        """What a fault answers; None where the truth follows (perhaps later, perhaps truncated)."""
        kind, after = fault.kind, {"Retry-After": str(fault.retry_after)}
        if kind == "drop":
            return Response(drop=True)
        if kind in {"silence", "slow"}:
            self._hold(fault)
            return None
        if kind == "gone" and asked.verb == "watch":
            text = fault.message or "too old resource version: 1 (2)"
            line = json.dumps({"type": "ERROR", "object": ApiError(410, text).status()}).encode() + b"\n"
            return Response(200, headers={"Content-Type": "application/json"}, stream=iter([line]))
        if kind == "cut":
            return Response(200, headers={"Content-Type": "application/json"}, stream=iter(()))
        if kind == "conflict" and route is not None:
            raise conflict(route.kind, route.name)
        if kind == "forbidden":
            raise ApiError(403, fault.message or _forbidden(asked, route, self.tokens), details=_about(route, asked))
        code, text = {
            "unavailable": (503, "the server is currently unable to handle the request"),
            "throttle": (429, "the server has received too many requests and has asked us to try again later"),
            "unauthorized": (401, "Unauthorized"),
            "error": (500, "Internal error occurred: etcdserver: request timed out"),
            "gone": (410, "The provided continue parameter is too old to display a consistent list result"),
        }.get(kind, (0, ""))
        if not code:
            return None
        raise ApiError(code, fault.message or text, headers=after if kind in {"unavailable", "throttle"} else None,
                       details={"retryAfterSeconds": fault.retry_after} if kind == "throttle" else None)  # fmt: skip

    def _hold(self, fault: Fault) -> None:
        """Keeps a request waiting: `slow` for its delay on the wall, `silence` until it ends."""
        end = time.monotonic() + fault.delay
        while not self.stopping.is_set() and not fault.cancelled.wait(_POLL):
            is_over = fault.until is not None and self.world.now() >= fault.until
            if (fault.kind == "slow" and time.monotonic() >= end) or (fault.kind == "silence" and is_over):
                return

    def _serve(self, request: Request, route: Route | None) -> Response:
        found = discovery.answer(request)
        if found is not None:
            return found
        if request.path.startswith("/apis/authorization.k8s.io/v1/selfsubject"):
            return self._review(request)
        if route is None:
            raise ApiError(404, "the server could not find the requested resource", details={"causes": [
                {"reason": "UnexpectedServerResponse", "message": "404 page not found"}]})  # fmt: skip
        if route.subresource == "proxy":
            with self.world.store.lock:
                return self.proxy.to_pod(route) if route.kind.kind == "Pod" else self.proxy.to_service(route)
        if route.verb == "watch":
            return self._watch(request, route)
        with self.world.store.lock:
            return self._resource(request, route)

    def _watch(self, request: Request, route: Route) -> Response:
        test = watch.wanted(request, route.kind, route.namespace)
        if route.name:
            name = route.name
            whole = test
            test = lambda thing: whole(thing) and thing["metadata"]["name"] == name  # noqa: E731
        asked = _asked(request, route)

        def is_cut() -> bool:
            return (
                self.stopping.is_set()
                or self.faults.find(asked, self.world.now(), kinds={"cut"}, count=False) is not None
            )

        def is_silent() -> bool:
            return self.faults.find(asked, self.world.now(), kinds={"silence"}, count=False) is not None

        return watch.Watch(self.world.store, route.kind, test, request, is_cut, is_silent).response()

    def _resource(self, request: Request, route: Route) -> Response:
        if route.kind.kind == "Pod" and route.subresource == "log":
            return self.proxy.log(request, route)
        if route.subresource == "eviction" and route.verb == "create":
            self.verbs.writes.delete(self.verbs.get(route))
            success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
            return json_response(201, success)
        if route.subresource == "scale" and route.kind.scale:
            return scale.handle(request, route, self.verbs.get(route), self.verbs.writes)
        if route.subresource not in {"", "status", "finalize"}:
            raise ApiError(404, "the server could not find the requested resource")
        return self._verb(request, route)

    def _verb(self, request: Request, route: Route) -> Response:
        if route.verb == "get":
            return json_response(200, self.verbs.get(route))
        if route.verb == "list":
            return watch.collect(self.world.store, request, route.kind, route.namespace)
        carried_out = {
            ("create", False): self.verbs.create,
            ("update", True): self.verbs.update,
            ("patch", True): self.verbs.patch,
            ("delete", True): self.verbs.delete,
            ("deletecollection", False): self.verbs.delete_collection,
        }.get((route.verb, bool(route.name)))
        if carried_out is None:
            raise ApiError(405, "the server does not allow this method on the requested resource")
        return self._warned(route, carried_out(request, route))

    def _warned(self, route: Route, response: Response) -> Response:
        """The answer to a write of a workload, with PodSecurity's Warning header where its pods would be refused."""
        namespace = self.world.store.get("Namespace", ("", route.namespace))
        if route.kind.kind not in _WARNED or route.subresource or namespace is None or "delete" in route.verb:
            return response
        text = podsecurity.warning(labels(namespace), json.loads(response.body))
        if not text:
            return response
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        return replace(response, headers={**response.headers, "Warning": f'299 - "{quoted}"'})

    def _review(self, request: Request) -> Response:
        """SelfSubjectAccessReview: yes, unless a `forbidden` fault is in force for it."""
        document: Obj = bodies.decode(request)
        wanted = (document.get("spec") or {}).get("resourceAttributes") or {}
        sub = f"/{wanted['subresource']}" if wanted.get("subresource") else ""
        asked = Asked(wanted.get("verb", ""), f"{wanted.get('resource', '')}{sub}", wanted.get("namespace", ""),
                      wanted.get("name", ""), request.path, request.headers.get("user-agent", ""))  # fmt: skip
        refused = self.faults.find(asked, self.world.now(), kinds={"forbidden"}, count=False)
        if request.path.endswith("rulesreviews"):
            rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            return json_response(
                201, document | {"status": {"resourceRules": [rule], "nonResourceRules": [], "incomplete": False}}
            )
        answer = (
            {"allowed": False} if refused else {"allowed": True, "reason": "the sandbox allows what no fault forbids"}
        )
        return json_response(201, document | {"status": answer})


def _asked(request: Request, route: Route | None) -> Asked:
    agent = request.headers.get("user-agent", "")
    if route is None:
        return Asked(request.method.lower(), "", "", "", request.path, agent)
    return Asked(route.verb, route.resource, route.namespace, route.name, request.path, agent)


def _about(route: Route | None, asked: Asked) -> Obj | None:
    if route is None:
        return None
    return {
        key: value
        for key, value in {"name": asked.name, "group": route.kind.group, "kind": route.kind.plural}.items()
        if value
    }


def _forbidden(asked: Asked, route: Route | None, users: dict[str, str]) -> str:
    user = next(iter(users.values()), "system:anonymous")
    if route is None:
        return f'forbidden: User "{user}" cannot {asked.verb} path "{asked.path}"'
    kind = route.kind
    name = f' "{asked.name}"' if asked.name else ""
    where = f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
    resource = f"{route.resource}.{kind.group}" if kind.group and not route.subresource else kind.resource
    return (
        f'{resource}{name} is forbidden: User "{user}" cannot {asked.verb} resource "{route.resource}" '
        f'in API group "{kind.group}"{where}'
    )
