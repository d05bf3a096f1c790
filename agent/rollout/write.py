"""Our own write to the workload, and what was known when it was made: only what comes on top of that counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.objects import generation, metadata, uid
from agent.rollout.feed import Applied
from agent.rollout.records import Pod, ReplicaSet, digest, mapping, text


@dataclass(frozen=True, slots=True)
class Write:
    """Our own write, as the server answered it (P1).

    Attributes:
        at: when it was sent.
        uid: of the workload then.
        generation: the one that must be observed.
        template: digest of the pod template that we wanted.
        paused: whether we wanted it paused.
        version: the answer's resourceVersion.
        exits: exits of every container known then, by pod UID and container: only what comes on top counts.
        ready: UIDs of the pods that were ready then.
        pods: UIDs of all pods known then.
        replica_sets: UIDs of all ReplicaSets known then.
    """

    at: float
    uid: str
    generation: int
    template: str
    paused: bool
    version: str
    exits: Mapping[tuple[str, str], int]
    ready: frozenset[str]
    pods: frozenset[str]
    replica_sets: frozenset[str]


def write_of(event: Applied, pods: Iterable[Pod], replica_sets: Iterable[ReplicaSet]) -> Write:
    """The write that an event tells of, with what was known when it was sent.

    The answer may be heard of after the watches have told of its first effects: those are no part of what was before.
    """
    thing, known = event.object, [pod for pod in pods if pod.created_at <= event.at]
    spec = mapping(thing.get("spec"))
    return Write(
        at=event.at,
        uid=uid(thing),
        generation=generation(thing),
        template=digest(mapping(spec.get("template"))),
        paused=spec.get("paused") is True,
        version=text(metadata(thing).get("resourceVersion")),
        exits={(pod.uid, item.name): item.exits for pod in known for item in pod.containers},
        ready=frozenset(pod.uid for pod in known if pod.ready),
        pods=frozenset(pod.uid for pod in known),
        replica_sets=frozenset(item.uid for item in replica_sets if item.seen_at <= event.at),
    )
