"""Which field belongs to which manager: managedFields and their fieldsV1 form.

An object is flattened to paths; a set of paths is what a manager owns. A path is a tuple of fieldsV1 steps: `f:name`
for a field, `k:{...}` for an item of a keyed list, `v:...` for a member of a set; an item itself ends in `.`.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from agent.sandbox.kubernetes import schema
from agent.sandbox.kubernetes.objects import Obj, canonical

Field: TypeAlias = tuple[str, ...]
_UNOWNED = {"apiVersion", "kind"}
_UNOWNED_META = {
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "managedFields", "selfLink",
}  # fmt: skip


def flatten(thing: Obj) -> dict[Field, Any]:
    """Every ownable leaf of an object with its value."""
    found: dict[Field, Any] = {}
    kind = str(thing.get("kind", ""))
    for key, value in thing.items():
        if key in _UNOWNED:
            continue
        if key == "metadata" and isinstance(value, dict):
            value = {name: item for name, item in value.items() if name not in _UNOWNED_META}  # noqa: PLW2901
            if not value:
                continue
        _walk(value, (f"f:{key}",), (key,), kind, found)
    return found


def _walk(value: Any, field: Field, path: schema.Path, kind: str, found: dict[Field, Any]) -> None:
    if isinstance(value, dict) and value and not schema.is_atomic(path, kind):
        for key, item in value.items():
            _walk(item, (*field, f"f:{key}"), (*path, key), kind, found)
        return
    if isinstance(value, list) and value:
        keys = schema.merge_keys(path, kind)
        if keys is not None and all(isinstance(item, dict) for item in value):
            for item in value:
                step = (*field, "k:" + canonical(schema.item_key(item, keys)))
                found[(*step, ".")] = True
                for key, inner in item.items():
                    _walk(inner, (*step, f"f:{key}"), (*path, key), kind, found)
            return
        if schema.is_set(path):
            for item in value:
                found[(*field, "v:" + json.dumps(item))] = item
            return
    found[field] = value


def to_tree(owned: set[Field]) -> Obj:
    """The fieldsV1 document of a set of paths."""
    tree: Obj = {}
    for field in sorted(owned):
        node = tree
        for step in field:
            node = node.setdefault(step, {})
    return tree


def from_tree(tree: Obj) -> set[Field]:
    """The paths of a fieldsV1 document."""
    found: set[Field] = set()

    def visit(node: Obj, field: Field) -> None:
        if not node and field:
            found.add(field)
        for step, inner in node.items():
            visit(inner if isinstance(inner, dict) else {}, (*field, step))

    visit(tree, ())
    return found


def show(field: Field) -> str:
    """A path as conflict messages print it: `.spec.template.spec.containers[name="app"].image`."""
    text = ""
    for step in field:
        sign, _, rest = step.partition(":")
        if sign == "f":
            text += "." + rest
        elif sign == "k":
            pairs = json.loads(rest)
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in sorted(pairs.items())) + "]"
        elif sign == "v":
            text += f"[={rest}]"
    return text


class Manager:
    """One entry of managedFields.

    Attributes:
        name: the field manager.
        operation: Apply or Update.
        api_version: as the manager wrote it.
        subresource: empty, `status` or `scale`.
        time: RFC 3339.
        owned: the paths.
    """

    __slots__ = ("api_version", "name", "operation", "owned", "subresource", "time")

    def __init__(self, name: str, operation: str, api_version: str, subresource: str = "") -> None:
        self.name = name
        self.operation = operation
        self.api_version = api_version
        self.subresource = subresource
        self.time = ""
        self.owned: set[Field] = set()

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes two entries one."""
        return self.name, self.operation, self.api_version, self.subresource

    def show(self) -> str:
        """As conflict messages name it."""
        text = json.dumps(self.name)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == "Update" else text

    def document(self) -> Obj:
        """The managedFields entry."""
        entry: Obj = {
            "manager": self.name,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_tree(self.owned),
        }
        return entry | ({"subresource": self.subresource} if self.subresource else {})


def read(thing: Obj) -> list[Manager]:
    """The managers of an object."""
    found: list[Manager] = []
    for entry in (thing.get("metadata") or {}).get("managedFields") or ():
        manager = Manager(
            str(entry.get("manager", "")),
            str(entry.get("operation", "Update")),
            str(entry.get("apiVersion", "")),
            str(entry.get("subresource", "")),
        )
        manager.time = str(entry.get("time", ""))
        manager.owned = from_tree(entry.get("fieldsV1") or {})
        found.append(manager)
    return found


def write(managers: list[Manager]) -> list[Obj]:
    """ManagedFields of managers that own something."""
    return [manager.document() for manager in managers if manager.owned]


def find(managers: list[Manager], wanted: Manager) -> Manager:
    """The entry equal to `wanted`, added if there is none."""
    for manager in managers:
        if manager.identity == wanted.identity:
            return manager
    managers.append(wanted)
    return wanted
