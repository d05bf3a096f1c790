"""Layers of defaults merged into one, and the way back: which layer a value came from (contract section 2).

1. Mappings are merged by key. 2. Lists of named things are merged by `name`, in the order of the lower layer, new ones
after it. 3. Everything else of the upper layer replaces what the lower one says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.spec.nodes import Path


def merge(lower: Any, upper: Any) -> Any:
    """What `upper` says over `lower`; neither is changed."""
    if isinstance(lower, dict) and isinstance(upper, dict):
        merged = dict(lower)
        for key, value in upper.items():
            merged[key] = merge(lower[key], value) if key in lower else value
        return merged
    if are_named(lower) and are_named(upper):
        by_name = {item["name"]: item for item in lower}
        for item in upper:
            by_name[item["name"]] = merge(by_name.get(item["name"], {}), item)
        return list(by_name.values())
    return upper


def are_named(value: Any) -> bool:
    """Whether it is a list of things that all have a name."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value)
    )


@dataclass(frozen=True, slots=True)
class Stand:
    """A place in one layer while a path is followed through all of them.

    Attributes:
        layer: number of the layer, the lowest first.
        node: what stands there.
        path: the way there in that layer; indexes of lists differ from layer to layer.
    """

    layer: int
    node: Any
    path: Path


def follow(stands: Sequence[Stand], path: Path, merged: Any) -> tuple[Stand, ...]:
    """Every layer that says something about the value at `path`, the strongest last; empty where none does.

    Args:
        stands: where to begin, the strongest last.
        path: in the merged data.
        merged: the merged data at the beginning.
    """
    here = tuple(stands)
    for step in path:
        here = _descend(_with_a_say(here), step, merged)
        if isinstance(merged, dict):
            merged = merged.get(str(step))
        elif isinstance(merged, list) and isinstance(step, int) and step < len(merged):
            merged = merged[step]
        else:
            merged = None
    return here


def _with_a_say(stands: tuple[Stand, ...]) -> tuple[Stand, ...]:
    if not stands:
        return ()
    top = stands[-1].node
    kept = [stands[-1]]
    for stand in reversed(stands[:-1]):
        both = (isinstance(stand.node, dict) and isinstance(top, dict)) or (are_named(stand.node) and are_named(top))
        if not both:
            break
        kept.append(stand)
    return tuple(reversed(kept))


def _descend(stands: tuple[Stand, ...], step: str | int, merged: Any) -> tuple[Stand, ...]:
    found: list[Stand] = []
    for stand in stands:
        if isinstance(stand.node, dict) and step in stand.node:
            found.append(Stand(stand.layer, stand.node[step], (*stand.path, step)))
        elif isinstance(stand.node, list) and isinstance(step, int):
            index = _index(stand.node, step, merged)
            if index is not None:
                found.append(Stand(stand.layer, stand.node[index], (*stand.path, index)))
    return tuple(found)


def _index(items: list[Any], step: int, merged: Any) -> int | None:
    if are_named(items) and are_named(merged) and step < len(merged):
        names = [item["name"] for item in items]
        return names.index(merged[step]["name"]) if merged[step]["name"] in names else None
    return step if step < len(items) else None
