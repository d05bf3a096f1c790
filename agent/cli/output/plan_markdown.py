"""A plan of jobs as one comment of a pull request."""

from __future__ import annotations

import re

from agent.cli.console import clean
from agent.cli.output.plan import changed, reason, script_of, summary
from agent.jobs.change import Change, action, full_name
from agent.jobs.plan import Plan

LONGEST_COMMENT = 65_536
"""Characters that GitHub, GitLab and Bitbucket take in one comment, the smallest of the three."""
_HARMLESS = {ord(char): f"&#{ord(char)};" for char in "&<>\"'|@*_`[]()#~!\\:"}


def plan_markdown(plan: Plan, url: str) -> str:
    """The plan as a comment for a pull request, cut at LONGEST_COMMENT."""
    head = f"### headway jobs plan\n\n{summary(plan)}\nJenkins: {_code(url)}\n"
    rows = [f"| {_code(full_name(one))} | {action(one)} | {_cell(reason(one))} |" for one in changed(plan)]
    table = ["| job | action | why |", "|---|---|---|", *rows] if rows else []
    details = [_details(change) for change in plan.changes if script_of(change)]
    text, left = head + "\n", 0
    for part in [*(f"{row}\n" for row in table), *details]:
        if len(text) + len(part) > LONGEST_COMMENT - 100:
            left += 1
        else:
            text += part
    return text + (f"\n… {left} more lines or diffs did not fit into one comment.\n" if left else "")


def _code(text: str) -> str:
    return f"<code>{_cell(text)}</code>"


def _cell(text: str) -> str:
    """Text in a table: no pipe ends the cell, no `@name` calls anybody, no markup becomes any."""
    return " ".join(clean(text).split()).translate(_HARMLESS)


def _details(change: Change) -> str:
    script = script_of(change)
    lines = "\n".join(script.lines()) if script else ""
    fence = "`" * (max((len(run) for run in _backticks(lines)), default=2) + 1)
    head = f"<details><summary>{_code(full_name(change))}</summary>"
    return f"\n{head}\n\n{fence}diff\n{clean(lines)}\n{fence}\n</details>\n"


def _backticks(text: str) -> list[str]:
    return re.findall(r"`{2,}", text)
