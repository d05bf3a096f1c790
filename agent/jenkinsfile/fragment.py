"""Values on their way through a template: escaped, and marked with the place where they may stand.

A template writes text of its own and fragments. A fragment knows its language; while jinja puts the text together it
travels as a sealed span, and `assemble` opens the spans only where that language is spoken: a Groovy literal in Groovy
code, never inside quotes; a shell word in a `{% sh %}` block, never inside quotes; a comment after `//`. So a template
can't be wrong in a way that lets a value of a spec become code, not even a template that a team wrote in a hurry.

A Blank (agent.jenkinsfile.form) is sealed and placed like the value that it stands for, and stays a blank of the form.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from agent.errors import UsageError
from agent.jenkinsfile import groovy, shell
from agent.jenkinsfile.form import BLANK, Blank, Form, Texts, Writer

Language: TypeAlias = Literal["groovy", "script", "verbatim", "shell", "comment"]
"""A script is indented like its statement; a verbatim one keeps its own indentation."""

_OPEN, _CLOSE = "\ue000", "\ue001"
_SPAN = re.compile(f"{_OPEN}([a-z]+):([0-9a-f]*)((?:@[a-z]+[0-9]+(?:=[0-9a-f]*)*)*){_CLOSE}")
_ENTRY = re.compile("@([a-z]+)([0-9]+)((?:=[0-9a-f]*)*)")
_ESCAPES: dict[str, Callable[..., str]] = {
    "groovy": groovy.string,
    "comment": groovy.plain,
    "word": shell.word,
    "filled": shell.filled,
}

# Of each language: its places, the token that leads from one to another, and what is passed over on the way.
_GROOVY = {
    "groovy": {"//": "//", "/*": "/*", "'''": "'''", '"""': '"""', "'": "'", '"': '"', "/": "/"},
    "//": {"\n": "groovy"},
    "/*": {"*/": "groovy"},
    "'''": {"'''": "groovy"},
    '"""': {'"""': "groovy"},
    "'": {"'": "groovy"},
    '"': {'"': "groovy"},
    "/": {},
}
_SHELL = {
    "shell": {"'": "'", '"': '"', "#": "#", "<<": "<<", "`": "`"},
    "'": {"'": "shell"},
    '"': {'"': "shell"},
    "#": {"\n": "shell"},
    "<<": {},
    "`": {},
}
_RAW = {"//", "/*", "#"}

# Strings and comments in which no span begins, passed over at once; any other is walked through token by token.
_WHOLE_IN_GROOVY = "|".join(
    (
        rf"//[^\n{_OPEN}]*(?=\n|\Z)",
        rf"/\*(?:[^*{_OPEN}]|\*(?!/))*\*/",
        *(rf"{q * 3}(?:[^{q}\\{_OPEN}]|\\[^{_OPEN}]|{q}(?!{q * 2}))*{q * 3}" for q in "'\""),
        *(rf"{q}(?!{q * 2})(?:[^{q}\\{_OPEN}]|\\[^{_OPEN}])*{q}" for q in "'\""),
    )
)
_WHOLE_IN_SHELL = rf"'[^'{_OPEN}]*'|\"(?:[^\"\\{_OPEN}]|\\[^{_OPEN}])*\"|(?<![^ \t\n;&|()])#[^\n{_OPEN}]*(?=\n|\Z)"


@dataclass(frozen=True, slots=True)
class Entry:
    """A blank of a fragment, and how its text will be escaped.

    Attributes:
        escape: name of the function (in `_ESCAPES`).
        number: of the blank.
        arguments: of the function, after the text.
    """

    escape: str
    number: int
    arguments: tuple[str, ...] = ()

    def sealed(self) -> str:
        """As it stands in a span; `parse` reads it back."""
        return f"@{self.escape}{self.number}" + "".join(f"={one.encode().hex()}" for one in self.arguments)

    @staticmethod
    def parse(sealed: str) -> list[Entry]:
        """The entries of a span."""
        return [
            Entry(name, int(number), tuple(bytes.fromhex(one).decode() for one in arguments.split("=")[1:]))
            for name, number, arguments in _ENTRY.findall(sealed)
        ]

    def write(self, texts: Texts) -> str:
        """The text, escaped."""
        return _ESCAPES[self.escape](texts[self.number], *self.arguments)


@dataclass(frozen=True, slots=True)
class Fragment:
    """An escaped value in its language. Only `{{ }}` of a template takes it, and takes nothing else.

    Attributes:
        language: where it may stand.
        text: the escaped value, with BLANK for each blank.
        entries: of the blanks.
    """

    language: Language
    text: str
    entries: tuple[Entry, ...] = ()

    @classmethod
    def of(cls, language: Language, escape: str, value: str | Blank, *arguments: str) -> Fragment:
        """A text, escaped by that function: now, or when the blank is filled in that stands for it."""
        if isinstance(value, Blank):
            return cls(language, BLANK, (Entry(escape, value.number, arguments),))
        return cls(language, _ESCAPES[escape](value, *arguments))

    def __html__(self) -> str:
        """The sealed span: what jinja writes for it."""
        return f"{_OPEN}{self.language}:{self.text.encode().hex()}{''.join(e.sealed() for e in self.entries)}{_CLOSE}"


def check_source(name: str, source: str) -> None:
    """Passes a template's own text, unless it holds the characters that seal spans or stand for blanks.

    Raises:
        UsageError: it does.
    """
    if BLANK in source:
        raise UsageError(f"nothing was rendered: template {name} holds the character U+0000")
    if _OPEN in source or _CLOSE in source:
        raise UsageError(f"nothing was rendered: template {name} holds private characters (U+E000 or U+E001)")


def assemble(text: str) -> Form:
    """A rendered template with its spans opened, each in its place; what stays a blank is one of the form.

    Raises:
        UsageError: a span stands where its language is not spoken.
    """
    opened, writers = _walk(text, _GROOVY, "groovy", {"groovy": ("groovy", "script", "verbatim"), "//": ("comment",)})
    if _OPEN in opened or _CLOSE in opened:
        raise UsageError("nothing was rendered: the template cuts a value into pieces")
    return Form.of(opened, writers)


def script(body: str) -> Fragment:
    """The body of a `{% sh %}` block, with its shell words opened, as a Groovy string.

    Raises:
        UsageError: a span stands inside quotes, in a comment or in a here-document, or is no shell word.
    """
    text, writers = _walk(body, _SHELL, "shell", {"shell": ("shell",)})
    entries = tuple(one for one in writers if isinstance(one, Entry))
    if text.count("\n") != body.count("\n"):  # a word of several lines: its indentation is part of the value
        return Fragment("verbatim", text, entries)
    return Fragment("script", textwrap.dedent(text).strip("\n"), entries)


def _walk(
    text: str, grammar: dict[str, dict[str, str]], place: str, spoken: dict[str, tuple[Language, ...]]
) -> tuple[str, list[Writer]]:
    """The text with its spans opened and BLANK where one stays blank, and what will write there."""
    out: list[str] = []
    writers: list[Writer] = []
    of_shell = grammar is _SHELL
    kept = at = 0
    search = _next(of_shell, place)
    while found := search(text, at):
        mark, start, at = found[0], found.start(), found.end()
        if mark[0] == _OPEN:
            opened, late = _opened(mark, place, spoken.get(place, ()), text, start)
            out += text[kept:start], opened
            writers += late
            kept = at
            continue
        if mark == "#" and text[start - 1 : start] not in {"", *" \t\n;&|()"}:
            continue  # in the middle of a word it is no comment
        if (after := grammar[place].get(mark, place)) != place:
            place, search = after, _next(of_shell, after)
    return "".join([*out, text[kept:]]), writers


@cache
def _next(of_shell: bool, place: str) -> Callable[[str, int], re.Match[str] | None]:  # noqa: FBT001
    """What matters next in that place: a span, a way out, or what is passed over: escapes, strings without a span."""
    ways = (_SHELL if of_shell else _GROOVY)[place]
    escapes = [] if place in _RAW or (of_shell and place == "'") else [r"\\."]
    whole = [_WHOLE_IN_SHELL] if place == "shell" else [_WHOLE_IN_GROOVY] if place == "groovy" else []
    passed = [f"{_OPEN}[^{_CLOSE}]*{_CLOSE}", *escapes, *whole, *map(re.escape, ways)]
    return re.compile("|".join(passed), re.DOTALL).search


def _opened(
    span: str, place: str, languages: tuple[Language, ...], text: str, start: int
) -> tuple[str, Sequence[Writer]]:
    found = _SPAN.fullmatch(span)
    if found and found[1] in languages:
        value, entries = bytes.fromhex(found[2]).decode(), Entry.parse(found[3])
        if found[1] not in {"script", "verbatim"}:
            return value, entries
        line = text[text.rfind("\n", 0, start) + 1 : start]
        body = _indented(value, line) if found[1] == "script" else value
        return (BLANK, [_Script(Form.of(body, entries))]) if entries else (groovy.string(body), ())
    line = text[:start].rpartition("\n")[2]
    shown = re.sub(f"{_OPEN}[^{_CLOSE}]*{_CLOSE}", "{{ }}", line + span).strip()
    where = {"groovy": "in Groovy code", "shell": "in a {% sh %} block", "/": "after a '/' outside strings"}
    raise UsageError(
        f"nothing was rendered: in the template, a value for {found[1] if found else 'nothing'} stands "
        f"{where.get(place, 'after ' + place)}: {shown}",
        hint="{{ x | groovy }} brings its own quotes and stands outside of any; {{ x | word }} belongs into a "
        "{% sh %} block, outside quotes; {{ x | comment }} after //",
    )


def _indented(text: str, line: str) -> str:
    """A script of several lines, two columns further in than the statement that it belongs to."""
    if "\n" not in text:
        return text
    margin = re.match(r" *", line)[0]  # type: ignore[index]
    # Not textwrap.indent: it takes U+0085, U+2028 and others for line breaks, which they are to no shell.
    lines = [f"{margin}  {one}" if one else "" for one in text.split("\n")]
    return "\n" + "\n".join(lines) + f"\n{margin}"


@dataclass(frozen=True, slots=True)
class _Script:
    """A script with blanks, as a Groovy string once they are filled in."""

    body: Form

    def write(self, texts: Texts) -> str:
        """The script as a literal."""
        return groovy.string(self.body.filled_in(texts))
