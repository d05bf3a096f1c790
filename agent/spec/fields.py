"""The parts of a spec and their keys, walked once: for nearest keys, the JSON Schema and the reference."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

from agent.spec.model import ServiceSpec
from agent.spec.nodes import Path
from agent.spec.part import Part


@cache
def fields() -> dict[Path, Sequence[str]]:
    """The keys that each part of a spec knows, by its path with `*` for indexes and free names."""
    known: dict[Path, Sequence[str]] = {}
    _collect(ServiceSpec, (), known)
    return known


def _collect(model: type[Part], path: Path, known: dict[Path, Sequence[str]]) -> None:
    names = [field.alias or name for name, field in model.model_fields.items()]
    known[path] = [*dict.fromkeys([*known.get(path, ()), *names])]
    for name, field in model.model_fields.items():
        for inner, many in _models(field.annotation):
            _collect(inner, (*path, field.alias or name, *(("*",) if many else ())), known)


def _models(annotation: Any, *, many: bool = False) -> list[tuple[type[Part], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [(annotation, many)]
    origin = getattr(annotation, "__origin__", None)
    return [
        pair for inner in get_args(annotation) for pair in _models(inner, many=many or origin in {tuple, dict, list})
    ]


@cache
def parts() -> dict[str, type[Part]]:
    """Every part by the name of its class, ServiceSpec first."""
    found: dict[str, type[Part]] = {ServiceSpec.__name__: ServiceSpec}
    waiting: list[type[Part]] = [ServiceSpec]
    while waiting:
        for field in waiting.pop(0).model_fields.values():
            for inner, _ in _models(field.annotation):
                if inner.__name__ not in found:
                    found[inner.__name__] = inner
                    waiting.append(inner)
    return found
