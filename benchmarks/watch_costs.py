"""What following costs among many neighbours, and what the feed says while a real API server is broken."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes.cluster import KubernetesCluster
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.transport import HttpTransport
from agent.objects import Ref
from agent.rollout.feed import Blind, Sighted
from agent.sandbox.kubernetes import SandboxCluster
from benchmarks.watch_server import NAMESPACE

WEB = Ref("apps/v1", "Deployment", NAMESPACE, "web")


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
        "spec": {"containers": [{"name": "c", "image": f"localhost:5000/app:{tag}"}]},
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
