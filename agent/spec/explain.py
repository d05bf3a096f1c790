"""Where a value of a spec came from: which file and line set it, and what it overrides."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agent.errors import UsageError
from agent.spec.controller import Controller
from agent.spec.defaults import OVERRIDABLE
from agent.spec.load import LoadedSpec
from agent.spec.nodes import Path


@dataclass(frozen=True, slots=True)
class Origin:
    """One place that says something about a value: `file:line:column`, and whether it is below `enforce:`."""

    file: str
    line: int
    column: int
    enforced: bool

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.file}:{self.line}:{self.column}" + (" (enforced)" if self.enforced else "")


@dataclass(frozen=True, slots=True)
class Explained:
    """One value.

    Attributes:
        field: its path, things in lists by their name.
        value: as JSON has it; durations as text.
        origin: what set it; None: Headway's own default.
        overrides: what weaker files say, the strongest first.
    """

    field: str
    value: Any
    origin: Origin | None
    overrides: tuple[Origin, ...]


def explain(loaded: LoadedSpec, field: str) -> tuple[Explained, ...]:
    """Every value at and below a field.

    Args:
        loaded: the spec.
        field: dotted, things in lists by name or number: `environments.staging.namespace`, `smoke[0].within`.

    Raises:
        UsageError: the spec has no such field.
    """
    if field == "jenkins" or field.startswith("jenkins."):
        return tuple(_of_jenkins(loaded, field.partition(".")[2]))
    data = _data(loaded)
    path = _path(data, field, loaded)
    node: Any = data
    for step in path:
        node = node[step]
    return tuple(_explained(loaded, data, leaf, value) for leaf, value in _leaves(node, path))


def _of_jenkins(loaded: LoadedSpec, wanted: str) -> Iterator[Explained]:
    """What headway.yaml says about Jenkins; flags and the environment are stronger, and not asked here."""
    names = [name for name in Controller.model_fields if not wanted or name == wanted]
    if not names:
        near = difflib.get_close_matches(wanted, list(Controller.model_fields), 1)
        hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(Controller.model_fields)}"
        raise UsageError(f"{loaded.file} has no field '{wanted}' in 'jenkins.{wanted}'", hint=hint)
    for name in names:
        value = loaded.jenkins.values.get(name)
        if name == "libraries":
            value = [one.name for one, _ in loaded.jenkins.libraries]
        place = loaded.jenkins.place(name)
        origin = Origin(place[0], place[1].line, place[1].column, enforced=False) if place else None
        yield Explained(f"jenkins.{name}", value, origin, ())


def _data(loaded: LoadedSpec) -> dict[str, Any]:
    data: dict[str, Any] = loaded.spec.model_dump(mode="json", by_alias=True)
    for environment in data["environments"]:
        for part in OVERRIDABLE:
            if environment[part] is None:
                environment[part] = data[part]
    return data


def _path(data: dict[str, Any], field: str, loaded: LoadedSpec) -> Path:
    node: Any = data
    path: list[str | int] = []
    for step in _steps(field):
        names: list[str] = []
        if isinstance(node, dict):
            names = list(node)
            found: str | int | None = step if step in node else None
        elif isinstance(node, list):
            names = [str(item.get("name")) for item in node if isinstance(item, dict) and "name" in item]
            found = (
                names.index(step) if step in names else int(step) if step.isdigit() and int(step) < len(node) else None
            )
        else:
            found = None
        if found is None:
            near = difflib.get_close_matches(step, names, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(names)}" if names else ""
            raise UsageError(f"{loaded.file} has no field '{step}' in '{field}'", hint=hint)
        path.append(found)
        node = node[found]
    return tuple(path)


def _steps(field: str) -> list[str]:
    return [step for step in re.split(r"\.|\[|\]", field) if step]


def _leaves(node: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(node, list) and any(isinstance(item, dict) for item in node):
        for index, item in enumerate(node):
            yield from _leaves(item, (*path, index))
    else:
        yield path, node


def _explained(loaded: LoadedSpec, data: dict[str, Any], path: Path, value: Any) -> Explained:
    said = [
        Origin(layer.document.file, place.line, place.column, bool(layer.base))
        for layer, local in loaded.layers.origins(path)
        for place in (layer.document.place(local),)
    ]
    names: list[str] = []
    node: Any = data
    for step in path:
        node = node[step]
        name = node.get("name") if isinstance(step, int) and isinstance(node, dict) else None
        names.append(str(name or step))
    return Explained(".".join(names), value, said[-1] if said else None, tuple(reversed(said[:-1])))
