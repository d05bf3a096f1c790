"""Startup, readiness and liveness probes: one worker a probe, as in pkg/kubelet/prober/worker.go."""

from __future__ import annotations

from dataclasses import replace

from agent.sandbox.kubernetes.objects import Obj
from agent.sandbox.kubernetes.programs import Program
from agent.sandbox.kubernetes.runtime import ContainerRun, ProbeState

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_GOOD = range(200, 400)
_WORDS = {"startupProbe": "Startup", "readinessProbe": "Readiness", "livenessProbe": "Liveness"}


def port_number(port: object, container: Obj) -> int:
    """A port given by number or by the name of a container port; 0 when there is none of that name."""
    if isinstance(port, int):
        return port
    for item in container.get("ports") or ():
        if item.get("name") == port:
            return int(item.get("containerPort", 0))
    return int(port) if isinstance(port, str) and port.isdigit() else 0


def ask(probe: Obj, container: Obj, program: Program, address: str, now: float) -> str:
    """Carries a probe out: empty when it succeeds, else what the kubelet says after `probe failed: `."""
    if isinstance(probe.get("httpGet"), dict):
        action = probe["httpGet"]
        port, path = port_number(action.get("port"), container), str(action.get("path", "/")).partition("?")[0]
        path = path if path.startswith("/") else f"/{path}"
        url = f"{str(action.get('scheme', 'HTTP')).lower()}://{address}:{port}{path}"
        if not program.is_listening(port, now):
            return f'Get "{url}": dial tcp {address}:{port}: connect: connection refused'
        status = program.answer(path, now).status
        return "" if status in _GOOD else f"HTTP probe failed with statuscode: {status}"
    if isinstance(probe.get("grpc"), dict):
        port = port_number(probe["grpc"].get("port"), container)
        if not program.is_listening(port, now):
            limit = probe.get("timeoutSeconds", 1)
            return f'timeout: failed to connect service "{address}:{port}" within {limit}s: context deadline exceeded'
        return "" if program.health(now) in _GOOD else 'service unhealthy (responded with "NOT_SERVING")'
    if isinstance(probe.get("tcpSocket"), dict):
        port = port_number(probe["tcpSocket"].get("port"), container)
        return "" if program.is_listening(port, now) else f"dial tcp {address}:{port}: connect: connection refused"
    command = (probe.get("exec") or {}).get("command") or []
    is_bad = "false" in command[:1] or "exit 1" in " ".join(command) or program.health(now) not in _GOOD
    return "command failed" if is_bad else ""


def tick(record: ContainerRun, container: Obj, kind: str, address: str, now: float) -> tuple[bool, str]:
    """One turn of a probe worker.

    Returns:
        Whether the kubelet must sync the pod, and the message of an Unhealthy event (empty for none).
    """
    probe, state = container[kind], record.probes.setdefault(kind, ProbeState())
    seen = record.last_seen
    if seen is None:
        return False, ""
    fresh = state.instance != seen.id
    if fresh:
        record.probes[kind] = state = ProbeState(seen.id, {"readinessProbe": False, "livenessProbe": True}.get(kind))
    wants_sync = fresh and kind != "livenessProbe"
    if seen.finished is not None or seen.program is None:
        changed = state.result is not False
        state.result = False
        return (changed or wants_sync) and kind != "livenessProbe", ""
    if state.on_hold or not _is_due(record, container, kind, now - seen.started):
        return wants_sync, ""
    # Between its end and the next relist a container still counts as running: then nobody answers the probe.
    is_alive = record.running is not None and record.running.id == seen.id
    why = ask(probe, container, seen.program if is_alive else replace(seen.program, serves=()), address, now)
    good = not why
    state.run = state.run + 1 if state.last == good else 1
    state.last = good
    if state.run >= int(probe.get("successThreshold" if good else "failureThreshold", 1)) and state.result != good:
        state.result = good
        wants_sync = True
        if not good and kind != "readinessProbe":
            state.on_hold = True
            state.run = 0
    elif not good and state.result is False and kind != "readinessProbe":
        wants_sync = True
    return wants_sync, "" if good else f"{_WORDS[kind]} probe failed: {why}"


def _is_due(record: ContainerRun, container: Obj, kind: str, age: float) -> bool:
    if age < float(container[kind].get("initialDelaySeconds") or 0):
        return False
    startup = record.probes.get("startupProbe")
    has_started = "startupProbe" not in container or (startup is not None and startup.result is True)
    return not has_started if kind == "startupProbe" else has_started


def failed(record: ContainerRun, kind: str) -> bool:
    """Whether a startup or liveness probe has given the running instance up."""
    state, running = record.probes.get(kind), record.running
    return (
        state is not None
        and running is not None
        and state.instance == running.id
        and state.result is False
        and state.on_hold
    )
