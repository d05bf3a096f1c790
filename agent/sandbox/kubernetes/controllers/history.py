"""ControllerRevisions of StatefulSets and DaemonSets (pkg/controller/history)."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.objects import (
    Obj,
    annotations_of,
    canonical,
    clone,
    is_owned_by,
    key_of,
    labels,
    meta,
    owner_reference,
    spec,
)
from agent.sandbox.kubernetes.world import short_hash

_GENERATION = "deprecated.daemonset.template.generation"


def listed(controller: Controller, thing: Obj) -> list[Obj]:
    """The revisions of a workload, oldest first."""
    found = [
        item for item in controller.store.listed("ControllerRevision", key_of(thing)[0]) if is_owned_by(item, thing)
    ]
    return sorted(found, key=lambda item: (int(item["revision"]), meta(item)["name"]))


def sync(controller: Controller, thing: Obj, label: str) -> list[Obj]:
    """Makes sure that the present template has a revision, the newest; an old one that is equal is raised.

    Args:
        controller: for whom.
        thing: the workload.
        label: under which the hash is noted.
    """
    data = {"spec": {"template": {"$patch": "replace", **clone(spec(thing)["template"])}}}
    found = listed(controller, thing)
    equal = next((item for item in found if item["data"] == data), None)
    newest = int(found[-1]["revision"]) if found else 0
    if equal is None:
        digest = short_hash(canonical(data))
        about: Obj = {
            "name": f"{meta(thing)['name']}-{digest}",
            "namespace": meta(thing)["namespace"],
            "labels": (meta(spec(thing)["template"]).get("labels") or {}) | {label: digest},
            "ownerReferences": [owner_reference(thing)],
        }
        if _GENERATION in annotations_of(thing):
            about["annotations"] = {_GENERATION: annotations_of(thing)[_GENERATION]}
        document = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": about}
        controller.writes.create(document | {"data": data, "revision": newest + 1})
    elif int(equal["revision"]) < newest:
        controller.writes.change("ControllerRevision", key_of(equal), revision=newest + 1)
    return listed(controller, thing)


def trim(controller: Controller, thing: Obj, live: set[str]) -> None:
    """Removes the oldest revisions beyond revisionHistoryLimit that no pod has."""
    idle = [item for item in listed(controller, thing) if meta(item)["name"] not in live and _hash(item) not in live]
    limit = int(spec(thing).get("revisionHistoryLimit") or 0)
    for item in idle[: max(len(idle) - limit, 0)]:
        controller.writes.delete(item)


def _hash(item: Obj) -> str:
    return labels(item).get("controller-revision-hash", "")
