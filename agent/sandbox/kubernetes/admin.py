"""The side doors: `/_sandbox/` to script the cluster from another process, and `/v2/` where the registry answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol, TypeAlias

from agent.sandbox.http import Request, Response, json_response
from agent.sandbox.kubernetes.api import Recorded
from agent.sandbox.kubernetes.faults import KINDS, Fault, Faults
from agent.sandbox.kubernetes.images import Registry
from agent.sandbox.kubernetes.world import World

_MANIFEST = re.compile(r"^/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)$")
_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Scripted(Protocol):
    """What the side doors need of a cluster; each method is documented at SandboxCluster."""

    world: World
    faults: Faults
    registry: Registry

    @property
    def requests(self) -> list[Recorded]: ...  # noqa: D102 - see SandboxCluster

    def fault(self, kind: str, *, seconds: float | None = None, **how: Any) -> Fault: ...  # noqa: D102

    def compact(self) -> int: ...  # noqa: D102

    def freeze_controllers(self, frozen: bool = True, *, nodes: bool = False) -> None: ...  # noqa: D102, FBT001, FBT002

    def advance(self, seconds: float) -> None: ...  # noqa: D102

    def forget_requests(self) -> None: ...  # noqa: D102

    def kubeconfig(self, namespace: str = "default") -> str: ...  # noqa: D102

    def add_token(self, token: str) -> str: ...  # noqa: D102

    def expire_token(self, token: str) -> None: ...  # noqa: D102


Door: TypeAlias = Callable[[Scripted, dict[str, Any]], object]


def _advance(cluster: Scripted, body: dict[str, Any]) -> object:
    cluster.advance(float(body["seconds"]))
    return {"now": cluster.world.now()}


_DOORS: dict[tuple[str, str], Door] = {
    ("POST", "faults"): lambda cluster, body: {"fault": cluster.fault(**body).kind},
    ("DELETE", "faults"): lambda cluster, _: cluster.faults.clear(),
    ("POST", "compact"): lambda cluster, _: {"compacted": cluster.compact()},
    ("POST", "freeze"): lambda cluster, body: cluster.freeze_controllers(
        bool(body.get("frozen", True)), nodes=bool(body.get("nodes"))
    ),
    ("POST", "advance"): _advance,
    ("GET", "clock"): lambda cluster, _: {"now": cluster.world.now(), "speed": cluster.world.clock.speed},
    ("GET", "requests"): lambda cluster, _: [asdict(entry) for entry in cluster.requests],
    ("DELETE", "requests"): lambda cluster, _: cluster.forget_requests(),
    ("POST", "tokens"): lambda cluster, body: {"token": cluster.add_token(str(body["token"]))},
    ("DELETE", "tokens"): lambda cluster, body: cluster.expire_token(str(body["token"])),
}


class Admin:
    """Answers what is not Kubernetes.

    Args:
        cluster: what it scripts.
    """

    def __init__(self, cluster: Scripted) -> None:
        self.cluster = cluster

    def handle(self, request: Request) -> Response:
        """One request; what is wrong with it is a 400 with the reason."""
        if request.path.startswith("/v2"):
            return self._registry(request)
        try:
            body = json.loads(request.body) if request.body else {}
            return self._script(request, body)
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            return json_response(400, {"error": str(error)})

    def _script(self, request: Request, body: dict[str, Any]) -> Response:
        cluster, door = self.cluster, request.path.removeprefix("/_sandbox").strip("/")
        if (request.method, door) == ("GET", ""):
            doors = sorted({f"{method} /_sandbox/{name}" for method, name in _DOORS})
            return json_response(200, {"doors": doors, "faults": KINDS})
        if (request.method, door) == ("GET", "kubeconfig"):
            return Response(200, cluster.kubeconfig().encode(), {"Content-Type": "application/yaml"})
        action = _DOORS.get((request.method, door))
        if action is None:
            return json_response(404, {"error": f"there is no {request.method} {request.path}"})
        answer = action(cluster, body)
        return json_response(200, {"ok": True} if answer is None else answer)

    def _registry(self, request: Request) -> Response:
        """The part of the registry API that answers which digest a tag has."""
        headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
        if request.path in {"/v2", "/v2/"}:
            return json_response(200, {}, headers)
        found = _MANIFEST.match(request.path)
        if found is None or request.method not in {"GET", "HEAD"}:
            return _no_manifest(404, "NAME_UNKNOWN", "repository name not known to registry", headers)
        name, reference = found["name"], found["reference"]
        refused = {"deny": (401, "UNAUTHORIZED"), "err": (500, "UNKNOWN")}.get(name.partition("/")[0])
        if refused is not None:
            return _no_manifest(*refused, "scripted by the repository's name", headers)
        registry = self.cluster.registry
        tag = registry.tag_of(name, reference) if reference.startswith("sha256:") else reference
        if not tag or not registry.has(name, tag):
            return _no_manifest(404, "MANIFEST_UNKNOWN", "manifest unknown", headers)
        digest = registry.digest(name, tag)
        document = {"schemaVersion": 2, "mediaType": _TYPE, "config": {"digest": digest, "size": 2}, "layers": []}
        return json_response(200, document, headers | {"Docker-Content-Digest": digest, "Content-Type": _TYPE})


def _no_manifest(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    return json_response(status, {"errors": [{"code": code, "message": message}]}, headers)
