"""Plain data as the text of a service.yaml that means exactly that data, whatever its strings hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Tree: TypeAlias = Mapping[str, Any]
"""Mappings, lists of mappings, and scalars (text, whole numbers, booleans)."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./_-]*(?::[A-Za-z0-9./_-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NOT_IN_YAML = re.compile(
    "[^\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ORDER = ("version", "service", "description", "source", "image", "build", "test", "pipeline")


def written(data: Tree, comment: str = "") -> str:
    """The text, fields in the order of the reference."""
    ordered = {key: data[key] for key in sorted(data, key=_ORDER.index)}
    head = [f"# {comment}"] if comment else []
    return "\n".join([*head, *_mapping(ordered, "")]) + "\n"


def _mapping(data: Tree, margin: str) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield f"{margin}{key}:"
            yield from _mapping(value, margin + "  ")
        elif isinstance(value, list):
            yield f"{margin}{key}:"
            for item in value:
                lines = list(_mapping(item, margin + "    "))
                yield f"{margin}  - {lines[0].lstrip()}"
                yield from lines[1:]
        elif isinstance(value, str) and _is_block(value):
            yield f"{margin}{key}: |-"
            yield from (f"{margin}  {line}" if line else "" for line in value.split("\n"))
        else:
            yield f"{margin}{key}: {scalar(value)}"


def _is_block(text: str) -> bool:
    """Whether the text reads best as lines, and survives as such."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and not _NOT_IN_YAML.search(text)
        and not text[0].isspace()
        and not text[-1].isspace()
        and not any(line.isspace() for line in lines)
    )


def scalar(value: object) -> str:
    """A scalar: plain where every reader takes it for the same text, else in double quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _NOT_IN_YAML.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004
