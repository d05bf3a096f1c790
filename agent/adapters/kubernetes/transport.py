"""One HTTP exchange with the API server: credentials put on, failures put into words, nothing retried but a 401.

Above it nobody knows urllib3; tests stand a scripted transport in its place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from agent import __version__
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.errors import Answer, NoAnswerError, clean
from agent.adapters.kubernetes.stream import SocketStream, Stream, take_over
from agent.errors import HeadwayError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

CONNECT_SECONDS = 5.0
MOST_BYTES = 256 * 1024 * 1024
_UNAUTHORIZED = 401
_REFUSED = 300


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        method: GET, POST, PUT, PATCH or DELETE.
        path: from the server's root, escaped already.
        query: parameters; escaped here.
        body: what is sent, if anything is.
        content_type: of the body.
        timeout: seconds without a byte after which we give up; connecting has 5 s at most.
        total: seconds after which we give up whatever comes; 0: no such limit.
        most: bytes of the answer that are read at most.
        accept: media type asked for.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    timeout: float = 30.0
    total: float = 0.0
    most: int = MOST_BYTES
    accept: str = "application/json"

    @property
    def target(self) -> str:
        """Path and query, as they go on the wire."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


class Transport(Protocol):
    """Sends requests; raises NoAnswerError, or UnauthorizedError where credentials can't be renewed."""

    def send(self, request: Request) -> Answer:
        """One request, one complete answer, whatever its status."""

    def open(self, request: Request) -> Stream | Answer:
        """One request whose answer goes on and on; an Answer where it was refused."""

    def close(self) -> None:
        """Closes idle connections."""


@dataclass
class Traffic:
    """What went over the wire so far; for benchmarks and budgets (G6, G7).

    Attributes:
        requests: requests sent, streams included.
        opened: streams opened.
        received: bytes of bodies, after decompression; streams included.
    """

    requests: int = 0
    opened: int = 0
    received: int = 0

    def count(self, size: int) -> None:
        """Adds bytes that came."""
        self.received += size


class HttpTransport:
    """The Transport over the official client's connection pool."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.traffic = Traffic()

    def send(self, request: Request) -> Answer:
        """See Transport."""
        from urllib3.exceptions import HTTPError

        started = time.monotonic()
        response = self._exchange(request, {"Accept-Encoding": "gzip"})
        try:
            body, truncated = _read(response, request, started)
        except (HTTPError, OSError) as problem:
            raise _failure(problem, self._connection.host, sent=True) from None
        finally:
            response.close() if request.total or request.most != MOST_BYTES else response.release_conn()
        self.traffic.count(len(body))
        return Answer(response.status, _lower(response), body, truncated)

    def open(self, request: Request) -> SocketStream | Answer:
        """See Transport."""
        response = self._exchange(request, {})
        if response.status >= _REFUSED:
            body = response.read(4096, decode_content=True)
            response.close()
            return Answer(response.status, _lower(response), body)
        if "json" not in response.headers.get("Content-Type", ""):
            body = response.read1(4096, decode_content=True)
            response.close()
            return Answer(response.status, _lower(response), body)
        self.traffic.opened += 1
        return take_over(response, self.traffic.count)

    def close(self) -> None:
        """See Transport."""
        self._connection.close()

    def _exchange(self, request: Request, extra: Mapping[str, str]) -> BaseHTTPResponse:
        """Sends and reads the headers; on a 401 once more with fresh credentials (P33)."""
        generation = self._connection.generation
        response = self._once(request, extra)
        if response.status == _UNAUTHORIZED:
            try:
                self._connection.reload(generation)
            except HeadwayError:
                return response
            response.drain_conn()
            response = self._once(request, extra)
        return response

    def _once(self, request: Request, extra: Mapping[str, str]) -> BaseHTTPResponse:
        """Sends once."""
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        headers = {"Accept": request.accept, "User-Agent": f"headway/{__version__}", **extra}
        headers |= self._connection.headers()
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        self.traffic.requests += 1
        try:
            return self._connection.pool.request(
                request.method,
                self._connection.host + request.target,
                body=request.body,
                headers=headers,
                timeout=Timeout(connect=min(CONNECT_SECONDS, request.timeout), read=request.timeout),
                preload_content=False,
                redirect=False,
                retries=False,
            )
        except (HTTPError, OSError, ValueError) as problem:
            raise _failure(problem, self._connection.host, sent=None) from None


def _read(response: BaseHTTPResponse, request: Request, started: float) -> tuple[bytes, bool]:
    """The body, within the request's limits."""
    from urllib3.exceptions import ReadTimeoutError

    parts: list[bytes] = []
    size = 0
    chunks = response.stream(65536, decode_content=True)
    while True:
        if request.total:
            left = started + request.total - time.monotonic()
            socket = getattr(response.connection, "sock", None)
            if left <= 0:
                return b"".join(parts), True
            if socket is not None:
                socket.settimeout(left)
        try:
            part = next(chunks, None)
        except ReadTimeoutError:
            if not request.total:
                raise
            return b"".join(parts), True
        if part is None:
            return b"".join(parts), False
        parts.append(part)
        size += len(part)
        if size > request.most:
            return b"".join(parts)[: request.most], True


def _lower(response: BaseHTTPResponse) -> dict[str, str]:
    """Headers with names in lower case; repeated ones joined by commas."""
    return {name.lower(): value for name, value in response.headers.items()}


def _failure(problem: Exception, host: str, *, sent: bool | None) -> NoAnswerError:
    """A failure of the transport in words.

    Args:
        problem: what urllib3 or the system raised.
        host: the server's URL.
        sent: whether the request may have arrived; None: judged by the problem.
    """
    from urllib3 import exceptions

    reason = problem
    while isinstance(reason, exceptions.MaxRetryError | exceptions.ProxyError):
        inner = reason.reason if isinstance(reason, exceptions.MaxRetryError) else reason.original_error
        if inner is None:
            break
        reason = inner
    words, hint = _words(reason)
    if sent is None:
        sent = not isinstance(
            reason, exceptions.NewConnectionError | exceptions.ConnectTimeoutError | exceptions.SSLError
        )
    through = "the proxy before " if isinstance(problem, exceptions.ProxyError) else ""
    return NoAnswerError(f"{through}{clean(host)} {words}", sent=sent, hint=hint)


def _words(reason: Exception) -> tuple[str, str]:
    """(what it did, hint)."""
    import socket
    import ssl

    from urllib3 import exceptions

    text = str(reason).rpartition(": ")[2] if isinstance(reason, exceptions.HTTPError) else str(reason)
    root = reason.__cause__ or reason.__context__
    match reason:
        case exceptions.NameResolutionError() | socket.gaierror():
            return "is not known by that name (DNS)", "check the server's name in the kubeconfig"
        case exceptions.NewConnectionError():
            return f"can't be connected: {clean(text.partition('] ')[2] or text).lower()}", ""
        case exceptions.ConnectTimeoutError():
            return "did not answer in time while connecting", "is a VPN, firewall or proxy in the way?"
        case exceptions.SSLError() | ssl.SSLError() | ssl.CertificateError():
            return (
                f"failed the TLS handshake: {clean(str(root or reason))}",
                "check the CA and the client certificate in the kubeconfig",
            )
        case exceptions.ReadTimeoutError() | TimeoutError():
            return "did not answer in time", ""
        case _:
            return f"broke the connection: {clean(str(reason) or type(reason).__name__)}", ""
