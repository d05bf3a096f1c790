"""Field ownership: what a write takes from other managers, and server-side apply."""

from __future__ import annotations

import json
from typing import Any

from agent.sandbox.kubernetes import fields, schema
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.fields import Field, Manager
from agent.sandbox.kubernetes.objects import Obj, clone


def track_update(before: Obj | None, after: Obj, writer: Manager, now: str) -> list[Obj]:
    """The managedFields after a create, replace or patch by `writer`."""
    managers = fields.read(before) if before is not None else []
    old, new = fields.flatten(before) if before is not None else {}, fields.flatten(after)
    changed = {field for field, value in new.items() if field not in old or old[field] != value}
    gone = old.keys() - new.keys()
    if not changed and not gone:
        return fields.write(managers)
    mine = fields.find(managers, writer)
    for manager in managers:
        if manager is not mine:
            manager.owned -= changed
        manager.owned -= gone
    if changed - mine.owned or not mine.time:
        mine.time = now
    mine.owned |= changed
    return fields.write(managers)


def apply(live: Obj, wanted: Obj, writer: Manager, now: str, *, force: bool) -> Obj:
    """Server-side apply: the object after `writer` applied `wanted` onto `live`, managedFields included.

    Raises:
        ApiError: 409 with one cause a conflict, where another manager owns a field whose value would change.
    """
    kind = str(live.get("kind", ""))
    managers = fields.read(live)
    mine = fields.find(managers, writer)
    claimed = fields.flatten(wanted)
    present = fields.flatten(live)
    changing = {field for field, value in claimed.items() if field not in present or present[field] != value}
    conflicts = [
        (manager, field) for manager in managers if manager is not mine for field in sorted(manager.owned & changing)
    ]
    if conflicts and not force:
        raise _conflict(conflicts)
    for manager, field in conflicts:
        manager.owned.discard(field)
    merged: Obj = _merge(live, wanted, (), kind)
    elsewhere: set[Field] = set().union(*(manager.owned for manager in managers if manager is not mine))
    for field in sorted(mine.owned - set(claimed), key=lambda field: (field[-1] != ".", -len(field), field)):
        if field not in elsewhere and not _has_other_below(field, elsewhere, set(claimed)):
            _remove(merged, field, kind)
    remaining = set(fields.flatten(merged))
    for manager in managers:
        if manager is not mine:
            manager.owned &= remaining
    if mine.owned != set(claimed) or not mine.time:
        mine.time = now
    mine.owned = set(claimed)
    merged["metadata"] = merged.get("metadata", {}) | {"managedFields": fields.write(managers)}
    return merged


def _has_other_below(field: Field, elsewhere: set[Field], claimed: set[Field]) -> bool:
    """Whether a list item (its path ends in `.`) holds fields that somebody still wants."""
    if field[-1] != ".":
        return False
    prefix = field[:-1]
    return any(other[: len(prefix)] == prefix for other in elsewhere | claimed)


def _conflict(conflicts: list[tuple[Manager, Field]]) -> ApiError:
    if len(conflicts) == 1:
        manager, field = conflicts[0]
        message = f"Apply failed with 1 conflict: conflict with {manager.show()}: {fields.show(field)}"
    else:
        by_manager: dict[str, list[str]] = {}
        for manager, field in conflicts:
            by_manager.setdefault(manager.show(), []).append(fields.show(field))
        lines = [
            "\n".join([f"conflicts with {name}:", *(f"- {path}" for path in paths)])
            for name, paths in sorted(by_manager.items())
        ]
        message = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager.show()}", "field": fields.show(field)}
        for manager, field in conflicts
    ]
    return ApiError(409, message, details={"causes": causes})


def _merge(live: Any, wanted: Any, path: schema.Path, kind: str) -> Any:
    if isinstance(wanted, dict) and isinstance(live, dict) and not schema.is_atomic(path, kind):
        merged = dict(live)
        for key, value in wanted.items():
            if value is not None:
                merged[key] = _merge(live.get(key), value, (*path, key), kind) if key in live else clone(value)
        return merged
    if isinstance(wanted, list) and isinstance(live, list):
        keys = schema.merge_keys(path, kind)
        if keys is not None:
            return _merge_list(live, wanted, path, kind, keys)
        if schema.is_set(path):
            return live + [item for item in wanted if item not in live]
    return clone(wanted)


def _merge_list(live: list[Any], wanted: list[Any], path: schema.Path, kind: str, keys: tuple[str, ...]) -> list[Any]:
    """Items that were there stay in their place, in the applied order among themselves; new ones follow."""
    merged = list(live)
    for item in wanted:
        key = schema.item_key(item, keys)
        place = next((index for index, old in enumerate(merged) if schema.item_key(old, keys) == key), None)
        if place is None:
            merged.append(clone(item))
        else:
            merged[place] = _merge(merged[place], item, path, kind)
    return merged


def _remove(thing: Obj, field: Field, kind: str) -> None:
    """Takes the value at a path out, and parents that were only there for it."""
    _remove_at(thing, field, (), kind)


def _remove_at(node: Any, field: Field, path: schema.Path, kind: str) -> None:
    step, rest = field[0], field[1:]
    sign, _, name = step.partition(":")
    if sign == "f" and isinstance(node, dict) and name in node:
        if not rest:
            del node[name]
            return
        node[name] = dict(node[name]) if isinstance(node[name], dict) else list(node[name] or [])
        _remove_at(node[name], rest, (*path, name), kind)
        if node[name] in ({}, []):
            del node[name]
    elif sign == "k" and isinstance(node, list):
        wanted = json.loads(name)
        for index, item in enumerate(node):
            if schema.item_key(item, tuple(wanted)) == wanted:
                if rest == (".",):
                    del node[index]
                elif rest[0].removeprefix("f:") not in wanted:  # while the item stays, so does its key
                    node[index] = dict(item)
                    _remove_at(node[index], rest, path, kind)
                return
    elif sign == "v" and isinstance(node, list):
        node[:] = [item for item in node if json.dumps(item) != name]
