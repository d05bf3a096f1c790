"""Which fields of the remote API an answer carries: `tree=` as Stapler parses it, and `depth=`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[A-Za-z0-9_*$-]+|[\[\],]|\{[^}]*\}")
_RANGE = re.compile(r"^\{(\d*)(,?)(\d*)\}$")


class BadTreeError(ValueError):
    """A `tree` that cannot be parsed."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Fields by name.

    Args:
        names: each with what is wanted below it.
        slice: which elements of a list, as `{M,N}` says.
    """

    names: Mapping[str, Tree] = field(default_factory=dict)
    slice: slice | None = None

    def below(self, name: str, _visibility: int) -> Selection | None:
        """The selection for this field; None when it was not asked for."""
        return self.names.get(name) or self.names.get("*")

    def inlined(self) -> Tree:
        """The same: names were given."""
        return self

    @property
    def only(self) -> tuple[str, ...] | None:
        """The names asked for, in order; None when any name may be meant."""
        return None if "*" in self.names else tuple(self.names)


@dataclass(frozen=True, slots=True)
class Depth:
    """Fields by their visibility: what `depth=` shows.

    Args:
        level: a field shows when its visibility is at least this; one more for each object inside another.
    """

    level: int
    slice: slice | None = None

    def below(self, _name: str, visibility: int) -> Selection | None:
        """The selection for this field; None when it lies too deep."""
        return Depth(self.level + 1) if visibility >= self.level else None

    def inlined(self) -> Depth:
        """The selection for what shows as much as the object around it."""
        return Depth(self.level - 1)

    @property
    def only(self) -> tuple[str, ...] | None:
        """Any name may be meant."""
        return None


Selection = Tree | Depth


def selection(parameters: Mapping[str, str]) -> Selection:
    """What a request asks for.

    Raises:
        BadTreeError: the `tree` or the `depth` is not understood.
    """
    if "tree" in parameters:
        return tree(parameters["tree"])
    depth = parameters.get("depth", "0") or "0"
    if not depth.lstrip("-").isdigit():
        raise BadTreeError(f"depth {depth!r}")
    return Depth(1 - int(depth))


def tree(text: str) -> Tree:
    """The selection that `jobs[name,builds[number]{0,5}]` means.

    Raises:
        BadTreeError: it is not understood.
    """
    tokens = _TOKEN.findall(text.replace(" ", ""))
    if "".join(tokens) != text.replace(" ", ""):
        raise BadTreeError(text)
    names, rest = _names(tokens, 0)
    if rest != len(tokens):
        raise BadTreeError(text)
    return Tree(names)


def _names(tokens: list[str], at: int) -> tuple[dict[str, Tree], int]:
    found: dict[str, Tree] = {}
    while at < len(tokens):
        name = tokens[at]
        if name in "[]," or name.startswith("{"):
            raise BadTreeError("".join(tokens))
        at += 1
        inner: dict[str, Tree] = {}
        if at < len(tokens) and tokens[at] == "[":
            inner, at = _names(tokens, at + 1)
            if at >= len(tokens) or tokens[at] != "]":
                raise BadTreeError("".join(tokens))
            at += 1
        chosen = None
        if at < len(tokens) and tokens[at].startswith("{"):
            chosen = _slice(tokens[at])
            at += 1
        found[name] = Tree(dict(sorted(inner.items())), chosen)
        if at >= len(tokens) or tokens[at] != ",":
            break
        at += 1
    return dict(sorted(found.items())), at


def _slice(text: str) -> slice:
    match = _RANGE.match(text)
    if match is None or text in {"{}", "{,}"}:
        raise BadTreeError(text)
    first, comma, last = match.groups()
    if not comma:
        return slice(int(first), int(first) + 1)
    return slice(int(first) if first else None, int(last) if last else None)
