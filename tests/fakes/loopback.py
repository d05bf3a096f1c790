"""A real HTTP server on loopback whose every byte a test decides: for what is about sockets, TLS and broken answers."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from agent.objects import Object


@dataclass
class Heard:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass
class Wire:
    """The way back; `gone` is set when the client has closed, `stop` when the test ends."""

    connection: socket.socket
    stop: threading.Event
    keep: bool = True

    def raw(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.connection.sendall(data)

    def head(self, status: int = 200, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.raw("\r\n".join([*lines, "", ""]).encode())

    def answer(self, body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    def json(self, thing: object, status: int = 200, **headers: str) -> None:
        self.answer(json.dumps(thing).encode(), status, **headers)

    def hang_up(self, data: bytes = b"") -> None:
        self.raw(data)
        self.keep = False

    def refuse(self, status: int, message: str = "no", reason: str = "", **headers: str) -> None:
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status}
        self.json(body | {"reason": reason}, status, **headers)

    def begin_stream(self) -> None:
        self.head(200, Content_Type="application/json", Transfer_Encoding="chunked")

    def chunk(self, data: bytes) -> None:
        self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    def say(self, kind: str, thing: object) -> None:
        self.chunk(json.dumps({"type": kind, "object": thing}).encode() + b"\n")

    def end_stream(self) -> None:
        self.raw(b"0\r\n\r\n")


Handler = Callable[[Heard, Wire], object]


@dataclass
class Loopback:
    """The server; `handler` may be replaced while it runs."""

    handler: Handler
    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    connections: list[socket.socket] = field(default_factory=list)

    def serve(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while not self.stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connected, args=(connection, tls), daemon=True).start()

    def drop(self) -> None:
        """Closes every connection, as a server that is killed does."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def _connected(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            self.connections.append(connection)
            reader = connection.makefile("rb")
            while (heard := self._read(reader)) is not None:
                self.heard.append(heard)
                wire = Wire(connection, self.stop)
                self.handler(heard, wire)
                if not wire.keep:
                    break
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @staticmethod
    def _read(reader) -> Heard | None:
        first = reader.readline().decode().split()
        if len(first) != 3:
            return None
        headers = {}
        while (line := reader.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = reader.read(int(headers.get("content-length", 0)))
        return Heard(first[0], first[1], headers, body)


@contextlib.contextmanager
def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[Loopback]:
    """Runs the server for the length of a with block."""
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    server = Loopback(handler, f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    thread = threading.Thread(target=server.serve, args=(listener, tls), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        server.drop()
        thread.join(5)


def kubeconfig(path, url: str, *, user: Object | None = None, cluster: Object | None = None, **context: str):
    """Writes a kubeconfig with one context, `here`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", **context}}],
        "clusters": [{"name": "c", "cluster": {"server": url, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"token": "sesame"} if user is None else user}],
    }
    path.write_text(json.dumps(document))
    return path
