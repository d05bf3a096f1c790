"""What libyaml and PyYAML complain about, in words that help somebody who writes a spec."""

from __future__ import annotations

import yaml

_WORDS = (
    ("cannot start any token", "", ""),
    (
        "mapping values are not allowed",
        "a ':' stands where no key can be",
        "quote text that has ': ' in it, or check the indentation above",
    ),
    (
        "expected a single document",
        "a second document begins here",
        "one spec a file: remove the '---' and what follows",
    ),
    ("expected key", "this line is not indented as the keys above it", "keys of one mapping begin in the same column"),
    (
        "expected '-' indicator",
        "this line is not indented as the list above it",
        "items of one list begin in the same column",
    ),
    ("<block end>", "this line is not indented as the lines above it", "keys of one mapping begin in the same column"),
    ("expected ',' or '}'", "a '{' is not closed, or a ',' is missing", "write {a: b, c: d}"),
    ("expected ',' or ']'", "a '[' is not closed, or a ',' is missing", "write [a, b]"),
    ("node content", "a value is missing here, or a bracket above is not closed", "write [a, b] and {a: b, c: d}"),
    ("could not find expected ':'", "a ':' is missing", "write 'key: value'; text of several lines begins with '|'"),
    (
        "undefined alias",
        "the alias names an anchor that stands nowhere above",
        "anchors are written &name; quote text that begins with '*'",
    ),
    ("duplicate anchor", "the anchor has been given already", "anchor names are unique in a file"),
    ("unexpected end of stream", "a quote is opened and not closed", "close it"),
    ("unexpected document indicator", "a quote is opened and not closed", "close it"),
    ("hexdecimal", "an unknown escape in double quotes", r"use single quotes, or write \\ for a backslash"),
    (
        "unknown escape character",
        "an unknown escape in double quotes",
        r"use single quotes, or write \\ for a backslash",
    ),
    (
        "alphabetic or numeric character",
        "'*' and '&' begin an alias or an anchor",
        'quote text that begins with them: "*.yaml"',
    ),
    ("nested deeper", "", "a spec is flat"),
    ("undefined tag handle", "a tag has no meaning here", "quote text that begins with '!'"),
    ("tag", "a tag has no meaning here", "quote text that begins with '!'"),
)


def explained(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[str, str, tuple[int, int]]:
    """Message, hint, and line and column (from 1) of a syntax error.

    Args:
        error: as PyYAML raised it.
        lines: of the text, to look at what stands there.
    """
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or "it can't be read"
    opened = ("unexpected end of stream", "unexpected document indicator", "expected ',' or")
    if error.context_mark and any(text in problem for text in opened):
        # Where the quote or bracket was opened says more than where the file ended.
        line, column = error.context_mark.line + 1, error.context_mark.column + 1
    found = lines[line - 1][column - 1 : column] if line <= len(lines) else ""
    for text, message, hint in _WORDS:
        if text not in problem:
            continue
        if text == "cannot start any token":
            return (*_token(found), (line, column))
        return (message or problem, hint, (line, column))
    return (f"this is not YAML: {problem}", "", (line, column))


def _token(found: str) -> tuple[str, str]:
    if found == "\t":
        return ("a tab indents this line", "YAML is indented by spaces")
    return (f"no text begins with {found!r} unless it is quoted", f'quote it: "{found}..."')
