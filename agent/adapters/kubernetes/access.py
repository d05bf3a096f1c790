"""Into the pods through the API server: the end of a container's log, and HTTP questions through its proxy."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from agent.adapters.kubernetes.errors import Answer, NoAnswerError, cause, refusal
from agent.adapters.kubernetes.kinds import segment
from agent.adapters.kubernetes.transport import Request, Transport
from agent.errors import UsageError
from agent.ports import Clock, HttpAnswer

LOG_BYTES = 256 * 1024
LOG_SECONDS = 3.0
BODY_BYTES = 64 * 1024
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Backend:
    """What is asked through the proxy.

    Attributes:
        kind: `pods` or `services`.
        namespace: its namespace.
        name: its name.
        port: number or name; `https:8443` for TLS.
        path: from the application's root, with its query.
    """

    kind: str
    namespace: str
    name: str
    port: str
    path: str

    @property
    def url_path(self) -> str:
        """The path on the API server."""
        if self.kind not in {"pods", "services"}:
            raise UsageError(f"only pods and services can be asked through the API server, not {self.kind!r}")
        if {"..", "."} & set(unquote(self.path.partition("?")[0]).split("/")):
            raise UsageError(f"the path {self.path!r} of a request to {self.kind} climbs out of the application")
        scheme, _, port = self.port.rpartition(":")
        name = segment(self.name, "a name") + f":{quote(port, safe='')}" if port else segment(self.name, "a name")
        prefix = f"{quote(scheme, safe='')}:" if scheme else ""
        inside = quote(self.path.lstrip("/"), safe="/?&=%:@!$'()*+,;~-._")
        return f"/api/v1/namespaces/{segment(self.namespace, 'a namespace')}/{self.kind}/{prefix}{name}/proxy/{inside}"

    def __str__(self) -> str:
        """As kubectl writes it: `pod/web-1 port 8080`."""
        return f"{self.kind.removesuffix('s')}/{self.name} port {self.port}"


def probe(transport: Transport, clock: Clock, where: Backend, *, timeout: float) -> HttpAnswer:
    """One GET through the API server's proxy.

    The proxy's own refusals are Status objects of Kubernetes, which no application sends: that is how `connection
    refused` is told from an application that answers 503.

    Raises:
        ForbiddenError, UnauthorizedError: the proxy may not be used with these credentials.
    """
    request = Request("GET", where.url_path, timeout=timeout, total=timeout, most=BODY_BYTES, accept="*/*")
    start = clock.monotonic()
    try:
        answer = transport.send(request)
    except NoAnswerError as problem:
        return HttpAnswer(0, seconds=clock.monotonic() - start, error=problem.message)
    seconds = clock.monotonic() - start
    status = answer.kubernetes_status
    if status.get("status") == "Failure":
        if answer.status in _REFUSED:
            raise refusal(answer, f"{where} was not asked")
        return HttpAnswer(0, seconds=seconds, error=cause(answer))
    if _is_proxys_text(answer):
        return HttpAnswer(0, seconds=seconds, error=cause(answer))
    return HttpAnswer(answer.status, answer.body.decode("utf-8", "replace"), seconds)


def logs(transport: Transport, namespace: str, pod: str, container: str, *, previous: bool, lines: int) -> str:
    """The last lines of a log; empty where there is none, or where the node does not give it in time.

    Raises:
        ForbiddenError, UnauthorizedError: logs may not be read with these credentials.
    """
    query = {"container": container, "tailLines": str(lines), "limitBytes": str(LOG_BYTES)}
    if previous:
        query["previous"] = "true"
    path = f"/api/v1/namespaces/{segment(namespace, 'a namespace')}/pods/{segment(pod, 'a name')}/log"
    request = Request("GET", path, query, timeout=LOG_SECONDS, total=LOG_SECONDS, most=LOG_BYTES, accept="*/*")
    try:
        answer = transport.send(request)
    except NoAnswerError:
        return ""
    if answer.status in _REFUSED:
        raise refusal(answer, f"the log of pod/{pod} was not read")
    return answer.body.decode("utf-8", "replace") if answer.status == 200 else ""  # noqa: PLR2004


def _is_proxys_text(answer: Answer) -> bool:
    """Whether an older API server's proxy says in plain text that it got no answer."""
    if answer.status not in {502, 503, 504}:
        return False
    start = answer.body[:64].lower()
    return start.startswith((b"error trying to reach service", b"error: 'dial tcp", b"error: 'eof"))
