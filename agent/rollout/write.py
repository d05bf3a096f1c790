"""Our own write to the workload, and what was known when it was made: only what comes on top of that counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from agent.objects import Object, generation, metadata, uid
from agent.rollout.feed import Applied
from agent.rollout.records import Pod, ReplicaSet, digest, mapping, mappings, text


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
        server_time: the API server's clock when it took the write, in whole seconds; empty where it isn't said.
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
    server_time: str = ""

    def precedes(self, thing: Object) -> bool:
        """Whether an object was made before the write, by the one clock that stamps both (P27)."""
        made = text(metadata(thing).get("creationTimestamp"))
        return bool(made and self.server_time) and made < self.server_time

    def with_pod(self, pod: Pod) -> Write:
        """The write, with a pod that was there before it and is only heard of now."""
        exits = {**self.exits, **{(pod.uid, item.name): item.exits for item in pod.containers}}
        ready = self.ready | {pod.uid} if pod.ready else self.ready
        return replace(self, exits=exits, ready=ready, pods=self.pods | {pod.uid})

    def with_replica_set(self, uid: str) -> Write:
        """The write, with a ReplicaSet that was there before it and is only heard of now."""
        return replace(self, replica_sets=self.replica_sets | {uid})


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
        server_time=server_time(thing),
    )


def server_time(thing: Object) -> str:
    """When the API server last took a write of the object, as managedFields say; empty if they don't."""
    times = [text(entry.get("time")) for entry in mappings(metadata(thing).get("managedFields"))]
    return max(times, default="")
