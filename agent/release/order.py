"""The order in which objects need each other: configuration before pods, pods before what only looks at them.

Authors write the Deployment first (the manifests of real shops do); a pod that starts before its ServiceAccount or
ConfigMap fails once for nothing. Removal goes the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.objects import Object, Ref, name

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
"""Kinds that are followed to a verdict. (A CronJob starts nothing now; a bare Pod isn't rolled out.)"""

CONFIGURATION = ("ConfigMap", "Secret")

NEVER_REMOVED = ("Namespace", "CustomResourceDefinition", "PersistentVolumeClaim", "PersistentVolume")
"""Data, or what holds data of others: never removed by an undo or a prune (contract section 2, `prune`)."""

_ORDER = (
    "PriorityClass",
    "ResourceQuota",
    "LimitRange",
    "NetworkPolicy",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "",  # kinds that we don't know: custom resources are mostly configuration of some operator
    "Service",
    "PodTemplate",
    "Pod",
    "DaemonSet",
    "StatefulSet",
    "ReplicaSet",
    "ReplicationController",
    "Deployment",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Ingress",
    "HTTPRoute",
    "GRPCRoute",
)
_RANK = {kind: rank for rank, kind in enumerate(_ORDER)}


def rank(kind: str) -> int:
    """Where a kind stands in the order; kinds that we don't know come between configuration and Services."""
    return _RANK.get(kind, _RANK[""])


def by_need(objects: Iterable[Object]) -> tuple[Object, ...]:
    """Objects in the order in which to apply them; equal kinds keep their author's order."""
    return tuple(sorted(objects, key=lambda thing: rank(str(thing.get("kind", "")))))


def by_removal(refs: Iterable[Ref]) -> tuple[Ref, ...]:
    """Refs in the order in which to delete them, without those that are never removed."""
    kept = (ref for ref in refs if ref.kind not in NEVER_REMOVED)
    return tuple(sorted(kept, key=lambda ref: (-rank(ref.kind), ref.name)))


def is_workload(thing: Object) -> bool:
    """Whether it is rolled out and judged."""
    return str(thing.get("kind", "")) in WORKLOADS and bool(name(thing))
