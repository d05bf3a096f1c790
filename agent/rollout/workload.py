"""Rules about the workload itself: paused, its deadline, a Job's end, a StatefulSet that hangs (R10, R21-R23)."""

from __future__ import annotations

from agent.objects import is_terminating
from agent.rollout.diagnosis import Code, Diagnosis, tidy
from agent.rollout.finding import Finding, View, about_pod
from agent.rollout.placing import waits_for_room
from agent.rollout.policy import DEADLINE_SLACK, STUCK_AFTER
from agent.rollout.records import Pod, condition, mapping, number, text
from agent.rollout.snapshot import Snapshot


def workload(view: View) -> list[Finding]:
    """Findings about the workload object."""
    match view.snapshot.workload.kind:
        case "Deployment":
            return _paused(view) + _deadline(view)
        case "StatefulSet":
            return _stuck(view)
        case "Job":
            return _job(view)
        case _:
            return []


def _about(snapshot: Snapshot, code: Code, message: str, since: float, *, permanent: bool, reason: str) -> Diagnosis:
    return Diagnosis(code, str(snapshot.workload), "", tidy(message), since, permanent, reason=reason)


def _paused(view: View) -> list[Finding]:
    snapshot = view.snapshot
    if snapshot.spec.get("paused") is not True:
        return []
    message = "the Deployment is paused, so its controller makes no new pods"
    diagnosis = _about(snapshot, Code.PAUSED, message, view.write.at, permanent=False, reason="DeploymentPaused")
    return [Finding("R10", diagnosis)]


def _deadline(view: View) -> list[Finding]:
    """ProgressDeadlineExceeded, believed only when that much time has passed since our own write (P2, E2)."""
    snapshot = view.snapshot
    progressing = condition(snapshot.object or {}, "Progressing")
    if progressing.get("status") != "False" or progressing.get("reason") != "ProgressDeadlineExceeded":
        return []
    seconds = number(snapshot.spec.get("progressDeadlineSeconds")) or 600
    due = snapshot.sight.due(view.write.at, max(0.0, seconds - DEADLINE_SLACK), most=view.policy.timeout)
    diagnosis = _about(
        snapshot, Code.PROGRESS_DEADLINE_EXCEEDED,
        f"{text(progressing.get('message'))} (progressDeadlineSeconds is {seconds})",
        due if snapshot.overdue_since is None else snapshot.overdue_since,
        permanent=False, reason="ProgressDeadlineExceeded",
    )  # fmt: skip
    return [Finding("R21", diagnosis, None if waits_for_room(view) else due)]


def _job(view: View) -> list[Finding]:
    snapshot = view.snapshot
    if snapshot.spec.get("suspend") is True:
        diagnosis = _about(snapshot, Code.SUSPENDED, "the Job is suspended", view.write.at, permanent=False, reason="")
        return [Finding("R10", diagnosis)]
    failed = condition(snapshot.object or {}, "Failed")
    if failed.get("status") != "True":
        failed = condition(snapshot.object or {}, "FailureTarget")
    if failed.get("status") != "True":
        return []
    found = [_job_pod(pod) for pod in snapshot.pods.values() if snapshot.is_ours(pod)]
    message, reason = text(failed.get("message")), text(failed.get("reason"))
    diagnosis = _about(snapshot, Code.JOB_FAILED, message, view.write.at, permanent=True, reason=reason)
    return [Finding("R22", item, view.write.at, pod=uid) for uid, item in filter(None, found)] + [
        Finding("R22", diagnosis, view.write.at)
    ]


def _job_pod(pod: Pod) -> tuple[str, Diagnosis] | None:
    for container in pod.containers:
        ended = container.exit
        if ended is None or (ended.code == 0 and ended.reason != "OOMKilled"):
            continue
        code = Code.OOM_KILLED if ended.reason == "OOMKilled" else Code.JOB_FAILED
        code = Code.INIT_CONTAINER_FAILED if container.kind == "init" else code
        since = container.ended_at if container.ended_at is not None else pod.created_at
        message = ended.message or f"exited with status {ended.code} ({ended.reason})"
        return pod.uid, about_pod(
            pod,
            code,
            message,
            since,
            container=container.name,
            permanent=True,
            reason=ended.reason,
            exit_code=ended.code,
        )
    return None


def _stuck(view: View) -> list[Finding]:
    pod = stuck_pod(view.snapshot)
    if pod is None:
        return []
    observed = view.snapshot.observed_at
    since = view.write.at if observed is None else observed
    why = _broken(pod)
    message = why or "it is not ready, and the controller waits until it is"
    due = view.snapshot.sight.due(since, STUCK_AFTER, most=view.policy.timeout) if why else None
    diagnosis = about_pod(pod, Code.STATEFULSET_STUCK, message, since, permanent=bool(why), reason="")
    return [Finding("R23", diagnosis, due, pod.uid)]


def stuck_pod(snapshot: Snapshot) -> Pod | None:
    """The pod that would have to be deleted so that a StatefulSet's update goes on (P49); None if there is none.

    It is the lowest ordinal at or above the partition that is not ready, not stopping, not of the wanted revision, and
    was all that when we wrote already: whatever broke later the controller itself still mends.
    """
    thing, write = snapshot.object, snapshot.write
    if thing is None or write is None or snapshot.observed_at is None or is_terminating(thing):
        return None
    strategy = mapping(snapshot.spec.get("updateStrategy"))
    if snapshot.workload.kind != "StatefulSet" or strategy.get("type") == "OnDelete":
        return None
    partition = number(mapping(strategy.get("rollingUpdate")).get("partition"))
    candidates = [
        (_ordinal(pod), pod)
        for pod in snapshot.pods.values()
        if pod.uid in write.pods and pod.uid not in write.ready and not pod.ready and not pod.lost
        if snapshot.is_ours(pod) and not snapshot.is_new(pod) and _ordinal(pod) >= partition
    ]
    return min(candidates, key=lambda item: item[0])[1] if candidates else None


def _ordinal(pod: Pod) -> int:
    return number(pod.name.rpartition("-")[2])


def _broken(pod: Pod) -> str:
    """What is wrong with it, in the pod's own words; empty if it may just be slow."""
    if pod.unschedulable:
        return pod.unschedulable
    for container in pod.containers:
        if container.trouble is not None:
            return f"{container.trouble.reason}: {container.trouble.message}"
        ended = container.exit
        if ended is not None and container.exits > 1 and not container.ready:
            return f"container {container.name} exited {container.exits} times, last with status {ended.code}"
    return ""
