"""Who else has a say over an object: GitOps controllers, autoscalers, other field managers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.objects import Object, labels, metadata, name
from agent.objects import annotations as annotations_of

OURS = "headway"

_GITOPS_MARKS = {
    "argocd.argoproj.io/instance": "Argo CD",
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "fluxcd.io/sync-checksum": "Flux",
    "configmanagement.gke.io/managed": "Config Sync",
    "objectset.rio.cattle.io/owner-name": "Fleet",
}
_GITOPS_MANAGERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "flux": "Flux",
    "configsync.gke.io": "Config Sync",
    "fleetagent": "Fleet",
}


def gitops_owner(live: Object) -> str:
    """The GitOps tool that keeps this object as its repository says; empty if there is none (P41).

    Such a tool would revert a deploy, or an undo, within seconds.
    """
    marks = {**labels(live), **annotations_of(live)}
    for mark, tool in _GITOPS_MARKS.items():
        if mark in marks:
            return tool
    for entry in metadata(live).get("managedFields") or ():
        tool = gitops_manager(str(entry.get("manager", "")))
        if tool:
            return tool
    return ""


def gitops_manager(manager: str) -> str:
    """The GitOps tool behind a field manager; empty if it is none."""
    return _GITOPS_MANAGERS.get(manager, "")


def scaled(autoscalers: Iterable[Object]) -> frozenset[tuple[str, str]]:
    """(kind, name) of the workloads that HorizontalPodAutoscalers (or KEDA's ScaledObjects) keep the replicas of."""
    found = set()
    for thing in autoscalers:
        if thing.get("kind") in {"HorizontalPodAutoscaler", "ScaledObject"}:
            target = (thing.get("spec") or {}).get("scaleTargetRef") or {}
            if target.get("name"):
                found.add((str(target.get("kind") or "Deployment"), str(target["name"])))
    return frozenset(found)


def scaled_by_hand_over(live: Object) -> bool:
    """Whether the replicas were last set through the scale subresource by a controller (an HPA we can't see)."""
    return any(
        entry.get("subresource") == "scale" and entry.get("manager") in {"kube-controller-manager", "keda-operator"}
        for entry in metadata(live).get("managedFields") or ()
    )


@dataclass(frozen=True, slots=True)
class Autoscaled:
    """Workloads by (kind, name): whose replicas an autoscaler keeps, and whose autoscaler is about to go."""

    kept: frozenset[tuple[str, str]] = frozenset()
    freed: frozenset[tuple[str, str]] = frozenset()


def with_replicas(thing: Object, live: Object | None, autoscalers: Autoscaled) -> Object:
    """The workload as it may be applied: without `spec.replicas` where an autoscaler owns them (P45).

    A field that only we own would be reset to 1 by leaving it out; then the number that is there now is sent instead.
    """
    spec = thing.get("spec")
    if not isinstance(spec, Mapping):
        return thing
    who = (str(thing.get("kind")), name(thing))
    trace = live is not None and scaled_by_hand_over(live) and who not in autoscalers.freed
    if who not in autoscalers.kept and not trace:
        return thing
    rest: dict[str, Any] = {key: value for key, value in spec.items() if key != "replicas"}
    if live is not None and _only_ours(live, "f:replicas"):
        rest["replicas"] = (live.get("spec") or {}).get("replicas", 1)
    return {**thing, "spec": rest}


def _only_ours(live: Object, field: str) -> bool:
    """Whether field manager `headway` alone owns that field of the spec."""
    owners = {
        str(entry.get("manager"))
        for entry in metadata(live).get("managedFields") or ()
        if field in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    }
    return owners == {OURS}


def is_ours(live: Object) -> bool:
    """Whether what a release of ours has created is still ours: we have applied to it, or nobody set a field of it.

    The server keeps no manager of an object that is a name alone, as a ServiceAccount is.
    """
    entries = metadata(live).get("managedFields") or ()
    return not entries or any(entry.get("manager") == OURS for entry in entries)
