"""The causes of a failed rollout with the end of the logs that may show them: bounded to 3 s and 256 KiB in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.errors import HeadwayError
from agent.objects import Ref
from agent.operations.following import Ending
from agent.operations.mission import Tools
from agent.reports.deploy import Cause
from agent.rollout.diagnosis import Code, Diagnosis
from agent.rollout.logs import log_requests
from agent.rollout.scrub import scrub
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import Failed, TimedOut

SECONDS = 3.0
BYTES = 256 * 1024

BLAMES = frozenset({
    Code.CRASH_LOOP, Code.OOM_KILLED, Code.PROBE_FAILING, Code.SMOKE_FAILED, Code.INIT_CONTAINER_FAILED,
    Code.RUN_CONTAINER_ERROR, Code.JOB_FAILED,
})  # fmt: skip
"""Codes that are the release's own fault: only they make a pair known bad (contract section 7)."""


def causes(
    tools: Tools, endings: Sequence[Ending], snapshots: Mapping[Ref, Snapshot], began: float
) -> tuple[Cause, ...]:
    """What went wrong, the root cause first; with logs where there are any.

    Args:
        tools: the doors to the outside.
        endings: of the workloads, the worst first.
        snapshots: what is known of them.
        began: when the operation began, to which times are relative.
    """
    found: list[Cause] = []
    until = tools.clock.monotonic() + SECONDS
    budget = BYTES
    for ending in endings:
        if not isinstance(ending.verdict, Failed | TimedOut):
            continue
        logs: dict[tuple[str, str], str] = {}
        for request in log_requests(ending.verdict, snapshots[ending.workload]):
            if tools.clock.monotonic() >= until or budget <= 0:
                break
            text = _fetched(tools, request.namespace, request.pod, request.container, previous=request.previous)
            text = text[-budget:]
            if text.strip() and (request.pod, request.container) not in logs:
                logs[request.pod, request.container] = scrub(text)
                budget -= len(text)
        found.extend(_cause(diagnosis, logs, began) for diagnosis in ending.verdict.diagnosis)
    return tuple(found)


def _cause(diagnosis: Diagnosis, logs: Mapping[tuple[str, str], str], began: float) -> Cause:
    pod = diagnosis.object.removeprefix("pod/")
    exact = logs.get((pod, diagnosis.container), "")
    same = (text for (_, container), text in logs.items() if container == diagnosis.container)
    return Cause(diagnosis, max(diagnosis.first_seen - began, 0.0), exact or next(same, ""))


def _fetched(tools: Tools, namespace: str, pod: str, container: str, *, previous: bool) -> str:
    """A log, or nothing: a diagnosis never fails because a log can't be had."""
    try:
        return tools.cluster.logs(namespace, pod, container, previous=previous)
    except HeadwayError:
        return ""


def to_blame(found: Sequence[Cause]) -> bool:
    """Whether the release itself was at fault."""
    return bool(found) and found[0].diagnosis.code in BLAMES
