"""An undo within 100 ms of an apply goes to the last good release, however far the controllers are (P35, P36, E1).

kubectl chooses by the ReplicaSets that it finds: as long as the bad one isn't there yet, the second newest is one too
far back. Here the controllers stand still in half of the runs. `make soak` runs 1,000; beside kubectl, on a real
cluster too: benchmarks/undo.py.
"""

from __future__ import annotations

import random
import time

import pytest

from agent.sandbox.http import Request
from agent.smoke.check import SmokeCheck
from tests.contract.undo.builds import Builds
from tests.contract.undo.street import Street, WatchedCluster

GOOD = ("v1", "v3", "v4", "v5")
BAD = ("v2", "crash", "unready", "missing")


@pytest.fixture
def cluster():
    with WatchedCluster(speed=60.0, namespaces=["shop"]) as sandbox:
        yield sandbox


@pytest.fixture
def builds(cluster, tmp_path):
    patient = (SmokeCheck("answers", "pod", "/api", within=10.0),)  # a busy machine is no bad release
    made = Builds(Street(cluster, tmp_path).kubeconfig, checks=patient)
    for tag in ("v1", "v3"):
        assert made.deploy(tag).verdict == "complete"
    return made


def thaw_after_the_undo(cluster: WatchedCluster) -> None:
    """The controllers go on once the undo has written the workload."""

    def hook(number: int, request: Request) -> bool:
        if request.method == "PATCH" and request.path.endswith("/deployments/web"):
            cluster.after = None
            cluster.freeze_controllers(False)
        return False

    cluster.after = hook


def race(cluster: WatchedCluster, builds: Builds, draw: random.Random) -> float:
    """One bad deploy, undone at once; seconds from the apply to the undo's start."""
    good = builds.cluster.get(builds.place.workload)
    assert good is not None
    frozen = draw.random() < 0.5
    if frozen:
        cluster.freeze_controllers(True)
    try:
        bad = draw.choice(BAD)
        aborted = builds.aborted(bad)
        assert (aborted.verdict, aborted.interrupted) == ("interrupted", "SIGTERM")
        if frozen:
            thaw_after_the_undo(cluster)
        late = time.monotonic() - builds.applied_at
        report = builds.undo()
    finally:
        cluster.freeze_controllers(False)
    causes = [each.diagnosis.message for each in report.undo_diagnosis]
    assert report.undo == "verified", (bad, frozen, report.remarks, causes)
    now = builds.cluster.get(builds.place.workload)
    assert now is not None
    assert now["spec"]["template"]["spec"]["containers"] == good["spec"]["template"]["spec"]["containers"]
    return late


def races(cluster: WatchedCluster, builds: Builds, count: int, seed: int) -> None:
    """So many undos within 100 ms of the apply; one that a busy machine held up doesn't count, but must hit."""
    draw = random.Random(seed)
    in_time = 0
    while in_time < count:
        if draw.random() < 0.1:
            assert builds.deploy(draw.choice(GOOD)).verdict == "complete"
        in_time += race(cluster, builds, draw) <= 0.1


def test_the_right_target(cluster, builds):
    races(cluster, builds, 5, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_the_right_target_every_time(cluster, builds, part):
    """1,000 in all; a cluster for each quarter, so that as many processes as there are can share them."""
    races(cluster, builds, 250, seed=2 + part)
