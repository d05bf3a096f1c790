"""What holds for every rollout that the API could tell of, not only for those somebody thought of."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.objects import Ref
from agent.rollout.feed import Applied, Blind, Changed, Listed, Sighted
from agent.rollout.policy import Patience, Policy
from agent.rollout.recording import decode, encode
from agent.rollout.scrub import scrub
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import WORDS, Complete, Failed, Progressing, TimedOut, judge, word
from tests.catalogue.stage import NEW, Stage, target

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KINDS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["status", "spec", "conditions", "containerStatuses", "state", "waiting", "template", "replicas", "type"]
odd_objects = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), json_values, max_size=4)


@st.composite
def odd_things(draw):
    """An object with the bones of Kubernetes and anything at all for flesh."""
    meta = {
        "name": draw(st.sampled_from(["web", "web-1", "other"])),
        "uid": draw(st.sampled_from(["a", "b", "c"])),
        "resourceVersion": str(draw(st.integers(1, 30))),
        "generation": draw(st.integers(0, 4)),
        "labels": draw(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)),
        "ownerReferences": draw(st.sampled_from([[], [{"uid": "a", "controller": True}], [{}]])),
    }
    return {**draw(odd_objects), "metadata": meta, "reason": "Failed", "involvedObject": {"uid": "b", "name": "web-1"}}


@st.composite
def odd_events(draw):
    at, resource = draw(st.floats(-1, 100)), draw(st.sampled_from([*KINDS.values(), "pods", "replicasets", "events"]))
    thing = draw(odd_things())
    return draw(
        st.sampled_from([
            Listed(at, resource, (thing,)), Listed(at, resource, ()), Changed(at, resource, "ADDED", thing),
            Changed(at, resource, "MODIFIED", thing), Changed(at, resource, "DELETED", thing), Applied(at, thing),
            Blind(at, "x"), Sighted(at),
        ])
    )  # fmt: skip


@FEW
@given(st.sampled_from(list(KINDS)), st.lists(odd_events(), max_size=12), st.floats(0, 2000))
def test_the_judge_is_total_and_deterministic(kind, heard, now):
    one, other = (Snapshot(Ref("apps/v1", kind, "shop", "web")) for _ in range(2))
    for event in heard:
        before = copy.deepcopy(event)
        one.fold(event)
        other.fold(event)
        assert event == before, "what is heard is not changed"
    found = judge(one, now, Policy())
    assert type(found) in WORDS
    assert found == judge(one, now, Policy()), "judging changes nothing"
    assert found == judge(other, now, Policy())


PODS = ["new-0", "new-1", "new-2"]
MESSAGES = {
    "ErrImagePull": ["x: not found", "503 Service Unavailable", "who knows"],
    "ImagePullBackOff": ['Back-off pulling image "x"'],
    "CreateContainerConfigError": ['configmap "c" not found', "failed to sync secret cache: timed out"],
    "CrashLoopBackOff": [""],
    "RunContainerError": ['exec: "/x": no such file', "context deadline exceeded"],
}
NO_ROOM = ["Insufficient cpu", "unbound immediate PersistentVolumeClaims"]
REFUSALS = [
    "exceeded quota: q",
    "is forbidden: violates PodSecurity",
    'failed calling webhook "x"',
    "etcdserver: request timed out",
]


@st.composite
def steps(draw):
    """One thing that may happen to a rollout."""
    pod = draw(st.sampled_from(PODS))
    reason = draw(st.sampled_from(list(MESSAGES)))
    waiting = {"pod": pod, "waiting": reason, "message": draw(st.sampled_from(MESSAGES[reason]))}
    restarts = draw(st.integers(0, 4))
    ended = {"restarts": restarts, "last": [draw(st.sampled_from([0, 1, 137, 255])), "Error"]} if restarts else {}
    options = [
        {"up": [pod]},
        {"state": waiting | ended},
        {"state": {"pod": pod, "running": True, "ready": draw(st.booleans())} | ended},
        {"refuse": draw(st.sampled_from(REFUSALS))},
        {"accept": True},
        {"scale": draw(st.integers(0, 4))},
        {"unscheduled": {"pod": pod, "message": draw(st.sampled_from(NO_ROOM))}},
        {"say": {"about": pod, "container": "app", "reason": "Unhealthy", "message": "Readiness probe failed"}},
        {"say": {"about": pod, "reason": "TriggeredScaleUp", "message": "scale-up"}},
        {"pod": {"name": pod, "phase": "Failed", "reason": "Evicted"}},
    ]  # fmt: skip
    return draw(st.sampled_from(options))


@st.composite
def stories(draw):
    """A rollout in which anything may happen, in any order."""
    kind = draw(st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]))
    told = [{"at": 0.2, "pods": list(PODS)}]
    at = 0.2
    for step in draw(st.lists(steps(), max_size=10)):
        at += draw(st.floats(0.1, 30))
        told.append({"at": at, **step})
    return {"name": "x", "kind": kind, "fresh": draw(st.booleans()), "steps": told}


def moments(case):
    """The snapshot after every event, with the time of the next one."""
    heard = Stage(case).play()
    snapshot = Snapshot(target(case))
    for index, event in enumerate(heard):
        snapshot.fold(event)
        following = heard[index + 1].at if index + 1 < len(heard) else event.at + 700
        yield snapshot, event.at, following


@FEW
@given(stories(), st.floats(0.0, 1.0))
def test_wake_at_is_honest(case, part):
    """Without an event nothing changes before the moment that the judge itself named."""
    for snapshot, at, following in moments(case):
        first = judge(snapshot, at, Policy())
        if not isinstance(first, Progressing):
            return
        wake = following if first.wake_at is None else min(first.wake_at, following)
        assert first.wake_at is None or first.wake_at > at
        between = at + (wake - at) * part
        if between < wake:
            later = judge(snapshot, between, Policy())
            assert isinstance(later, Progressing)
            assert later.wake_at == first.wake_at
        if first.wake_at is not None and first.wake_at <= following:
            assert isinstance(judge(snapshot, first.wake_at, Policy()), Failed | TimedOut)


@FEW
@given(stories())
def test_what_kubectl_calls_done_is_complete(case):
    """kubectl rollout status's own rule, written down a second time, from its documentation."""
    for snapshot, at, _ in moments(case):
        if snapshot.write is None or snapshot.gone or snapshot.superseded:
            continue
        if kubectl_is_done(snapshot.object):
            assert isinstance(judge(snapshot, at, Policy()), Complete)


def kubectl_is_done(thing):
    spec, status, meta = thing["spec"], thing["status"], thing["metadata"]
    if status.get("observedGeneration", 0) < meta["generation"]:
        return False
    if thing["kind"] == "Deployment":
        updated = status.get("updatedReplicas", 0)
        enough = updated >= spec["replicas"] and status.get("replicas", 0) <= updated
        return enough and status.get("availableReplicas", 0) >= updated
    if thing["kind"] == "StatefulSet":
        return (
            status.get("readyReplicas", 0) >= spec["replicas"] and status.get("updatedReplicas", 0) >= spec["replicas"]
        )
    wanted = status.get("desiredNumberScheduled", 0)
    return status.get("updatedNumberScheduled", 0) >= wanted and status.get("numberAvailable", 0) >= wanted


@FEW
@given(stories(), st.randoms(use_true_random=False))
def test_order_across_resources_and_repetition_change_no_record(case, dice):
    """The same changes in another order across resources, some twice: the same snapshot of pods, sets and events."""
    heard = [event for event in Stage(case).play() if isinstance(event, Changed) and event.at > 0.06]
    start = [event for event in Stage(case).play() if event not in heard]
    straight, mixed = Snapshot(target(case)), Snapshot(target(case))
    queues = {}
    for event in heard:
        queues.setdefault(event.resource, []).append(event)
    shuffled = []
    while queues:
        resource = dice.choice(sorted(queues))
        event = queues[resource].pop(0)
        shuffled += [event] * dice.choice([1, 1, 2])
        if not queues[resource]:
            del queues[resource]
    for snapshot, told in ((straight, heard), (mixed, shuffled)):
        for event in [*start, *told]:
            snapshot.fold(event)
    assert straight.pods == mixed.pods
    assert straight.replica_sets == mixed.replica_sets
    assert straight.object == mixed.object
    assert straight.occurrences == mixed.occurrences
    assert straight.pinned == mixed.pinned
    assert word(judge(straight, 5000.0, Policy(timeout=9999))) == word(judge(mixed, 5000.0, Policy(timeout=9999)))


@FEW
@given(stories())
def test_old_and_foreign_pods_never_fail_a_rollout(case):
    """Whatever befalls pods that are not of the new revision, the verdict is never Failed."""
    case = {**case, "fresh": False, "kind": "Deployment", "nodes": ["node1"]}
    rename = {pod: f"old-{index}" for index, pod in enumerate(PODS)}
    told = []
    for step in case["steps"][1:]:
        verb, value = next((key, value) for key, value in step.items() if key != "at")
        if verb in {"refuse", "accept", "up", "scale"}:
            continue
        value = dict(value)
        for key in ("pod", "name", "about"):
            value[key] = rename.get(value.get(key), value.get(key))
        told.append({"at": step["at"], verb: {key: item for key, item in value.items() if item is not None}})
    for snapshot, at, _ in moments({**case, "steps": told}):
        assert not isinstance(judge(snapshot, at + 300, Policy(timeout=9999)), Failed)


@FEW
@given(st.lists(odd_events(), max_size=6))
def test_recordings_round_trip_and_are_stable(heard):
    for event in heard:
        line = encode(event)
        assert encode(decode(line)) == line


@given(st.text(max_size=300))
def test_scrubbing_is_stable(text):
    assert scrub(scrub(text)) == scrub(text)


@pytest.mark.parametrize("replicas", [1, 2, 50])
def test_patience_zero_is_no_patience(replicas):
    case = {"name": "x", "replicas": replicas, "steps": [
        {"at": 1.0, "pods": ["new-0"]},
        {"at": 2.0, "state": {"pod": "new-0", "waiting": "ErrImagePull", "message": "503 Service Unavailable"}},
    ]}  # fmt: skip
    snapshot = Snapshot(target(case))
    for event in Stage(case).play():
        snapshot.fold(event)
    assert snapshot.pinned == f"uid-{NEW}"
    assert isinstance(judge(snapshot, 2.0, Policy(patience=Patience(registry=0))), Failed)
