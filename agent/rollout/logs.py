"""Which logs are worth fetching for a verdict; fetching them is an adapter's job (bounded: 3 s, 256 KiB)."""

from __future__ import annotations

from dataclasses import dataclass

from agent.rollout.diagnosis import Code, Diagnosis
from agent.rollout.records import Container, Pod
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import Failed, Progressing, TimedOut, Verdict

LINES = 50
PODS = 2

_TALKS = frozenset({
    Code.CRASH_LOOP, Code.OOM_KILLED, Code.INIT_CONTAINER_FAILED, Code.PROBE_FAILING, Code.INIT_CONTAINER_RUNNING,
    Code.JOB_FAILED, Code.PROGRESS_DEADLINE_EXCEEDED, Code.STATEFULSET_STUCK, Code.NOT_AVAILABLE,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class LogRequest:
    """One log: of a container's present instance, or of the one before it (`previous`)."""

    namespace: str
    pod: str
    container: str
    previous: bool
    lines: int = LINES


def log_requests(verdict: Verdict, snapshot: Snapshot) -> tuple[LogRequest, ...]:
    """The logs that may show the root cause, the most telling first: of two pods at most, the instance before as well.

    Nothing is asked for where a container never ran: an image that is not there has no log.
    """
    match verdict:
        case Failed() | TimedOut():
            diagnoses = verdict.diagnosis
        case Progressing():
            diagnoses = verdict.suspicions
        case _:
            return ()
    asked: dict[LogRequest, None] = {}
    pods: list[str] = []
    for diagnosis in diagnoses:
        for pod, container in _containers(diagnosis, snapshot):
            if pod.name not in pods:
                pods.append(pod.name)
            if pods.index(pod.name) < PODS:
                asked |= dict.fromkeys(_instances(snapshot, pod, container))
    return tuple(asked)


def _containers(diagnosis: Diagnosis, snapshot: Snapshot) -> list[tuple[Pod, Container]]:
    if diagnosis.code not in _TALKS:
        return []
    name = diagnosis.object.removeprefix("pod/")
    pods = sorted(
        (pod for pod in snapshot.pods.values() if snapshot.is_ours(pod) and not pod.terminating and not pod.ready),
        key=lambda pod: (pod.name != name, not snapshot.is_new(pod), pod.name),
    )
    if diagnosis.object.startswith("pod/") and diagnosis.count == 1:
        pods = [pod for pod in pods if pod.name == name]
    return [
        (pod, item)
        for pod in pods[:PODS]
        for item in pod.containers
        if item.begun and (item.name == diagnosis.container or (not diagnosis.container and not item.ready))
    ]


def _instances(snapshot: Snapshot, pod: Pod, container: Container) -> list[LogRequest]:
    found = [LogRequest(snapshot.workload.namespace, pod.name, container.name, previous=False)]
    if container.last is not None:
        found.append(LogRequest(snapshot.workload.namespace, pod.name, container.name, previous=True))
    return found[::-1] if container.running and container.last is not None else found
