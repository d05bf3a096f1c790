"""The way back beside kubectl's: the right target, the time to the old pods, and the requests it takes.

    python -m benchmarks.undo sandbox [--runs 20] [--kubectl "..."]
    python -m benchmarks.undo live --kubeconfig FILE [--runs 5] [--kubectl "..."] [--freeze CMD --thaw CMD]

The same histories for both tools, each in a namespace of its own: v1 and v3 good, then a bad release, undone at once.
`--freeze` and `--thaw` stop and start the controller manager, so that the undo comes before the bad release's ReplicaSet
does; without them (and on the sandbox, which can do it itself) the machine decides. Live namespaces are deleted again.
Prints a table in Markdown; numbers and what they mean: docs/explanation/undo-proofs.md.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.reports.events import Event, Judged, Smoked
from agent.smoke.check import SmokeCheck
from tests.contract.undo.builds import Builds
from tests.contract.undo.street import IMAGE, MANIFEST, WatchedCluster

ROOT = Path(__file__).resolve().parent.parent
KUBECTL = "../shared/kubernetes/cluster kubectl"
OWN = {"headway.deployment.web"}


@dataclass
class Ground:
    """Where it is played: a kubeconfig, namespaces, and how the controllers are stopped.

    Attributes:
        seconds: how long a rollout may take.
    """

    kubeconfig: Path
    kubectl: list[str]
    image: str
    freeze: Callable[[], object]
    thaw: Callable[[], object]
    frozen: bool
    sandbox: WatchedCluster | None = None
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def run(self, namespace: str, *words: str, check: bool = True) -> str:
        """kubectl, to its end."""
        done = subprocess.run(
            [*self.kubectl, "--kubeconfig", str(self.kubeconfig), "-n", namespace, *words],
            capture_output=True, text=True, cwd=ROOT, check=False, timeout=120,
        )  # fmt: skip
        if check and done.returncode:
            raise RuntimeError(f"kubectl {shlex.join(words)}: {done.stderr}")
        return done.stdout

    def builds(self, namespace: str) -> Builds:
        """Headway in a namespace."""
        checks = (SmokeCheck("answers", "pod", "/api", within=0.5),)
        manifest = MANIFEST.replace(IMAGE, self.image).replace("- port: 80", "- port: 80")
        return Builds(self.kubeconfig, namespace, manifest, self.image, checks)

    def tag(self, namespace: str) -> str:
        """The tag that the workload has now."""
        text = self.run(namespace, "get", "deployment", "web", "-o", "json")
        return str(json.loads(text)["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]

    def kubectl_deploy(self, namespace: str, tag: str, *, wait: bool = True) -> None:
        """What a pipeline with kubectl does."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(MANIFEST.replace(IMAGE, f"{self.image}:{tag}"))
            file.flush()
            self.run(namespace, "apply", "-f", file.name)
        if wait:
            self.run(namespace, "rollout", "status", "deployment/web", "--timeout=60s")


def races(ground: Ground, namespace: str, runs: int) -> tuple[int, int]:
    """Undos right after an apply that hit v3, the last good one: Headway's and kubectl's."""
    ours, theirs = ground.builds(f"{namespace}-headway"), f"{namespace}-kubectl"
    hits = [0, 0]
    for tag in ("v1", "v3"):
        assert ours.deploy(tag).verdict == "complete"
    for _ in range(runs):
        stop_and_go(ground, lambda: ours.aborted("v2"), ours.undo)
        hits[0] += ground.tag(ours.namespace) == "v3"
    for _ in range(runs):
        ground.run(theirs, "delete", "deployment", "web", "--ignore-not-found", "--wait=true")
        for tag in ("v1", "v3"):
            ground.kubectl_deploy(theirs, tag)
        stop_and_go(
            ground,
            lambda: ground.kubectl_deploy(theirs, "v2", wait=False),
            lambda: ground.run(theirs, "rollout", "undo", "deployment/web", check=False),
        )
        hits[1] += ground.tag(theirs) == "v3"
    return hits[0], hits[1]


def stop_and_go(ground: Ground, apply: Callable[[], object], undo: Callable[[], object]) -> None:
    """The bad apply and the undo, while the controllers stand still; they go on a moment after."""
    if not ground.frozen:
        apply()
        undo()
        return
    import threading

    ground.freeze()
    timer = threading.Timer(0.0, ground.thaw)
    try:
        apply()
        timer = threading.Timer(1.5, ground.thaw)
        timer.start()
        undo()
    finally:
        timer.join() if timer.is_alive() else None
        ground.thaw()


def bad_before(ground: Ground, namespace: str) -> tuple[str, str]:
    """Where an undo of a second bad release goes: v3 is right, the first bad one (v2) is not."""
    ours, theirs = ground.builds(f"{namespace}-headway"), f"{namespace}-kubectl"
    ours.deploy("v3")
    for tag in ("v2", "v2"):
        ours.deploy(tag)
    ground.kubectl_deploy(theirs, "v3")
    ground.kubectl_deploy(theirs, "v2")
    ground.kubectl_deploy(theirs, "crash", wait=False)
    time.sleep(2.0)
    ground.run(theirs, "rollout", "undo", "deployment/web")
    return ground.tag(ours.namespace), ground.tag(theirs)


def times(ground: Ground, namespace: str, runs: int) -> tuple[list[float], list[float]]:
    """Seconds from the failed smoke check until the old pods serve alone: Headway's and kubectl's, in turn."""
    ours, theirs = ground.builds(f"{namespace}-headway"), f"{namespace}-kubectl"
    found: tuple[list[float], list[float]] = ([], [])
    ours.deploy("v3")
    for _ in range(runs):
        ground.kubectl_deploy(theirs, "v3")
        marks: dict[str, float] = {}

        def emit(event: Event, marks: dict[str, float] = marks) -> None:
            if isinstance(event, Smoked) and not event.passed:
                marks["failed"] = time.monotonic()
            if isinstance(event, Judged) and event.step == "undo":
                marks["back"] = time.monotonic()

        assert ours.deploy("v2", emit).undo == "verified"
        found[0].append(marks["back"] - marks["failed"])
        ground.kubectl_deploy(theirs, "v2")
        began = time.monotonic()
        ground.run(theirs, "rollout", "undo", "deployment/web")
        ground.run(theirs, "rollout", "status", "deployment/web", "--timeout=60s")
        found[1].append(time.monotonic() - began)
    return found


def requests(ground: Ground, namespace: str) -> tuple[int, int, int]:
    """Requests up to the write of an undo of one object, without lock, ledger and smoke; the same for kubectl; ours all."""
    sandbox = ground.sandbox
    assert sandbox is not None
    ours, theirs = ground.builds(f"{namespace}-headway"), f"{namespace}-kubectl"
    ours.manifest = ours.manifest.partition("---")[0]
    for tag in ("v1", "v3"):
        ours.deploy(tag)
        ground.kubectl_deploy(theirs, tag)
    sandbox.forget_requests()
    ours.undo()
    all_ours = [each for each in sandbox.requests if each.name not in OWN and not each.resource.endswith("/proxy")]
    written = next(place for place, each in enumerate(all_ours) if each.is_write)
    to_write = [each for each in all_ours[: written + 1] if not follows(each)]
    sandbox.forget_requests()
    ground.run(theirs, "rollout", "undo", "deployment/web")
    return len(to_write), len(sandbox.requests), len(all_ours)


def follows(each: Any) -> bool:
    """One of the feed's lists and watches."""
    return each.verb in {"list", "watch"} and each.resource in {"deployments", "replicasets", "pods", "events"}


@contextmanager
def sandbox_ground(kubectl: list[str]) -> Iterator[Ground]:
    names = [f"{base}-{tool}" for base in ("race", "bad", "time", "cost") for tool in ("headway", "kubectl")]
    with WatchedCluster(speed=10.0, namespaces=names) as cluster, tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        kubeconfig.write_text(cluster.kubeconfig())
        yield Ground(
            kubeconfig, kubectl, IMAGE, lambda: cluster.freeze_controllers(True),
            lambda: cluster.freeze_controllers(False), frozen=True, sandbox=cluster,
        )  # fmt: skip


@contextmanager
def live_ground(arguments: argparse.Namespace, kubectl: list[str]) -> Iterator[tuple[Ground, str]]:
    def command(words: str) -> Callable[[], object]:
        return lambda: subprocess.run(shlex.split(words), cwd=ROOT, check=True, capture_output=True)

    ground = Ground(
        Path(arguments.kubeconfig), kubectl, arguments.image, command(arguments.freeze or "true"),
        command(arguments.thaw or "true"), frozen=bool(arguments.freeze),
    )  # fmt: skip
    base = f"hw-undo-{uuid.uuid4().hex[:6]}"
    names = [f"{base}-{part}-{tool}" for part in ("race", "bad", "time") for tool in ("headway", "kubectl")]
    try:
        for name in names:
            ground.run("default", "create", "namespace", name)
        yield ground, f"{base}-"
    finally:
        ground.run("default", "delete", "namespace", *names, "--wait=false", check=False)


def play(ground: Ground, prefix: str, runs: int) -> None:
    """All of it, as a table."""
    print("| | Headway | kubectl |\n|---|---|---|")
    ours, theirs = races(ground, f"{prefix}race", runs)
    stands = "controllers stopped" if ground.frozen else "controllers running"
    print(
        f"| undo right after a bad apply ({stands}): right target | {ours} of {runs} | {theirs} of {runs} |", flush=True
    )
    mine, its = bad_before(ground, f"{prefix}bad")
    print(f"| undo of the second bad release in a row went to (v3 is good) | {mine} | {its} |", flush=True)
    back, rolled = times(ground, f"{prefix}time", max(3, runs // 4))
    print(f"| failed smoke check to old pods alone: median (all), s | {told(back)} | {told(rolled)} |", flush=True)
    print(f"| median difference | {statistics.median(back) - statistics.median(rolled):+.2f} s | |", flush=True)
    if ground.sandbox is not None:
        own, kubectls, whole = requests(ground, f"{prefix}cost")
        print(f"| requests to the write of an undo of one object | {own} | {kubectls} |")
        print(f"| requests with following and verifying | {whole} | - (verifies nothing) |")


def told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({', '.join(f'{one:.2f}' for one in sorted(seconds))})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("where", choices=["sandbox", "live"])
    parser.add_argument("--kubeconfig", default="")
    parser.add_argument("--kubectl", default=KUBECTL)
    parser.add_argument("--image", default="localhost:5000/app")
    parser.add_argument("--freeze", default="")
    parser.add_argument("--thaw", default="")
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    kubectl = shlex.split(arguments.kubectl)
    if arguments.where == "sandbox":
        with sandbox_ground(kubectl) as ground:
            play(ground, "", arguments.runs)
    else:
        with live_ground(arguments, kubectl) as (ground, prefix):
            play(ground, prefix, arguments.runs)


if __name__ == "__main__":
    main()
