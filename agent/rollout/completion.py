"""When a rollout is complete: kubectl's rules, kind by kind, and the counts that a person wants to see meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.objects import generation
from agent.rollout.records import mapping, mappings, number
from agent.rollout.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Counts:
    """How far it is, in pods (for a Job: in completions).

    Attributes:
        wanted: pods of the new revision in the end.
        updated: pods of the new revision that exist.
        available: pods of the new revision that are available; never more than `updated`.
        old: pods of older revisions that are still there and not stopping.
        first: there were no pods before our write, so none of them can be gone.
    """

    wanted: int = 0
    updated: int = 0
    available: int = 0
    old: int = 0
    first: bool = False

    def __str__(self) -> str:
        """As the console shows it: `2 of 3 new pods available, 1 old remaining`."""
        tail = f", {self.old} old remaining" if self.old else "" if self.first else ", old ones gone"
        return f"{self.available} of {self.wanted} new pods available{tail}"


@dataclass(frozen=True, slots=True)
class Completion:
    """Complete, by which rule, on what evidence, with which notes."""

    rule: str
    evidence: str
    notes: tuple[str, ...] = ()


def counts(snapshot: Snapshot) -> Counts:
    """The counts of a snapshot; of the new revision only once the controller has seen our write."""
    if snapshot.object is None:
        return Counts()
    first = snapshot.write is not None and not snapshot.write.pods
    return replace(_counts(snapshot), first=first or snapshot.workload.kind == "Job")


def _counts(snapshot: Snapshot) -> Counts:
    kind, status = snapshot.workload.kind, snapshot.status
    ours = [pod for pod in snapshot.pods.values() if snapshot.is_ours(pod) and not pod.lost]
    new = [pod for pod in ours if snapshot.is_new(pod)]
    ready = sum(pod.ready for pod in new)
    if kind == "Job":
        wanted = number(snapshot.spec.get("completions", 1))
        return Counts(
            wanted, number(status.get("active")) + number(status.get("succeeded")), number(status.get("succeeded"))
        )
    if snapshot.observed_at is None:
        return Counts(_wanted(snapshot), 0, 0, len(ours))
    if kind == "DaemonSet":
        wanted, updated = number(status.get("desiredNumberScheduled")), number(status.get("updatedNumberScheduled"))
        return Counts(wanted, updated, min(updated, ready), len(ours) - len(new))
    wanted, updated = _wanted(snapshot), number(status.get("updatedReplicas"))
    available = number(status.get("availableReplicas"))
    if len(ours) > len(new) or number(status.get("replicas")) > updated:
        available = min(available, ready)
    return Counts(wanted, updated, min(available, updated), max(0, number(status.get("replicas")) - updated))


def final(snapshot: Snapshot) -> Counts:
    """The counts of a rollout that is complete: the status has said so, whatever the pods' watch still lags behind."""
    so_far = counts(snapshot)
    if snapshot.workload.kind not in {"Deployment", "StatefulSet"}:
        return so_far
    available = min(number(snapshot.status.get("availableReplicas")), so_far.updated)
    return replace(so_far, available=max(so_far.available, available))


def _wanted(snapshot: Snapshot) -> int:
    if snapshot.workload.kind == "DaemonSet":
        return number(snapshot.status.get("desiredNumberScheduled"))
    return number(snapshot.spec.get("replicas", 1))


def completion(snapshot: Snapshot) -> Completion | None:
    """The rule by which it is complete, or None.

    Counts are read only where `observedGeneration` has reached both our generation and the object's own (P1), and all
    of them from one version of one object (P5).
    """
    thing = snapshot.object
    if thing is None or snapshot.write is None or snapshot.observed_at is None:
        return None
    kind = snapshot.workload.kind
    if kind == "Job":
        return _job(snapshot)
    if number(snapshot.status.get("observedGeneration")) < generation(thing):
        return None
    if kind == "Deployment":
        return _deployment(snapshot)
    if kind == "StatefulSet":
        return _stateful_set(snapshot)
    return _daemon_set(snapshot) if kind == "DaemonSet" else None


def _deployment(snapshot: Snapshot) -> Completion | None:
    status, wanted = snapshot.status, _wanted(snapshot)
    updated, present = number(status.get("updatedReplicas")), number(status.get("replicas"))
    available = number(status.get("availableReplicas"))
    if updated < wanted or present > updated or available < updated:
        return None
    evidence = f"{updated} updated, {available} available, {wanted} wanted, none of an older revision"
    return Completion("R5", evidence, _notes(zero=wanted == 0))


def _stateful_set(snapshot: Snapshot) -> Completion | None:
    spec, status, wanted = snapshot.spec, snapshot.status, _wanted(snapshot)
    strategy = mapping(spec.get("updateStrategy"))
    if strategy.get("type") == "OnDelete":
        return Completion("R8", "the strategy OnDelete leaves the pods to a person", _notes(manual=True))
    ready = number(status.get("readyReplicas"))
    if number(spec.get("minReadySeconds")):
        ready = min(ready, number(status.get("availableReplicas")))
    partition = number(mapping(strategy.get("rollingUpdate")).get("partition"))
    updated = number(status.get("updatedReplicas"))
    if ready < wanted or updated < wanted - partition:
        return None
    if partition and updated < wanted:
        return Completion("R6", f"{updated} of {wanted} updated, the partition is {partition}", _notes(partial=True))
    return Completion("R6", f"{updated} updated, {ready} ready, {wanted} wanted", _notes(zero=wanted == 0))


def _daemon_set(snapshot: Snapshot) -> Completion | None:
    status, wanted = snapshot.status, _wanted(snapshot)
    if mapping(snapshot.spec.get("updateStrategy")).get("type") == "OnDelete":
        return Completion("R8", "the strategy OnDelete leaves the pods to a person", _notes(manual=True))
    updated, available = number(status.get("updatedNumberScheduled")), number(status.get("numberAvailable"))
    if updated < wanted or available < wanted:
        return None
    return Completion("R7", f"{updated} updated, {available} available, {wanted} wanted", _notes(zero=wanted == 0))


def _job(snapshot: Snapshot) -> Completion | None:
    for item in mappings(snapshot.status.get("conditions")):
        if item.get("type") in {"Complete", "SuccessCriteriaMet"} and item.get("status") == "True":
            return Completion("R9", f"condition {item.get('type')}")
    return None


def _notes(*, zero: bool = False, partial: bool = False, manual: bool = False) -> tuple[str, ...]:
    said = {"zero": zero, "partial": partial, "manual": manual}
    return tuple(note for note, holds in said.items() if holds)
