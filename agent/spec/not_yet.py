"""Fields that the format knows and Headway does not carry out yet: the one table of them.

A field is accepted only when it does something; until then it is a problem, never silently ignored. Whoever builds
one removes its row. The JSON Schema (agent.spec.schema) reads this table too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agent.spec.nodes import Path
from agent.spec.wording import Complaint


@dataclass(frozen=True, slots=True)
class NotYet:
    """One field.

    Attributes:
        path: of the field; below `deploy` it holds for the overrides of environments too.
        accepted: values that describe what Headway does today; empty: the field can't be used at all.
    """

    path: tuple[str, ...]
    accepted: tuple[str, ...] = ()


NOT_YET: tuple[NotYet, ...] = ()


def unsupported(data: dict[str, Any]) -> Iterator[Complaint]:
    """A complaint for each field in the data that does nothing yet."""
    places: list[tuple[Path, Any]] = [((), data)]
    environments = data.get("environments")
    if isinstance(environments, list):
        places += [(("environments", index), item) for index, item in enumerate(environments)]
    for row in NOT_YET:
        for start, node in places:
            yield from _row(row, start, node)


def _row(row: NotYet, start: Path, node: Any) -> Iterator[Complaint]:
    for step in row.path:
        if not isinstance(node, dict) or step not in node:
            return
        node = node[step]
    name = ".".join(row.path)
    if not row.accepted:
        yield Complaint((*start, *row.path), f"'{name}' is not supported yet", "leave it out", key=True)
    elif isinstance(node, str) and node in _known(row.path) and node not in row.accepted:
        hint = f"only '{name.rpartition('.')[2]}: {' | '.join(row.accepted)}' is; that is the default"
        yield Complaint((*start, *row.path), f"'{name}: {node}' is not supported yet", hint)


def _known(path: tuple[str, ...]) -> tuple[str, ...]:
    """The values that the model takes; anything else is a misspelling, which the model complains about."""
    from typing import get_args

    from agent.spec.deploying import Deploy, Undo

    part = Undo if "undo" in path else Deploy
    return get_args(part.model_fields[path[-1]].annotation)
