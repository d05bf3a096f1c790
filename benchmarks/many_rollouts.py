"""Many rollouts in one process, and many pods in one rollout: CPU, memory, and how long an event takes to a judgement (G8, G9).

    python -m benchmarks.many_rollouts [--rollouts 200] [--pods 50] [--rate 100] [--seconds 30] [--plain]
    python -m benchmarks.many_rollouts --rollouts 1 --pods 500

The API server is another process on loopback that lists and watches and changes one pod after another, `--rate` a second
in all; each event carries the moment at which it was sent (one monotonic clock serves both processes). Every rollout is
followed by its own feed and judged whenever something was heard, as `headway deploy` does it. TLS unless `--plain`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import ssl
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes.cluster import KubernetesCluster
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.transport import HttpTransport
from agent.objects import Object, Ref, ref
from agent.operations.following import BATCH
from agent.rollout.feed import Applied, Blind, Changed, Event, Listed
from agent.rollout.policy import Policy
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import judge

NAMESPACE = "bench"


def pod(rollout: int, number: int, version: int, *, ready: bool) -> Object:
    """A pod as a real API server sends it, managedFields and all: about 6 KiB."""
    name = f"web{rollout}-5d9f8c7b6d-{number:05d}"
    manager = {"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z"}
    fields: Object = {f"f:field{index}": {".": {}, "f:type": {}, "f:status": {}} for index in range(24)}
    env = [{"name": f"SETTING_{index}", "value": f"value-{index}"} for index in range(10)]
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 1, "failureThreshold": 3}
    container = {
        "name": "server", "image": "registry.example.com/shop/web:v2", "env": env, "readinessProbe": probe,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "kube-api-access-x", "mountPath": "/var/run/secrets", "readOnly": True}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "Always",
    }  # fmt: skip
    conditions = [
        {"type": kind, "status": "True" if ready else "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    return {
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": f"uid-{name}", "resourceVersion": str(version),
            "labels": {"app": f"web{rollout}", "pod-template-hash": "5d9f8c7b6d"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"web{rollout}-5d9f8c7b6d", "uid": f"rs-{rollout}", "controller": True}],
            "managedFields": [manager | {"fieldsV1": fields}], "annotations": {"sent": repr(time.monotonic())},
        },
        "spec": {"containers": [container], "nodeName": "node1", "tolerations": [{"key": "a"}, {"key": "b"}],
                 "volumes": [{"name": "kube-api-access-x", "projected": {"sources": [{"serviceAccountToken": {}}]}}]},
        "status": {"phase": "Running", "conditions": conditions, "podIP": "10.0.0.1", "containerStatuses": [
            {"name": "server", "ready": ready, "started": True, "restartCount": 0, "state": state, "lastState": {}}]},
    }  # fmt: skip


def deployment(rollout: int, pods: int, version: int) -> Object:
    """A Deployment in the middle of its rollout: the last pod is never ready, so that following goes on."""
    template = {
        "metadata": {"labels": {"app": f"web{rollout}"}},
        "spec": {"containers": [{"name": "server", "image": "v2"}]},
    }
    about = {"name": f"web{rollout}", "namespace": NAMESPACE, "uid": f"d-{rollout}", "resourceVersion": str(version)}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": about | {"generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": pods, "selector": {"matchLabels": {"app": f"web{rollout}"}}, "template": template},
        "status": {"observedGeneration": 2, "replicas": pods, "updatedReplicas": pods, "availableReplicas": pods - 1},
    }  # fmt: skip


def replica_set(rollout: int, pods: int) -> Object:
    """The ReplicaSet of those pods."""
    owner = {"kind": "Deployment", "name": f"web{rollout}", "uid": f"d-{rollout}", "controller": True}
    about: Object = {
        "name": f"web{rollout}-5d9f8c7b6d",
        "uid": f"rs-{rollout}",
        "resourceVersion": "3",
        "ownerReferences": [owner],
    }
    about |= {"labels": {"pod-template-hash": "5d9f8c7b6d"}, "annotations": {"deployment.kubernetes.io/revision": "2"}}
    template = deployment(rollout, pods, 0)["spec"]["template"]
    return {"metadata": about, "spec": {"replicas": pods, "template": template}, "status": {"replicas": pods}}


class Api:
    """The server, in a process of its own."""

    def __init__(self, rollouts: int, pods: int, rate: float) -> None:
        self.rollouts, self.pods, self.rate = rollouts, pods, rate
        self.watchers: dict[int, asyncio.StreamWriter] = {}
        self.version = 1000

    async def serve(self, pipe: Pipe, tls: ssl.SSLContext | None) -> None:
        """Until it is killed."""
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0, ssl=tls, backlog=1000)
        pipe.send(server.sockets[0].getsockname()[1])
        number = 0
        while True:
            await asyncio.sleep(1 / self.rate)
            number += 1
            rollout = number % self.rollouts
            writer = self.watchers.get(rollout)
            self.version += 1
            if writer is not None:
                thing = pod(rollout, number // self.rollouts % self.pods, self.version, ready=bool(number % 3))
                self._chunk(writer, {"type": "MODIFIED", "object": thing})

    @staticmethod
    def _chunk(writer: asyncio.StreamWriter, thing: object) -> None:
        line = json.dumps(thing).encode() + b"\n"
        writer.write(b"%x\r\n%s\r\n" % (len(line), line))

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while first := (await reader.readline()).split():
            while (await reader.readline()).strip():
                pass
            url = urlsplit(first[1].decode())
            query = parse_qs(url.query)
            plural = url.path.split("/")[url.path.split("/").index("namespaces") + 2]
            selector = "".join(query.get("labelSelector", []) + query.get("fieldSelector", []))
            rollout = int("".join(filter(str.isdigit, selector or url.path.rpartition("/")[2])) or 0)
            if "watch" in query:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                if plural == "pods":
                    self.watchers[rollout] = writer
                continue
            items: list[Object] = []
            match plural:
                case "deployments":
                    items = [deployment(rollout, self.pods, 900)]
                case "replicasets":
                    items = [replica_set(rollout, self.pods)]
                case "pods":
                    items = [pod(rollout, number, 900, ready=number > 0) for number in range(self.pods)]
            single = url.path.rpartition("/")[2] != plural
            about = {"resourceVersion": "1000"}
            body = json.dumps(
                items[0] if single else {"kind": "List", "apiVersion": "v1", "metadata": about, "items": items}
            )
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )


def serve(pipe: Pipe, options: argparse.Namespace, folder: Path | None) -> None:
    """The process of the server."""
    tls = None
    if folder is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    asyncio.run(Api(options.rollouts, options.pods, options.rate).serve(pipe, tls))


class Follower(threading.Thread):
    """Follows and judges one rollout, as an operation does."""

    def __init__(self, cluster: KubernetesCluster, rollout: int, pods: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.cluster, self.rollout, self.pods, self.stop = cluster, rollout, pods, stop
        self.latencies: list[float] = []
        self.blind = 0
        self.began = threading.Event()

    def run(self) -> None:
        """Until told to stop."""
        thing = deployment(self.rollout, self.pods, 900)
        shot, clock = Snapshot(ref(thing)), SystemClock()
        with self.cluster.follow(
            Ref("apps/v1", "Deployment", NAMESPACE, f"web{self.rollout}"), f"app=web{self.rollout}"
        ) as feed:
            shot.fold(Applied(clock.monotonic(), thing))
            while not self.stop.is_set():
                event = feed.next(0.5)
                batch: list[Event] = []
                while event is not None and len(batch) < BATCH:
                    shot.fold(event)
                    batch.append(event)
                    event = feed.next(0.0)
                if batch:
                    judge(shot, clock.monotonic(), Policy())
                for heard in batch:
                    self._note(heard, clock.monotonic())

    def _note(self, event: Event, now: float) -> None:
        """Measures one event that was judged."""
        match event:
            case Listed(resource="events"):
                self.began.set()
            case Changed(resource="pods", object=thing):
                self.latencies.append(now - float(thing["metadata"]["annotations"]["sent"]))
            case Blind():
                self.blind += 1


def certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1 that signs itself."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    command += [
        "-subj",
        "/CN=bench",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def memory() -> float:
    """MiB resident now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def most_mib() -> float:
    """The most of it so far. Not ru_maxrss: that counts what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rollouts", type=int, default=200)
    parser.add_argument("--pods", type=int, default=50)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--json", action="store_true", help="one object instead of text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not options.plain:
            certificate(folder)
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        server = multiprocessing.get_context("spawn").Process(
            target=serve, args=(theirs, options, None if options.plain else folder), daemon=True
        )
        server.start()
        try:
            tell(load(options, folder, ours.recv()), options)
        finally:
            server.kill()


@dataclass(frozen=True)
class Load:
    """What it cost: cores, MiB, seconds, and requests a minute and rollout."""

    ready: float
    events: int
    blind: int
    cores: float
    idle_mib: float
    most_mib: float
    requests: float
    median: float
    p95: float
    worst: float


def tell(found: Load, options: argparse.Namespace) -> None:
    """Prints it."""
    if options.json:
        print(json.dumps(asdict(found)))
        return
    print(f"{options.rollouts} rollouts of {options.pods} pods, {options.rate:g} events/s, {options.seconds:g} s")
    print(f"  all followed after {found.ready:.1f} s; {found.events} events heard, {found.blind} times blind")
    print(f"  {found.cores:.2f} cores; {found.idle_mib:.0f} MiB before, {found.most_mib:.0f} MiB at most")
    print(f"  {found.requests:.1f} requests a minute and rollout while following")
    median, p95, worst = (value * 1000 for value in (found.median, found.p95, found.worst))
    print(f"  event to judgement: median {median:.0f} ms, p95 {p95:.0f} ms, most {worst:.0f} ms")


def load(options: argparse.Namespace, folder: Path, port: int) -> Load:
    """Follows everything for a while."""
    scheme = "http" if options.plain else "https"
    cluster_section = {"server": f"{scheme}://127.0.0.1:{port}"}
    if not options.plain:
        cluster_section["certificate-authority"] = str(folder / "cert.pem")
    (folder / "config").write_text(
        json.dumps(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x", "namespace": NAMESPACE}}],
                "clusters": [{"name": "x", "cluster": cluster_section}],
                "users": [{"name": "x", "user": {"token": "t"}}],
            }
        )
    )
    connection = Connection(None, {"KUBECONFIG": str(folder / "config")})
    transport = HttpTransport(connection)
    cluster = KubernetesCluster.over(connection, transport, SystemClock())
    idle, stop = memory(), threading.Event()
    followers = [Follower(cluster, number, options.pods, stop) for number in range(options.rollouts)]
    began = time.monotonic()
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.began.wait(60)
    ready = time.monotonic() - began
    for follower in followers:
        follower.latencies.clear()
    cpu, wall, sent = time.process_time(), time.monotonic(), transport.traffic.requests
    stop.wait(options.seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    sent = transport.traffic.requests - sent
    most = most_mib()
    stop.set()
    for follower in followers:
        follower.join(5)
    found = sorted(value for follower in followers for value in follower.latencies) or [0.0]
    return Load(
        ready=ready,
        events=len(found),
        blind=sum(each.blind for each in followers),
        cores=cpu / wall,
        idle_mib=idle,
        most_mib=most,
        requests=sent / wall * 60 / options.rollouts,
        median=found[len(found) // 2],
        p95=found[int(len(found) * 0.95)],
        worst=found[-1],
    )


if __name__ == "__main__":
    main()
