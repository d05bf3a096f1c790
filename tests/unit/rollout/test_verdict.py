"""The judge's rules one by one, by their numbers in agent.rollout.verdict; what the catalogue doesn't reach."""

from __future__ import annotations

import re

import pytest

from agent.objects import Ref
from agent.rollout import verdict as judging
from agent.rollout.feed import Applied, Blind, Changed, Listed, Sighted
from agent.rollout.policy import Patience, Policy
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import Complete, Failed, Gone, Progressing, Superseded, TimedOut, judge
from agent.rollout.workload import stuck_pod
from tests.catalogue.stage import Stage, target

POLICY = Policy()


def folded(**case):
    """The snapshot after a case of the catalogue's form."""
    case = {"name": "x", "steps": [], **case}
    snapshot = Snapshot(target(case))
    for event in Stage(case).play():
        snapshot.fold(event)
    return snapshot


def rules(found):
    return {item.rule for item in found.rules}


def pull(at, message="503 Service Unavailable"):
    return {"at": at, "state": {"pod": "new-0", "waiting": "ErrImagePull", "message": message}}


def test_every_rule_is_numbered_once_and_cited_by_a_test():
    numbers = re.findall(r"^(R\d+) ", judging.__doc__, re.MULTILINE)
    assert numbers == [f"R{number}" for number in range(1, len(numbers) + 1)]


def test_before_any_write_it_is_open():
    snapshot = Snapshot(Ref("apps/v1", "Deployment", "shop", "web"))
    found = judge(snapshot, 0.0, POLICY)
    assert isinstance(found, Progressing)
    assert found.wake_at is None


@pytest.mark.parametrize("at", [1.0, 100.0])
def test_r1_a_deletion_that_was_asked_for_is_gone(at):
    snapshot = folded()
    thing = {
        **snapshot.object,
        "metadata": {**snapshot.object["metadata"], "deletionTimestamp": "2026-11-23T04:00:00Z"},
    }
    thing["metadata"]["resourceVersion"] = "999999"
    snapshot.fold(Changed(at, "deployments", "MODIFIED", thing))
    assert isinstance(judge(snapshot, at, POLICY), Gone)


def test_r1_missing_from_a_list_is_gone_but_only_once_it_was_seen():
    snapshot = folded()
    snapshot.fold(Listed(1.0, "deployments", ()))
    assert isinstance(judge(snapshot, 1.0, POLICY), Gone)
    fresh = Snapshot(Ref("apps/v1", "Deployment", "shop", "web"))
    answer = {"metadata": {"name": "web", "uid": "u", "generation": 1, "resourceVersion": "7"}, "spec": {"replicas": 1}}
    fresh.fold(Applied(0.0, answer, created=True))
    fresh.fold(Listed(0.1, "deployments", ()))
    assert isinstance(judge(fresh, 0.1, POLICY), Progressing)


def test_r1_a_late_word_of_an_older_namesake_changes_nothing():
    snapshot = folded()
    old = {"metadata": {"name": "web", "uid": "older", "generation": 1, "resourceVersion": "3"}, "spec": {}}
    snapshot.fold(Changed(0.1, "deployments", "MODIFIED", old))
    snapshot.fold(Changed(0.1, "deployments", "DELETED", old))
    assert isinstance(judge(snapshot, 0.2, POLICY), Progressing)


def test_r2_a_newer_replica_set_is_enough():
    snapshot = folded(steps=[{"at": 1.0, "up": ["new-0"]}])
    known = next(iter(snapshot.replica_sets.values()))
    newer = {
        "kind": "ReplicaSet",
        "metadata": {
            "name": "web-other", "uid": "uid-other", "resourceVersion": "5000",
            "annotations": {"deployment.kubernetes.io/revision": "9"},
            "ownerReferences": [{"uid": known.owner, "controller": True}],
        },
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "app", "image": "x"}]}}},
    }  # fmt: skip
    snapshot.fold(Changed(2.0, "replicasets", "ADDED", newer))
    assert isinstance(judge(snapshot, 2.0, POLICY), Superseded)


def test_r2_our_own_second_write_is_not_somebody_elses():
    snapshot = folded(steps=[{"at": 0.2, "pods": ["new-0"]}])
    answer = {
        **snapshot.object,
        "metadata": {**snapshot.object["metadata"], "generation": 3, "resourceVersion": "7000"},
    }
    answer["spec"] = {**answer["spec"], "template": {"spec": {"containers": [{"name": "app", "image": "undo"}]}}}
    snapshot.fold(Applied(5.0, answer))
    assert isinstance(judge(snapshot, 5.0, POLICY), Progressing)
    assert snapshot.write.generation == 3


def test_r4_old_status_right_after_the_write_is_no_success():
    snapshot = folded(no_controller=True)
    found = judge(snapshot, 0.1, POLICY)
    assert isinstance(found, Progressing)
    assert "R4" in rules(found)
    assert found.counts.updated == 0


def test_r5_old_pods_may_still_be_stopping():
    steps = [{"at": 1.0, "up": ["new-0", "new-1", "new-2"]}, {"at": 1.5, "stop": ["old-0", "old-1", "old-2"]}]
    found = judge(folded(steps=steps), 2.0, POLICY)
    assert isinstance(found, Complete)
    assert rules(found) == {"R5"}


def test_r6_min_ready_seconds_of_a_statefulset_count():
    snapshot = folded(kind="StatefulSet", spec={"minReadySeconds": 30}, change={"same_template": True})
    assert isinstance(judge(snapshot, 1.0, POLICY), Complete)
    snapshot.object["status"]["availableReplicas"] = 2
    assert isinstance(judge(snapshot, 1.0, POLICY), Progressing)


def test_r12_patience_runs_from_the_last_progress():
    steps = [{"at": 0.2, "pods": ["new-0"]}, pull(1.0), {"at": 40.0, "pods": ["new-1"]}]
    snapshot = folded(steps=steps)
    found = judge(snapshot, 61.0, POLICY)
    assert isinstance(found, Progressing)
    assert found.wake_at == 100.0
    assert isinstance(judge(snapshot, 100.0, POLICY), Failed)


def test_r12_a_pull_that_succeeded_is_forgotten_before_the_status_says_so():
    said = {"about": "new-0", "container": "app", "reason": "Pulled", "message": "Successfully pulled image"}
    snapshot = folded(steps=[{"at": 0.2, "pods": ["new-0"]}, pull(1.0), {"at": 59.0, "say": said}])
    assert isinstance(judge(snapshot, 61.5, POLICY), Progressing)


@pytest.mark.parametrize(("exits", "verdict"), [(1, Progressing), (2, Failed)])
def test_r13_two_pods_are_the_quorum_of_three(exits, verdict):
    steps = [{"at": 0.2, "pods": ["new-0", "new-1", "new-2"]}]
    for index in range(exits):
        state = {"pod": f"new-{index}", "waiting": "CrashLoopBackOff", "last": [1], "restarts": 1}
        steps.append({"at": 3.0 + index, "state": state})
    found = judge(folded(fresh=True, steps=steps), 10.0, POLICY)
    assert isinstance(found, verdict)
    if isinstance(found, Failed):
        assert found.diagnosis[0].count == 2


def test_r13_a_container_that_came_back_is_a_suspicion():
    steps = [
        {"at": 0.2, "pods": ["new-0"]},
        {"at": 9.0, "state": {"pod": "new-0", "running": True, "ready": True, "last": [1], "restarts": 3}},
    ]
    found = judge(folded(spec={"minReadySeconds": 60}, steps=steps), 10.0, POLICY)
    assert isinstance(found, Progressing)
    assert "R16" in rules(found)


def test_r14_a_limit_too_low_for_the_start_is_memory():
    message = "container init was OOM-killed (memory limit too low?)"
    state = {"pod": "new-0", "waiting": "RunContainerError", "message": message, "last": [128, "StartError", message]}
    steps = [{"at": 0.2, "pods": ["new-0"]}, {"at": 2.0, "state": {**state, "restarts": 1}}]
    found = judge(folded(steps=steps), 2.0, POLICY)
    assert isinstance(found, Failed)
    assert found.diagnosis[0].code == "oom-killed"


def test_r14_a_machine_that_hiccups_is_a_suspicion():
    message = 'failed to reserve container name "web": name "web" is reserved for "8b21"'
    state = {"pod": "new-0", "waiting": "CreateContainerError", "message": message}
    found = judge(folded(steps=[{"at": 0.2, "pods": ["new-0"]}, {"at": 2.0, "state": state}]), 200.0, POLICY)
    assert isinstance(found, Progressing)
    assert found.suspicions[0].code == "run-container-error"


def test_r14_an_init_container_that_cannot_start_is_both():
    state = {"pod": "new-0", "container": "setup", "waiting": "RunContainerError", "message": 'exec: "x": not found'}
    case = {"containers": {"setup": "init", "app": "main"}}
    found = judge(folded(**case, steps=[{"at": 0.2, "pods": ["new-0"]}, {"at": 1.0, "state": state}]), 1.0, POLICY)
    assert [item.code for item in found.diagnosis] == ["run-container-error", "init-container-failed"]


def test_r18_a_refusal_from_before_the_last_progress_proves_nothing():
    quota = 'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3'
    snapshot = folded(steps=[{"at": 0.1, "refuse": quota}, {"at": 5.0, "up": ["new-0"]}])
    assert isinstance(judge(snapshot, 300.0, POLICY), Progressing)


def test_r21_believed_only_after_its_own_time():
    overdue = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}
    snapshot = folded(spec={"progressDeadlineSeconds": 30}, steps=[{"at": 1.0, "condition": overdue}])
    early = judge(snapshot, 2.0, POLICY)
    assert isinstance(early, Progressing)
    assert early.wake_at == 29.0
    assert isinstance(judge(snapshot, 29.0, POLICY), Failed)


def test_r21_where_room_is_being_made_only_the_timeout_decides():
    overdue = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}
    steps = [
        {"at": 0.2, "pods": {"names": ["new-0"], "node": None}},
        {"at": 0.3, "unscheduled": {"pod": "new-0", "message": "0/3 nodes are available: 3 Insufficient cpu."}},
        {"at": 5.0, "say": {"about": "new-0", "reason": "TriggeredScaleUp", "message": "pod triggered scale-up"}},
        {"at": 30.5, "condition": overdue},
    ]
    snapshot = folded(spec={"progressDeadlineSeconds": 30}, steps=steps)
    assert isinstance(judge(snapshot, 100.0, POLICY), Progressing)
    assert isinstance(judge(snapshot, 600.0, POLICY), TimedOut)


def test_r23_an_unready_pod_is_only_suspected_and_named():
    before = [
        {"at": -9, "down": ["old-1"]},
        {"at": -8, "pods": {"names": ["old-1"], "revision": "old"}},
        {"at": -7, "state": {"pod": "old-1", "running": True}},
    ]
    snapshot = folded(kind="StatefulSet", before=before)
    found = judge(snapshot, 60.0, POLICY)
    assert isinstance(found, Progressing)
    assert found.suspicions[0].code == "statefulset-stuck"
    assert stuck_pod(snapshot).name == "web-1"


def test_r23_below_the_partition_nothing_is_stuck():
    before = [
        {"at": -9, "down": ["old-1"]},
        {"at": -8, "pods": {"names": ["old-1"], "revision": "old"}},
    ]
    spec = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
    assert stuck_pod(folded(kind="StatefulSet", before=before, spec=spec)) is None


def test_r29_blindness_stops_every_clock_and_is_bounded():
    snapshot = folded(steps=[{"at": 0.2, "pods": ["new-0"]}, pull(1.0)])
    snapshot.fold(Blind(10.0, "connection refused"))
    blind = judge(snapshot, 5000.0, POLICY)
    assert isinstance(blind, Progressing)
    assert blind.blind == "connection refused"
    assert blind.wake_at is None
    snapshot.fold(Sighted(40.0))
    assert judge(snapshot, 90.9, POLICY).wake_at == 91.0
    assert isinstance(judge(snapshot, 91.0, POLICY), Failed)


def test_r29_no_more_than_one_timeout_is_forgiven():
    snapshot = folded(steps=[])
    snapshot.fold(Blind(10.0, "away"))
    snapshot.fold(Sighted(10_000.0))
    assert isinstance(judge(snapshot, 10_000.0, Policy(timeout=100)), TimedOut)


def test_r30_the_timeout_names_what_was_suspected_else_the_counts():
    found = judge(folded(steps=[{"at": 0.2, "pods": ["new-0"]}]), 600.0, POLICY)
    assert isinstance(found, TimedOut)
    assert found.diagnosis[0].code == "not-available"
    assert "0 of 3 new pods available" in found.diagnosis[0].message


def test_patience_is_the_policys():
    snapshot = folded(steps=[{"at": 0.2, "pods": ["new-0"]}, pull(1.0)])
    assert isinstance(judge(snapshot, 6.0, Policy(patience=Patience(registry=5))), Failed)


def test_one_snapshot_many_pods_say_it_once():
    steps = [{"at": 0.2, "pods": [f"new-{index}" for index in range(5)]}]
    steps += [
        {"at": 1.0 + index, "state": {"pod": f"new-{index}", "waiting": "ErrImagePull", "message": "x: not found"}}
        for index in range(5)
    ]
    found = judge(folded(fresh=True, replicas=5, steps=steps), 9.0, POLICY)
    assert len(found.diagnosis) == 1
    assert found.diagnosis[0].count == 5
    assert found.diagnosis[0].first_seen == 1.0


def test_the_answer_may_be_heard_after_its_first_effects():
    """The watch is quicker than the answer to the PATCH: what came after the sending counts all the same."""
    case = {"name": "x", "steps": [{"at": 0.1, "pods": ["new-0"]}, pull(0.2, "x: not found")]}
    heard = Stage(case).play()
    applied = next(event for event in heard if isinstance(event, Applied))
    late = [event for event in heard if event is not applied]
    snapshot = Snapshot(target(case))
    for event in [*late, applied]:
        snapshot.fold(event)
    assert isinstance(judge(snapshot, 0.3, POLICY), Failed)
