"""The socket edge of the Jenkins sandbox: loopback, a free port, one thread a connection, keep-alive.

Knows HTTP and nothing of Jenkins; faults of delivery (slow, cut, reset) happen here.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar, cast

from agent.sandbox.jenkins.http import Delivery, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECES = 5
_BODILESS = {204, 304}


class LoopbackServer(ThreadingHTTPServer):
    """Serves one function from requests to answers on 127.0.0.1.

    Args:
        handle: called in the connection's thread, from many at once.
        port: 0 for a free one.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, handle: Callable[[Request], Response], port: int = 0) -> None:
        self.handle_request_value = handle
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox-jenkins", daemon=True
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server_port

    def start(self) -> None:
        """Begins to answer, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stops listening and hangs up on everybody."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            _hang_up(connection)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Remembers the connection, so that `stop` can close it."""
        with self._guard:
            self._open.add(cast("socket.socket", request))
        super().process_request(request, cast("tuple[str, int]", client_address))

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Forgets a connection that has ended."""
        with self._guard:
            self._open.discard(cast("socket.socket", request))
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news; anything else is a bug and shown as the base class shows it."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(cast("socket.socket", request), cast("tuple[str, int]", client_address))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    wbufsize = -1
    server: LoopbackServer

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing: the sandbox keeps its own record of requests."""

    def _answer(self) -> None:
        request = Request(
            self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, self._body()
        )
        self._send(self.server.handle_request_value(request), head_only=self.command == "HEAD")

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        return self.rfile.read(int(length)) if length.isdigit() and int(length) else b""

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0].strip() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    def _send(self, response: Response, *, head_only: bool) -> None:
        if response.delivery is Delivery.RESET:
            _reset(self.connection)
            self.close_connection = True
            return
        if response.delivery is Delivery.CUT and not response.body:
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in _BODILESS:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if not head_only and response.status not in _BODILESS:
            self._send_body(response)
        self.wfile.flush()

    def _send_body(self, response: Response) -> None:
        body = response.body
        if response.delivery is Delivery.WHOLE:
            self.wfile.write(body)
        elif response.delivery is Delivery.CUT:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            step = max(1, -(-len(body) // _PIECES))
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                self.wfile.flush()
                time.sleep(response.pace)


def _reset(connection: socket.socket) -> None:
    """Closes with RST instead of FIN, as a controller that was killed does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
