"""Rules about pods that don't come to be, or to a node: refusals, quotas, scheduling (R17 to R20)."""

from __future__ import annotations

from dataclasses import dataclass

from agent.rollout import texts
from agent.rollout.diagnosis import Code, Diagnosis, tidy
from agent.rollout.finding import Finding, View, about_pod
from agent.rollout.records import Pod, number
from agent.rollout.texts import Meaning

_NO_CLAIM = texts.any_of(r"persistentvolumeclaim \S+ not found")
_UNBOUND = texts.any_of(r"unbound immediate PersistentVolumeClaims", r"binding volumes", r"being provisioned")
_NO_VOLUME = frozenset({"ProvisioningFailed", "FailedBinding"})
SCALING = frozenset({"TriggeredScaleUp", "Nominated"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A creation that was refused: what was said, when first and when last."""

    message: str
    meaning: Meaning
    since: float
    until: float


def refusals(view: View) -> list[Finding]:
    """Findings about pods that were refused, while any of them is still to be made."""
    snapshot = view.snapshot
    subject, outstanding, name = _maker(view)
    if not outstanding:
        return []
    heard = [
        Refusal(item.message, texts.refusal(item.latest), item.first_at, item.last_at)
        for item in snapshot.about(subject)
        if item.reason in {"FailedCreate", "ReplicaSetCreateError"}
    ]
    maker = snapshot.replica_sets.get(subject)
    if maker is not None and maker.failure_since is not None:
        heard.append(Refusal(maker.failure, texts.refusal(maker.failure), maker.failure_since, maker.failure_since))
    if not heard:
        return []
    latest = max(heard, key=lambda item: item.until)
    if latest.meaning is not Meaning.QUOTA and latest.until < _last_accepted(view):
        return []
    same = [item for item in heard if item.meaning is latest.meaning]
    first = min(same, key=lambda item: item.since)
    return [_refusal(view, name, Refusal(first.message, latest.meaning, first.since, latest.until))]


def _last_accepted(view: View) -> float:
    """When a pod of the new revision last came: what was refused before that is refused no more."""
    snapshot = view.snapshot
    return max((pod.created_at for pod in snapshot.pods.values() if snapshot.is_new(pod)), default=view.write.at)


def _maker(view: View) -> tuple[str, bool, str]:
    """Who makes the pods: its UID, whether pods are still to be made, and its name as kubectl prints it."""
    snapshot = view.snapshot
    if snapshot.workload.kind == "Deployment" and not snapshot.pinned:
        return snapshot.uid, True, str(snapshot.workload)
    if snapshot.workload.kind == "Deployment":
        maker = snapshot.replica_sets.get(snapshot.pinned)
        return (
            snapshot.pinned,
            maker is not None and maker.present < maker.wanted,
            f"replicaset/{maker.name}" if maker else "",
        )
    there = sum(snapshot.is_ours(pod) for pod in snapshot.pods.values())
    if snapshot.workload.kind == "DaemonSet":
        wanted = number(snapshot.status.get("desiredNumberScheduled"))
        there = sum(snapshot.is_ours(pod) and not pod.lost for pod in snapshot.pods.values())
    elif snapshot.workload.kind == "Job":
        wanted = number(snapshot.spec.get("parallelism", 1))
    else:
        wanted = number(snapshot.spec.get("replicas", 1))
    return snapshot.uid, there < wanted, str(snapshot.workload)


def _refusal(view: View, name: str, said: Refusal) -> Finding:
    message = said.message.removeprefix("(combined from similar events): ").removeprefix("Error creating: ")
    patience = view.policy.patience

    def seen(code: Code, *, permanent: bool) -> Diagnosis:
        return Diagnosis(code, name, "", tidy(message), said.since, permanent, reason="FailedCreate")

    match said.meaning:
        case Meaning.PERMANENT:
            return Finding("R17", seen(Code.ADMISSION_DENIED, permanent=True), said.since)
        case Meaning.REFERENCE:
            diagnosis = seen(Code.ADMISSION_DENIED, permanent=False)
            return Finding("R15", diagnosis, view.after(said.since, patience.reference))
        case Meaning.QUOTA:
            return Finding("R18", seen(Code.QUOTA_EXCEEDED, permanent=False), _quota_due(view, said))
        case _:
            return Finding("R19", seen(Code.ADMISSION_UNAVAILABLE, permanent=False))


def _quota_due(view: View, said: Refusal) -> float | None:
    """A quota still moves while pods of ours are stopping; a refusal from before the last progress proves nothing."""
    snapshot = view.snapshot
    if any(pod.terminating and snapshot.is_ours(pod) for pod in snapshot.pods.values()):
        return None
    if view.progress is not None and said.until < view.progress:
        return None
    return view.after(said.since, view.policy.patience.quota)


def scheduling(view: View) -> list[Finding]:
    """Findings about new pods that no node takes."""
    found: list[Finding] = []
    exempt = is_growing(view)
    for pod in view.new:
        said = _unschedulable(view, pod)
        if said is None:
            continue
        message, since = said
        if _NO_CLAIM.search(message):
            missing = about_pod(pod, Code.CONFIG_ERROR, message, since, reason="FailedScheduling")
            found.append(Finding("R15", missing, view.after(since, view.policy.patience.reference), pod.uid))
            homeless = about_pod(pod, Code.UNSCHEDULABLE, message, since, reason="Unschedulable")
            found.append(Finding("R20", homeless, None, pod.uid))
            continue
        waits = exempt or pod.nominated or _claim_is_coming(view, pod, message)
        due = None if waits else view.after(since, view.policy.patience.unschedulable)
        diagnosis = about_pod(pod, Code.UNSCHEDULABLE, message, since, reason="Unschedulable")
        found.append(Finding("R20", diagnosis, due, pod.uid))
    return found


def is_growing(view: View) -> bool:
    """Whether an autoscaler has said that it makes room for one of the new pods that have none yet."""
    return any(item.reason in SCALING for pod in view.new if not pod.node for item in view.snapshot.about(pod.uid))


def waits_for_room(view: View) -> bool:
    """Whether the timeout alone decides: an autoscaler is at work, or a claim is being bound (contract section 7)."""
    waiting = [(pod, said) for pod in view.new if (said := _unschedulable(view, pod)) is not None]
    if not waiting:
        return False
    return is_growing(view) or any(_claim_is_coming(view, pod, said[0]) for pod, said in waiting)


def _unschedulable(view: View, pod: Pod) -> tuple[str, float] | None:
    """What the scheduler says of a pod without a node, and since when."""
    if pod.node or pod.gated:
        return None
    heard = [item for item in view.snapshot.about(pod.uid) if item.reason == "FailedScheduling"]
    times = [item.first_at for item in heard]
    if pod.unschedulable_since is not None:
        times.append(pod.unschedulable_since)
    if not times:
        return None
    last = max(heard, key=lambda item: item.last_at).latest if heard else ""
    return pod.unschedulable or last, min(times)


def _claim_is_coming(view: View, pod: Pod, message: str) -> bool:
    if not _UNBOUND.search(message):
        return False
    heard = (item for claim in pod.claims for item in view.snapshot.about(claim))
    return not any(item.reason in _NO_VOLUME for item in heard)
