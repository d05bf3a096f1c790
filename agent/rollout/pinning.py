"""What the pods of the new revision belong to: by template, after the controller has seen our generation (P3)."""

from __future__ import annotations

from collections.abc import Iterable

from agent.rollout.records import ReplicaSet, Revision
from agent.rollout.write import Write

GENERATION = "deprecated.daemonset.template.generation"


def replica_set(owned: Iterable[ReplicaSet], write: Write, revision: str) -> str:
    """The UID of the ReplicaSet for our template; empty while there is none.

    The oldest one of the same template, as the controller chooses. A Deployment whose old ReplicaSet still carries its
    revision number has the new one not yet made (Recreate), so the number counts only for one made after our write.

    Args:
        owned: the Deployment's ReplicaSets.
        write: ours.
        revision: the Deployment's own revision annotation.
    """
    choices = list(owned)
    same = sorted((item.created, item.name, item.uid) for item in choices if item.template == write.template)
    if same:
        return same[0][2]
    numbered = (item.uid for item in choices if revision and str(item.revision) == revision)
    return next((uid for uid in numbered if uid not in write.replica_sets), "")


def successor(owned: Iterable[ReplicaSet], write: Write, pinned: str) -> str:
    """Says so if a ReplicaSet of a newer revision, another template, was made since: somebody's newer rollout (P44)."""
    choices = {item.uid: item for item in owned}
    ours = choices.get(pinned)
    if ours is None or ours.revision < 1:
        return ""
    for item in choices.values():
        foreign = item.uid not in write.replica_sets and item.template not in {write.template, ours.template}
        if foreign and item.revision > ours.revision:
            return f"{item.name} has a newer revision, {item.revision}, than ours, {ours.revision}"
    return ""


def daemon_hash(owned: Iterable[Revision], write: Write, generation: str) -> str:
    """The `controller-revision-hash` of our template's pods, else `generation N`; empty while neither is known."""
    same = sorted((-item.revision, item.pod_hash) for item in owned if item.template == write.template)
    if same:
        return same[0][1]
    return f"generation {generation}" if generation else ""
