"""Raw Kubernetes objects: the JSON as the server sent it, and read-only ways to ask it things.

Objects stay plain dicts everywhere (typed models drop the fields that they don't know: P43 of the pitfalls in
docs/explanation/verdict.md); these functions are the only place where the shape of metadata is spelled out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names one object of a cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        """As kubectl prints it: `deployment/web`."""
        return f"{self.kind.lower()}/{self.name}"


def ref(thing: Object, namespace: str = "") -> Ref:
    """The Ref of an object; `namespace` stands in where the object names none."""
    meta = metadata(thing)
    return Ref(
        str(thing.get("apiVersion", "")),
        str(thing.get("kind", "")),
        str(meta.get("namespace") or namespace),
        str(meta.get("name", "")),
    )


def metadata(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata, or an empty mapping."""
    return thing.get("metadata") or {}


def name(thing: Mapping[str, Any]) -> str:
    """metadata.name."""
    return str(metadata(thing).get("name", ""))


def uid(thing: Mapping[str, Any]) -> str:
    """metadata.uid."""
    return str(metadata(thing).get("uid", ""))


def labels(thing: Mapping[str, Any]) -> Mapping[str, str]:
    """metadata.labels."""
    return metadata(thing).get("labels") or {}


def annotations(thing: Mapping[str, Any]) -> Mapping[str, str]:
    """metadata.annotations."""
    return metadata(thing).get("annotations") or {}


def generation(thing: Mapping[str, Any]) -> int:
    """metadata.generation; 0 where there is none."""
    return int(metadata(thing).get("generation") or 0)


def is_terminating(thing: Mapping[str, Any]) -> bool:
    """Whether deletion was asked for already."""
    return bool(metadata(thing).get("deletionTimestamp"))


def controller_uid(thing: Mapping[str, Any]) -> str:
    """The UID of the owner that is the controller; empty if there is none."""
    for owner in metadata(thing).get("ownerReferences") or ():
        if owner.get("controller"):
            return str(owner.get("uid", ""))
    return ""


def condition(thing: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The status condition of that type, or an empty mapping."""
    for item in (thing.get("status") or {}).get("conditions") or ():
        if item.get("type") == kind:
            return dict(item)
    return {}


def pod_spec(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod spec of a workload (its template's), of a CronJob, or of a pod itself."""
    spec = thing.get("spec") or {}
    if thing.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    if "template" in spec:
        return (spec.get("template") or {}).get("spec") or {}
    return spec


def containers(spec: Mapping[str, Any]) -> Iterator[Object]:
    """Every container of a pod spec: init containers first, as they run first."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()
