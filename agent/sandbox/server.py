"""The socket edge of a stand-in server: 127.0.0.1, a port that is free, one thread a connection, keep-alive, chunks."""

from __future__ import annotations

import contextlib
import http.server
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

from agent.sandbox.http import Handler, Request, Response

MAX_BODY = 64 * 1024 * 1024
MAX_LINE = 64 * 1024


class _Edge(http.server.BaseHTTPRequestHandler):
    """Turns bytes into a Request and a Response into bytes; decides nothing."""

    protocol_version = "HTTP/1.1"
    server: _Listener
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Says nothing: requests are recorded by the application."""

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.handler(Request(self.command, path, query, headers, body))
        if response.drop or self.server.stopping.is_set():
            self.close_connection = True
            return
        with contextlib.suppress(ConnectionError, TimeoutError, OSError):
            self._send(response)
            return
        self.close_connection = True

    def _body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY:
            self.close_connection = True
            self.send_error(413 if length > 0 else 400)
            return None
        return self.rfile.read(length) if length else b""

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(MAX_LINE).split(b";")[0].strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline(MAX_LINE)
        while self.rfile.readline(MAX_LINE).strip():
            pass

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.stream is None:
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body if response.truncate is None else response.body[: response.truncate])
            self.wfile.flush()
            if response.truncate is not None:
                self.close_connection = True
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self._stream(response.stream)

    def _stream(self, stream: Iterator[bytes]) -> None:
        for chunk in stream:
            if chunk:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - http.server's names


class _Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, port: int, handler: Handler) -> None:
        super().__init__(("127.0.0.1", port), _Edge)
        self.handler = handler
        self.stopping = threading.Event()
        self.open: set[socket.socket] = set()
        self.guard = threading.Lock()

    def server_bind(self) -> None:
        """Binds without the reverse look-up of our own name, which can take seconds on a machine without DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug, and loud."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accepts a connection and remembers it, so that it can be cut."""
        connection, address = super().get_request()
        with self.guard:
            self.open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection that is done."""
        with self.guard:
            self.open.discard(request)
        super().shutdown_request(request)


class Server:
    """An HTTP server on loopback that can be cut off and brought back on the same port.

    Args:
        handler: answers every request; called from many threads.
        port: 0 for one that is free.
    """

    def __init__(self, handler: Handler, port: int = 0) -> None:
        self._handler = handler
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None
        self.port = port

    @property
    def url(self) -> str:
        """Where it listens, without a final slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_listening(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    def start(self) -> None:
        """Listens; does nothing when it does already."""
        if self._listener is not None:
            return
        self._listener = _Listener(self.port, self._handler)
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(
            target=self._listener.serve_forever,
            kwargs={"poll_interval": 0.02},
            name=f"sandbox:{self.port}",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Refuses connections from now on and cuts those that are open; `start` brings it back on the same port."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.stopping.set()
        listener.shutdown()
        listener.server_close()
        with listener.guard:
            connections = list(listener.open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(timeout=5)
