"""The status of a pod as the kubelet reports it, from what it remembers of the containers."""

from __future__ import annotations

from agent.sandbox.clock import rfc3339
from agent.sandbox.kubernetes.objects import Obj, clone, condition, is_terminating, meta, spec, status
from agent.sandbox.kubernetes.runtime import ContainerRun, Instance, PodRun
from agent.sandbox.kubernetes.world import NODE_IP

_ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def is_sidecar(container: Obj) -> bool:
    """Whether an init container goes on running beside the others."""
    return container.get("restartPolicy") == "Always"


def build(pod: Obj, run: PodRun, now: float) -> Obj:
    """The status to report now.

    Args:
        pod: the pod as stored; its conditions' transition times are kept where nothing changed.
        run: what the kubelet knows.
        now: the time.
    """
    pod_spec = spec(pod)
    inits = [_container(pod, run, item) for item in pod_spec.get("initContainers") or ()]
    mains = [_container(pod, run, item) for item in pod_spec.get("containers") or ()]
    phase = _phase(pod_spec, inits, mains)
    if status(pod).get("phase") in {"Succeeded", "Failed"}:
        phase = status(pod)["phase"]
    document: Obj = {
        "observedGeneration": meta(pod).get("generation", 1),
        "phase": phase,
        "conditions": _conditions(pod, run, phase, inits, mains, now),
        "hostIP": NODE_IP,
        "hostIPs": [{"ip": NODE_IP}],
    }
    if run.address and run.sandbox_seen:
        document |= {"podIP": run.address, "podIPs": [{"ip": run.address}]}
    document["startTime"] = rfc3339(run.started if run.started is not None else now)
    if inits:
        document["initContainerStatuses"] = inits
    document["containerStatuses"] = mains
    document["qosClass"] = status(pod).get("qosClass", "BestEffort")
    return document


def _container(pod: Obj, run: PodRun, item: Obj) -> Obj:
    record = run.containers[item["name"]]
    seen = record.last_seen
    previous = record.seen[-2] if len(record.seen) > 1 else None
    state: Obj
    last: Obj = {"terminated": _terminated(previous)} if previous is not None else {}
    if seen is not None and seen.finished is None:
        state = {"running": {"startedAt": rfc3339(seen.started)}}
    elif record.waiting is not None and not run.stopping:
        state = {"waiting": {"reason": record.waiting[0], "message": record.waiting[1]}}
        last = {"terminated": _terminated(seen)} if seen is not None else {}
    elif seen is not None:
        state = {"terminated": _terminated(seen)}
    elif run.stopping:
        message = "The container could not be located when the pod was terminated"
        lost = Instance("", 0, None, 0, 137, "ContainerStatusUnknown", message)
        state = {"terminated": _terminated(lost) | {"startedAt": None, "finishedAt": None}}
    else:
        has_inits = bool(spec(pod).get("initContainers"))
        state = {"waiting": {"reason": "PodInitializing" if has_inits else "ContainerCreating"}}
    ready, started = _readiness(pod, record, item)
    document: Obj = {
        "name": record.name,
        "state": state,
        "lastState": last,
        "ready": ready,
        "restartCount": record.seen_restarts,
        "image": item.get("image", ""),
        "imageID": record.image_id if seen is not None else "",
    }
    if seen is not None:
        document["containerID"] = f"containerd://{seen.id}"
    document["started"] = started
    if item.get("resources") and seen is not None and seen.finished is None:
        document["allocatedResources"] = clone(item["resources"].get("requests") or {})
        document["resources"] = clone(item["resources"])
    if mounts := item.get("volumeMounts"):
        document["volumeMounts"] = [_mount(mount) for mount in mounts]
    return document


def _mount(mount: Obj) -> Obj:
    shown = {"name": mount.get("name"), "mountPath": mount.get("mountPath")}
    return shown | ({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else {})


def _terminated(instance: Instance) -> Obj:
    document: Obj = {"exitCode": instance.exit_code, "reason": instance.reason}
    if instance.message:
        document["message"] = instance.message
    start = 0.0 if instance.reason == "StartError" else instance.started
    document["startedAt"] = rfc3339(start)
    document["finishedAt"] = rfc3339(instance.finished or instance.started)
    if instance.id:
        document["containerID"] = f"containerd://{instance.id}"
    return document


def _readiness(pod: Obj, record: ContainerRun, item: Obj) -> tuple[bool, bool]:
    """Whether a container is ready, and whether it has started."""
    seen = record.last_seen
    if seen is None:
        return False, False
    is_init = record.section == "initContainers" and not is_sidecar(item)
    if seen.finished is not None:
        return is_init and seen.exit_code == 0, False
    started = "startupProbe" not in item or _says(record, "startupProbe", seen.id)
    if is_init:
        return False, started
    ready = started and ("readinessProbe" not in item or _says(record, "readinessProbe", seen.id))
    return ready and not (is_terminating(pod) and record.running is None), started


def _says(record: ContainerRun, probe: str, instance: str) -> bool:
    state = record.probes.get(probe)
    return state is not None and state.instance == instance and state.result is True


def _phase(pod_spec: Obj, inits: list[Obj], mains: list[Obj]) -> str:
    """Kubelet's getPhase."""
    policy = pod_spec.get("restartPolicy", "Always")
    for item, document in zip(pod_spec.get("initContainers") or (), inits, strict=True):
        if is_sidecar(item):
            if not document["started"] and not any("terminated" in other["state"] for other in mains):
                return "Pending"
            continue
        ended = document["state"].get("terminated")
        if ended is None or ended["exitCode"] != 0:
            return "Failed" if ended is not None and policy == "Never" else "Pending"
    running = sum("running" in document["state"] for document in mains)
    ended = [document["state"].get("terminated") or document["lastState"].get("terminated") for document in mains
             if "running" not in document["state"]]  # fmt: skip
    if any(item is None for item in ended):
        return "Pending"
    if running or policy == "Always":
        return "Running"
    if all(item["exitCode"] == 0 for item in ended):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def final_phase(document: Obj) -> str:
    """The phase of a pod that was terminated, from its container statuses."""
    ended = [item["state"].get("terminated") or {} for item in document["containerStatuses"]]
    return "Succeeded" if all(item.get("exitCode") == 0 for item in ended) else "Failed"


def _conditions(pod: Obj, run: PodRun, phase: str, inits: list[Obj], mains: list[Obj], now: float) -> list[Obj]:
    items = spec(pod).get("initContainers") or ()
    undone = [
        document["name"]
        for item, document in zip(items, inits, strict=True)
        if not (document["started"] if is_sidecar(item) else document["ready"])
    ]
    counted = mains + [document for item, document in zip(items, inits, strict=True) if is_sidecar(item)]
    unready = [document["name"] for document in counted if not document["ready"]]
    facts: dict[str, tuple[str, str, str]] = {
        "PodReadyToStartContainers": ("True" if run.sandbox_seen and not run.stopped else "False", "", ""),
        "Initialized": ("True", "", ""),
        "Ready": ("True", "", ""),
        "ContainersReady": ("True", "", ""),
        "PodScheduled": ("True", "", ""),
    }
    if undone:
        facts["Initialized"] = (
            "False",
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(undone)}]",
        )
    if unready:
        fact = ("False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
        facts["Ready"] = facts["ContainersReady"] = fact
    if phase in {"Succeeded", "Failed"}:
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        facts["Ready"] = facts["ContainersReady"] = ("False", reason, "")
        if phase == "Succeeded":
            facts["Initialized"] = ("True", reason, "")
    return [_condition(pod, name, *facts[name], now) for name in _ORDER]


def _condition(pod: Obj, name: str, value: str, reason: str, message: str, now: float) -> Obj:
    before = condition(pod, name)
    when = before["lastTransitionTime"] if before is not None and before["status"] == value else rfc3339(now)
    document: Obj = {
        "type": name,
        "observedGeneration": meta(pod).get("generation", 1),
        "status": value,
        "lastProbeTime": None,
        "lastTransitionTime": when,
    }
    return document | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})
