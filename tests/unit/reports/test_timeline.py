"""The picture of a rollout says of every pod what was known of it, and no more."""

from __future__ import annotations

from agent.objects import Ref
from agent.reports.events import Applied, Heard, Judged
from agent.reports.timeline import Timeline
from agent.rollout.feed import Changed, Listed

WEB = Ref("apps/v1", "Deployment", "shop", "web")
SET = Ref("apps/v1", "StatefulSet", "shop", "web")


def replica_set(identity: str, revision: int) -> dict:
    number = {"deployment.kubernetes.io/revision": str(revision)}
    return {"kind": "ReplicaSet", "metadata": {"uid": identity, "name": f"web-{identity}", "annotations": number}}


def pod(name: str, owner: str, *, ready: bool = True) -> dict:
    return {
        "kind": "Pod",
        "metadata": {"uid": name, "name": name, "ownerReferences": [{"uid": owner, "controller": True}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def told(*events, workload: Ref = WEB) -> dict[str, list[tuple[float, str]]]:
    """What the picture says of each pod."""
    timeline = Timeline(0.0)
    for event in events:
        timeline.fold(Heard(workload, event) if isinstance(event, Changed | Listed) else event)
    pods = timeline.to_dict()["pods"]
    return {one["pod"]: [(state["at"], state["state"]) for state in one["states"]] for one in pods}


BEFORE = (
    Listed(0.0, "replicasets", (replica_set("one", 1),)),
    Listed(0.0, "pods", (pod("old-a", "one"),)),
    Applied(1.0, (), 0.1),
    Changed(1.1, "replicasets", "ADDED", replica_set("two", 2)),
    Changed(2.0, "pods", "ADDED", pod("new-a", "two")),
)


def test_a_pod_of_an_older_revision_no_longer_serves_once_the_deployment_is_complete():
    said = told(*BEFORE, Judged(3.0, WEB, "complete", "", 2.0))
    assert said == {"old-a": [(0.0, "ready"), (3.0, "stopping")], "new-a": [(2.0, "ready")]}


def test_one_that_failed_leaves_the_old_pods_serving():
    said = told(*BEFORE, Judged(3.0, WEB, "failed", "", 2.0))
    assert said["old-a"] == [(0.0, "ready")]


def test_a_statefulset_may_be_complete_with_pods_of_both_revisions():
    said = told(*BEFORE, Judged(3.0, SET, "complete", "", 2.0), workload=SET)
    assert said["old-a"] == [(0.0, "ready")]


def test_what_a_later_list_does_not_name_went_while_nobody_watched():
    undo = Listed(9.0, "pods", (pod("new-a", "two"),))
    said = told(*BEFORE, Judged(3.0, WEB, "complete", "", 2.0), undo)
    assert said["old-a"][-1] == (9.0, "gone")
    assert said["new-a"] == [(2.0, "ready")]


def test_after_an_undo_the_renumbered_revision_is_the_one_that_stays():
    said = told(
        *BEFORE,
        Judged(3.0, WEB, "complete", "", 2.0),
        Listed(9.0, "pods", (pod("new-a", "two"),)),
        Applied(9.5, (), 0.1, "undo"),
        Changed(9.6, "replicasets", "MODIFIED", replica_set("one", 3)),
        Changed(10.0, "pods", "ADDED", pod("back-a", "one")),
        Judged(11.0, WEB, "complete", "", 1.0, "undo"),
    )
    assert said["new-a"][-1] == (11.0, "stopping")
    assert said["back-a"] == [(10.0, "ready")]
