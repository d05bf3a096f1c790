"""Problem: one complaint about a spec, with its place; shown as compilers show theirs (contract section 6)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

SHOWN_COLUMNS = 110
"""Longest part of a source line that is shown; longer lines are cut around the caret."""

_AHEAD = 40


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint.

    Attributes:
        file: as the user named it.
        line: from 1; 0 when the whole file is meant.
        column: in characters, from 1; 0 when the whole file is meant.
        message: what is wrong; no full stop.
        hint: the way out; empty when there is nothing useful to say.
        source: the line itself, without its end, and with asterisks for what looks like a secret.
        length: characters under which carets stand.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    source: str = ""
    length: int = 1

    @property
    def place(self) -> str:
        """`file:line:column`, or the file alone."""
        return f"{visible(self.file)}:{self.line}:{self.column}" if self.line else visible(self.file)

    def text(self) -> str:
        """The complaint with its line, caret and hint, as several lines."""
        lines = [f"{self.place}: {visible(self.message)}"]
        if self.line and self.source.strip():
            lines += self._excerpt()
        if self.hint:
            lines.append(f"  hint: {visible(self.hint)}")
        return "\n".join(lines)

    def _excerpt(self) -> list[str]:
        start = self.column - 1
        marked = max(1, min(self.length, len(self.source) - start)) if start < len(self.source) else 1
        source = self.source
        cut = max(0, start - _AHEAD) if len(source) > SHOWN_COLUMNS else 0
        shown = source[cut : cut + SHOWN_COLUMNS]
        before = "…" if cut else ""
        after = "…" if cut + SHOWN_COLUMNS < len(source) else ""
        marked = min(marked, max(1, cut + SHOWN_COLUMNS - start))
        pad = before + _spaces(source[cut:start])
        carets = "^" * _width(source[start : start + marked] or " ")
        return [
            f"{self.line:>4} | {before}{visible(shown, tabs=True)}{after}",
            f"     | {pad.replace('…', ' ')}{carets}",
        ]

    def data(self) -> dict[str, object]:
        """As JSON shows it; the keys are part of docs/reference/check.md."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "length": self.length,
            "message": self.message,
            "hint": self.hint,
        }


def visible(text: str, *, tabs: bool = False) -> str:
    """The text without anything that could move a terminal's cursor or reorder its letters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or (tabs and c == "\t") else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    return " " if char in "\n\r\t" else "\N{REPLACEMENT CHARACTER}"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def _spaces(text: str) -> str:
    return "".join("\t" if c == "\t" else " " * _width(c) for c in text)


def ordered(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """By file, line and column, each only once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column)))
