"""YAML nodes into plain data, and the place of every key and value.

Scalars are read as YAML 1.2 reads them (`no`, `on` and dates are text), because that is how editors do; what YAML 1.1
and 1.2 read differently (010, 1_000) is a complaint.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from agent.spec.composer import DEEPEST, TOO_DEEP

MOST_VALUES = 20_000
"""Keys and values that one file may unfold to, aliases included."""

Path: TypeAlias = tuple[str | int, ...]

_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef]")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
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


class WrongNodeError(Exception):
    """Plain data can't be made of a node."""

    def __init__(self, node: yaml.Node, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.node, self.message, self.hint = node, message, hint


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


def place_of(node: yaml.Node) -> Place:
    """Where a node stands."""
    start, end = node.start_mark, node.end_mark
    length = end.column - start.column if end.line == start.line else 1
    if end.line > start.line and isinstance(node, yaml.ScalarNode) and node.style not in {"|", ">"}:
        length = _REST  # text over several lines is marked to the end of its first one
    return Place(start.line + 1, start.column + 1, max(1, length))


class Builder:
    """Makes plain data of nodes; with `mapped`, notes the places as it goes."""

    def __init__(self, *, mapped: bool) -> None:
        self.mapped = mapped
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.complaints: list[tuple[Place, str, str]] = []
        self._count = 0
        self._open: set[int] = set()

    def build(self, root: yaml.Node | None) -> Any:
        """The data of the root node."""
        return self._value(root, ()) if root is not None else None

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self._count += 1
        if self._count > MOST_VALUES:
            message = f"the file unfolds to more than {MOST_VALUES:,} values"
            raise WrongNodeError(node, message, "aliases of aliases multiply")
        if isinstance(node, yaml.ScalarNode):
            value = self._scalar(node)
            if self.mapped and (value is not None or path not in self.keys):
                self.values[path] = place_of(node)
            return value
        if len(path) > DEEPEST:
            raise WrongNodeError(node, TOO_DEEP, "a spec is flat")
        if id(node) in self._open:
            raise WrongNodeError(node, "an alias in here points back to this, which never ends")
        if node.tag and node.tag not in {f"{_STANDARD}map", f"{_STANDARD}seq", "!"}:
            raise WrongNodeError(node, f"the tag {node.tag.replace(_STANDARD, '!!')} has no meaning here", "remove it")
        self._open.add(id(node))
        if self.mapped and (path not in self.keys or node.start_mark.line == node.end_mark.line):
            self.values[path] = place_of(node)
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
                self.complaints.append(
                    (place_of(key_node), message, f"it is on line {line} already; remove one of them")
                )
                continue
            first[key] = key_node
            if self.mapped:
                self.keys[(*path, key)] = place_of(key_node)
            built[key] = self._value(value_node, (*path, key))
        for merged in merges:
            for key, value in self._merged(merged, path):
                built.setdefault(key, value)
        return built

    def _merged(self, node: yaml.Node, path: Path) -> Iterator[tuple[str, Any]]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                raise WrongNodeError(source, "'<<' merges a mapping, and this is none", "for example <<: *defaults")
            keys, values = dict(self.keys), dict(self.values)
            built = self._value(source, path)
            # What the mapping itself says wins, its place too.
            self.keys |= keys
            self.values |= values
            yield from built.items()

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise WrongNodeError(
                node,
                f"expected a name as key, found {'a list' if isinstance(node, yaml.SequenceNode) else 'a mapping'}",
            )
        value = self._scalar(node)
        if not isinstance(value, str):
            found = kind(value) if value is not None else "nothing"
            raise WrongNodeError(node, f"expected a name as key, found {found}", f'quote it: "{node.value}"')
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = node.value
        if node.style or node.tag:
            return self._tagged(node) if node.tag and node.tag != "!" else self._text(node, text)
        if text and text[0] in _NUMERIC:
            return self._number(node, text)
        if text in _NULLS:
            return None
        return _BOOLEANS[text] if text in _BOOLEANS else self._text(node, text)

    def _tagged(self, node: yaml.ScalarNode) -> Any:
        if node.tag == f"{_STANDARD}str":
            return self._text(node, node.value)
        raise WrongNodeError(node, f"the tag {node.tag.replace(_STANDARD, '!!')} has no meaning here", "remove it")

    def _text(self, node: yaml.ScalarNode, text: str) -> str:
        control = None if text.isprintable() else _CONTROL.search(text)
        if control:
            message = f"the text has the control character U+{ord(control[0]):04X} in it"
            self.complaints.append((place_of(node), message, "remove it"))
        return text

    def _number(self, node: yaml.ScalarNode, text: str) -> Any:
        if _INTEGER.fullmatch(text) or _RADIX.fullmatch(text):
            if len(text) > _LONGEST_NUMBER:
                raise WrongNodeError(node, f"a number of {len(text)} digits", f'if it is text, quote it: "{text[:8]}…"')
            return int(text, 0) if _RADIX.fullmatch(text) else int(text)
        if _DISPUTED.fullmatch(text):
            message = f"'{text}' is one number to YAML 1.1 and another, or text, to YAML 1.2"
            hint = f'quote it if it is text: "{text}"; else write it without leading 0 and without _'
            self.complaints.append((place_of(node), message, hint))
            return text
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isfinite(number):
                return number
        if _FLOAT.fullmatch(text) or _NOT_JSON.fullmatch(text):
            self.complaints.append((place_of(node), f"'{text}' is not a finite number", "quote it"))
        return self._text(node, text)
