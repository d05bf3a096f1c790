"""Python values as Groovy literals that mean exactly the value, whatever it holds.

What is written is printable ASCII (and the line breaks of a text over several lines), so no encoding on the way to
Jenkins can change it. The rules are those of Groovy 2.4, the version that Jenkins embeds:

1. Groovy decodes a backslash followed by u and four hex digits in the whole source before it reads tokens, in comments
   too; a backslash after a backslash is never looked at. So every backslash of a value is doubled.
2. Such a decoded character takes part in the syntax like any other: quotes, line breaks and control characters are
   therefore never written that way. C0 and DEL are octal escapes, which are decoded inside the literal.
3. Single quotes: a dollar sign means nothing in them, so nothing of a value is ever evaluated.
4. NUL ends shell words and files, lone surrogates have no UTF-8, U+FFFF ends Groovy's input: they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from agent.errors import UsageError

Value: TypeAlias = "str | bool | int | Sequence[Value] | Mapping[str, Value] | None"

_NAMED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_REFUSED = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile(r"[^ -\[\]-~]")
_SPECIAL_IN_LINES = re.compile(r"[^\n -\[\]-~]")
_HARMLESS = re.compile(r"[ -&(-\[\]-~]*")
_TOUCHING = re.compile(r"'(?:(?=')|(?<='')|(?<=\A')|\Z)")
_KEY = re.compile(r"[a-z][A-Za-z0-9]*")
_INTEGER = 2**31


def literal(value: Value) -> str:
    """The literal for a value: string, boolean, integer, list, map or null.

    Raises:
        UsageError: a string holds a character that can't be written, or a number is too large for an Integer.
        TypeError: a value of another type; that is a bug in the caller.
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return _integer(value)
        case str():
            return string(value)
        case Mapping():
            return "[" + (", ".join(f"{_key(key)}: {literal(item)}" for key, item in value.items()) or ":") + "]"
        case Sequence():
            return "[" + ", ".join(literal(item) for item in value) + "]"
    raise TypeError(f"no Groovy literal for {type(value).__name__}")


def string(text: str) -> str:
    """A string in single quotes; in three of them, with its lines as lines, when it has several.

    Raises:
        UsageError: it holds NUL, half a surrogate pair or a noncharacter.
    """
    if _HARMLESS.fullmatch(text):
        return f"'{text}'"
    refuse(text)
    if "\n" not in text:
        return "'" + _SPECIAL.sub(_escaped, text).replace("'", "\\'") + "'"
    lines = _SPECIAL_IN_LINES.sub(_escaped, text)
    # A quote is escaped where it could join others: beside another quote, at the beginning and at the end.
    return "'''" + _TOUCHING.sub("\\'", lines) + "'''"


def time(seconds: float) -> str:
    """The arguments of `timeout` in the largest unit that says it exactly."""
    whole = max(1, round(seconds))
    for unit, size in (("DAYS", 86_400), ("HOURS", 3600), ("MINUTES", 60)):
        if whole % size == 0:
            return f"time: {whole // size}, unit: '{unit}'"
    return f"time: {whole}, unit: 'SECONDS'"


def plain(text: str) -> str:
    """Text for the rest of a `//` comment: one line, no backslash that Groovy could decode."""
    return re.sub(r"[^ -\[\]-~]", "?", text)


def refuse(text: str) -> None:
    """Passes text that a Groovy literal and a shell word can hold.

    Raises:
        UsageError: it holds NUL, half a surrogate pair or a noncharacter.
    """
    if found := _REFUSED.search(text):
        before = text[max(0, found.start() - 20) : found.start()]
        raise UsageError(
            f"the Jenkinsfile was not rendered: a value holds the character U+{ord(found[0]):04X} after {before!r}",
            hint="no shell command and no file can hold it; remove it from the spec",
        )


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    if char in _NAMED:
        return _NAMED[char]
    code = ord(char)
    if code < 0x20 or code == 0x7F:  # noqa: PLR2004
        return f"\\{code:03o}"
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _integer(value: int) -> str:
    if not -_INTEGER < value < _INTEGER:
        raise UsageError(f"the Jenkinsfile was not rendered: {value} is too large a number")
    return str(value)


def _key(key: str) -> str:
    return key if _KEY.fullmatch(key) else string(key)
