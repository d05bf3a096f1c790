"""YAML text into plain data, and a way to point at every key and value in it.

Places are found only when somebody asks for one: a thousand good specs never do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import yaml

from agent.spec.composer import DEEPEST, compose
from agent.spec.nodes import Builder, Path, Place, WrongNodeError, kind, place_of
from agent.spec.problem import Problem
from agent.spec.syntax import explained

LARGEST = 1 << 20
"""Bytes of the largest file that is read."""

# What is forbidden is named, not what is allowed: a class of most of Unicode takes Python milliseconds to compile.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAKS = re.compile(r"\r\n|\r|\n")


@dataclass(eq=False)
class Document:
    """One YAML file.

    Attributes:
        file: as the user named it.
        text: its text.
        data: the root mapping as plain data; empty when it could not be read.
        problems: what is wrong with the YAML itself.
        readable: whether `data` says what the file says, so that it's worth judging.
    """

    file: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    readable: bool = True
    _masked: dict[int, list[str]] = field(default_factory=dict, repr=False)
    _remembered: dict[Path, list[tuple[Path, str]]] = field(default_factory=dict, repr=False)

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return _BREAKS.split(self.text)

    def remembered(self, base: Path, found: Callable[[], list[tuple[Path, str]]]) -> list[tuple[Path, str]]:
        """The placeholders below a path, looked for once: a headway.yaml has a thousand services below it."""
        if base not in self._remembered:
            self._remembered[base] = found()
        return self._remembered[base]

    @cached_property
    def _places(self) -> tuple[dict[Path, Place], dict[Path, Place]]:
        builder = Builder(mapped=True)
        builder.build(compose(self.text))
        return builder.keys, builder.values

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value of a path stands; of its key, if asked or if the value is empty or spans lines.

        A path that is not in the file gets the nearest parent that is.
        """
        keys, values = self._places
        while path:
            order = (keys, values) if key else (values, keys)
            for places in order:
                if path in places:
                    return places[path]
            path, key = path[:-1], True
        return Place(1, 1, 1)

    def problem(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """A problem at the place of that path."""
        return self.at(self.place(path, key=key), message, hint)

    def mask(self, path: Path) -> None:
        """Shows the value of that path as asterisks from now on, in every problem of its line."""
        place = self.place(path)
        if place.line not in self._masked:
            self._masked[place.line] = list(self.lines[place.line - 1])
        letters = self._masked[place.line]
        end = min(place.column - 1 + place.length, len(letters))
        letters[place.column - 1 : end] = "*" * (end - place.column + 1)

    def shown(self, problem: Problem) -> Problem:
        """A problem that may have been found before something on its line was masked."""
        letters = self._masked.get(problem.line)
        return replace(problem, source="".join(letters)) if letters and problem.file == self.file else problem

    def at(self, place: Place, message: str, hint: str = "") -> Problem:
        """A problem at a place."""
        source = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        return Problem(self.file, place.line, place.column, message, hint, source, place.length)

    def raw(self, path: Path) -> str:
        """The text of a scalar as it stands in the file; empty for anything longer than its line."""
        place = self._places[1].get(path)
        return self.lines[place.line - 1][place.column - 1 :][: place.length] if place else ""


def read(content: bytes | str, file: str, *, may_be_empty: bool = False) -> Document:
    """Reads one file; never raises, whatever it holds.

    Args:
        content: the file's bytes, or text that is known to be Unicode.
        file: its name, for problems.
        may_be_empty: whether a file that says nothing is fine.
    """
    text = _decoded(content)
    if text is None:
        return _unreadable(Document(file, ""), "the file is not UTF-8 text", "is this the right file?")
    document = Document(file, text.removeprefix("\ufeff"))
    if len(content) > LARGEST:
        document.text = ""
        return _unreadable(document, f"the file is larger than {LARGEST:,} bytes, and is not read")
    forbidden = _FORBIDDEN.search(document.text)
    if forbidden:
        return _forbidden(document, forbidden.start())
    _build(document, may_be_empty=may_be_empty)
    return document


def _decoded(content: bytes | str) -> str | None:
    if isinstance(content, str):
        return content
    if b"\0" in content[:4096]:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _unreadable(document: Document, message: str, hint: str = "") -> Document:
    document.readable = False
    document.problems.append(Problem(document.file, 0, 0, message, hint))
    return document


def _forbidden(document: Document, offset: int) -> Document:
    head = _BREAKS.split(document.text[:offset])
    char = document.text[offset]
    document.readable = False
    message = f"the character U+{ord(char):04X} is not allowed in YAML text"
    if char in "\u2028\u2029\x85" or 0x202A <= ord(char) <= 0x2069:  # noqa: PLR2004 - the block of bidi controls
        message = f"the invisible character U+{ord(char):04X} shows readers something else than what is read"
    document.problems.append(document.at(Place(len(head), len(head[-1]) + 1, 1), message, "remove it"))
    return document


def _build(document: Document, *, may_be_empty: bool) -> None:
    builder = Builder(mapped=False)
    try:
        root = compose(document.text)
        data = builder.build(root)
    except yaml.MarkedYAMLError as error:
        message, hint, mark = explained(error, document.lines)
        document.readable = False
        document.problems.append(document.at(Place(mark[0], mark[1], 1), message, hint))
    except WrongNodeError as wrong:
        document.readable = False
        document.problems.append(document.at(place_of(wrong.node), wrong.message, wrong.hint))
    except RecursionError:
        _unreadable(document, f"the file is nested deeper than {DEEPEST} levels")
    else:
        document.problems += [document.at(*complaint) for complaint in builder.complaints]
        if isinstance(data, dict):
            document.data = data
        elif data is None or root is None:
            if not may_be_empty:
                _unreadable(document, "the file is empty", "`headway init` writes a first service.yaml")
        else:
            document.readable = False
            hint = "a spec begins with 'service: NAME'"
            document.problems.append(
                document.at(place_of(root), f"expected a mapping of keys, found {kind(data)}", hint)
            )
