"""The last lines of a story: the verdict and what serves now, the cause, the way on. Pure text from a report."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TypeAlias

from agent.cli.output.moments import duration
from agent.reports.deploy import Cause, DeployReport

Line: TypeAlias = tuple[str, ...]
"""Text and styles."""

LOG_LINES = 8


def endings(report: DeployReport, where: str) -> Iterator[Line]:
    """The lines.

    Args:
        report: of the operation.
        where: where report.html lies; empty if none was written.
    """
    good = report.status == 0
    yield headline(report), *(("green", "bold") if good else ("red", "bold"))
    for cause in report.diagnosis[:3]:
        yield from _cause(cause, "cause" if cause is report.diagnosis[0] else "also")
    if report.undo in {"failed", "unverified"}:
        for cause in report.undo_diagnosis[:1]:
            yield from _cause(cause, "undo")
    hint = advice(report)
    if hint:
        yield (f"  next: {hint}",)
    status = "" if good else f"exit status {int(report.status)}"
    if where or status:
        place = f"report: {where}" if where else ""
        yield (f"  {place}{'      ' if place and status else ''}{status}",)


def headline(report: DeployReport) -> str:
    """What became of it, in one line."""
    if report.rehearsal and report.status == 0:
        return "REHEARSED: nothing was changed."
    text = {
        "deploy": _deploy,
        "restart": _deploy,
        "undo": _undo,
        "smoke": _smoke,
        "recover": _recover,
    }.get(report.command, _deploy)(report)
    partial = {"partial": "only a partition was updated", "manual": "pods are replaced by hand (OnDelete)"}
    notes = [partial[note] for note in report.notes if note in partial]
    return f"{text} Note: {', '.join(notes)}." if notes else text


def _version(report: DeployReport) -> str:
    return report.version or report.image or "it"


def _deploy(report: DeployReport) -> str:  # noqa: PLR0911  one return a verdict
    version = _version(report)
    served = any(each.diagnosis.code == "smoke-failed" for each in report.diagnosis)
    served = (served or any(each.phase == "soak" for each in report.workloads)) and report.undone_to is not None
    live = f" {version} was live for {report.live_seconds:.0f} s." if served and report.live_seconds >= 1 else ""
    if report.verdict == "complete":
        if not report.changed:
            return f"COMPLETE: {version} serves as before, nothing had to change."
        smoke = "smoke passed" if any(each.phase == "deploy" for each in report.smoke) else "no smoke checks"
        return f"COMPLETE: {version} serves as release {report.release}, {smoke}. {duration(report.seconds)} in all."
    word = {"failed": "FAILED", "timed-out": "TIMED OUT"}.get(report.verdict, "")
    if word:
        return f"{word}{_taken_back(report)}{live}"
    if report.verdict == "superseded" and report.superseded_by:
        left = "what it had written is left to that one" if report.changed else "nothing was changed"
        return f"SUPERSEDED by {report.superseded_by}: this deploy has stopped; {left}."
    if report.verdict == "superseded":
        return "SUPERSEDED: somebody else changed the workload meanwhile; their change was left alone."
    if report.verdict == "gone":
        return "GONE: somebody deleted the workload meanwhile."
    if report.verdict == "interrupted":
        return (
            f"INTERRUPTED by {report.interrupted}: {report.remarks[-1] if report.remarks else 'nothing was changed'}."
        )
    return f"{report.verdict.upper()}."


def _taken_back(report: DeployReport) -> str:
    back = report.undone_to.version or report.undone_to.image if report.undone_to else "the release before"
    match report.undo:
        case "verified":
            return f", undone and verified: {back} serves again."
        case "unverified":
            return f", undone to {back}, but NOT VERIFIED: a person is needed."
        case "failed":
            return ", and the undo FAILED: a mixed or bad release serves, a person is needed."
        case "no-target":
            return ", and there is nothing to go back to: a person is needed."
        case _:
            return f" and was not undone: {_version(report)} stays, a person is needed."


def _undo(report: DeployReport) -> str:
    if report.verdict in {"interrupted", "superseded", "gone"}:
        return _deploy(report)
    target, now = report.undone_to, report.before
    back = target.version or target.image if target else ""
    as_before = not report.changed and target and now and target.release == now.release
    match report.undo:
        case "verified" if as_before:
            return f"VERIFIED: {back} serves as before, nothing had to change."
        case "verified":
            return f"UNDONE and verified: {back} serves. {duration(report.seconds)} in all."
        case "unverified":
            return f"UNDONE to {back}, but NOT VERIFIED: a person is needed."
        case "no-target":
            return "NOTHING TO GO BACK TO: nothing was changed."
        case _:
            return "The undo FAILED: a mixed or bad release serves, a person is needed."


def _recover(report: DeployReport) -> str:
    if report.verdict == "complete":
        said = report.remarks[-1] if report.remarks else "nothing was left open"
        others = " `headway recover --any-build` closes it." if said.endswith("not ours to close") else ""
        return f"NOT RECOVERED: {said}.{others}" if others else f"RECOVERED: {said}."
    if report.verdict == "failed":
        return f"RECOVERED{_taken_back(report)}"
    return _deploy(report)


def _smoke(report: DeployReport) -> str:
    if report.verdict == "interrupted":
        return _deploy(report)
    failed = sum(not check.passed for check in report.smoke)
    count = len(report.smoke)
    if failed:
        return f"FAILED: {failed} of {count} smoke checks; nothing was changed."
    return f"PASSED: {count} smoke check{'s' if count != 1 else ''}." if count else "No smoke checks were run."


def _cause(cause: Cause, label: str) -> Iterator[Line]:
    found = cause.diagnosis
    smoke = found.code == "smoke-failed"
    where = f" ({found.object})" if smoke and found.object.startswith("pod/") else ""
    yield (f"  {label}: {found.message + where if smoke else found.sentence}",)
    indent = " " * (len(label) + 4)
    for line in _folded(cause.log)[-LOG_LINES:]:
        yield f"{indent}{line}", "dim"


def _folded(log: str) -> list[str]:
    """The lines of a log that say something; what comes several times in a row is said once."""
    runs = [(line, len(list(same))) for line, same in groupby(line for line in log.splitlines() if line.strip())]
    return [f"{line}  ({count} times)" if count > 1 else line for line, count in runs]


def advice(report: DeployReport) -> str:
    """What a person would do now; empty where nothing is to be done."""
    if report.rehearsal or report.status == 0:
        return ""
    place = f"-n {report.namespace} {report.workload}"
    if report.verdict in {"interrupted", "superseded", "gone"}:
        return _cut_short(report)
    if report.undo in {"failed", "unverified"}:
        return f"kubectl describe {place}; `headway undo --to-release N` tries another release"
    if report.undo == "no-target":
        return _without_target(report, place)
    if report.verdict in {"failed", "timed-out"} and report.undo == "none" and report.command != "smoke":
        migrated = any("database migration" in text for text in report.remarks)
        named = "deploy a release that works; `headway undo --to-release N` takes the code back all the same"
        return named if migrated else "`headway status` shows where an undo would go; `headway undo` goes there"
    return ""


def _cut_short(report: DeployReport) -> str:
    """It was neither good nor bad: somebody stopped it, changed the workload or deleted it."""
    if report.verdict == "gone":
        return "`headway undo` puts the last release known good back, with all its objects"
    if report.verdict == "superseded":
        shown = "`headway status` shows what runs now; ask whoever changed it, then deploy again, or `headway undo`"
        return "" if report.superseded_by else shown
    return "`headway status` shows what runs; `headway undo` takes it back" if report.changed else ""


def _without_target(report: DeployReport, place: str) -> str:
    """There is nothing to go back to; but what serves may be good, and only have lost some of its objects."""
    now = report.before
    if report.command != "undo":
        return f"kubectl describe {place}; deploy a release that works"
    if now is None or not now.verified:
        return "deploy a release that works; `headway undo --to-release N` goes to any that `headway history` lists"
    again = f"`headway undo --to-release {now.release}` restores all objects of {now.version or now.image}"
    return f"{again}; `headway history` lists other releases to name"
