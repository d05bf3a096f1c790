"""Values on their way through a template: escaped, and marked with the place where they may stand.

A template writes text of its own and fragments. A fragment knows its language; while jinja puts the text together it
travels as a sealed span, and `assemble` opens the spans only where that language is spoken: a Groovy literal in Groovy
code, never inside quotes; a shell word in a `{% sh %}` block, never inside quotes; a comment after `//`. So a template
can't be wrong in a way that lets a value of a spec become code, not even a template that a team wrote in a hurry.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from agent.errors import UsageError
from agent.jenkinsfile import groovy

Language: TypeAlias = Literal["groovy", "script", "shell", "comment"]

_OPEN, _CLOSE = "\ue000", "\ue001"
_SPAN = re.compile(f"{_OPEN}([a-z]+):([0-9a-f]*){_CLOSE}")

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


@dataclass(frozen=True, slots=True)
class Fragment:
    """An escaped value in its language. Only `{{ }}` of a template takes it, and takes nothing else."""

    language: Language
    text: str

    def __html__(self) -> str:
        """The sealed span: what jinja writes for it."""
        return f"{_OPEN}{self.language}:{self.text.encode().hex()}{_CLOSE}"


def check_source(name: str, source: str) -> None:
    """Passes a template's own text, unless it holds the characters that seal spans.

    Raises:
        UsageError: it does.
    """
    if _OPEN in source or _CLOSE in source:
        raise UsageError(f"nothing was rendered: template {name} holds private characters (U+E000 or U+E001)")


def assemble(text: str) -> str:
    """A rendered template with its spans opened, each in its place.

    Raises:
        UsageError: a span stands where its language is not spoken.
    """
    opened = _walk(text, _GROOVY, "groovy", {"groovy": ("groovy", "script"), "//": ("comment",)})
    if _OPEN in opened or _CLOSE in opened:
        raise UsageError("nothing was rendered: the template cuts a value into pieces")
    return opened


def script(body: str) -> Fragment:
    """The body of a `{% sh %}` block, with its shell words opened, as a Groovy string.

    Raises:
        UsageError: a span stands inside quotes, in a comment or in a here-document, or is no shell word.
    """
    text = _walk(body, _SHELL, "shell", {"shell": ("shell",)})
    if text.count("\n") != body.count("\n"):  # a word of several lines: its indentation is part of the value
        return Fragment("groovy", groovy.string(text))
    return Fragment("script", textwrap.dedent(text).strip("\n"))


def _walk(text: str, grammar: dict[str, dict[str, str]], place: str, spoken: dict[str, tuple[Language, ...]]) -> str:
    out: list[str] = []
    at = 0
    while found := _next(grammar is _SHELL, place).search(text, at):
        mark = found[0]
        out.append(text[at : found.start()])
        at = found.end()
        if mark.startswith(_OPEN):
            out.append(_opened(mark, place, spoken.get(place, ()), text[: found.start()]))
            continue
        out.append(mark)
        if mark == "#" and text[found.start() - 1 : found.start()] not in {"", *" \t\n;&|()"}:
            continue  # in the middle of a word it is no comment
        place = grammar[place].get(mark, place)
    return "".join([*out, text[at:]])


@cache
def _next(of_shell: bool, place: str) -> re.Pattern[str]:  # noqa: FBT001
    """What matters next in that place: a span, a way out, or an escape that is none."""
    ways = (_SHELL if of_shell else _GROOVY)[place]
    escapes = [] if place in _RAW or (of_shell and place == "'") else [r"\\."]
    return re.compile("|".join([f"{_OPEN}[^{_CLOSE}]*{_CLOSE}", *escapes, *map(re.escape, ways)]), re.DOTALL)


def _opened(span: str, place: str, languages: tuple[Language, ...], before: str) -> str:
    found = _SPAN.fullmatch(span)
    line = before.rpartition("\n")[2]
    if found and found[1] in languages:
        text = bytes.fromhex(found[2]).decode()
        return _indented(text, line) if found[1] == "script" else text
    shown = re.sub(f"{_OPEN}[^{_CLOSE}]*{_CLOSE}", "{{ }}", line + span).strip()
    where = {"groovy": "in Groovy code", "shell": "in a {% sh %} block", "/": "after a '/' outside strings"}
    raise UsageError(
        f"nothing was rendered: in the template, a value for {found[1] if found else 'nothing'} stands "
        f"{where.get(place, 'after ' + place)}: {shown}",
        hint="{{ x | groovy }} brings its own quotes and stands outside of any; {{ x | word }} belongs into a "
        "{% sh %} block, outside quotes; {{ x | comment }} after //",
    )


def _indented(text: str, line: str) -> str:
    """A script as a literal, its lines two columns further in than the statement that it belongs to."""
    if "\n" not in text:
        return groovy.string(text)
    margin = re.match(r" *", line)[0]  # type: ignore[index]
    # Not textwrap.indent: it takes U+0085, U+2028 and others for line breaks, which they are to no shell.
    lines = [f"{margin}  {one}" if one else "" for one in text.split("\n")]
    return groovy.string("\n" + "\n".join(lines) + f"\n{margin}")
