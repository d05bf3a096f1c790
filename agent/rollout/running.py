"""Rules about containers that started and did not stay: exits, memory, probes, lost nodes (R13, R16, R25, R26, R28)."""

from __future__ import annotations

from agent.rollout.diagnosis import Code
from agent.rollout.finding import Finding, View, about_pod
from agent.rollout.records import Container, Exit, Occurrence, Pod

# How the kubelet says that it doesn't know: a node that restarted, a runtime that lost its state.
_NOT_ITS_FAULT = frozenset({"ContainerStatusUnknown", "Unknown", "NodeLost", "Shutdown", "NodeShutdown"})
_PROBE_KILLS = frozenset({0, 1, 2, 130, 137, 143})
AGAIN = 2


def running(view: View) -> list[Finding]:
    """Findings about every new pod whose containers exit, fail their probes, or stand on a node that is lost."""
    found = [_node(pod, lost) for pod in view.old if (lost := _lost_node(view, pod)) is not None]
    for pod in view.new:
        heard = list(view.snapshot.about(pod.uid))
        if (lost := _lost_node(view, pod)) is not None:
            found.append(_node(pod, lost))
            continue
        for container in pod.containers:
            found += _exits(view, pod, container, heard)
        if not pod.ready:
            found += _probes(pod, heard) + _waiting(pod, heard)
    return found


def errors(view: View, pod: Pod, container: Container) -> int:
    """How many exits of a container since our write count against it, as far as its last one tells."""
    ended = container.exit
    if ended is None or ended.reason in _NOT_ITS_FAULT or (ended.code == 0 and ended.reason != "OOMKilled"):
        return 0
    return view.exits(pod, container)


def _exits(view: View, pod: Pod, container: Container, heard: list[Occurrence]) -> list[Finding]:
    ended, count = container.exit, view.exits(pod, container)
    if ended is None or count < 1 or ended.reason in _NOT_ITS_FAULT | {"StartError", "ContainerCannotRun"}:
        return []
    if container.kind == "init" and ended.code == 0:
        return []
    if view.snapshot.workload.kind == "Job" and container.kind != "init" and ended.code == 0:
        return []
    killed = {word: _killed(container, heard, word) for word in ("liveness", "startup")}
    if killed["startup"] and ended.code in _PROBE_KILLS:
        return []
    again = count >= AGAIN and not (container.running and container.ready)
    if ended.code == 0 and not killed["liveness"]:
        again = again and _backs_off(container, heard)
        if not again:
            return []
    since = container.ended_at if container.ended_at is not None else view.write.at
    message = (
        " ".join(ended.message.split())
        or f"exited {_times(count)} with status {ended.code} ({ended.reason or 'no reason given'})"
    )
    codes = _codes(container, ended, liveness=killed["liveness"] is not None)
    if view.snapshot.workload.kind == "Job" and codes == (Code.CRASH_LOOP,):
        codes = (Code.JOB_FAILED,)
    found = []
    for code in codes:
        words = killed["liveness"].message if code is Code.PROBE_FAILING and killed["liveness"] else message
        diagnosis = about_pod(
            pod,
            code,
            words,
            since,
            container=container.name,
            permanent=again,
            reason=ended.reason,
            exit_code=ended.code,
        )
        counted = again and view.snapshot.workload.kind != "Job"
        found.append(Finding("R13" if again else "R16", diagnosis, None, pod.uid, local=True, counted=counted))
    return found


def _codes(container: Container, ended: Exit, *, liveness: bool) -> tuple[Code, ...]:
    memory = (Code.OOM_KILLED,) if ended.reason == "OOMKilled" else ()
    if container.kind == "init":
        return (Code.INIT_CONTAINER_FAILED, *memory)
    if memory:
        return memory
    return (Code.PROBE_FAILING, Code.CRASH_LOOP) if liveness else (Code.CRASH_LOOP,)


def _killed(container: Container, heard: list[Occurrence], probe: str) -> Occurrence | None:
    """The event that says that the kubelet restarts it because of that probe."""
    for item in heard:
        kills = item.reason == "Killing" or (probe == "startup" and item.reason == "Unhealthy")
        if kills and item.container == container.name and probe in item.message.lower():
            return item
    return None


def _backs_off(container: Container, heard: list[Occurrence]) -> bool:
    """Whether the kubelet waits before it restarts it: the event says so seconds before the status does."""
    said = (item for item in heard if item.reason == "BackOff" and item.container == container.name)
    return container.waiting == "CrashLoopBackOff" or any("restarting" in item.message for item in said)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _probes(pod: Pod, heard: list[Occurrence]) -> list[Finding]:
    """Failed probes are normal while a pod starts (P25): a suspicion, named when the time is over."""
    found = []
    for item in heard:
        if item.reason == "Unhealthy":
            diagnosis = about_pod(
                pod, Code.PROBE_FAILING, item.latest, item.first_at, container=item.container, reason="Unhealthy"
            )
            found.append(Finding("R26", diagnosis, None, pod.uid))
    return found


def _waiting(pod: Pod, heard: list[Occurrence]) -> list[Finding]:
    """What holds a pod up without anybody's fault so far: an init container at work, a sandbox that is not made."""
    found = []
    for container in pod.containers:
        if container.kind == "init" and container.running:
            since = pod.scheduled_at if pod.scheduled_at is not None else pod.created_at
            diagnosis = about_pod(
                pod,
                Code.INIT_CONTAINER_RUNNING,
                "the init container has not ended yet",
                since,
                container=container.name,
            )
            found.append(Finding("R26", diagnosis, None, pod.uid))
    if not any(container.begun for container in pod.containers):
        for item in heard:
            if item.reason in {"FailedCreatePodSandBox", "NetworkNotReady"}:
                diagnosis = about_pod(pod, Code.SANDBOX_FAILING, item.message, item.first_at, reason=item.reason)
                found.append(Finding("R27", diagnosis, None, pod.uid, local=True))
    return found


def _lost_node(view: View, pod: Pod) -> Occurrence | None:
    """The event that says that an unready pod's node has stopped reporting."""
    heard = (item for item in view.snapshot.about(pod.uid) if item.reason == "NodeNotReady")
    return None if pod.ready else next(heard, None)


def _node(pod: Pod, item: Occurrence) -> Finding:
    diagnosis = about_pod(pod, Code.NODE_NOT_READY, item.message, item.first_at, reason=item.reason)
    return Finding("R24", diagnosis, None, pod.uid, local=True)
