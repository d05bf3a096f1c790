"""YAML text into plain data, and the place of every key and value in it.

Read as YAML 1.2 reads it (`no`, `on` and dates are text), because that is how editors do; what YAML 1.1 and 1.2 read
differently (010, 1_000) is a problem. Places are found only when somebody asks: a thousand good specs never do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import yaml

from agent.spec.composer import DEEPEST, compose
from agent.spec.problem import Problem
from agent.spec.syntax import explained

LARGEST = 1 << 20
"""Bytes of the largest file that is read."""

MOST_VALUES = 20_000
"""Keys and values that one file may unfold to, aliases included."""

Path: TypeAlias = tuple[str | int, ...]

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff"
)
_CONTROL = re.compile("[^\t\n\x20-\x7e\xa0-\ufdcf\ufdf0-\U0010ffff]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NUMERIC = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DISPUTED = re.compile(r"[-+]?0[0-9_]+|[-+]?[1-9][0-9]*_[0-9_]+|[-+]?0b[01_]+")
_LONGEST_NUMBER = 30
_REST = 1 << 20
_STANDARD = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or a value stands: line and column from 1, and its length on that line."""

    line: int
    column: int
    length: int


class _Wrong(Exception):
    """Something that plain data can't be made of, at a node."""

    def __init__(self, node: yaml.Node, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.node, self.message, self.hint = node, message, hint


@dataclass
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

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return re.split(r"\r\n|\r|\n", self.text)

    @cached_property
    def _places(self) -> tuple[dict[Path, Place], dict[Path, Place]]:
        builder = _Builder(self, mapped=True)
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

    def problem(self, path: Path, message: str, hint: str = "", *, key: bool = False, masked: bool = False) -> Problem:
        """A problem at the place of that path."""
        return self.at(self.place(path, key=key), message, hint, masked=masked)

    def at(self, place: Place, message: str, hint: str = "", *, masked: bool = False) -> Problem:
        """A problem at a place; what is masked is shown as asterisks by every later problem of that line too."""
        source = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        if masked:
            start, end = place.column - 1, min(place.column - 1 + place.length, len(source))
            source = self.lines[place.line - 1] = source[:start] + "*" * (end - start) + source[end:]
        return Problem(self.file, place.line, place.column, message, hint, source, place.length)

    def raw(self, path: Path) -> str:
        """The text of a scalar as it stands in the file; empty for anything longer than its line."""
        place = self._places[1].get(path)
        return self.lines[place.line - 1][place.column - 1 :][: place.length] if place else ""


def read(content: bytes | str, file: str) -> Document:
    """Reads one file; never raises, whatever it holds.

    Args:
        content: the file's bytes, or text that is known to be Unicode.
        file: its name, for problems.
    """
    text = _decoded(content)
    if text is None:
        return _unreadable(Document(file, ""), "the file is not UTF-8 text", "is this the right file?")
    document = Document(file, text.removeprefix("\ufeff"))
    if len(content) > LARGEST:
        document.text = ""
        return _unreadable(document, f"the file has {len(content):,} bytes; {LARGEST:,} are read at most")
    forbidden = _FORBIDDEN.search(document.text)
    if forbidden:
        return _forbidden(document, forbidden.start())
    _build(document)
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
    head = re.split(r"\r\n|\r|\n", document.text[:offset])
    char = document.text[offset]
    document.readable = False
    message = f"the character U+{ord(char):04X} is not allowed in YAML text"
    if char in "\u2028\u2029\x85" or 0x202A <= ord(char) <= 0x2069:  # noqa: PLR2004 - the block of bidi controls
        message = f"the invisible character U+{ord(char):04X} shows readers something else than what is read"
    document.problems.append(document.at(Place(len(head), len(head[-1]) + 1, 1), message, "remove it"))
    return document


def _build(document: Document) -> None:
    try:
        root = compose(document.text)
        if root is None:
            _unreadable(document, "the file is empty", "`headway init` writes a first service.yaml")
            return
        builder = _Builder(document, mapped=False)
        data = builder.build(root)
    except yaml.MarkedYAMLError as error:
        message, hint, mark = explained(error, document.lines)
        document.readable = False
        document.problems.append(document.at(Place(mark[0], mark[1], 1), message, hint))
    except _Wrong as wrong:
        document.readable = False
        document.problems.append(document.at(_place(wrong.node), wrong.message, wrong.hint))
    except RecursionError:
        _unreadable(document, f"the file is nested deeper than {DEEPEST} levels")
    else:
        document.problems.extend(builder.problems)
        if isinstance(data, dict):
            document.data = data
        elif data is None:
            _unreadable(document, "the file is empty", "`headway init` writes a first service.yaml")
        else:
            document.readable = False
            hint = "a spec begins with 'service: NAME'"
            document.problems.append(document.at(_place(root), f"expected a mapping of keys, found {kind(data)}", hint))


def kind(value: object) -> str:
    """What a value is, in YAML's words, with its article."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(value).lower()}"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _place(node: yaml.Node) -> Place:
    start, end = node.start_mark, node.end_mark
    length = end.column - start.column if end.line == start.line else 1
    if end.line > start.line and isinstance(node, yaml.ScalarNode) and node.style not in {"|", ">"}:
        length = _REST  # text over several lines is marked to the end of its first one
    return Place(start.line + 1, start.column + 1, max(1, length))


class _Builder:
    """Makes plain data of nodes; with `mapped`, notes the places as it goes."""

    def __init__(self, document: Document, *, mapped: bool) -> None:
        self.document = document
        self.mapped = mapped
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.problems: list[Problem] = []
        self._count = 0
        self._open: set[int] = set()

    def build(self, root: yaml.Node | None) -> Any:
        """The data of the root node."""
        return self._value(root, ()) if root is not None else None

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self._count += 1
        if self._count > MOST_VALUES:
            message = f"the file unfolds to more than {MOST_VALUES:,} values"
            raise _Wrong(node, message, "aliases of aliases multiply")
        if isinstance(node, yaml.ScalarNode):
            value = self._scalar(node)
            if self.mapped and (value is not None or path not in self.keys):
                self.values[path] = _place(node)
            return value
        if id(node) in self._open:
            raise _Wrong(node, "an alias in here points back to this, which never ends")
        if node.tag and node.tag not in {f"{_STANDARD}map", f"{_STANDARD}seq", "!"}:
            raise _Wrong(node, f"the tag {node.tag} has no meaning here", "remove it")
        self._open.add(id(node))
        if self.mapped and (path not in self.keys or node.start_mark.line == node.end_mark.line):
            self.values[path] = _place(node)
        built = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        self._open.discard(id(node))
        return built

    def _sequence(self, node: yaml.Node, path: Path) -> list[Any]:
        return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        built: dict[str, Any] = {}
        first: dict[str, yaml.Node] = {}
        merges: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.value == "<<" and not key_node.style:
                merges.append(value_node)
                continue
            key = self._key(key_node)
            if key in first:
                line = first[key].start_mark.line + 1
                message = f"'{key}' stands here twice"
                self.problems.append(
                    self.document.at(_place(key_node), message, f"it is on line {line} already; remove one of them")
                )
                continue
            first[key] = key_node
            if self.mapped:
                self.keys[(*path, key)] = _place(key_node)
            built[key] = self._value(value_node, (*path, key))
        for merged in merges:
            for key, value in self._merged(merged, path):
                built.setdefault(key, value)
        return built

    def _merged(self, node: yaml.Node, path: Path) -> Iterator[tuple[str, Any]]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                raise _Wrong(source, "'<<' merges a mapping, and this is none", "for example <<: *defaults")
            keys, values = dict(self.keys), dict(self.values)
            built = self._value(source, path)
            # What the mapping itself says wins, its place too.
            self.keys |= keys
            self.values |= values
            yield from built.items()

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _Wrong(node, f"expected a name as key, found {'a list' if node.id == 'sequence' else 'a mapping'}")
        value = self._scalar(node)
        if not isinstance(value, str):
            found = kind(value) if value is not None else "nothing"
            raise _Wrong(node, f"expected a name as key, found {found}", f'quote it: "{node.value}"')
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = node.value
        if node.tag and node.tag != "!":
            return self._tagged(node)
        if node.style or node.tag == "!":
            return self._text(node, text)
        if text and text[0] in _NUMERIC:
            return self._number(node, text)
        if text in _NULLS:
            return None
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        return self._text(node, text)

    def _tagged(self, node: yaml.ScalarNode) -> Any:
        if node.tag == f"{_STANDARD}str":
            return self._text(node, node.value)
        raise _Wrong(node, f"the tag {node.tag.replace(_STANDARD, '!!')} has no meaning here", "remove it")

    def _text(self, node: yaml.ScalarNode, text: str) -> str:
        control = None if text.isprintable() else _CONTROL.search(text)
        if control:
            message = f"the text has the control character U+{ord(control[0]):04X} in it"
            self.problems.append(self.document.at(_place(node), message, "remove it"))
        return text

    def _number(self, node: yaml.ScalarNode, text: str) -> Any:
        if _INTEGER.fullmatch(text) or _RADIX.fullmatch(text):
            if len(text) > _LONGEST_NUMBER:
                raise _Wrong(node, f"a number of {len(text)} digits", f'if it is text, quote it: "{text[:8]}…"')
            return int(text, 0) if _RADIX.fullmatch(text) else int(text)
        if _DISPUTED.fullmatch(text):
            message = f"'{text}' is one number to YAML 1.1 and another, or text, to YAML 1.2"
            plain = text.replace("_", "").lstrip("+-0") or "0"
            hint = f'quote it if it is text: "{text}"; else write {plain}'
            self.problems.append(self.document.at(_place(node), message, hint))
            return text
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
        if _FLOAT.fullmatch(text) or _NOT_JSON.fullmatch(text):
            self.problems.append(self.document.at(_place(node), f"'{text}' is not a finite number", "quote it"))
        return self._text(node, text)
