"""One service.yaml into a ServiceSpec, or every Problem at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from agent.spec.model import ServiceSpec
from agent.spec.problem import Problem, ordered
from agent.spec.source import Document, Path, read
from agent.spec.wording import complaints


def parse_text(text: str | bytes, file: str = "service.yaml") -> ServiceSpec | tuple[Problem, ...]:
    """The spec that a text says, without defaults of a headway.yaml; else its problems, ordered by place.

    Args:
        text: of the file.
        file: its name, for problems.
    """
    return parse(read(text, file))


def parse(document: Document) -> ServiceSpec | tuple[Problem, ...]:
    """The same of a document that was read already."""
    if not document.readable:
        return ordered(document.problems)
    found: list[Problem] = list(document.problems)
    spec: ServiceSpec | None = None
    try:
        spec = ServiceSpec.model_validate(document.data)
    except ValidationError as error:
        for one in complaints(error.errors(include_url=False), document.data, fields()):
            found.append(document.problem(one.path, one.message, one.hint, key=one.key, masked=one.masked))
    return ordered(found) if found or spec is None else spec


@cache
def fields() -> dict[Path, Sequence[str]]:
    """The keys that each part of a spec knows, by its path with `*` for indexes."""
    known: dict[Path, Sequence[str]] = {}
    _collect(ServiceSpec, (), known)
    return known


def _collect(model: type[BaseModel], path: Path, known: dict[Path, Sequence[str]]) -> None:
    known[path] = [field.alias or name for name, field in model.model_fields.items()]
    for name, field in model.model_fields.items():
        for inner, many in _models(field.annotation):
            _collect(inner, (*path, field.alias or name, *(("*",) if many else ())), known)


def _models(annotation: Any, *, many: bool = False) -> list[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, many)]
    origin = getattr(annotation, "__origin__", None)
    return [
        pair for inner in get_args(annotation) for pair in _models(inner, many=many or origin in {tuple, dict, list})
    ]
