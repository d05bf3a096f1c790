"""All findings about a snapshot, with what tempers them: quorum, the old revision, the node (R13, R25, R28)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from agent.rollout.finding import Finding, Rule, View
from agent.rollout.placing import refusals, scheduling
from agent.rollout.policy import Policy
from agent.rollout.records import Pod
from agent.rollout.running import errors, running
from agent.rollout.snapshot import Snapshot
from agent.rollout.starting import starting
from agent.rollout.workload import workload

RULES: tuple[Rule, ...] = (refusals, scheduling, starting, running, workload)

QUORUM = 2
SHARE = 0.8


def evidence(snapshot: Snapshot, policy: Policy) -> list[Finding]:
    """Every cause that the rules see, tempered.

    Before the controller has seen our write (R4) only one can be seen: that it may not make a ReplicaSet at all, which
    it says without observing our generation.
    """
    view = look(snapshot, policy)
    if view is None:
        return []
    if snapshot.observed_at is None:
        return refusals(view) if snapshot.workload.kind == "Deployment" else []
    found = [finding for rule in RULES for finding in rule(view)]
    return _with_quorum(view, _without_node_trouble(view, found))


def look(snapshot: Snapshot, policy: Policy) -> View | None:
    """The snapshot sorted into new and old pods; None before our write."""
    if snapshot.write is None or snapshot.object is None:
        return None
    ours = [pod for pod in snapshot.pods.values() if snapshot.is_ours(pod)]
    new = snapshot.new_pods()
    old = tuple(pod for pod in ours if not snapshot.is_new(pod) and not pod.lost)
    return View(snapshot, snapshot.write, policy, new, old, _progress(snapshot, new))


def _progress(snapshot: Snapshot, new: tuple[Pod, ...]) -> float | None:
    """When a new pod last came, found its node or became ready for the first time, or one of ours was last seen off."""
    assert snapshot.write is not None
    times = [snapshot.last_departure]
    for pod in new:
        times += [pod.created_at, pod.scheduled_at, pod.ready_at]
    after = [moment for moment in times if moment is not None and moment > snapshot.write.at]
    return max(after, default=None)


def _without_node_trouble(view: View, found: list[Finding]) -> list[Finding]:
    """R28: causes that the node could have are suspicions while the other nodes' new pods are well."""
    failing = {item.pod for item in found if item.pod and (item.due is not None or item.counted)}
    nodes = Counter(pod.node for pod in view.new if pod.uid in failing)
    if not nodes:
        return found
    node, most = nodes.most_common(1)[0]
    well = {pod.node for pod in view.new if pod.ready and pod.uid not in failing}
    if not node or most < SHARE * sum(nodes.values()) or not well - {node} or node in well:
        return found
    there = {pod.uid for pod in view.new if pod.node == node}
    return [
        replace(item, due=None, counted=False, rule="R28") if item.local and item.pod in there else item
        for item in found
    ]


def _with_quorum(view: View, found: list[Finding]) -> list[Finding]:
    """R13, R25: exits become final when enough new pods show them and the old ones don't."""
    counted = {item.pod for item in found if item.counted}
    if not counted:
        return found
    if _old_ones_too(view):
        return [replace(item, rule="R25") if item.counted else item for item in found]
    if len(counted) < min(QUORUM, len(view.new)):
        return found
    return [replace(item, due=item.diagnosis.first_seen) if item.counted else item for item in found]


def _old_ones_too(view: View) -> bool:
    """Whether half of the old pods that were well at our write have ended with an error since."""
    compared = [pod for pod in view.old if pod.uid in view.write.ready]
    hit = sum(any(errors(view, pod, item) > 0 for item in pod.containers) for pod in compared)
    return bool(compared) and 2 * hit >= len(compared)
