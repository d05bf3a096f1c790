"""One spec, with the defaults of the folders above it, into a ServiceSpec or every Problem at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pydantic import ValidationError

from agent.spec.defaults import Stack, stack
from agent.spec.fields import fields
from agent.spec.merge import are_named
from agent.spec.model import ServiceSpec
from agent.spec.nodes import Path
from agent.spec.not_yet import unsupported
from agent.spec.problem import Problem, ordered
from agent.spec.rules import RULES
from agent.spec.secrets import literal_secrets
from agent.spec.source import Document, read
from agent.spec.wording import Complaint, complaints

MOST = 200
"""Problems of one spec that are shown; nobody mends more of them in one go."""

_STANDIN: dict[str, Any] = {"service": "x", "image": {"repository": "x"}}
"""Stands in for required parts that are wrong, so that the rules about the others can still be asked."""


def parse_text(text: str | bytes, file: str = "service.yaml") -> ServiceSpec | tuple[Problem, ...]:
    """The spec that a text says, without any headway.yaml; else its problems, ordered by place.

    Args:
        text: of the file.
        file: its name, for problems.
    """
    document = read(text, file)
    return parse(stack(document)) if document.readable else ordered(document.problems)


def parse(layers: Stack) -> ServiceSpec | tuple[Problem, ...]:
    """The spec that the layers say together; else every problem of it, ordered by place."""
    document = layers.layers[layers.own].document
    spec, complained = _judged(layers.data)
    complained += literal_secrets(layers.data)
    for one in complained:
        if one.masked:
            layers.mask(one.path)
    # A value that is wrong as YAML is not blamed a second time for what it was taken for.
    known = {(one.file, one.line, one.column) for one in (*document.problems, *layers.problems)}
    placed = (layers.problem(c.path, c.message, c.hint, key=c.key) for c in complained[:MOST])
    found = [*document.problems[:MOST], *layers.problems[:MOST], *islice(_named_twice(document), MOST)]
    found += [one for one in placed if (one.file, one.line, one.column) not in known]
    if len(complained) > MOST:
        found.append(Problem(document.file, 0, 0, f"{len(complained)} problems; these are {MOST} of them"))
    for layer in layers.layers:
        found = [layer.document.shown(one) for one in found]
    return ordered(found) if found or spec is None else spec


def _judged(data: dict[str, Any]) -> tuple[ServiceSpec | None, list[Complaint]]:
    empty = _empty(data, ())
    found = [*unsupported(data), *empty]
    spec: ServiceSpec | None
    wrong: set[str] = set()
    try:
        spec = ServiceSpec.model_validate(data)
    except ValidationError as error:
        nothing = {one.path for one in empty}
        found += (one for one in complaints(error.errors(include_url=False), fields()) if one.path not in nothing)
        wrong = {str(one["loc"][0]) for one in error.errors(include_url=False, include_input=False)}
        spec = _sound(data, wrong)
    if spec is not None:
        for rule in RULES:
            if not rule.parts & wrong:
                found += rule.check(spec)
    return (None if wrong else spec), found


def _empty(node: Any, path: Path) -> list[Complaint]:
    """Keys and items without a value; JSON that a smoke check expects may hold null."""
    found: list[Complaint] = []
    for step, value in node.items() if isinstance(node, dict) else enumerate(node):
        if value is None:
            what = f"'{step}' has no value" if isinstance(step, str) else "this item is empty"
            found.append(Complaint((*path, step), what, "give it one, or remove it", key=True))
        elif isinstance(value, dict | list) and (path[-1:] != ("expect",) or step != "json"):
            found += _empty(value, (*path, step))
    return found


def _sound(data: dict[str, Any], wrong: set[str]) -> ServiceSpec | None:
    """A spec of the parts that are right by themselves."""
    right = {name: value for name, value in data.items() if name not in wrong}
    try:
        return ServiceSpec.model_validate(_STANDIN | right)
    except ValidationError:
        return None


def _named_twice(document: Document) -> Iterator[Problem]:
    """Problems of things with one name in a list of one file; merged over defaults, one would hide the other."""
    lists: list[tuple[Path, Any]] = [((name,), document.data.get(name)) for name in ("test", "smoke", "environments")]
    environments = lists[-1][1]
    if are_named(environments):
        lists += [(("environments", index, "smoke"), item.get("smoke")) for index, item in enumerate(environments)]
    for path, items in lists:
        seen: dict[str, int] = {}
        for index, item in enumerate(items if isinstance(items, list) else ()):
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str) and seen.setdefault(name, index) != index:
                line = document.place((*path, seen[name], "name")).line
                message = f"a second '{name}' in '{path[-1]}'"
                hint = f"the first is on line {line}; each name stands once"
                yield document.problem((*path, index, "name"), message, hint)
