"""The page about the verdict says what the judge's docstring says."""

from __future__ import annotations

import re
from pathlib import Path

from agent.rollout import verdict
from agent.rollout.diagnosis import Code

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "verdict.md").read_text(encoding="utf-8")


def rules(text):
    """{number: sentence} of the docstring."""
    found = re.findall(r"^(R\d+)\s+(.*?)(?=^R\d+ |^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return {number: " ".join(sentence.split()) for number, sentence in found}


def test_every_rule_stands_on_the_page_as_in_the_docstring():
    said = rules(verdict.__doc__)
    assert len(said) == 31
    on_page = dict(re.findall(r"^- \*\*(R\d+)\*\* (.*)$", PAGE, re.MULTILINE))
    assert on_page == said


def test_every_pitfall_that_a_rule_cites_is_retold():
    cited = set(re.findall(r"\b[PE]\d+\b", verdict.__doc__))
    assert {name for name in cited if not re.search(rf"\b{name}\b", PAGE.partition("## The pitfalls")[2])} == set()


def test_our_own_codes_are_explained():
    contract = {
        "image-pull-failed", "invalid-image-name", "crash-loop", "oom-killed", "config-error", "run-container-error",
        "init-container-failed", "unschedulable", "quota-exceeded", "admission-denied", "probe-failing",
        "progress-deadline-exceeded", "smoke-failed",
    }  # fmt: skip
    assert contract <= {str(code) for code in Code}
    assert {str(code) for code in Code if str(code) not in contract and f"`{code}`" not in PAGE} == set()
