"""One sync of a pod by the kubelet: sandbox, volumes, images, containers; what takes time is yielded.

The order of things is that of kubelet's SyncPod: the status is reported first, from what the last relist saw, so what a
sync finds out shows in the status of the next one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

from agent.sandbox.kubernetes import images, prober, programs, quantity, references
from agent.sandbox.kubernetes.objects import Obj, meta, spec
from agent.sandbox.kubernetes.podstatus import is_sidecar
from agent.sandbox.kubernetes.runtime import ContainerRun, Instance, Node, PodRun, Steps

PullSteps: TypeAlias = Generator[float, None, dict[str, str] | None]
_MOUNT_FIRST, _MOUNT_LIMIT, _MOUNT_PATIENCE = 0.5, 122.0, 123.0
_TOO_BIG = 137
_RUNC = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "


def sync(kubelet: Node, run: PodRun) -> Steps:
    """Brings a pod's containers towards what the pod wants; says whether something failed."""
    pod = kubelet.pod(run)
    if pod is None:
        return False
    kubelet.report(run)
    if not run.mounted:
        mounted = yield from _mount(kubelet, run)
        if not mounted:
            return True
    if not run.address:
        yield 0.2
        run.address = kubelet.world.pod_address()
        kubelet.relist_soon(run)
    failed = False
    for section, item in _startable(run, pod):
        record = run.containers[item["name"]]
        for kind, verb in (("startupProbe", "startup"), ("livenessProbe", "liveness")):
            if prober.failed(record, kind):
                _event(
                    kubelet,
                    pod,
                    item,
                    section,
                    "Normal",
                    "Killing",
                    f"Container {item['name']} failed {verb} probe, will be restarted",
                )
                yield from _kill(kubelet, run, record, pod)
        failed = (yield from _start(kubelet, run, pod, section, item)) or failed
    return failed


def _mount(kubelet: Node, run: PodRun) -> Steps:
    """Waits for the volumes, trying ever more rarely."""
    yield 0.2
    pause, waited = _MOUNT_FIRST, 0.0
    while (pod := kubelet.pod(run)) is not None:
        problem = references.unmountable(pod, kubelet.world.store.get)
        if problem is None:
            run.mounted = True
            return True
        message = f'MountVolume.SetUp failed for volume "{problem[0]}" : {problem[1]}'
        kubelet.recorder.event(pod, "Warning", "FailedMount", message, source="kubelet")
        if waited + pause > _MOUNT_PATIENCE:
            yield max(_MOUNT_PATIENCE - waited, 0)
            message = (
                f"Unable to attach or mount volumes: unmounted volumes=[{problem[0]}], unattached volumes=[], "
                "failed to process volumes=[]: context deadline exceeded"
            )
            kubelet.recorder.event(pod, "Warning", "FailedMount", message, source="kubelet")
            return False
        yield pause
        waited += pause
        pause = min(pause * 2, _MOUNT_LIMIT)
    return False


def _startable(run: PodRun, pod: Obj) -> list[tuple[str, Obj]]:
    """The containers that a sync looks at, in order: the init container whose turn it is, or all the others."""
    policy = spec(pod).get("restartPolicy", "Always")
    found: list[tuple[str, Obj]] = []
    for item in spec(pod).get("initContainers") or ():
        record = run.containers[item["name"]]
        seen = record.last_seen
        if is_sidecar(item):
            if _wants_start(record, "Always"):
                found.append(("initContainers", item))
            startup = record.probes.get("startupProbe")
            if seen is None or ("startupProbe" in item and not (startup and startup.result)):
                return found
            continue
        if seen is not None and seen.finished is not None and seen.exit_code == 0:
            continue
        if _wants_start(record, "Never" if policy == "Never" else "OnFailure"):
            found.append(("initContainers", item))
        return found
    mains = spec(pod).get("containers") or ()
    return found + [("containers", item) for item in mains if _wants_start(run.containers[item["name"]], policy)]


def _wants_start(record: ContainerRun, policy: str) -> bool:
    if prober.failed(record, "livenessProbe") or prober.failed(record, "startupProbe"):
        return True
    seen, current = record.last_seen, record.current
    if record.running is not None or (seen is not None and seen.finished is None):
        return False
    if (current.id if current else "") != (seen.id if seen else ""):  # not seen yet, so not acted on
        return False
    if seen is None or policy == "Always":
        return True
    return policy == "OnFailure" and seen.exit_code != 0


def _start(kubelet: Node, run: PodRun, pod: Obj, section: str, item: Obj) -> Steps:
    record, now = run.containers[item["name"]], kubelet.world.now()
    ended = next((old for old in reversed(record.seen) if old.finished is not None), None)
    if ended is not None:
        if record.backoff.is_on(now, ended.finished or now):
            name, namespace = meta(pod)["name"], meta(pod)["namespace"]
            who = f"{name}_{namespace}({run.uid})"
            message = f"Back-off restarting failed container {record.name} in pod {who}"
            _event(kubelet, pod, item, section, "Warning", "BackOff", message)
            wait = (
                f"back-off {_go_duration(record.backoff.seconds)} restarting failed container={record.name} pod={who}"
            )
            record.waiting = ("CrashLoopBackOff", wait)
            return True
        record.backoff.next(now)
    environment = yield from _pull(kubelet, run, pod, section, item)
    if environment is None:
        return True
    try:
        environment |= references.environment(pod, item, run.address, kubelet.world.store.get)
    except references.MissingReferenceError as error:
        yield 0.01
        _event(kubelet, pod, item, section, "Warning", "Failed", f"Error: {error}")
        record.waiting = ("CreateContainerConfigError", str(error))
        return True
    yield 0.02
    _event(kubelet, pod, item, section, "Normal", "Created", f"Created container: {record.name}")
    yield 0.1
    return _run(kubelet, run, pod, section, item, environment)


def _go_duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60}s"


def _run(kubelet: Node, run: PodRun, pod: Obj, section: str, item: Obj, environment: dict[str, str]) -> bool:
    record, now = run.containers[item["name"]], kubelet.world.now()
    argv = [*(item.get("command") or ()), *((item.get("args") or ()) if item.get("command") else ())]
    program: programs.Program | str
    if argv and argv[0] not in {"/app", "app"}:
        program = programs.command(argv, environment, now, meta(pod)["name"])
    elif images.parse(item["image"]).name == "busybox":
        program = programs.command(item.get("args") or ["sh"], environment, now, meta(pod)["name"])
    else:
        declared = [int(port.get("containerPort", 0)) for port in item.get("ports") or ()]
        program = programs.service(environment, now, meta(pod)["name"], declared)
    instance = Instance(f"{kubelet.world.random.getrandbits(256):064x}", now, None)
    if record.instances:
        record.restarts += 1
    record.instances = [*record.instances[-1:], instance]
    kubelet.relist_soon(run)
    if isinstance(program, str):
        instance.message = f"{_RUNC}unable to start container process: {program}: unknown"
        instance.finished, instance.exit_code, instance.reason = now, 128, "StartError"
        _event(kubelet, pod, item, section, "Warning", "Failed", f"Error: {instance.message}")
        record.waiting = ("RunContainerError", instance.message)
        return True
    instance.program, record.waiting = program, None
    _event(kubelet, pod, item, section, "Normal", "Started", f"Started container {record.name}")
    limit = ((item.get("resources") or {}).get("limits") or {}).get("memory")
    if limit is not None and program.number("LEAK_MB", 0) * 2**20 > quantity.amount(limit):
        kubelet.plan_end(run, instance, 0.08, _TOO_BIG, "OOMKilled")
    elif program.ends_after is not None:
        code = program.exit_code
        if program.environment.get("CRASH_AFTER"):
            program.output.append("fatal: configured to crash")
        kubelet.plan_end(run, instance, program.ends_after, code, "Completed" if code == 0 else "Error")
    return False


def _kill(kubelet: Node, run: PodRun, record: ContainerRun, pod: Obj) -> Steps:
    """Stops a container in the course of a sync."""
    running = record.running
    if running is None or running.program is None:
        return False
    grace = float(spec(pod).get("terminationGracePeriodSeconds", 30))
    stops = running.program.stops_in
    seconds = grace if stops is None else min(stops, grace)
    yield seconds
    killed = stops is None or stops > grace
    kubelet.end(run, running, _TOO_BIG if killed else 0, "Error" if killed else "Completed")
    return True


def _pull(kubelet: Node, run: PodRun, pod: Obj, section: str, item: Obj) -> PullSteps:
    """Makes sure the image is there: its environment, or None when it can't be had."""
    record, image, policy = run.containers[item["name"]], item["image"], item.get("imagePullPolicy", "IfNotPresent")
    try:
        reference = images.parse(image)
    except images.InvalidImageError as error:
        text = f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": {error}'
        _event(kubelet, pod, item, section, "Warning", "InspectFailed", text)
        _event(kubelet, pod, item, section, "Warning", "Failed", "Error: InvalidImageName")
        record.waiting = ("InvalidImageName", text)
        return None
    if policy == "Never" and image not in kubelet.images:
        text = f'Container image "{image}" is not present with pull policy of Never'
        _event(kubelet, pod, item, section, "Warning", "ErrImageNeverPull", text)
        _event(kubelet, pod, item, section, "Warning", "Failed", "Error: ErrImageNeverPull")
        record.waiting = ("ErrImageNeverPull", text)
        return None
    if policy != "Always" and image in kubelet.images:
        _event(kubelet, pod, item, section, "Normal", "Pulled", f'Container image "{image}" already present on machine')
        pulled = kubelet.images[image]
        record.image_id = f"{reference.full.partition('@')[0].rpartition(':')[0]}@{pulled.digest}"
        return dict(pulled.environment)
    now = kubelet.world.now()
    if record.pulls.is_on(now, record.pulls.updated):
        _event(kubelet, pod, item, section, "Normal", "BackOff", f'Back-off pulling image "{image}"')
        _event(kubelet, pod, item, section, "Warning", "Failed", "Error: ImagePullBackOff")
        record.waiting = ("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {record.pull_error}')
        return None
    return (yield from _fetch(kubelet, record, pod, section, item, reference))


def _fetch(
    kubelet: Node, record: ContainerRun, pod: Obj, section: str, item: Obj, reference: images.Reference
) -> PullSteps:
    image, begun = item["image"], kubelet.world.now()
    _event(kubelet, pod, item, section, "Normal", "Pulling", f'Pulling image "{image}"')
    outcome = kubelet.registry.pull(reference)
    queue = max(kubelet.pulling_until - begun, 0.0)  # one pull at a time on a node: serializeImagePulls
    kubelet.pulling_until = begun + queue + outcome.seconds
    yield queue + outcome.seconds
    if isinstance(outcome, images.NotPulled):
        record.pulls.next(kubelet.world.now())
        record.pull_error = outcome.error
        _event(kubelet, pod, item, section, "Warning", "Failed", f'Failed to pull image "{image}": {outcome.error}')
        _event(kubelet, pod, item, section, "Warning", "Failed", "Error: ErrImagePull")
        record.waiting = ("ErrImagePull", outcome.error)
        return None
    kubelet.images[image] = outcome
    alone, whole = _took(outcome.seconds), _took(queue + outcome.seconds)
    text = (
        f'Successfully pulled image "{image}" in {alone} ({whole} including waiting). Image size: {images.SIZE} bytes.'
    )
    _event(kubelet, pod, item, section, "Normal", "Pulled", text)
    record.image_id = f"{reference.host}/{reference.path}@{outcome.digest}"
    return dict(outcome.environment)


def _took(seconds: float) -> str:
    return f"{seconds:.3f}s".replace(".000s", "s") if seconds >= 1 else f"{seconds * 1000:.0f}ms"


def _event(kubelet: Node, pod: Obj, item: Obj, section: str, kind: str, reason: str, message: str) -> None:
    place = f"spec.{section}{{{item['name']}}}"
    kubelet.recorder.event(pod, kind, reason, message, source="kubelet", place=place)
