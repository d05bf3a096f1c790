"""What the rules need to know of a pod, a ReplicaSet, an event: small frozen records instead of whole objects.

A followed pod costs about two kilobytes here; the object that it was read from is let go (issue 4: at most 80 MiB with
500 pods followed).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from agent.objects import Object

ContainerKind: TypeAlias = Literal["init", "sidecar", "main"]

TEXT_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended: status, the kubelet's word for it, its last message."""

    code: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a container does not start, and since when it has not.

    Attributes:
        kind: image, config or run: which step fails.
        reason: the waiting reason, as last seen.
        message: the first text that says something.
        since: when it was first seen; a change of words (ErrImagePull, ImagePullBackOff) is no new beginning.
    """

    kind: Literal["image", "config", "run"]
    reason: str
    message: str
    since: float


@dataclass(frozen=True, slots=True)
class Container:
    """One container's status.

    Attributes:
        waiting: the waiting reason; empty unless it waits.
        begun: whether it ever ran or ended: its image is here, its configuration was found.
        terminated: how the present instance ended; None while it runs or waits.
        last: how the instance before ended.
        trouble: why it doesn't start; None when it does.
        ended_at: when its first end was seen; None if none was.
    """

    name: str
    kind: ContainerKind
    image: str
    ready: bool
    running: bool
    begun: bool
    waiting: str
    restarts: int
    terminated: Exit | None
    last: Exit | None
    trouble: Trouble | None
    ended_at: float | None

    @property
    def exits(self) -> int:
        """How many instances of it have ended (P16: counts and last states, never the word CrashLoopBackOff alone)."""
        over = self.terminated is not None or (bool(self.waiting) and self.last is not None)
        return self.restarts + over

    @property
    def exit(self) -> Exit | None:
        """How it ended most recently."""
        return self.terminated or self.last


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod.

    Attributes:
        owner: UID of its controller.
        revision: its `controller-revision-hash`, else its `pod-template-hash`.
        template_generation: `pod-template-generation` of a DaemonSet's pod.
        reason: status.reason (`Evicted`, `NodeShutdown`).
        disrupted: a DisruptionTarget condition: eviction, drain, preemption, spot loss (P24).
        claims: the PersistentVolumeClaims that it mounts.
        created_at: when it was first heard of.
        scheduled_at: when it was first seen on a node; None until then.
        ready_at: when it was first seen ready; None until then.
        unschedulable_since: since when the scheduler finds no node; None if it does.
    """

    uid: str
    name: str
    version: str
    owner: str
    revision: str
    template_generation: str
    node: str
    phase: str
    reason: str
    message: str
    terminating: bool
    disrupted: bool
    ready: bool
    gated: bool
    nominated: bool
    claims: tuple[str, ...]
    containers: tuple[Container, ...]
    created_at: float
    scheduled_at: float | None
    ready_at: float | None
    unready_since: float | None
    unschedulable_since: float | None
    unschedulable: str

    @property
    def lost(self) -> bool:
        """Whether it is on its way out, or was taken away by something other than itself."""
        return self.terminating or self.disrupted or self.phase in {"Failed", "Succeeded"}


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """One ReplicaSet of the Deployment.

    Attributes:
        template: digest of its pod template.
        wanted: spec.replicas; `present` is status.replicas.
        failure: the message of its ReplicaFailure condition; empty without one.
        seen_at: when it was first heard of.
    """

    uid: str
    name: str
    version: str
    owner: str
    template: str
    pod_hash: str
    revision: int
    created: str
    wanted: int
    present: int
    failure: str
    failure_since: float | None
    seen_at: float


@dataclass(frozen=True, slots=True)
class Revision:
    """One ControllerRevision: the hash that its pods carry, and its template's digest where it holds one."""

    uid: str
    name: str
    version: str
    owner: str
    pod_hash: str
    revision: int
    template: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event object: repetitions raise `count`, the first text is kept.

    Attributes:
        subject: UID of what it is about.
        container: from involvedObject.fieldPath; empty where it is about the whole pod.
        first_at: when it was first heard.
        last_at: when it was last heard.
        stale: whether it was there before our write and was not repeated since (P26).
    """

    uid: str
    version: str
    subject: str
    name: str
    kind: str
    reason: str
    message: str
    latest: str
    container: str
    count: int
    first_at: float
    last_at: float
    stale: bool


def digest(template: Mapping[str, Any]) -> str:
    """A pod template's digest; the label that controllers add is no part of it, nor is anything empty."""
    plain = _pruned(template)
    labels = plain.get("metadata", {}).get("labels")
    if labels:
        labels.pop("pod-template-hash", None)
        labels.pop("controller-revision-hash", None)
        labels.pop("pod-template-generation", None)
    plain.pop("$patch", None)
    text = json.dumps(_pruned(plain), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _pruned(thing: Any) -> Any:
    """A copy without nulls and empty collections, which come and go with the server's version."""
    if isinstance(thing, Mapping):
        kept = ((key, _pruned(value)) for key, value in thing.items())
        return {key: value for key, value in kept if value is not None and value not in ({}, [])}
    if isinstance(thing, list):
        return [_pruned(value) for value in thing]
    return thing


def newer(known: str, version: str) -> bool:
    """Whether a resourceVersion of the same object is newer than the known one; an odd one is, if it differs."""
    if known.isdecimal() and version.isdecimal():
        return int(version) > int(known)
    return known != version


def text(value: object) -> str:
    """A bounded string out of whatever stood there."""
    return "" if value is None else str(value)[:TEXT_LIMIT]


def number(value: object) -> int:
    """An int out of whatever stood there; 0 where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return 0
    try:
        return int(value)
    except ValueError:
        return 0


def mapping(value: object) -> Mapping[str, Any]:
    """A mapping out of whatever stood there."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> list[Object]:
    """The mappings among the items of whatever stood there."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def condition(thing: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The status condition of that type, or an empty mapping, whatever stood in status."""
    found = (item for item in mappings(mapping(thing.get("status")).get("conditions")) if item.get("type") == kind)
    return next(found, {})
