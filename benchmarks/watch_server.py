"""An API server of one pod that misbehaves in one way for a while, byte by byte."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

NAMESPACE = "bench"
CALM = 3.0
GONE = {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "too old resource version"}


@dataclass
class Server:
    """An API server of one pod that changes every second, and that misbehaves between two moments.

    Attributes:
        fault: what it does instead of watching.
        seconds: how long the fault lasts.
        watches: moments at which a watch was asked for.
        others: moments of all other requests.
    """

    fault: str
    seconds: float
    watches: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    stop: threading.Event = field(default_factory=threading.Event)
    open: list[socket.socket] = field(default_factory=list)

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    @property
    def misbehaves(self) -> bool:
        """Whether the fault is on."""
        return CALM <= self.age < CALM + self.seconds

    def start(self) -> str:
        """Listens; returns the URL."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        threading.Thread(target=self._cut, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def _cut(self) -> None:
        """The watches that are open end as the fault begins."""
        self.stop.wait(CALM)
        if self.fault in {"silence", "freeze"}:
            return  # these stay open: nobody says that nothing will come any more
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        while not self.stop.is_set():
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._connected, args=(connection,), daemon=True).start()

    def _connected(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        with contextlib.suppress(OSError), connection:
            while (first := reader.readline().split()) and len(first) == 3:
                while reader.readline().strip():
                    pass
                target = first[1].decode()
                watch = "watch=" in target.lower()
                (self.watches if watch else self.others).append(self.age)
                if not self._answer(connection, target, watch):
                    return

    def _answer(self, connection: socket.socket, target: str, watch: bool) -> bool:
        """Whether the connection goes on."""
        fault = self.fault if self.misbehaves else ""
        if fault == "refused":
            return False
        if fault == "freeze":
            while self.misbehaves and not self.stop.wait(0.1):
                pass
            return False
        if fault == "429":
            connection.sendall(b"HTTP/1.1 429 Too Many\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n")
            return True
        if fault == "login page":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>")
            return True
        if not watch:
            _send(connection, self._get(urlsplit(target).path))
            return True
        if fault == "410 as status":
            _send(connection, GONE, 410)
            return True
        self.open.append(connection)
        self._watch(connection, target, fault)
        return False

    def _pod(self) -> dict[str, object]:
        about = {"name": "web-1", "namespace": NAMESPACE, "uid": "pod", "labels": {"app": "web"}}
        return {"metadata": about | {"resourceVersion": str(1000 + int(self.age))}, "status": {"phase": "Running"}}

    def _get(self, path: str) -> dict[str, object]:
        if path.endswith("/deployments/web"):
            about = {"name": "web", "namespace": NAMESPACE, "uid": "web", "resourceVersion": "900"}
            return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about}
        items = [self._pod()] if path.endswith("/pods") else []
        return {
            "kind": "List",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": str(1000 + int(self.age))},
            "items": items,
        }

    def _watch(self, connection: socket.socket, target: str, fault: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if fault == "410 as event":
            _chunk(connection, json.dumps({"type": "ERROR", "object": GONE}).encode() + b"\n")
        elif fault == "truncated JSON":
            _chunk(connection, b'{"type": "MODIFIED", "object": {"metadata": {"na')
        elif fault == "garbage":
            _chunk(connection, b"garbage\n")
        if fault in {"410 as event", "truncated JSON", "closes"}:
            connection.sendall(b"0\r\n\r\n")
        if fault and fault not in {"silence", "garbage"}:
            return
        while not self.stop.wait(1.0):
            if self.misbehaves and self.fault in {"silence", "freeze"}:
                continue
            if self.misbehaves and not fault:
                return
            if "/pods" in target:
                _chunk(connection, json.dumps({"type": "MODIFIED", "object": self._pod()}).encode() + b"\n")


def _send(connection: socket.socket, thing: object, status: int = 200) -> None:
    body = json.dumps(thing).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def _chunk(connection: socket.socket, data: bytes) -> None:
    connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))
