"""What the API server knows of lists and maps: which are merged by key, which are one value.

Sources: the listType, mapType and patchMergeKey markers of the Kubernetes API types, for the fields that workloads use.
Paths are dotted, list items left out: `spec.template.spec.containers.env`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Path: TypeAlias = tuple[str, ...]

# A list whose items are told apart by these keys in server-side apply; by the name of the field, where unambiguous.
_KEYED: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "resourceClaims": ("name",),
    "podIPs": ("ip",),
    "hostIPs": ("ip",),
    "secrets": ("name",),
}
_SETS = {"finalizers"}
_ATOMIC = {
    "selector", "nodeSelector", "configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "configMapRef",
    "secretRef", "labelSelector", "namespaceSelector", "involvedObject", "roleRef",
    "requiredDuringSchedulingIgnoredDuringExecution", "targetRef", "clientIP", "podSelector", "managedFields",
}  # fmt: skip
# Strategic merge has fewer merged lists and single keys.
_STRATEGIC: dict[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "conditions": "type",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "hostIPs": "ip",
    "secrets": "name",
}


def merge_keys(path: Path, kind: str) -> tuple[str, ...] | None:
    """The keys by which server-side apply tells a list's items apart; None for a list that is one value."""
    field = path[-1] if path else ""
    if field == "ports":
        if "containers" in path or "initContainers" in path:
            return ("containerPort", "protocol")
        return ("port", "protocol") if path == ("spec", "ports") and kind == "Service" else None
    if field == "secrets" and kind != "ServiceAccount":
        return None
    return _KEYED.get(field)


def is_set(path: Path) -> bool:
    """Whether a list is a set of scalars, each owned by itself."""
    return bool(path) and path[-1] in _SETS


def is_atomic(path: Path, kind: str) -> bool:
    """Whether a map is one value."""
    if kind == "ControllerRevision" and path == ("data",):
        return True
    return bool(path) and path[-1] in _ATOMIC and path[:2] != ("metadata", "labels")


def strategic_key(path: Path, kind: str) -> str | None:
    """The merge key of a list in a strategic merge patch; None for a list that is replaced."""
    field = path[-1] if path else ""
    if field == "ports":
        if "containers" in path or "initContainers" in path:
            return "containerPort"
        return "port" if path == ("spec", "ports") and kind == "Service" else None
    return _STRATEGIC.get(field)


def is_strategic_set(path: Path) -> bool:
    """Whether a list of scalars is merged, not replaced, in a strategic merge patch."""
    return bool(path) and path[-1] in _SETS


_KEY_DEFAULTS: dict[str, Any] = {"protocol": "TCP"}


def item_key(item: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The key of one list item, with the defaults that the API knows for keys."""
    return {key: item.get(key, _KEY_DEFAULTS.get(key)) for key in keys}
