"""Folding: order within an object is kept, everything else may come as it likes (P3, P4, P26)."""

from __future__ import annotations

import copy

import pytest

from agent.objects import Ref
from agent.rollout.feed import Applied, Changed, Listed
from agent.rollout.records import digest, newer
from agent.rollout.snapshot import Snapshot
from tests.catalogue.stage import Stage, target

WEB = Ref("apps/v1", "Deployment", "shop", "web")


def played(**case):
    case = {"name": "x", "steps": [], **case}
    snapshot = Snapshot(target(case))
    for event in Stage(case).play():
        snapshot.fold(event)
    return snapshot


@pytest.mark.parametrize(
    ("known", "version", "is_newer"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("10", "10", False),
        ("abc", "abd", True),
        ("abc", "abc", False),
        ("", "1", True),
    ],
)
def test_resource_versions(known, version, is_newer):
    assert newer(known, version) is is_newer


def test_an_older_version_of_a_pod_is_ignored():
    snapshot = played(steps=[{"at": 1.0, "up": ["new-0"]}])
    pod = snapshot.pods["uid-new-0"]
    stale = {"metadata": {"uid": pod.uid, "name": pod.name, "resourceVersion": "1", "labels": {"app": "web"}}}
    snapshot.fold(Changed(2.0, "pods", "MODIFIED", stale))
    assert snapshot.pods["uid-new-0"] == pod


def test_a_pod_that_is_gone_does_not_come_back():
    snapshot = played(steps=[{"at": 1.0, "up": ["new-0"]}, {"at": 2.0, "down": ["new-0"]}])
    ghost = {"metadata": {"uid": "uid-new-0", "name": "x", "resourceVersion": "999999", "labels": {"app": "web"}}}
    snapshot.fold(Changed(3.0, "pods", "MODIFIED", ghost))
    assert "uid-new-0" not in snapshot.pods


def test_neighbours_never_count():
    snapshot = played()
    meta = {"uid": "n", "name": "web-neighbour", "resourceVersion": "5", "labels": {"app": "other"}}
    snapshot.fold(Changed(1.0, "pods", "ADDED", {"metadata": meta}))
    assert "n" not in snapshot.pods
    same_label = {**meta, "labels": {"app": "web"}, "ownerReferences": [{"uid": "theirs", "controller": True}]}
    snapshot.fold(Changed(1.0, "pods", "ADDED", {"metadata": same_label}))
    assert not snapshot.is_ours(snapshot.pods["n"])


def test_the_new_replica_set_is_pinned_by_template_not_by_number():
    """Under Recreate the Deployment still carries the old revision number while the new ReplicaSet is not made (P3)."""
    case = {"name": "x", "steps": [], "no_controller": True}
    snapshot = Snapshot(target(case))
    for event in Stage(case).play():
        snapshot.fold(event)
    thing = copy.deepcopy(snapshot.object)
    thing["metadata"]["resourceVersion"] = "5000"
    thing["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    thing["status"]["observedGeneration"] = 2
    snapshot.fold(Changed(0.5, "deployments", "MODIFIED", thing))
    assert snapshot.observed_at == 0.5
    assert not snapshot.pinned


def test_the_oldest_of_equal_replica_sets_is_the_one():
    snapshot = played()
    assert snapshot.pinned == "uid-5dd8f94fd9"
    assert snapshot.revision == 2


def test_template_digests_ignore_what_controllers_and_versions_add():
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    other = copy.deepcopy(template)
    other["metadata"] |= {"creationTimestamp": None, "labels": {"app": "web", "pod-template-hash": "abc"}}
    other["spec"]["securityContext"] = {}
    assert digest(template) == digest(other)
    other["spec"]["containers"][0]["image"] = "c"
    assert digest(template) != digest(other)
    assert template["metadata"]["labels"] == {"app": "web"}


def test_restarts_and_events_from_before_the_write_are_the_baseline():
    snapshot = played(
        before=[
            {"at": -9, "state": {"pod": "old-0", "running": True, "ready": True, "last": [1], "restarts": 4}},
            {"at": -8, "say": {"about": "old-0", "container": "app", "reason": "Unhealthy", "message": "old story"}},
        ]
    )
    assert snapshot.write.exits["uid-old-0", "app"] == 4
    assert list(snapshot.about("uid-old-0")) == []


def test_a_repeated_old_event_counts_from_its_repetition():
    said = {"about": "old-0", "container": "app", "reason": "Unhealthy", "message": "again"}
    snapshot = played(before=[{"at": -8, "say": said}], steps=[{"at": 3.0, "say": said}])
    assert [item.first_at for item in snapshot.about("uid-old-0")] == [3.0]


def test_managed_fields_are_let_go_and_unknown_fields_kept():
    thing = {
        "metadata": {"name": "web", "uid": "u", "generation": 1, "resourceVersion": "1", "managedFields": [{"x": 1}]},
        "spec": {"invented": {"deep": [1]}},
    }
    snapshot = Snapshot(WEB)
    snapshot.fold(Applied(0.0, thing))
    assert "managedFields" not in snapshot.object["metadata"]
    assert snapshot.object["spec"] == {"invented": {"deep": [1]}}
    assert "managedFields" in thing["metadata"]


def test_pods_of_a_daemonset_by_generation_where_no_revision_is_heard():
    snapshot = played(kind="DaemonSet")
    snapshot.revisions.clear()
    thing = copy.deepcopy(snapshot.object)
    thing["metadata"] |= {"resourceVersion": "9000", "annotations": {"deprecated.daemonset.template.generation": "2"}}
    snapshot.fold(Changed(1.0, "daemonsets", "MODIFIED", thing))
    meta = {
        "uid": "p",
        "name": "web-p",
        "resourceVersion": "9001",
        "ownerReferences": [{"uid": "uid-workload", "controller": True}],
    }
    meta["labels"] = {"app": "web", "pod-template-generation": "2"}
    snapshot.fold(Changed(1.1, "pods", "ADDED", {"metadata": meta}))
    assert snapshot.is_new(snapshot.pods["p"])


def lately(thing, made, **more):
    meta = {"creationTimestamp": made, "resourceVersion": "8000", "namespace": "shop", **thing.pop("metadata")}
    return {**thing, "metadata": meta, **more}


def reread(made):
    """A StatefulSet that was written at 04:00:10, and an event about it that is only heard of afterwards."""
    snapshot = played(kind="StatefulSet")
    answer = copy.deepcopy(snapshot.object)
    answer["metadata"] |= {"generation": 3, "resourceVersion": "7000"}
    answer["metadata"]["managedFields"] = [{"time": "2026-11-23T03:00:00Z"}, {"time": "2026-11-23T04:00:10Z"}]
    snapshot.fold(Applied(50.0, answer))
    about = {"kind": "StatefulSet", "name": "web", "uid": "uid-workload"}
    event = lately(
        {"metadata": {"name": "e", "uid": "e"}}, made, reason="FailedCreate", message="x", involvedObject=about
    )
    return snapshot, event


def test_an_event_from_before_the_write_that_is_heard_late_is_old():
    snapshot, event = reread("2026-11-23T03:59:00Z")
    snapshot.fold(Listed(51.0, "events", (event,)))
    assert list(snapshot.about("uid-workload")) == []
    again = copy.deepcopy(event)
    again["metadata"]["resourceVersion"] = "8001"
    snapshot.fold(Changed(55.0, "events", "MODIFIED", again))
    assert [item.first_at for item in snapshot.about("uid-workload")] == [55.0]


@pytest.mark.parametrize("made", ["2026-11-23T04:00:10Z", "2026-11-23T04:00:30Z"])
def test_an_event_from_after_the_write_counts(made):
    snapshot, event = reread(made)
    snapshot.fold(Listed(51.0, "events", (event,)))
    assert [item.first_at for item in snapshot.about("uid-workload")] == [51.0]


def test_a_pod_from_before_the_write_that_is_heard_late_brings_its_restarts_along():
    snapshot, _ = reread("")
    state = {"name": "app", "restartCount": 6, "state": {"running": {}}, "lastState": {"terminated": {"exitCode": 1}}}
    owner = [{"uid": "uid-workload", "controller": True}]
    meta = {"name": "web-9", "uid": "nine", "labels": {"app": "web"}, "ownerReferences": owner}
    pod = lately({"metadata": meta}, "2026-11-23T02:00:00Z", status={"containerStatuses": [state]})
    snapshot.fold(Changed(51.0, "pods", "ADDED", pod))
    assert snapshot.write.exits["nine", "app"] == 6
    assert "nine" in snapshot.write.pods


def test_a_replica_set_from_before_the_write_that_is_heard_late_is_no_successor():
    snapshot = played()
    answer = copy.deepcopy(snapshot.object)
    answer["metadata"] |= {
        "generation": 3,
        "resourceVersion": "7000",
        "managedFields": [{"time": "2026-11-23T04:00:10Z"}],
    }
    snapshot.fold(Applied(50.0, answer))
    meta = {"name": "web-x", "uid": "x", "annotations": {"deployment.kubernetes.io/revision": "9"}}
    meta["ownerReferences"] = [{"uid": "uid-workload", "controller": True}]
    spec = {"template": {"spec": {"containers": [{"image": "bad"}]}}}
    snapshot.fold(Changed(51.0, "replicasets", "ADDED", lately({"metadata": meta}, "2026-11-23T03:59:00Z", spec=spec)))
    assert not snapshot.superseded
