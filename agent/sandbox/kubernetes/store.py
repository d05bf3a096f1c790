"""The objects, their resourceVersions and the history that watches read: etcd and the watch cache in one.

Stored objects are never changed in place: every write puts a new one, so a reader may keep what it was given.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from agent.sandbox.kubernetes.objects import Key, Obj, key_of

HISTORY = 50_000
"""How many changes of one kind are remembered; older ones answer 410."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write.

    Attributes:
        version: the resourceVersion that it made.
        type: ADDED, MODIFIED or DELETED.
        kind: the object's kind.
        object: the object after the write; for DELETED its last state, carrying `version`.
        before: the object before the write; None for ADDED.
    """

    version: int
    type: str
    kind: str
    object: Obj
    before: Obj | None


Listener: TypeAlias = Callable[[Change], None]


class Store:
    """Everything that is in the cluster. Its lock guards the whole stand-in world.

    Args:
        version: the resourceVersion to begin at.
    """

    def __init__(self, version: int = 1000) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = version
        self.compacted = 0
        self._objects: dict[str, dict[Key, Obj]] = {}
        self._history: dict[str, list[Change]] = {}
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Calls `listener` for every change, at once and under the lock."""
        self._listeners.append(listener)

    def get(self, kind: str, key: Key) -> Obj | None:
        """The object, or None."""
        return self._objects.get(kind, {}).get(key)

    def listed(self, kind: str, namespace: str = "") -> list[Obj]:
        """All objects of a kind, of one namespace or of all, ordered by namespace and name as etcd has them."""
        found = self._objects.get(kind, {})
        return [found[key] for key in sorted(found) if not namespace or key[0] == namespace]

    def all(self) -> Iterator[tuple[str, Obj]]:
        """Every object with its kind."""
        for kind, found in list(self._objects.items()):
            for thing in list(found.values()):
                yield kind, thing

    def put(self, kind: str, thing: Obj) -> Obj:
        """Writes an object; gives back the stored one, with its new resourceVersion."""
        key = key_of(thing)
        before = self.get(kind, key)
        self.version += 1
        stored = thing | {"metadata": thing["metadata"] | {"resourceVersion": str(self.version)}}
        self._objects.setdefault(kind, {})[key] = stored
        self._note(Change(self.version, "ADDED" if before is None else "MODIFIED", kind, stored, before))
        return stored

    def remove(self, kind: str, key: Key) -> Obj | None:
        """Removes an object for good; gives back its last state."""
        before = self._objects.get(kind, {}).pop(key, None)
        if before is None:
            return None
        self.version += 1
        last = before | {"metadata": before["metadata"] | {"resourceVersion": str(self.version)}}
        self._note(Change(self.version, "DELETED", kind, last, before))
        return last

    def since(self, kind: str, version: int) -> list[Change]:
        """The changes of a kind after `version`, oldest first."""
        history = self._history.get(kind, [])
        return history[bisect.bisect_right(history, version, key=lambda change: change.version) :]

    def is_too_old(self, kind: str, version: int) -> bool:
        """Whether changes after `version` are forgotten."""
        history = self._history.get(kind, [])
        forgotten = history[0].version - 1 if len(history) >= HISTORY else 0
        return version < max(self.compacted, forgotten)

    def compact(self) -> int:
        """Forgets the history up to now; gives back the oldest resourceVersion that can still be watched from."""
        self.compacted = self.version
        self._history.clear()
        return self.compacted

    def _note(self, change: Change) -> None:
        history = self._history.setdefault(change.kind, [])
        history.append(change)
        if len(history) > HISTORY:
            del history[: HISTORY // 10]
        for listener in self._listeners:
            listener(change)
        self.changed.notify_all()
