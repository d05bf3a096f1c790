"""The judge: `judge(snapshot, now, policy) -> Verdict`, a total function of its arguments.

The rules, in the order in which they are asked. P.. and E.. are the pitfalls and experiments retold in
docs/explanation/verdict.md; "patience" is the table of contract section 7. Time is seeing time (R29).

Ends that are not about pods
R1   Gone: the workload was deleted, its deletion was asked for, or it was made anew under another UID, after our
     write.
R2   Superseded: a generation newer than ours has another pod template, or a ReplicaSet newer than ours has come
     (P1, P44). A newer generation that changes only replicas (an HPA, a person) or metadata is none (P5).
R3   Superseded: a generation newer than ours pauses what our write did not pause (P10).
R4   Nothing else counts before the controller has observed our generation, taken from the answer to the write (P1,
     P2), except its own word that it may not make a ReplicaSet.

Complete, which is kubectl's rule, read from one version of the object whose own generation is observed (P1, P5)
R5   Deployment: updated >= wanted, no replica of an older revision, available >= updated (P6). Old pods may be
     stopping.
R6   StatefulSet: ready >= wanted (available, where minReadySeconds is set: P8), updated >= wanted - partition;
     fewer updated than wanted is noted `partial` (P11).
R7   DaemonSet: updated >= desired, available >= desired (P12).
R8   Under OnDelete nothing more happens by itself: complete, noted `manual` (P11).
R9   Job: its own condition Complete (P14). Nothing wanted is complete, noted `zero` (P13).

Causes. Each is looked for only in pods of the new revision, pinned by UID, that are not stopping (P3, P4)
R10  A paused Deployment or a suspended Job makes no pods: a suspicion.
R11  An image that is not there, is denied, can't be named or may not be pulled: failed at once (P15).
R12  A pull that fails for any other reason: failed after the patience `registry` (P15).
R13  A container that ended with an error twice since our write, and is not back and ready: failed at once when as
     many new pods show it as there are, two at most (P16, P17). A status of 0 counts where the kubelet backs off,
     or where a liveness probe killed it. Exits by a startup probe never count (R26).
R14  A command that can't be executed: failed at once. A start that fails for reasons unknown counts as an exit
     (R13); one that the machine caused is a suspicion (P18).
R15  A ConfigMap, Secret, key, volume, claim or ServiceAccount that is not there: failed after the patience
     `reference` (P19). A configuration that only a new spec can mend: at once. A cache that is late: a suspicion.
R16  A container that ended once is a suspicion (P17).
R17  A refusal that only a new spec can mend (LimitRange, PodSecurity, a webhook's denial): failed at once, as long
     as a pod is still to be made and none came since (P22).
R18  A full ResourceQuota: failed after the patience `quota`, but not while pods of ours are still stopping, nor on
     a refusal from before the last progress (P22).
R19  An admission webhook or an API server that can't be asked is a suspicion (P23).
R20  A pod that no node takes: failed after the patience `unschedulable`, unless an autoscaler has said that it
     makes room, the scheduler is making room, or the pod's claim is being bound (P21).
R21  ProgressDeadlineExceeded: failed, if that time has passed since our write; an older condition is stale (P2,
     E2). Where R20 waits for room the timeout alone decides.
R22  Job: its own condition Failed (P14).
R23  StatefulSet: a pod of another revision that was broken when we wrote and still is 10 s after the controller
     saw our write stops the update: failed; merely unready it is a suspicion (P49).
R24  Pods that are evicted, drained, preempted, stopping, or on a node that is lost count for nothing (P24).
R25  Exits are a suspicion only while half of the old pods that were ready at our write have ended with an error
     since (P17).
R26  Failing probes and init containers at work are a slow start: a suspicion (P25).
R27  Storage and network hiccups, and a kubelet that limits its own pulls, are a suspicion (P18).
R28  If 80 % of the failing pods share a node and new pods on other nodes are well, causes that the node could have
     are a suspicion (P18).

Time
R29  While the cluster can't be seen nothing can fail: the verdict is Progressing, and the time counts for no
     deadline, up to one `timeout` in all (P31).
R30  TimedOut: `timeout` has passed since our write; the suspicions are the diagnosis.
R31  Patience runs from the first evidence, or from the last progress if that came later (contract section 7).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from agent.rollout.completion import Counts, completion, counts, final
from agent.rollout.diagnosis import Code, Diagnosis
from agent.rollout.evidence import evidence
from agent.rollout.finding import Finding
from agent.rollout.policy import Policy
from agent.rollout.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that had a part in a verdict, and on what evidence: what `--explain` shows."""

    rule: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Progressing:
    """Still open.

    Attributes:
        counts: how far it is.
        suspicions: causes that are not final, the deepest first.
        wake_at: when the judge could change its mind without another event, in seconds of the feed's clock; None if
            never.
        blind: why nothing can be seen now; empty when the cluster can be seen.
    """

    counts: Counts
    suspicions: tuple[Diagnosis, ...] = ()
    wake_at: float | None = None
    blind: str = ""
    rules: tuple[Fired, ...] = ()


@dataclass(frozen=True, slots=True)
class Complete:
    """Complete by kubectl's rule; `notes` are of `partial`, `manual`, `zero`."""

    counts: Counts
    notes: tuple[str, ...] = ()
    rules: tuple[Fired, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not become complete by waiting; the root cause is the first diagnosis."""

    counts: Counts
    diagnosis: tuple[Diagnosis, ...]
    rules: tuple[Fired, ...] = ()


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The time is over; what was suspected is the diagnosis."""

    counts: Counts
    diagnosis: tuple[Diagnosis, ...]
    rules: tuple[Fired, ...] = ()


@dataclass(frozen=True, slots=True)
class Superseded:
    """Somebody else changed or paused the workload since our write."""

    counts: Counts
    why: str
    rules: tuple[Fired, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """Somebody deleted the workload since our write."""

    why: str
    rules: tuple[Fired, ...] = ()


Verdict: TypeAlias = Progressing | Complete | Failed | TimedOut | Superseded | Gone

WORDS: dict[type[Verdict], str] = {
    Progressing: "progressing",
    Complete: "complete",
    Failed: "failed",
    TimedOut: "timed-out",
    Superseded: "superseded",
    Gone: "gone",
}
"""How reports write a verdict (contract section 5)."""


def word(verdict: Verdict) -> str:
    """How reports write it: `complete`, `timed-out`."""
    return WORDS[type(verdict)]


def judge(snapshot: Snapshot, now: float, policy: Policy) -> Verdict:
    """The verdict on what is known at `now`; the rules are in the module's docstring.

    Args:
        snapshot: what was heard; not changed.
        now: seconds on the feed's clock, not before the last event.
        policy: timeout and patience.
    """
    if snapshot.write is None:
        return Progressing(counts(snapshot), rules=(Fired("R4", "nothing was written yet"),))
    if snapshot.gone:
        return Gone(snapshot.gone, (Fired("R1", snapshot.gone),))
    so_far = counts(snapshot)
    if snapshot.superseded:
        rule = "R3" if "paused" in snapshot.superseded else "R2"
        return Superseded(so_far, snapshot.superseded, (Fired(rule, snapshot.superseded),))
    done = completion(snapshot)
    if done is not None:
        return Complete(final(snapshot), done.notes, (Fired(done.rule, done.evidence),))
    if snapshot.sight.blind_since is not None:
        return Progressing(so_far, blind=snapshot.sight.reason, rules=(Fired("R29", snapshot.sight.reason),))
    return _open(snapshot, now, policy, so_far)


def _open(snapshot: Snapshot, now: float, policy: Policy, so_far: Counts) -> Verdict:
    """Not complete and nobody else's: failed, timed out, or still open."""
    assert snapshot.write is not None
    found = evidence(snapshot, policy)
    final = [item for item in found if item.due is not None and item.due <= now]
    if final:
        also = [item for item in found if item not in final and _explains(item, final)]
        return Failed(so_far, _diagnoses(final + also), _fired(final + also))
    over = snapshot.sight.due(snapshot.write.at, policy.timeout, most=policy.timeout)
    if over <= now:
        fired = (Fired("R30", f"{policy.timeout:g} s have passed since the write"), *_fired(found))
        return TimedOut(so_far, _diagnoses(found) or (_nothing_else(snapshot, so_far),), fired)
    wake_at = min([over, *(item.due for item in found if item.due is not None)])
    waiting = () if snapshot.observed_at is not None else (Fired("R4", "our generation is not observed yet"),)
    return Progressing(so_far, _diagnoses(found), wake_at, rules=(*waiting, *_fired(found)))


def _explains(item: Finding, final: list[Finding]) -> bool:
    """Whether a suspicion belongs into the diagnosis of a failure: it is deeper, or about the same pod."""
    pods = {other.pod for other in final}
    return item.pod in pods or item.diagnosis.depth < min(other.diagnosis.depth for other in final)


def _diagnoses(found: list[Finding]) -> tuple[Diagnosis, ...]:
    """The root cause first; what several pods show is said once, with their number."""
    groups: dict[tuple[Code, str], list[Finding]] = {}
    for item in found:
        groups.setdefault((item.diagnosis.code, item.diagnosis.container), []).append(item)
    merged = []
    for same in groups.values():
        first = min(same, key=lambda item: (item.due is None, item.diagnosis.first_seen, item.diagnosis.object))
        merged.append(replace(first.diagnosis, count=len({item.diagnosis.object for item in same})))
    return tuple(sorted(merged, key=lambda diagnosis: (diagnosis.depth, diagnosis.first_seen, diagnosis.object)))


def _fired(found: list[Finding]) -> tuple[Fired, ...]:
    said = []
    for item in found:
        due = "a suspicion only" if item.due is None else f"final at {item.due:.2f} s"
        diagnosis = item.diagnosis
        said.append(
            Fired(item.rule, f"{diagnosis.code} of {diagnosis.object} seen at {diagnosis.first_seen:.2f} s, {due}")
        )
    return tuple(dict.fromkeys(said))


def _nothing_else(snapshot: Snapshot, so_far: Counts) -> Diagnosis:
    """What is said when the time is over and nothing was found wrong."""
    assert snapshot.write is not None
    seen = snapshot.observed_at is not None
    code = Code.NOT_AVAILABLE if seen else Code.NOT_OBSERVED
    message = (
        str(so_far) if seen else "the controller has not looked at our change; is kube-controller-manager running?"
    )
    return Diagnosis(code, str(snapshot.workload), "", message, snapshot.write.at, permanent=False)
