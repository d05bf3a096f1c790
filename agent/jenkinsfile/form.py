"""Forms: a Jenkinsfile with blanks for the texts of a spec, so that a template is run once for many specs.

Most specs of a company make the same Jenkinsfile but for their names, URLs and commands. `outlined` takes these texts
out of the facts of a spec and leaves a Blank for each; the template is run with what is left, the outline, and gives a
Form. Every spec with an equal outline fills in that Form instead of running the template again. An outline keeps
whatever a template may decide by: whether a text is there, choices, numbers, how many of each, texts of several lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, get_origin

from agent.errors import UsageError
from agent.spec.part import Part

Texts: TypeAlias = Sequence[str]
"""What was taken out of the facts of one spec, in the order of the blanks."""

BLANK = "\0"
"""Stands for a blank while text is put together: nothing that a Jenkinsfile can hold has it."""


class Writer(Protocol):
    """Fills in a blank; equal ones write the same."""

    def write(self, texts: Texts) -> str:
        """What stands there: one or more of the texts, escaped for their place."""


@dataclass(frozen=True, slots=True, eq=False)
class Blank:
    """Stands for a text that is not empty and has one line; a template can write it and know nothing else of it."""

    number: int

    def __eq__(self, other: object) -> bool:
        """Whether it is the same blank.

        Raises:
            TypeError: a template compares it with a text, which it does not have yet.
        """
        if isinstance(other, str):
            raise TypeError("a text of a spec is only written by this template, never compared")
        return isinstance(other, Blank) and self.number == other.number

    def __hash__(self) -> int:
        return hash(("blank", self.number))


@dataclass(frozen=True, slots=True)
class Outline(Mapping[str, Any]):
    """What is left of a mapping, a part of a spec or another dataclass: names, and of each the value or what is left.

    Equal outlines give equal forms. The names are part of it, in their order.
    """

    names: tuple[str, ...]
    left: tuple[Any, ...]

    def __getitem__(self, name: str) -> Any:
        try:
            return self.left[self.names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Form:
    """A text with blanks.

    Attributes:
        pieces: what stands before, between and after the blanks.
        writers: each of them once.
        order: of each blank, which writer fills it in; one less than pieces.
    """

    pieces: tuple[str, ...]
    writers: tuple[Writer, ...]
    order: tuple[int, ...]

    @classmethod
    def of(cls, text: str, writers: Sequence[Writer]) -> Form:
        """The form of a text that has BLANK in it for each of the writers.

        Raises:
            UsageError: it has that character for something else.
        """
        pieces = tuple(text.split(BLANK))
        if len(pieces) != len(writers) + 1:
            raise UsageError("nothing was rendered: the template holds the character U+0000")
        once = tuple(dict.fromkeys(writers))
        return cls(pieces, once, tuple(map(once.index, writers)))

    def filled_in(self, texts: Texts) -> str:
        """The text with its blanks filled in.

        Raises:
            UsageError: a text holds a character that can't be written.
        """
        written = [writer.write(texts) for writer in self.writers]
        whole = [""] * (2 * len(self.order) + 1)
        whole[::2] = self.pieces
        whole[1::2] = [written[number] for number in self.order]
        return "".join(whole)


def outlined(facts: Mapping[str, Any], decide: frozenset[str] = frozenset()) -> tuple[Outline, Texts]:
    """Facts without their texts, and these texts.

    Args:
        facts: parts of a spec, dataclasses, tuples, mappings by text, and plain values, which must be hashable.
        decide: names of the facts that are left as they are.
    """
    texts: list[str] = []
    return _mapping(facts, decide, texts), texts


def _left(value: Any, texts: list[str]) -> Any:
    kind = value.__class__
    if kind is str:
        if not value or "\n" in value:
            return value
        texts.append(value)
        return _blank(len(texts) - 1)
    if kind is tuple:
        return tuple([_left(item, texts) for item in value])
    if kind is dict:
        return _mapping(value, frozenset(), texts)
    names, decide = _open(kind)
    return _part(value, names, decide, texts) if names else value


def _mapping(given: Mapping[str, Any], decide: frozenset[str], texts: list[str]) -> Outline:
    left = [value if name in decide else _left(value, texts) for name, value in given.items()]
    return Outline(tuple(given), tuple(left))


def _part(part: Any, names: tuple[str, ...], decide: frozenset[str], texts: list[str]) -> Outline:
    left = [getattr(part, name) if name in decide else _left(getattr(part, name), texts) for name in names]
    return Outline(names, tuple(left))


_blank = cache(Blank)


@cache
def _open(kind: type) -> tuple[tuple[str, ...], frozenset[str]]:
    """What templates may ask a part of a spec or another dataclass, in order; and what of it is one of few choices."""
    names = tuple(attributes(kind))
    annotations = {name: kind.model_fields[name].annotation for name in names} if issubclass(kind, Part) else {}
    return names, frozenset(name for name, one in annotations.items() if get_origin(one) is Literal)


def attributes(kind: type[Any]) -> list[str]:
    """The data of a part of a spec or of another dataclass: its fields and properties, never its methods."""
    if issubclass(kind, Part):
        return list(kind.model_fields)
    if not is_dataclass(kind):
        return []
    names = [field.name for field in fields(kind)] + [n for n, v in vars(kind).items() if isinstance(v, property)]
    return [name for name in names if not name.startswith("_")]
