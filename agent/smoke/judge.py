"""An answer judged against what was expected: passed, or one line that says what was wrong."""

from __future__ import annotations

import json
from typing import Any

from agent.smoke.check import SmokeCheck

SHOWN = 300
"""Characters of an answer that are shown."""


def http(check: SmokeCheck, status: int, body: str, error: str) -> str:
    """Judges an HTTP answer.

    Args:
        check: what was expected.
        status: HTTP status; 0 when there was no answer.
        body: the (possibly cut) body.
        error: why there was no answer.

    Returns:
        Empty when it passed, else what was wrong: `500 from /api (expected 200)`.
    """
    if status == 0:
        return f"no answer from {check.path}: {error or 'connection closed'}"
    if status != check.status:
        return f"{status} from {check.path} (expected {check.status})"
    if check.json is None:
        return ""
    try:
        answer = json.loads(body)
    except ValueError:
        return f"{check.path} did not answer JSON"
    problem = missing(check.json, answer)
    return f"{check.path} answered {problem}" if problem else ""


def missing(expected: Any, answer: Any, path: str = "") -> str:  # noqa: PLR0911  one return a kind of JSON
    """What of `expected` the answer lacks; empty when it contains all of it.

    Objects may have more keys than expected; lists must have as many items, each containing what is expected of it;
    numbers are equal by value, true and false are no numbers.
    """
    place = path or "it"
    if isinstance(expected, dict):
        if not isinstance(answer, dict):
            return f"{_show(answer)} for {place} (expected an object)"
        for key, value in expected.items():
            inner = f"{path}.{key}" if path else str(key)
            if key not in answer:
                return f"no {inner} (expected {_show(value)})"
            problem = missing(value, answer[key], inner)
            if problem:
                return problem
        return ""
    if isinstance(expected, list | tuple):
        if not isinstance(answer, list) or len(answer) != len(expected):
            return f"{_show(answer)} for {place} (expected {len(expected)} items)"
        found = (
            missing(one, other, f"{path}[{place_}]")
            for place_, (one, other) in enumerate(zip(expected, answer, strict=True))
        )
        return next((problem for problem in found if problem), "")
    same = expected == answer and isinstance(expected, bool) == isinstance(answer, bool)
    return "" if same else f"{_show(answer)} for {place} (expected {_show(expected)})"


def command(status: int | None, within: float) -> str:
    """Judges a command; empty when it passed."""
    if status is None:
        return f"did not end within {within:g} s"
    return "" if status == 0 else f"ended with status {status} (expected 0)"


def shown(text: str) -> str:
    """The beginning of an answer, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004  a line's worth


def pause(tries: int) -> float:
    """Seconds to wait after that many tries: short at first, never more than 5."""
    return float(min(0.5 * 2.0 ** max(tries - 1, 0), 5.0))
