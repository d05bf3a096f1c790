"""Events as client-go's recorder makes them: counted, combined when similar, and dropped when there are too many."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.sandbox.clock import rfc3339_micro
from agent.sandbox.kubernetes.objects import Obj, key_of, meta
from agent.sandbox.kubernetes.world import World
from agent.sandbox.kubernetes.writes import Writes

COMBINE_AT = 10
"""From the tenth distinct message of one reason on, events are combined (client-go: defaultAggregateMaxEvents)."""
COMBINE_WINDOW = 600.0
BURST, REFILL = 25, 300.0
"""An object gets 25 events from one source, then one every 300 s (client-go: defaultSpamBurst, defaultSpamQPS)."""
TIME_TO_LIVE = 3600.0


@dataclass(slots=True)
class _Similar:
    last: float
    messages: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Recorder:
    """Writes events.

    Args:
        world: where and when.
        writes: how.
    """

    def __init__(self, world: World, writes: Writes) -> None:
        self.world = world
        self.writes = writes
        self._known: dict[tuple[str, ...], tuple[str, str]] = {}
        self._similar: dict[tuple[str, ...], _Similar] = {}
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def event(self, about: Obj, kind: str, reason: str, message: str, *, source: str, place: str = "") -> None:
        """Records that something happened to an object.

        Args:
            about: the object.
            kind: Normal or Warning.
            reason: CamelCase, for machines.
            message: for people.
            source: the component.
            place: fieldPath, as in `spec.containers{app}`.
        """
        if self.world.store.get("Namespace", ("", key_of(about)[0])) is None:
            return
        identity = (source, about["kind"], *key_of(about), meta(about)["uid"], about["apiVersion"])
        group = (*identity, kind, reason)
        text, key = self._combine(group, message)
        key = (*key, place)
        if not self._has_token(identity):
            return
        name = self._known.get(key)
        known = self.world.store.get("Event", name) if name is not None else None
        if known is not None:
            again = known | {
                "count": known.get("count", 1) + 1,
                "lastTimestamp": self.world.timestamp(),
                "message": text,
            }
            self.writes.update(known, again, manager=_manager(source))
            return
        self._known[key] = self._create(about, kind, reason, text, source=source, place=place)

    def scheduling(self, pod: Obj, kind: str, reason: str, message: str, action: str) -> None:
        """An event of the new API (events.k8s.io), as only the scheduler writes them: no count, a series instead."""
        key = ("default-scheduler", *key_of(pod), meta(pod)["uid"], kind, reason)
        now = rfc3339_micro(self.world.now())
        name = self._known.get(key)
        known = self.world.store.get("Event", name) if name is not None else None
        if known is not None:
            count = (known.get("series") or {}).get("count", 1) + 1
            self.writes.update(
                known, known | {"series": {"count": count, "lastObservedTime": now}}, manager="kube-scheduler"
            )
            return
        extra: Obj = {
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "eventTime": now,
            "action": action,
            "reportingComponent": "default-scheduler",
            "reportingInstance": "default-scheduler-sandbox",
        }
        self._known[key] = self._put(pod, kind, reason, message, extra, "kube-scheduler", "")

    def _combine(self, group: tuple[str, ...], message: str) -> tuple[str, tuple[str, ...]]:
        now = self.world.now()
        similar = self._similar.get(group)
        if similar is None or now - similar.last > COMBINE_WINDOW:
            similar = self._similar[group] = _Similar(now)
        similar.last = now
        similar.messages.add(message)
        if len(similar.messages) < COMBINE_AT:
            return message, (*group, message)
        similar.messages.discard(next(iter(similar.messages - {message})))
        return f"(combined from similar events): {message}", group

    def _has_token(self, identity: tuple[str, ...]) -> bool:
        now = self.world.now()
        bucket = self._buckets.setdefault(identity, _Bucket(BURST, now))
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.at) / REFILL)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _create(self, about: Obj, kind: str, reason: str, text: str, *, source: str, place: str) -> tuple[str, str]:
        now = self.world.timestamp()
        where: Obj = {"component": source} | ({"host": "node1"} if source == "kubelet" else {})
        extra = {
            "source": where,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "eventTime": None,
            "reportingComponent": source,
            "reportingInstance": "node1" if source == "kubelet" else "",
        }
        return self._put(about, kind, reason, text, extra, _manager(source), place)

    def _put(
        self, about: Obj, kind: str, reason: str, text: str, extra: Obj, manager: str, place: str
    ) -> tuple[str, str]:
        involved = {
            "kind": about["kind"],
            "namespace": meta(about).get("namespace", ""),
            "name": meta(about)["name"],
            "uid": meta(about)["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": meta(about).get("resourceVersion", ""),
        } | ({"fieldPath": place} if place else {})
        namespace = meta(about).get("namespace") or "default"
        name = f"{meta(about)['name']}.{int(self.world.now() * 1e9) + self.world.random.getrandbits(16):x}"
        event: Obj = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": text,
            "type": kind,
        }
        self.writes.create(event | extra, manager=manager)
        self.world.after(
            TIME_TO_LIVE, "controllers", ("event", namespace, name), lambda: self._forget((namespace, name))
        )
        return namespace, name

    def _forget(self, key: tuple[str, str]) -> None:
        self.world.store.remove("Event", key)


def _manager(source: str) -> str:
    return "kubelet" if source == "kubelet" else "kube-controller-manager"
