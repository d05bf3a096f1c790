"""Problems as SARIF 2.1.0, which code review tools show beside the lines (OASIS sarif-v2.1.0)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from agent import __version__
from agent.spec.problem import Problem

RULE = "spec"


def sarif(problems: Sequence[Problem]) -> dict[str, Any]:
    """One run of one tool, with one result a problem."""
    driver = {
        "name": "headway",
        "version": __version__,
        "rules": [
            {"id": RULE, "shortDescription": {"text": "A service.yaml says something that can't be carried out."}}
        ],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [*map(_result, problems)]}],
    }


def _result(problem: Problem) -> dict[str, Any]:
    text = problem.message + (f"\nhint: {problem.hint}" if problem.hint else "")
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(problem.file)}}
    if problem.line:
        end = min(problem.column + problem.length, max(len(problem.source) + 1, problem.column + 1))
        place["region"] = {"startLine": problem.line, "startColumn": problem.column, "endColumn": end}
    return {
        "ruleId": RULE,
        "level": "error",
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }
