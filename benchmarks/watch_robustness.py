"""Watches under every fault: how often they reconnect, when silence is noticed, and what one pod among many costs.

    python -m benchmarks.watch_robustness [--seconds 30] [--neighbours 5000] [--json FILE]
    python -m benchmarks.watch_robustness --chaos ../shared/kubernetes/cluster    (breaks that cluster; CLUSTER=2)

Faults: a server on loopback that misbehaves in one way from the third second on, and mends in the end; all faults run
side by side. Beside us the official client's `Watch.stream`, restarted where it ends, as its users must (G10).
Bytes: the sandbox, in a namespace with one other pod or with thousands (G7).
Chaos: a real API server that is killed, frozen, and whose etcd is compacted, while a Deployment is followed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes.cluster import KubernetesCluster
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.transport import HttpTransport
from agent.objects import Ref
from agent.rollout.feed import Blind, Changed, Listed, Sighted
from agent.sandbox.kubernetes import SandboxCluster

NAMESPACE = "bench"
WEB = Ref("apps/v1", "Deployment", NAMESPACE, "web")
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


FAULTS = (
    "closes", "410 as status", "410 as event", "truncated JSON", "garbage", "429", "login page", "refused", "silence", "freeze",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One client under one fault.

    Attributes:
        client: which.
        fault: which.
        per_second: watches asked for, a second of the fault.
        worst_second: the most in any second of it.
        requests: everything asked for meanwhile.
        noticed: seconds from the fault to the first request because of it; -1: there was none.
        back: seconds from the end of the fault to the first news; -1: none within 15 s.
    """

    client: str
    fault: str
    per_second: float
    worst_second: int
    requests: int
    noticed: float
    back: float


def _kubeconfig(folder: Path, url: str) -> Path:
    path = folder / f"config-{url.rpartition(':')[2]}"
    path.write_text(
        json.dumps(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": NAMESPACE}}],
                "clusters": [{"name": "x", "cluster": {"server": url}}],
                "users": [{"name": "x", "user": {"token": "t"}}],
            }
        )
    )
    return path


def ours(path: Path, server: Server, marks: dict[str, float]) -> None:
    """Follows until the server stops."""
    connection = Connection(None, {"KUBECONFIG": str(path)})
    cluster = KubernetesCluster.over(connection, HttpTransport(connection), SystemClock())
    with cluster.follow(WEB, "app=web") as feed:
        while not server.stop.is_set():
            event = feed.next(0.2)
            if isinstance(event, Changed | Sighted | Listed) and server.age > CALM + server.seconds:
                marks.setdefault("back", server.age - CALM - server.seconds)


def theirs(path: Path, server: Server, marks: dict[str, float]) -> None:
    """`Watch.stream` over pods, as its documentation has it, in a loop because it ends."""
    from kubernetes import client, config, watch

    api = client.CoreV1Api(config.new_client_from_config(str(path)))
    while not server.stop.is_set():
        try:
            stream = watch.Watch().stream(
                api.list_namespaced_pod, NAMESPACE, label_selector="app=web", timeout_seconds=270
            )
            for _ in stream:
                if server.age > CALM + server.seconds:
                    marks.setdefault("back", server.age - CALM - server.seconds)
                if server.stop.is_set():
                    return
        except Exception:  # noqa: BLE001  whatever it raises, its user must see to it
            pass


def under(
    fault: str, name: str, client: Callable[[Path, Server, dict[str, float]], None], seconds: float, folder: Path
) -> Row:
    """One client under one fault."""
    server, marks = Server(fault, seconds), dict[str, float]()
    path = _kubeconfig(folder, server.start())
    thread = threading.Thread(target=client, args=(path, server, marks), daemon=True)
    thread.start()
    server.stop.wait(CALM + seconds + 15)
    server.stop.set()
    during = [at for at in server.watches if CALM <= at < CALM + seconds]
    worst = max((sum(at <= other < at + 1 for other in during) for at in during), default=0)
    everything = during + [at for at in server.others if CALM <= at < CALM + seconds]
    noticed = min(everything, default=CALM - 1) - CALM
    return Row(name, fault, len(during) / seconds, worst, len(everything), noticed, marks.get("back", -1))


def faults(seconds: float) -> list[Row]:
    """All faults at once, theirs after ours."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, client in (("headway", ours), ("kubernetes.watch", theirs)):

            def one(fault: str, name: str = name, client: Callable[..., None] = client) -> None:
                rows.append(under(fault, name, client, seconds, Path(folder)))

            threads = [threading.Thread(target=one, args=(fault,)) for fault in FAULTS]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    return sorted(rows, key=lambda row: (row.client, FAULTS.index(row.fault)))


@dataclass(frozen=True)
class Cost:
    """What following one rollout of one pod cost.

    Attributes:
        neighbours: pods of others in the namespace.
        requests: sent, watches included.
        bytes: of bodies received.
    """

    neighbours: int
    requests: int
    bytes: int


def _workload(name: str, tag: str) -> dict[str, object]:
    marks = {"app": name}
    pods = {
        "metadata": {"labels": marks},
        "spec": {"containers": [{"name": "c", "image": f"registry.example/app:{tag}"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": marks}, "template": pods}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


@contextlib.contextmanager
def _sandbox() -> Iterator[tuple[SandboxCluster, KubernetesCluster, HttpTransport]]:
    with SandboxCluster(speed=1.0, namespaces=[NAMESPACE]) as sandbox, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_text(sandbox.kubeconfig(NAMESPACE))
        connection = Connection(None, {"KUBECONFIG": str(path)})
        transport = HttpTransport(connection)
        yield sandbox, KubernetesCluster.over(connection, transport, SystemClock()), transport


def cost(neighbours: int) -> Cost:
    """Follows one rollout among so many pods of others, each with an event of its own from before."""
    with _sandbox() as (sandbox, cluster, transport):
        for number in range(neighbours):
            name = f"other-{number}"
            sandbox["Pod", NAMESPACE, name] = {
                "metadata": {"labels": {"app": "other"}},
                "spec": {"containers": [{"name": "c", "image": "x"}], "nodeName": "elsewhere"},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
            }
            sandbox["Event", NAMESPACE, name] = {
                "involvedObject": {"kind": "Pod", "name": name, "namespace": NAMESPACE, "uid": name},
                "reason": "Started", "type": "Normal", "message": "Started container c",
            }  # fmt: skip
        cluster.apply(_workload("web", "v1"))
        time.sleep(3)
        before, received = transport.traffic.requests, transport.traffic.received
        with cluster.follow(WEB, "app=web") as feed:
            for _ in range(4):
                feed.next(10.0)
            cluster.apply(_workload("web", "v3"))
            until = time.monotonic() + 8
            while time.monotonic() < until:
                feed.next(0.2)
        return Cost(neighbours, transport.traffic.requests - before, transport.traffic.received - received)


def chaos(script: Path) -> None:
    """Breaks a real cluster in turn and tells what the feed said of it."""
    environment = os.environ | {"CLUSTER": os.environ.get("CLUSTER", "2")}

    def cluster_script(*arguments: str) -> str:
        done = subprocess.run([script, *arguments], env=environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    connection = Connection(None, {"KUBECONFIG": cluster_script("up")})
    transport = HttpTransport(connection)
    cluster = KubernetesCluster.over(connection, transport, SystemClock())
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, force=True)
    time.sleep(2)
    cluster.apply(_workload("web", "v1") | {})
    steps = (
        ("apiserver-kill", "up"),
        ("apiserver-freeze", "apiserver-thaw"),
        ("compact", ""),
        ("compact", "apiserver-restart"),
    )
    for what, cure in steps:
        with cluster.follow(WEB, "app=web") as feed:
            for _ in range(4):
                feed.next(10.0)
            before, began = transport.traffic.requests, time.monotonic()
            cluster_script("chaos", what)
            cured = 0.0
            said: list[str] = []
            while time.monotonic() - began < 60:
                event = feed.next(0.5)
                at = time.monotonic() - began
                match event:
                    case Blind(at=since, reason=reason):
                        said.append(f"{at:5.1f} s Blind since {since - began:.1f} s: {reason}")
                    case Sighted():
                        said.append(f"{at:5.1f} s Sighted, {at - cured:.1f} s after the cure")
                if cure and not cured and at > 30:
                    cluster_script(*(["up"] if cure == "up" else ["chaos", cure]))
                    cured = time.monotonic() - began
            requests = transport.traffic.requests - before
            print(f"{what}, then {cure or 'nothing'}: {requests} requests in 60 s")
            for line in said:
                print("   ", line)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--neighbours", type=int, default=5000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--chaos", type=Path, metavar="SCRIPT")
    options = parser.parse_args()
    if options.chaos:
        chaos(options.chaos.resolve())
        return
    rows = faults(options.seconds)
    print(f"{'client':18} {'fault':16} {'watches/s':>9} {'worst s':>8} {'requests':>9} {'noticed':>9} {'back':>7}")
    for row in rows:
        noticed = f"{row.noticed:6.1f} s" if row.noticed >= 0 else "never"
        back = f"{row.back:5.1f} s" if row.back >= 0 else "never"
        print(
            f"{row.client:18} {row.fault:16} {row.per_second:9.2f} {row.worst_second:8} {row.requests:9} {noticed:>9} {back:>7}"
        )
    costs = [cost(1), cost(options.neighbours)]
    for each in costs:
        print(f"one pod among {each.neighbours + 1:5}: {each.requests} requests, {each.bytes} bytes")
    print(f"ratio of bytes: {costs[1].bytes / costs[0].bytes:.2f}")
    if options.json:
        found = {"faults": [asdict(row) for row in rows], "bytes": [asdict(each) for each in costs]}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
