"""What pydantic found, in our words: a message, a hint and the path to blame. Its own text never shows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.spec.nodes import Path, kind
from agent.spec.part import RULE
from agent.spec.values import quoted

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
}

_MARKS = {"[key]", "<text>", "<secret>", "<config>", "<path>", "<command>", "<name>", "<cluster>"}
"""What pydantic adds to a location for a mapping's key, and the tags of the model's unions."""

_ELSEWHERE = {
    "owner": "owner: shop",
    "headway": "headway: {agent: 1.4.2}",
    "jenkins": "jenkins: {url: ...}",
    "enforce": "enforce: {...}",
}
"""Fields of headway.yaml that no service.yaml has."""

_EXAMPLES = {
    "service": "service: web",
    "image": "image: {repository: registry.example.com/shop/web}",
    "repository": "repository: registry.example.com/shop/web",
    "git": "git: https://git.example.com/shop/web.git",
    "run": "run: make test",
    "key": "key: password",
    "secret": "secret: db",
    "config": "config: settings",
    "branch": "branch: main",
    "submitters": "submitters: [leads]",
    "max": "max: 10",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong, before it has a place.

    Attributes:
        path: of the value, or of the key, in the data that was judged.
        message: without a full stop.
        hint: may be empty.
        key: whether the key is to blame and not its value.
        masked: whether the value looks like a secret.
    """

    path: Path
    message: str
    hint: str = ""
    key: bool = False
    masked: bool = False


def complaints(errors: Sequence[Mapping[str, Any]], fields: Mapping[Path, Sequence[str]]) -> Iterator[Complaint]:
    """The errors of a ValidationError as complaints.

    Args:
        errors: as `ValidationError.errors()` gives them.
        fields: the keys that each part knows, by its path with `*` for names and indexes.
    """
    paths = [_path(error["loc"]) for error in errors]
    for error, path in zip(errors, paths, strict=True):
        # A list whose items are all wrong is no empty list.
        if error["type"] == "too_short" and any(other[: len(path)] == path and other != path for other in paths):
            continue
        yield _complaint(error, path, fields)


def _path(location: Sequence[str | int]) -> Path:
    """The location without the tags of unions and the marks of mapping keys that pydantic puts into it."""
    return tuple(step for step in location if step not in _MARKS)


def _complaint(error: Mapping[str, Any], path: Path, fields: Mapping[Path, Sequence[str]]) -> Complaint:  # noqa: PLR0911 - one a kind
    found = error.get("input")
    context = error.get("ctx") or {}
    match error["type"]:
        case str(name) if name == RULE:
            whole = "[key]" in error["loc"]
            at, key = (*path, *context["at"]), context["key"] or whole
            return Complaint(at, context["message"], context["hint"], key, context["masked"])
        case "extra_forbidden":
            return _unknown(path, fields)
        case "missing":
            name = str(path[-1])
            hint = f"add '{_EXAMPLES.get(name, name + ': ...')}'"
            return Complaint(path[:-1], f"'{name}' is missing{_inside(path[:-1])}", hint, key=True)
        case "literal_error":
            return _choice(path, found, context["expected"])
        case "too_short":
            return Complaint(path, "expected at least one item, found an empty list")
        case "string_too_long":
            return Complaint(path, f"the text is longer than {context['max_length']:,} characters")
        case "greater_than_equal" | "less_than_equal":
            bound = f"at least {context['ge']}" if "ge" in context else f"{context['le']} at most"
            return Complaint(path, f"{found} is out of range: {bound}")
        case name:
            return _type(path, _TYPES.get(str(name), "something else"), found)


def _type(path: Path, wanted: str, found: object) -> Complaint:
    hint = ""
    if wanted == "text" and isinstance(found, bool | int | float):
        hint = 'quote it: "{raw}"'
    elif wanted == "true or false" and isinstance(found, str):
        truth = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
        better = truth.get(found.lower()) or (found.lower() if found.lower() in {"true", "false"} else "")
        hint = f"write {better}, without quotes" if better else ""
    elif wanted == "a whole number" and isinstance(found, str) and found.isdigit():
        hint = f"remove the quotes: {found}"
    elif wanted == "a list":
        hint = f"write [{quoted(found)[1:-1]}]" if isinstance(found, str) else "each item begins with '- '"
    elif wanted == "a mapping" and isinstance(found, list):
        hint = "write 'key: value', without '- '"
    shown = quoted(found) if isinstance(found, str) and wanted != "text" else kind(found)
    if isinstance(found, float) and wanted == "a whole number":
        shown = f"{found:g}"
    return Complaint(path, f"expected {wanted}, found {shown}", hint, key=isinstance(found, dict | list | None))


def _unknown(path: Path, fields: Mapping[Path, Sequence[str]]) -> Complaint:
    if len(path) == 1 and path[0] in _ELSEWHERE:
        return Complaint(path, f"'{path[0]}' stands only in headway.yaml", f"there: {_ELSEWHERE[path[0]]}", key=True)
    known = fields.get(general(path[:-1]), ())
    near = difflib.get_close_matches(str(path[-1]), known, 1, 0.6)
    if near:
        hint = f"did you mean '{near[0]}'?"
    else:
        elsewhere = sorted(".".join(map(str, (*p, path[-1]))) for p, names in fields.items() if path[-1] in names)
        hint = f"did you mean '{elsewhere[0]}'?" if len(elsewhere) == 1 else f"known here: {', '.join(known)}"
        hint = hint.replace(".*", "[]")
    return Complaint(path, f"unknown field {quoted(str(path[-1]))}", hint, key=True)


def general(path: Path) -> Path:
    """The path with `*` for each index, and for the names of environment variables."""
    return tuple(
        "*" if isinstance(step, int) or (index and path[index - 1] == "env") else step
        for index, step in enumerate(path)
    )


def _choice(path: Path, found: object, expected: str) -> Complaint:
    choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    choices = [choice for choice in choices if choice]
    near = difflib.get_close_matches(str(found), choices, 1, 0.5) if isinstance(found, str) else []
    message = f"{quoted(found) if isinstance(found, str) else kind(found)} is not one of {', '.join(choices)}"
    if len(choices) == 1:
        message = f"expected {choices[0]}, found {quoted(found)}"
    return Complaint(path, message, f"did you mean '{near[0]}'?" if near else "")


def _inside(path: Path) -> str:
    names = [step for step in path if isinstance(step, str)]
    return f" in {quoted(names[-1])}" if names else ""
