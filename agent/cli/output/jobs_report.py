"""What became of a plan of jobs, as lines for people and JSON for machines."""

from __future__ import annotations

import json

from agent.cli.console import Console, clean
from agent.cli.output.alike import folded
from agent.cli.output.plan import (
    SIGNS,
    columns,
    is_weighty,
    kept_line,
    more_alike,
    orphans_line,
    sentences,
    they,
    title,
)
from agent.jobs.change import Change, Conflict, Create, Keep, Move, Update, action
from agent.jobs.definition import Kind
from agent.reports.jobs import ItemReport, JobsReport, Outcome

_PAST = {
    "create": "created",
    "update": "updated",
    "move": "moved",
    "replace": "replaced",
    "disable": "disabled",
    "delete": "deleted",
}


def report_text(report: JobsReport, console: Console, *, views: bool = False) -> str:
    """What became of the plan, item by item, and the sum; `views`: what is sent for views is told after it."""
    width = columns([item.change for item in report.items if item.outcome is not Outcome.KEPT])
    entries = [
        (_alike(item, console), [_outcome(item, console, width)])
        for item in report.items
        if item.outcome is not Outcome.KEPT
    ]
    lines = list(folded(entries, more_alike))
    lines += kept_line(report.plan, "were", "was")
    if report.plan.orphans:
        lines.append(orphans_line(report.plan))
    return "\n".join([*lines, _ending(report, console, views=views)])


def report_json(report: JobsReport) -> str:
    """The report as JSON text."""
    return json.dumps(report.data(), indent=2, ensure_ascii=False)


def _alike(item: ItemReport, console: Console) -> str | None:
    if console.verbose or is_weighty(item.change) or item.outcome not in {Outcome.DONE, Outcome.SKIPPED}:
        return None
    return _done(item.change) if item.outcome is Outcome.DONE else item.message


def _outcome(item: ItemReport, console: Console, width: int) -> str:
    sign, colour = SIGNS[action(item.change)]
    name = clean(title(item.change)).ljust(width)
    if item.outcome is Outcome.DONE:
        return f"  {console.paint(sign, colour)} {name}  {clean(_done(item.change))}"
    word = {Outcome.FAILED: "FAILED", Outcome.SKIPPED: "not done", Outcome.CONFLICT: "conflict"}[item.outcome]
    why = item.message + (f" (hint: {item.hint})" if item.hint else "")
    return f"  {console.paint('!', 'red')} {name}  {console.paint(word, 'red')}: {clean(why)}"


def _done(change: Change) -> str:
    past = _PAST[action(change)]
    if isinstance(change, Update | Move) and change.reading.differences:
        return f"{past}: {sentences(change)}"
    if isinstance(change, Create) and change.job.kind is Kind.FOLDER:
        return f"folder {past}"
    if isinstance(change, Create):
        return past
    return f"{past} ({change.reason})" if not isinstance(change, Conflict | Keep) else past


def _ending(report: JobsReport, console: Console, *, views: bool) -> str:
    done = report.having(Outcome.DONE)
    by: dict[str, int] = {}
    for item in done:
        word = _PAST[action(item.change)]
        by[word] = by.get(word, 0) + 1
    parts = [f"{count} {word}" for word, count in by.items()]
    kept = len(report.having(Outcome.KEPT))
    parts += [f"{kept} as {they(kept)} {'were' if kept != 1 else 'was'}"] if kept else []
    if report.having(Outcome.CONFLICT):
        parts.append(f"{len(report.having(Outcome.CONFLICT))} in conflict")
    if report.failed:
        parts.append(console.paint(f"{len(report.failed)} NOT done", "red", "bold"))
    nothing = "No job was changed" if views else "Nothing was sent"
    head = "Interrupted" if report.interrupt else "Applied" if done else nothing
    checked = "; Jenkins shows it" if report.verified else ""
    if report.unverified:
        checked = f"; not verified: {clean(report.unverified)}"
    return f"{head}: {', '.join(parts) or 'no jobs'}{checked}. {clean(report.url)}, {report.seconds:.1f} s."
