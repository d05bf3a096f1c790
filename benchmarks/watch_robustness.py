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
import json
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes.cluster import KubernetesCluster
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.transport import HttpTransport
from agent.rollout.feed import Changed, Listed, Sighted
from benchmarks.watch_costs import WEB, chaos, cost
from benchmarks.watch_server import CALM, NAMESPACE, Server

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
