"""The sandbox's controllers against 40 rollouts of a real Kubernetes 1.34: same change, same sequence of signals.

What a signal is, and which are left to chance, is defined in signals.py. Two chains agree when they are equal; a chain
of flips (a container that crashes again and again) may be up to two flips longer or shorter at the end of the window,
since the kubelet's pauses carry a random jitter of half their length.
"""

from __future__ import annotations

import pytest

from tests.contract.sandbox_kubernetes.replaying import replay
from tests.contract.sandbox_kubernetes.signals import RECORDINGS, chains, read

FLIPS = {"app", "init", "Ready", "Available"}
MOST_FLIPS = 2
DEAD_PROBED = "whether a probe falls into the moment between a container's end and the relist that sees it is chance"
NO_BLINK = "a restarted container is reported ready at once, or one status later, by chance; three pods add up to flips"
EXCEPTIONS = {
    ("crash-late", ("pod", "new", "event", "Unhealthy")): DEAD_PROBED,
    ("crash-late-minready", ("pod", "new", "event", "Unhealthy")): DEAD_PROBED,
    ("liveness", ("pod", "new", "event", "Unhealthy")): DEAD_PROBED,
    ("liveness", ("pod", "new", "Ready")): NO_BLINK,
    ("liveness", ("workload", "Available")): NO_BLINK,
}
SCENARIOS = sorted(path.name.removesuffix(".ndjson.gz") for path in RECORDINGS.glob("*.ndjson.gz"))


def agree(chain: tuple[str, ...], real: list[str], ours: list[str]) -> bool:
    shorter = min(len(real), len(ours))
    if chain[-1] in FLIPS and shorter and abs(len(real) - len(ours)) <= MOST_FLIPS:
        return real[:shorter] == ours[:shorter]
    return real == ours


def test_all_forty_recordings_are_here():
    assert len(SCENARIOS) == 40


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_same_change_same_signals(scenario):
    recording = read(RECORDINGS / f"{scenario}.ndjson.gz")
    old = {thing["metadata"]["uid"] for name in ("pods", "replicasets") for thing in recording.lists[name]}
    real = chains(recording.events, old)
    heard, before, _ = replay(recording)
    ours = chains(heard, before)
    assert real, "a recording without a signal would prove nothing"
    differing = {
        chain: (real.get(chain, []), ours.get(chain, []))
        for chain in real.keys() | ours.keys()
        if not agree(chain, real.get(chain, []), ours.get(chain, []))
    }
    excused = {chain for name, chain in EXCEPTIONS if name == scenario}
    assert set(differing) == excused, {chain: pair for chain, pair in differing.items() if chain not in excused}


@pytest.mark.parametrize(
    "scenario", [name for name in SCENARIOS if name.startswith(("good", "first-deploy")) and "crash" not in name]
)
def test_a_good_rollout_ends_complete_when_the_real_one_did(scenario):
    recording = read(RECORDINGS / f"{scenario}.ndjson.gz")
    heard, _, cluster = replay(recording)
    kind = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}[recording.plural]
    workload = cluster[kind, recording.head["namespace"], "web"]
    real = [thing for resource, _, thing in recording.events if resource == recording.plural][-1]
    plain = {name: value for name, value in real["status"].items() if "Revision" not in name and name != "conditions"}
    assert {name: workload["status"].get(name) for name in plain} == plain
    assert heard


def test_the_comparison_sees_a_difference():
    """The abstraction is not so coarse that two different failures look alike."""
    told = {}
    for scenario in (
        "crash",
        "oom",
        "image-missing",
        "image-denied",
        "config-missing",
        "unready",
        "quota",
        "unschedulable",
    ):
        recording = read(RECORDINGS / f"{scenario}.ndjson.gz")
        old = {thing["metadata"]["uid"] for name in ("pods", "replicasets") for thing in recording.lists[name]}
        told[scenario] = sorted((chain, tuple(said)) for chain, said in chains(recording.events, old).items())
    assert len({str(said) for said in told.values()}) == len(told)
