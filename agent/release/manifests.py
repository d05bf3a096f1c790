"""Manifest files -> the objects of a release, checked as far as that can be done without asking a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import UsageError
from agent.objects import Object, Ref, name, ref
from agent.release import yamldocs
from agent.release.order import by_need

NOTHING = "nothing was sent anywhere"

# Kinds without a namespace: a deploy has no business with them (a namespaced Role suffices: G16).
CLUSTER_SCOPED = frozenset({
    "APIService", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding", "CSIDriver", "CSINode",
    "CustomResourceDefinition", "FlowSchema", "IngressClass", "MutatingWebhookConfiguration", "Namespace", "Node",
    "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass", "StorageClass",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    "VolumeAttachment", "ClusterIssuer", "GatewayClass",
})  # fmt: skip
_GENERATED_FIELDS = ("resourceVersion", "uid", "creationTimestamp", "generation", "selfLink", "managedFields")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_API = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?v[0-9][a-z0-9]{0,30}")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of `deploy.manifests`: how it is called in messages, and its text."""

    path: str
    text: str


def read(files: Sequence[ManifestFile], namespace: str) -> tuple[Object, ...]:
    """All objects of the files, with their namespace filled in, in the order in which they need each other.

    Several documents a file, `List` kinds and empty documents are fine.

    Args:
        files: what `deploy.manifests` names.
        namespace: where all of it goes.

    Raises:
        UsageError: with `file:line`; an object without kind or name, of another namespace, of no namespace at all,
            twice the same, or nothing in the files.
    """
    found: dict[Ref, str] = {}
    result: list[Object] = []
    for file in files:
        for line, value in yamldocs.documents(file.path, file.text):
            for thing in _flattened(f"{file.path}:{line}", value):
                placed = _checked(f"{file.path}:{line}", thing, namespace)
                key = ref(placed)
                if key in found:
                    raise UsageError(f"{file.path}:{line}: {key} stands in {found[key]} already; {NOTHING}")
                found[key] = f"{file.path}:{line}"
                result.append(placed)
    if not result:
        raise UsageError(
            f"there is no object in {', '.join(file.path for file in files) or 'deploy.manifests'}; {NOTHING}",
            hint="deploy.manifests names files or globs with Kubernetes objects",
        )
    return by_need(result)


def _flattened(place: str, value: object) -> Iterator[dict[str, Any]]:
    """The objects of one document: itself, or what its List holds."""
    pending: list[object] = [value]
    while pending:
        thing = pending.pop(0)
        if not isinstance(thing, dict):
            raise UsageError(f"{place}: a Kubernetes object was expected, this is {_shape(thing)}; {NOTHING}")
        if str(thing.get("kind", "")).endswith("List") and isinstance(thing.get("items"), list):
            pending[:0] = thing["items"]
        else:
            yield thing


def _shape(thing: object) -> str:
    shapes = {list: "a list", dict: "a mapping", str: "text", bool: "true or false", type(None): "empty"}
    return shapes.get(type(thing), "a number")


def _checked(place: str, thing: dict[str, Any], namespace: str) -> Object:
    kind, api = thing.get("kind"), thing.get("apiVersion")
    meta = thing.get("metadata")
    if not isinstance(api, str) or not isinstance(kind, str) or not _API.fullmatch(api) or not _KIND.fullmatch(kind):
        raise UsageError(
            f"{place}: an object needs apiVersion and kind, this has {api!r} and {kind!r}; {NOTHING}",
            hint="for example apiVersion: apps/v1, kind: Deployment",
        )
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str) or not _NAME.fullmatch(meta["name"]):
        generated = isinstance(meta, dict) and "generateName" in meta
        given = meta.get("name") if isinstance(meta, dict) else None
        if given:
            raise UsageError(f"{place}: {str(given)[:100]!r} is no name that a {kind} can have; {NOTHING}")
        raise UsageError(
            f"{place}: this {kind} has no metadata.name{' but a generateName' if generated else ''}; {NOTHING}",
            hint="a release can only be taken back when its objects have names of their own" if generated else "",
        )
    label = f"{kind.lower()}/{meta['name']}"
    if kind in CLUSTER_SCOPED:
        raise UsageError(
            f"{place}: {label} belongs to no namespace, and a deploy touches only its own; {NOTHING}",
            hint="let an administrator apply it, and take it out of deploy.manifests",
        )
    other = meta.get("namespace")
    if other not in {None, "", namespace}:
        raise UsageError(
            f"{place}: {label} is for namespace '{other}', this deploys to '{namespace}'; {NOTHING}",
            hint="leave metadata.namespace out: the environment says it",
        )
    _check_parts(place, label, thing)
    kept = {key: value for key, value in meta.items() if key not in _GENERATED_FIELDS}
    return {
        **{key: value for key, value in thing.items() if key != "status"},
        "metadata": {**kept, "namespace": namespace},
    }


def _check_parts(place: str, label: str, thing: dict[str, Any]) -> None:
    """The few shapes that the rest of Headway relies on; everything else is the server's to judge."""
    for field in ("labels", "annotations"):
        value = thing["metadata"].get(field)
        if value is not None and not (
            isinstance(value, dict) and all(isinstance(one, str | None) for one in value.values())
        ):
            raise UsageError(
                f"{place}: metadata.{field} of {label} has a value that is not text; {NOTHING}",
                hint="numbers, true and false need quotes there",
            )
    for path in ("spec", "spec.template", "spec.template.spec", "spec.jobTemplate", "spec.jobTemplate.spec"):
        part: Any = thing
        for key in path.split("."):
            part = part.get(key) if isinstance(part, dict) else None
        if part is not None and not isinstance(part, dict):
            raise UsageError(f"{place}: {path} of {label} is {_shape(part)}, not a mapping; {NOTHING}")
    _check_containers(place, label, thing)
    if thing["kind"] == "Secret":
        _check_secret(place, label, thing)


def _check_secret(place: str, label: str, secret: dict[str, Any]) -> None:
    """Values that aren't text: the server would refuse them, too, and say in its message which they are."""
    for field in ("data", "stringData"):
        values = secret.get(field)
        if values is not None and not isinstance(values, dict):
            raise UsageError(f"{place}: {field} of {label} is {_shape(values)}, not a mapping; {NOTHING}")
        for key, value in (values or {}).items():
            if not isinstance(value, str | None):
                raise UsageError(
                    f"{place}: {field}.{key} of {label} is {_shape(value)}, not text; {NOTHING}",
                    hint="numbers, true and false need quotes there",
                )


def _check_containers(place: str, label: str, thing: dict[str, Any]) -> None:
    from agent.objects import pod_spec

    spec = pod_spec(thing)
    for field in ("initContainers", "containers"):
        boxes = spec.get(field) if isinstance(spec, dict) else None
        if boxes is None:
            continue
        if not isinstance(boxes, list) or not all(isinstance(box, dict) for box in boxes):
            raise UsageError(f"{place}: {field} of {label} is not a list of containers; {NOTHING}")


def named(objects: Iterable[Object], workload: str) -> Object:
    """The workload that is followed: Deployment before StatefulSet before DaemonSet.

    Raises:
        UsageError: no such workload among the objects.
    """
    candidates = {kind: {} for kind in ("Deployment", "StatefulSet", "DaemonSet")}  # type: dict[str, dict[str, Object]]
    for thing in objects:
        if thing.get("kind") in candidates:
            candidates[str(thing["kind"])][name(thing)] = thing
    for things in candidates.values():
        if workload in things:
            return things[workload]
    there = [each for things in candidates.values() for each in things]
    raise UsageError(
        f"nothing was changed: the manifests have no Deployment, StatefulSet or DaemonSet '{workload}'",
        hint=f"set deploy.deployment to one of: {', '.join(there)}" if there else "deploy.manifests lack the workload",
    )
