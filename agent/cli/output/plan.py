"""A plan of jobs as lines for people and JSON for machines; reasons in words."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from typing import Any

from agent.cli.console import Console, clean
from agent.cli.output.alike import folded
from agent.jobs.change import (
    Change,
    Conflict,
    Create,
    Delete,
    Keep,
    Move,
    Replace,
    Update,
    action,
    full_name,
    indexes_again,
)
from agent.jobs.definition import Kind
from agent.jobs.difference import Difference
from agent.jobs.plan import Plan

_SHOWN_SENTENCES = 6
SIGNS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "move": (">", "yellow"),
    "replace": ("±", "red"),
    "disable": ("-", "red"),
    "delete": ("-", "red"),
    "conflict": ("!", "red"),
}
_INFINITIVE = {
    "create": "to create",
    "update": "to update",
    "move": "to move",
    "replace": "to replace",
    "disable": "to disable",
}


def plan_text(plan: Plan, console: Console, *, diff: bool, scripts: bool = True, command: str = "apply") -> str:
    """The plan as lines: what changes, how many stay, how many requests it takes.

    Args:
        plan: to show.
        console: whose colours to use.
        diff: whether the lines of changed Jenkinsfiles are shown.
        scripts: whether they may be hidden without a word.
        command: of `headway jobs` that carries it out.
    """
    shown = changed(plan)
    width = columns(shown)
    entries = [(_alike(one, console, diff=diff), list(_lines(one, console, width, diff=diff))) for one in shown]
    lines = list(folded(entries, more_alike))
    if not diff and scripts and any(script_of(change) for change in plan.changes):
        lines.append("  (--diff shows the lines of changed Jenkinsfiles)")
    lines += kept_line(plan, "are", "is")
    if plan.orphans:
        lines.append(orphans_line(plan))
    return "\n".join([*lines, summary(plan, command)])


def plan_data(plan: Plan, url: str, refused: str = "") -> dict[str, Any]:
    """The plan as JSON shows it (docs/reference/plan.md)."""
    return {
        "headway": 1,
        "command": "jobs plan",
        "jenkins": url,
        "owner": plan.options.owner,
        "counts": counts(plan),
        "requests": plan.requests,
        "changes": [_change_data(change) for change in plan.changes],
        "orphans": list(plan.orphans),
        "refused": refused,
    }


def plan_json(plan: Plan, url: str, refused: str = "") -> str:
    """`plan_data` as text."""
    return json.dumps(plan_data(plan, url, refused), indent=2, ensure_ascii=False)


def counts(plan: Plan) -> dict[str, int]:
    """How many items of each action, all of them named."""
    found = plan.counts()
    return {name: found.get(name, 0) for name in (*_INFINITIVE, "delete", "keep", "conflict")}


def changed(plan: Plan) -> list[Change]:
    """What is not as it should be, in the order of the plan."""
    return [change for change in plan.changes if not isinstance(change, Keep)]


def columns(changes: list[Change]) -> int:
    """How wide the column of names is, in characters."""
    return min(60, max((len(title(change)) for change in changes), default=0))


def title(change: Change) -> str:
    """The full name; a folder's ends with a slash."""
    is_folder = not isinstance(change, Delete) and change.job.kind is Kind.FOLDER
    return full_name(change) + ("/" if is_folder else "")


def is_weighty(change: Change) -> bool:
    """Whether a person has to look at each of its kind: something goes, moves, or can't be done."""
    return not isinstance(change, Create | Update)


def _alike(change: Change, console: Console, *, diff: bool) -> tuple[str, ...] | None:
    """What a change has in common with others; None where it is shown by itself."""
    if console.verbose or is_weighty(change):
        return None
    script = script_of(change) if diff else None
    return (reason(change), *(script.lines() if script else ()))


def more_alike(count: int, said: Hashable) -> str:
    """The line in place of many that say the same."""
    words = said[0] if isinstance(said, tuple) else said
    return f"    ... and {count} more: {clean(str(words))} (--verbose lists them)"


def _lines(change: Change, console: Console, width: int, *, diff: bool) -> Iterator[str]:
    sign, colour = SIGNS[action(change)]
    name = clean(title(change)).ljust(width)
    yield f"  {console.paint(sign, colour)} {name}  {clean(reason(change))}"
    script = script_of(change)
    if diff and script is not None:
        for line in script.lines():
            yield "      " + console.paint(clean(line), *_diff_colour(line))


def _diff_colour(line: str) -> tuple[str, ...]:
    return {"+": ("green",), "-": ("red",), "@": ("cyan",)}.get(line[:1], ())


def script_of(change: Change) -> Difference | None:
    """The difference of the Jenkinsfile, where there is one."""
    if not isinstance(change, Update | Move):
        return None
    return next((one for one in change.reading.differences if one.is_script), None)


def sentences(change: Update | Move) -> str:
    """The differences in words, the first few of them."""
    said = [one.sentence() for one in change.reading.differences]
    more = len(said) - _SHOWN_SENTENCES
    return ", ".join(said[:_SHOWN_SENTENCES]) + (f" and {more} more settings" if more > 0 else "")


def reason(change: Change) -> str:  # noqa: PLR0911  one return an action
    """What would be done and why, in one line."""
    again = _again(change)
    match change:
        case Create():
            listed = change.job.marker.libraries.replace(",", ", ")
            carries = f" with shared libraries {listed}" if "," in listed else f" with shared library {listed}"
            return "create" if change.job.kind is not Kind.FOLDER else f"create folder{carries if listed else ''}"
        case Update() if change.reason == "the spec changed" and change.reading.differences:
            return f"update: {sentences(change)}{again}"
        case Update():
            said = sentences(change)
            return f"update ({change.reason}){': ' + said if said else ''}{again}"
        case Move():
            said = sentences(change)
            return f"move {change.reason}, with its builds{'; update: ' + said if said else ''}{again}"
        case Replace():
            return f"replace: {change.reason}"
        case Delete():
            return f"{change.stage}: {change.reason}"
        case Conflict():
            return f"conflict: {change.reason}" + (
                "; --adopt takes it over, with its builds" if change.adoptable else ""
            )
        case Keep():
            return change.reason


def _again(change: Change) -> str:
    """What Jenkins will scan because of it."""
    if isinstance(change, Create) or not indexes_again(change):
        return ""
    if isinstance(change, Update) and change.scans:
        jobs = "the multibranch job" if change.scans == 1 else f"{change.scans} multibranch jobs"
        return f" (scans every branch of {jobs} in it again)"
    return " (scans every branch again)"


def kept_line(plan: Plan, plural: str, singular: str) -> list[str]:
    """The line about what stays; none where nothing does."""
    kept = sum(isinstance(change, Keep) for change in plan.changes)
    if not kept:
        return []
    return [f"  = {kept} job{'s' if kept != 1 else ''} {plural if kept != 1 else singular} as {they(kept)} should be"]


def they(count: int) -> str:
    """They, or it."""
    return "they" if count != 1 else "it"


def orphans_line(plan: Plan) -> str:
    """The line about jobs that a prune would take."""
    names = ", ".join(clean(name) for name in plan.orphans[:3]) + (" ..." if len(plan.orphans) > 3 else "")  # noqa: PLR2004
    one = len(plan.orphans) == 1
    return (
        f"  ? {len(plan.orphans)} job{'' if one else 's'} of this owner {'has' if one else 'have'} no spec any more: "
        f"{names} (--prune disables, then deletes {'it' if one else 'them'})"
    )


def summary(plan: Plan, command: str = "apply") -> str:
    """The sum of the plan, and how many requests it takes to carry it out with that command of `headway jobs`."""
    found = counts(plan)
    parts = [f"{found['create']} to create", f"{found['update']} to update"]
    parts += [f"{found[name]} {_INFINITIVE[name]}" for name in ("move", "replace", "disable") if found[name]]
    parts += [f"{found['delete']} to delete", f"{found['keep']} to keep"]
    if found["conflict"]:
        parts.append(f"{found['conflict']} in conflict")
    count = plan.requests
    sent = "nothing" if not count else f"{count} request{'s' if count != 1 else ''}"
    return f"Plan: {', '.join(parts)}. `headway jobs {command}` would send {sent}."


def _change_data(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"job": full_name(change), "action": action(change), "reason": change.reason}
    if isinstance(change, Move):
        found["from"] = change.steps[0]
    if isinstance(change, Conflict):
        found["adoptable"] = change.adoptable
    if indexes_again(change):
        found["indexes_again"] = True
    if isinstance(change, Update | Move | Delete):
        found["differences"] = [
            {"setting": one.name, "path": one.path, "before": one.shown[0], "after": one.shown[1]}
            for one in change.reading.differences
            if not one.is_script
        ]
        script = script_of(change)
        found["diff"] = script.lines() if script else []
    return found
