"""Reaching pods through the API server: /proxy of pods and services, and /log."""

from __future__ import annotations

from agent.sandbox.http import Request, Response, text_response
from agent.sandbox.kubernetes.controllers.endpoints import target_port
from agent.sandbox.kubernetes.errors import ApiError, not_found
from agent.sandbox.kubernetes.kinds import BY_KIND
from agent.sandbox.kubernetes.kubelet import Kubelet
from agent.sandbox.kubernetes.objects import Obj, is_ready, is_terminating, key_of, labels, meta, spec, status
from agent.sandbox.kubernetes.prober import port_number
from agent.sandbox.kubernetes.programs import Program
from agent.sandbox.kubernetes.routes import Route
from agent.sandbox.kubernetes.runtime import ContainerRun

_LOG_LINES = 10_000
_MIDDLE = 2


def split(name: str) -> tuple[str, str, str]:
    """`[scheme:]name[:port]` as URLs of a proxy have it: scheme, name, port."""
    parts = name.split(":")
    if len(parts) > _MIDDLE:
        return parts[0], parts[1], parts[2]
    return "http", parts[0], parts[1] if len(parts) == _MIDDLE else ""


class Proxy:
    """Answers in the name of pods.

    Args:
        kubelet: who runs them.
    """

    def __init__(self, kubelet: Kubelet) -> None:
        self.kubelet = kubelet
        self.world = kubelet.world

    def to_pod(self, route: Route) -> Response:
        """/api/v1/namespaces/NS/pods/[http:]NAME[:PORT]/proxy/PATH."""
        _, name, port = split(route.name)
        pod = self.world.store.get("Pod", (route.namespace, name))
        if pod is None:
            raise not_found(BY_KIND["Pod"], name)
        containers = spec(pod).get("containers") or [{}]
        if port:
            number = next((found for item in containers if (found := port_number(port, item))), 0)
        else:
            number = next((int(item["ports"][0]["containerPort"]) for item in containers if item.get("ports")), 80)
        return self._ask(pod, number, route.rest)

    def to_service(self, route: Route) -> Response:
        """/api/v1/namespaces/NS/services/[http:]NAME[:PORT]/proxy/PATH."""
        _, name, wanted = split(route.name)
        service = self.world.store.get("Service", (route.namespace, name))
        if service is None:
            raise not_found(BY_KIND["Service"], name)
        ports = spec(service).get("ports") or []
        port = next((item for item in ports if wanted in {str(item.get("port")), item.get("name")}), None)
        if port is None and not wanted and ports:
            port = ports[0]
        if port is None:
            raise ApiError(503, f'no service port "{wanted}" found for service "{name}"')
        selector = (spec(service).get("selector") or {}).items()
        ready = [
            pod
            for pod in self.world.store.listed("Pod", route.namespace)
            if selector and selector <= labels(pod).items() and is_ready(pod) and not is_terminating(pod)
        ]
        if not ready:
            raise ApiError(503, f'no endpoints available for service "{name}"')
        pod = self.world.random.choice(ready)
        return self._ask(pod, target_port(port, pod), route.rest)

    def _ask(self, pod: Obj, port: int, path: str) -> Response:
        address = status(pod).get("podIP")
        if not address:
            raise ApiError(500, "address not allowed" if spec(pod).get("nodeName") else "pod is not assigned to a host",
                           reason="InternalError")  # fmt: skip
        now = self.world.now()
        for program in self._programs(pod):
            if program.is_listening(port, now):
                answer = program.answer(path, now)
                return text_response(answer.status, answer.body, answer.content_type)
        raise ApiError(
            503,
            f"error trying to reach service: dial tcp {address}:{port}: connect: connection refused",
            reason="ServiceUnavailable",
        )

    def _programs(self, pod: Obj) -> list[Program]:
        run = self.kubelet.pods.get(meta(pod)["uid"])
        running = [record.running for record in run.containers.values()] if run is not None else []
        return [found.program for found in running if found is not None and found.program is not None]

    def log(self, request: Request, route: Route) -> Response:
        """/log: container, previous, tailLines, limitBytes."""
        pod = self.world.store.get("Pod", (route.namespace, route.name))
        if pod is None:
            raise not_found(BY_KIND["Pod"], route.name)
        names = [item["name"] for item in spec(pod).get("containers") or ()]
        inits = [item["name"] for item in spec(pod).get("initContainers") or ()]
        name = request.parameter("container")
        if not name and len(names) > 1:
            shown = f"[{' '.join(names)}]" + (f" or one of the init containers: [{' '.join(inits)}]" if inits else "")
            raise ApiError(400, f"a container name must be specified for pod {route.name}, choose one of: {shown}")
        name = name or names[0]
        if name not in names + inits:
            raise ApiError(400, f"container {name} is not valid for pod {route.name}")
        run = self.kubelet.find(*key_of(pod))
        record = run.containers.get(name) if run is not None else None
        text = self._output(request, pod, record, name)
        return text_response(200, text, "text/plain")

    def _output(self, request: Request, pod: Obj, record: ContainerRun | None, name: str) -> str:
        instances = record.instances if record is not None else []
        is_previous = request.flag("previous")
        if is_previous and len(instances) < _MIDDLE:
            raise ApiError(400, f'previous terminated container "{name}" in pod "{meta(pod)["name"]}" not found')
        chosen = instances[-2 if is_previous else -1] if instances else None
        if chosen is None:
            reason = record.waiting[0] if record is not None and record.waiting else "ContainerCreating"
            words = "trying and failing to pull image" if reason in {"ErrImagePull", "ImagePullBackOff"} else reason
            raise ApiError(400, f'container "{name}" in pod "{meta(pod)["name"]}" is waiting to start: {words}')
        lines = list(chosen.program.output) if chosen.program is not None else []
        tail = request.parameter("tailLines")
        lines = lines[-int(tail) :] if tail.isdigit() and int(tail) else [] if tail == "0" else lines[-_LOG_LINES:]
        text = "".join(f"{line}\n" for line in lines)
        most = request.parameter("limitBytes")
        return text[: int(most)] if most.isdigit() else text
