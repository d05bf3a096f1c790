"""Plans as text and Markdown: hostile names stay harmless, and a comment stays within its limit."""

from __future__ import annotations

import io
import re

import pytest

from agent.cli.console import Console
from agent.cli.output import plan as plan_output
from agent.cli.output.plan import plan_json, plan_text
from agent.cli.output.plan_markdown import LONGEST_COMMENT, plan_markdown
from agent.jobs.change import Conflict, Create, Delete, Keep, Move, Reading, Replace, Update
from agent.jobs.difference import Difference
from agent.jobs.inventory import Item
from agent.jobs.plan import Plan
from tests.unit.jobs.test_plan import job

CONSOLE = Console(io.StringIO(), io.StringIO())
SCRIPT = Difference("definition/script", "a\nb\n", "a\nc\n")
TRIGGER = Difference("properties/x/hudson.triggers.SCMTrigger/spec", "H/5", "H/10")


def text(*changes, **options) -> str:
    return plan_text(Plan(tuple(changes), **options), CONSOLE, diff=True)


def test_a_line_costs_the_same_in_a_long_plan(monkeypatch):
    asked = []
    title = plan_output.title
    monkeypatch.setattr(plan_output, "title", lambda change: asked.append(1) or title(change))
    text(*(Create(job(f"f/{number}")) for number in range(100)))
    assert len(asked) <= 300


def test_every_action_has_its_line_and_its_place_in_the_sum():
    shown = text(
        Create(job("f/new")),
        Update(job("f/changed"), "the spec changed", Reading("x", "y", (SCRIPT, TRIGGER))),
        Move(job("f/moved"), ("old", "f/moved"), "from old", Reading()),
        Replace(job("f/other"), "it is a pipeline job and becomes a multibranch job; its builds are lost"),
        Delete(Item("f/gone", "x"), "disable", "no spec names it"),
        Delete(Item("f/dead", "x"), "delete", "no spec names it"),
        Conflict(job("f/theirs"), "it was not made by Headway", adoptable=True),
        Keep(job("f/kept")),
        orphans=("f/orphan",),
    )
    assert shown == (
        "  + f/new      create\n"
        "  ~ f/changed  update: Jenkinsfile (1 line), SCMTrigger spec H/5 -> H/10\n"
        "      @@ -1,2 +1,2 @@\n"
        "       a\n"
        "      -b\n"
        "      +c\n"
        "  > f/moved    move from old, with its builds\n"
        "  ± f/other    replace: it is a pipeline job and becomes a multibranch job; its builds are lost\n"
        "  - f/gone     disable: no spec names it\n"
        "  - f/dead     delete: no spec names it\n"
        "  ! f/theirs   conflict: it was not made by Headway; --adopt takes it over, with its builds\n"
        "  = 1 job is as it should be\n"
        "  ? 1 job of this owner has no spec any more: f/orphan (--prune disables, then deletes it)\n"
        "Plan: 1 to create, 1 to update, 1 to move, 1 to replace, 1 to disable, 1 to delete, 1 to keep, 1 in conflict. "
        "`headway jobs apply` would send 8 requests."
    )


@pytest.mark.parametrize("evil", ["\x1b[2J", "\r+ innocent", "\u202egnp", "\x07", "\u2028", "\x9b31m"])
def test_nothing_from_a_jenkins_moves_a_cursor(evil):
    shown = text(
        Delete(Item(f"job{evil}", "x"), "disable", f"because{evil}"),
        Update(job("a"), f"why{evil}", Reading("", "", (Difference("displayName", evil, f"x{evil}"),))),
        Update(
            job("b"), "the spec changed", Reading("", "", (Difference("definition/script", f"a{evil}", f"b{evil}"),))
        ),
        orphans=(f"gone{evil}",),
    )
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown)


@pytest.mark.parametrize(
    "evil", ["</details>", "| x |", "@everyone", "```\n", "[link](http://x)", "<script>", "`code`", "# head\n"]
)
def test_nothing_from_a_job_becomes_markdown(evil):
    shown = plan_markdown(
        Plan(
            (
                Delete(Item(f"job{evil}", "x"), "disable", f"because {evil}"),
                Update(job("b"), f"{evil}", Reading("", "", (Difference("definition/script", "a\n", f"b\n{evil}\n"),))),
            )
        ),
        "https://jenkins.example.com",
    )
    table, _, details = shown.partition("<details>")
    assert table.count("\n| ") == 3
    assert "@everyone" not in table
    assert "](http" not in table
    assert "<script>" not in table
    fence = re.search(r"\n(`{3,})diff\n", "<details>" + details)
    assert fence is not None
    assert details.count(fence[1]) == 2


def script(number: int) -> Difference:
    return Difference("definition/script", "a\nb\n", f"a\nc{number}\n")


@pytest.mark.parametrize("count", [1, 100, 3000])
def test_a_comment_fits_and_says_what_did_not(count):
    changes = tuple(
        Update(job(f"team/service-{number:05}"), "the spec changed", Reading("", "", (script(number),)))
        for number in range(count)
    )
    shown = plan_markdown(Plan(changes), "https://jenkins.example.com")
    assert len(shown) <= LONGEST_COMMENT
    assert ("did not fit" in shown) is (count == 3000)
    assert f"{count} to update" in shown


def test_a_comment_says_once_what_is_alike_and_first_what_is_risky():
    updates = [Update(job(f"a/{number:05}"), "the spec changed", Reading("", "", (SCRIPT,))) for number in range(5000)]
    gone = Delete(Item("z/old", "x"), "delete", "no spec names it")
    changed = Replace(job("z/new"), "it is a pipeline job and becomes a multibranch job; its builds are lost")
    shown = plan_markdown(Plan((*updates, changed, gone)), "https://jenkins.example.com")
    assert "did not fit" not in shown
    assert "- **builds are lost**: <code>z/new</code>" in shown
    assert "- **deleted with all builds**: <code>z/old</code>" in shown
    assert "… and 4997 more" in shown
    assert shown.count("<details>") == 1
    assert shown.index("| <code>z/new</code> | replace") < shown.index("| <code>a/00000</code> | update")


def test_json_of_a_plan_keeps_what_it_found_as_data():
    import json

    data = json.loads(plan_json(Plan((Update(job("a"), "why\x1b", Reading("", "", (TRIGGER, SCRIPT))),)), "https://x"))
    assert data["changes"][0]["differences"] == [
        {"setting": TRIGGER.name, "path": TRIGGER.path, "before": "H/5", "after": "H/10"}
    ]
    assert data["changes"][0]["diff"] == ["@@ -1,2 +1,2 @@", " a", "-b", "+c"]
    assert data["changes"][0]["reason"] == "why\x1b"
