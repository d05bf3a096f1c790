"""A plan of jobs as one comment of a pull request: what is risky first, what is alike once, and never too long."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence

from agent.cli.console import clean
from agent.cli.output.alike import folded
from agent.cli.output.plan import changed, is_weighty, reason, script_of, summary
from agent.jobs.change import Change, Conflict, Create, Delete, Move, Replace, action, full_name, indexes_again
from agent.jobs.plan import Plan

LONGEST_COMMENT = 65_536
"""Characters that GitHub, GitLab and Bitbucket take in one comment, the smallest of the three."""
_HARMLESS = {ord(char): f"&#{ord(char)};" for char in "&<>\"'|@*_`[]()#~!\\:"}
_NAMED = 10


def plan_markdown(plan: Plan, url: str, refused: str = "") -> str:
    """The plan as a comment for a pull request, cut at LONGEST_COMMENT.

    Args:
        plan: to show.
        url: of the Jenkins.
        refused: why it would not be carried out; empty: it would.
    """
    head = f"### headway jobs plan\n\n{summary(plan)}\nJenkins: {_code(url)}\n"
    if refused:
        head += f"\n**Refused:** {_cell(refused)}\n"
    # What a person must look at comes first: it is what must not be cut off.
    found = sorted(changed(plan), key=lambda change: not is_weighty(change))
    rows = [(None if is_weighty(one) else reason(one), [_row(one)]) for one in found]
    table = ["| job | action | why |", "|---|---|---|", *folded(rows, _more)] if rows else []
    parts = [*(f"{line}\n" for line in _risks(found)), "\n", *(f"{row}\n" for row in table), *_details(found)]
    text, left = head, 0
    for part in parts:
        if len(text) + len(part) > LONGEST_COMMENT - 100:
            left += 1
        else:
            text += part
    return text + (f"\n… {left} more lines or diffs did not fit into one comment.\n" if left else "")


def _risks(changes: Sequence[Change]) -> Iterator[str]:
    """One line for each thing that can't be taken back, or that costs more than a request."""
    risks = (
        ("builds are lost", [one for one in changes if isinstance(one, Replace)]),
        ("deleted with all builds", [one for one in changes if isinstance(one, Delete) and one.stage == "delete"]),
        ("disabled", [one for one in changes if isinstance(one, Delete) and one.stage == "disable"]),
        ("not done, because it is not ours", [one for one in changes if isinstance(one, Conflict)]),
        ("moved", [one for one in changes if isinstance(one, Move)]),
        (
            "every branch is scanned again",
            [one for one in changes if indexes_again(one) and not isinstance(one, Create)],
        ),
    )
    for words, found in risks:
        if found:
            more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            yield f"\n- **{words}**: {', '.join(_code(full_name(one)) for one in found[:_NAMED])}{more}"


def _row(change: Change) -> str:
    return f"| {_code(full_name(change))} | {action(change)} | {_cell(reason(change))} |"


def _more(count: int, said: Hashable) -> str:
    return f"| … and {count} more | | {_cell(str(said))} |"


def _code(text: str) -> str:
    return f"<code>{_cell(text)}</code>"


def _cell(text: str) -> str:
    """Text in a table: no pipe ends the cell, no `@name` calls anybody, no markup becomes any."""
    return " ".join(clean(text).split()).translate(_HARMLESS)


def _details(changes: Sequence[Change]) -> Iterator[str]:
    """The diffs of Jenkinsfiles, each once with the jobs that have it."""
    found: dict[str, list[str]] = {}
    for change in changes:
        script = script_of(change)
        if script is not None:
            found.setdefault("\n".join(script.lines()), []).append(full_name(change))
    for lines, names in found.items():
        fence = "`" * (max((len(run) for run in re.findall(r"`{2,}", lines)), default=2) + 1)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        head = f"<details><summary>{_code(names[0])}{more}</summary>"
        yield f"\n{head}\n\n{fence}diff\n{clean(lines)}\n{fence}\n</details>\n"
