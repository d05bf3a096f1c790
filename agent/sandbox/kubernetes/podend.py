"""The end of a pod: SIGTERM, the grace period, SIGKILL, the last status, and the forced delete."""

from __future__ import annotations

import contextlib
import math

from agent.sandbox.kubernetes.objects import Obj, meta, spec
from agent.sandbox.kubernetes.runtime import Instance, Node, PodRun, Steps

_KILLED = 137


def stop(node: Node, run: PodRun, pod: Obj) -> Steps:
    """SIGTERM, the grace period, SIGKILL; then the last status, and the object goes at the next relist."""
    begun, grace = node.world.now(), float(meta(pod).get("deletionGracePeriodSeconds") or 1)
    ends: list[tuple[float, Instance, int]] = []
    for record in run.containers.values():
        running = record.running
        if running is None or running.program is None:
            continue
        place = f"spec.{record.section}{{{record.name}}}"
        node.recorder.event(
            pod, "Normal", "Killing", f"Stopping container {record.name}", source="kubelet", place=place
        )
        stops = running.program.stops_in
        wanted = math.inf if stops is None else stops + _pre_stop(pod, record.name)
        ends.append((min(wanted, grace), running, 0 if wanted <= grace else _KILLED))
    yield 0.04
    node.report(run)
    for seconds, running, code in sorted(ends, key=lambda item: item[0]):
        yield max(begun + seconds - node.world.now(), 0.0)
        node.end(run, running, code, "Completed" if code == 0 else "Error")
        if running.program is not None:
            running.program.output.append("bye")
    yield 0.03
    for record in run.containers.values():
        record.look()
    run.stopped = True
    node.report(run)
    yield node.until_relist()
    node.remove(run)
    return False


def _pre_stop(pod: Obj, name: str) -> float:
    """Seconds that a preStop hook takes: `sleep` actions and sleep commands."""
    item: Obj = next((found for found in spec(pod)["containers"] if found["name"] == name), {})
    hook = (item.get("lifecycle") or {}).get("preStop") or {}
    if isinstance(hook.get("sleep"), dict):
        return float(hook["sleep"].get("seconds", 0))
    words = " ".join((hook.get("exec") or {}).get("command") or []).split()
    with contextlib.suppress(ValueError, IndexError):
        return float(words[words.index("sleep") + 1]) if "sleep" in words else 0.0
    return 0.0
