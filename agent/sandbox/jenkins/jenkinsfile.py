"""Reads a Jenkinsfile as far as the sandbox must: blocks, statements with their places, literals.

Not a Groovy parser. It knows comments, the quoted strings ('', "", triple), brackets, and that a statement ends at a
line end or a semicolon outside of brackets. What stands inside `script {}` and `steps {}` is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class SyntaxProblem(ValueError):  # noqa: N818 - it is reported, not thrown at anybody
    """Brackets or quotes that don't fit.

    Args:
        message: as Groovy words it.
        line: from 1.
        column: from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(slots=True)
class Statement:
    """One statement: `name arguments { block }`.

    Args:
        name: its first word; empty when it begins with something else.
        text: all of it but the block, comments included.
        arguments: what stands between name and block, brackets kept.
        line: from 1.
        column: from 1.
        block: the statements inside; None without a block.
        one_line: the block opens and closes in one line.
    """

    name: str
    text: str
    arguments: str
    line: int
    column: int
    block: list[Statement] | None = None
    one_line: bool = False

    def find(self, *path: str) -> Statement | None:
        """The first statement under this path of names."""
        found: Statement | None = self
        for name in path:
            inside = found.block or [] if found else []
            found = next((statement for statement in inside if statement.name == name), None)
        return found

    def children(self, *path: str) -> list[Statement]:
        """The statements in the block under this path; empty without."""
        found = self.find(*path)
        return list(found.block or []) if found else []


def parse(text: str) -> list[Statement]:
    """The top-level statements.

    Raises:
        SyntaxProblem: brackets or quotes don't fit.
    """
    return list(_Reader(text.replace("\r\n", "\n")).statements(""))


def pipeline(text: str) -> Statement | None:
    """The `pipeline {}` of a declarative Jenkinsfile; None for a scripted or a broken one."""
    try:
        return next((found for found in parse(text) if found.name == "pipeline" and found.block is not None), None)
    except SyntaxProblem:
        return None


def named_arguments(arguments: str) -> dict[str, str]:
    """The named arguments of a call, their literals decoded: `(name: 'A', trim: true)` gives name A and trim true."""
    found: dict[str, str] = {}
    for part in split(_unwrapped(arguments), ","):
        name, colon, value = part.strip().partition(":")
        if colon and _NAME.fullmatch(name.strip()):
            found[name.strip()] = literal(value)
    return found


def positional(arguments: str) -> list[str]:
    """The unnamed arguments of a call, their literals decoded."""
    parts = [part.strip() for part in split(_unwrapped(arguments), ",")]
    return [literal(part) for part in parts if part and not re.match(r"[A-Za-z_]\w*\s*:", part)]


def literal(text: str) -> str:
    """The value of a literal; any other expression as it stands."""
    source = text.strip()
    for quote in ("'''", '"""', "'", '"'):
        if len(source) >= 2 * len(quote) and source.startswith(quote) and source.endswith(quote):
            return _unescaped(source[len(quote) : -len(quote)])
    return source


def split(text: str, separator: str) -> list[str]:
    """Splits at a separator that stands in no brackets and no quotes."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        character = text[at]
        if character in "'\"":
            at = _string_end(text, at)
            continue
        depth += (character in "([{") - (character in ")]}")
        if character == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def _unwrapped(arguments: str) -> str:
    text = arguments.strip()
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)


def _string_end(text: str, at: int) -> int:
    """The place behind the string that begins here; the text's end when it is not closed."""
    quote = text[at] * 3 if text.startswith(text[at] * 3, at) else text[at]
    at += len(quote)
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" else 1
    return at + len(quote) if at < len(text) else len(text) + 1


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    _starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", self.text))]

    def statements(self, closing: str) -> Iterator[Statement]:
        """Statements up to the closing bracket (or the end), which is consumed."""
        opened = max(0, self.at - 1)
        while True:
            self._skip_blank()
            if self.at >= len(self.text):
                if closing:
                    raise self._problem(f"expecting '{closing}', found ''", opened)
                return
            if self.text[self.at] == closing:
                self.at += 1
                return
            if self.text[self.at] == "}":
                raise self._problem("unexpected token: }", self.at)
            yield self._statement()

    def _statement(self) -> Statement:
        begin = self.at
        name = match[0] if (match := _NAME.match(self.text, begin)) else ""
        block: list[Statement] | None = None
        end = block_at = 0
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "{":
                block_at = self.at
                self.at += 1
                block = list(self.statements("}"))
                end = self.at
            elif character in ";\n" or character == "}" or self._comment():
                break
            else:
                self._step(character)
        stop = block_at if block is not None else self.at
        text = self.text[begin:stop].rstrip()
        line, column = self.place(begin)
        one_line = block is not None and "\n" not in self.text[block_at:end]
        return Statement(name, text, text[len(name) :].strip(), line, column, block, one_line)

    def _step(self, character: str) -> None:
        if character in "'\"":
            end = _string_end(self.text, self.at)
            if end > len(self.text):
                raise self._problem("unexpected char: the string is not closed", self.at)
            self.at = end
        elif character in "([":
            self._brackets(_PAIRS[character])
        elif character in ")]":
            raise self._problem(f"unexpected token: {character}", self.at)
        else:
            self.at += 1

    def _brackets(self, closing: str) -> None:
        opened = self.at
        self.at += 1
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == closing:
                self.at += 1
                return
            if character == "{":
                self._brackets("}")
            elif character == "}":
                break
            else:
                self._step(character)
        raise self._problem(f"expecting '{closing}'", opened)

    def _comment(self) -> bool:
        return self.text.startswith(("//", "/*"), self.at)

    def _skip_blank(self) -> None:
        while self.at < len(self.text):
            if self.text.startswith("//", self.at) or (self.at == 0 and self.text.startswith("#!")):
                self.at = (self.text.find("\n", self.at) + 1) or len(self.text)
            elif self.text.startswith("/*", self.at):
                end = self.text.find("*/", self.at + 2)
                self.at = len(self.text) if end < 0 else end + 2
            elif self.text[self.at].isspace() or self.text[self.at] == ";":
                self.at += 1
            else:
                return

    def place(self, at: int) -> tuple[int, int]:
        line = self.text.count("\n", 0, at) + 1
        return line, at - self._starts[line - 1] + 1

    def _problem(self, message: str, at: int) -> SyntaxProblem:
        return SyntaxProblem(message, *self.place(at))
