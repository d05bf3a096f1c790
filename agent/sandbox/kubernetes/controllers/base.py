"""What every controller has: a queue without duplicates, and ever longer waits for a key that fails."""

from __future__ import annotations

from abc import ABC, abstractmethod

from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import Key, Obj, controller_of, key_of
from agent.sandbox.kubernetes.recorder import Recorder
from agent.sandbox.kubernetes.store import Change, Store
from agent.sandbox.kubernetes.world import World
from agent.sandbox.kubernetes.writes import Writes

FIRST_RETRY, LAST_RETRY = 0.005, 1000.0
"""client-go's DefaultTypedControllerRateLimiter."""


class Controller(ABC):
    """One controller.

    Args:
        world: the world.
        writes: how it writes.
        recorder: its events.

    Attributes:
        kind: the kind that it controls.
        delay: seconds between a change and its sync; the real ones need about that long.
    """

    kind = ""
    delay = 0.01

    def __init__(self, world: World, writes: Writes, recorder: Recorder) -> None:
        self.world = world
        self.writes = writes
        self.recorder = recorder
        self._failures: dict[Key, int] = {}
        world.store.subscribe(self.heard)

    @property
    def store(self) -> Store:
        """The objects."""
        return self.world.store

    @property
    def source(self) -> str:
        """As events name it."""
        return f"{self.kind.lower()}-controller"

    def heard(self, change: Change) -> None:
        """Decides which keys a change concerns; by default its own objects and the owner of what it owns."""
        if change.kind == self.kind:
            self.enqueue(key_of(change.object))
        self.heard_owned(change)

    def heard_owned(self, change: Change) -> None:
        """Enqueues the owner of an object, where it is of this controller's kind."""
        owner = controller_of(change.object)
        if owner is not None and owner.get("kind") == self.kind:
            self.enqueue((key_of(change.object)[0], owner["name"]))

    def enqueue(self, key: Key, after: float | None = None) -> None:
        """Plans a sync of one key."""
        seconds = self.delay if after is None else after
        self.world.after(seconds, "controllers", (type(self).__name__, key), lambda: self._work(key))

    def retry(self, key: Key) -> None:
        """Plans a sync after a failure: 5 ms, doubling up to 1000 s."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait = min(FIRST_RETRY * 2**failures, LAST_RETRY)
        # An entry of its own, as in client-go: a sync for another cause does not take this one off.
        self.world.after(wait, "controllers", (type(self).__name__, key, "retry"), lambda: self._work(key))

    def _work(self, key: Key) -> None:
        try:
            self.sync(key)
        except ApiError:
            self.retry(key)
        else:
            self._failures.pop(key, None)

    @abstractmethod
    def sync(self, key: Key) -> None:
        """Moves one object along.

        Raises:
            ApiError: it did not work; it is tried again.
        """

    def event(self, about: Obj, kind: str, reason: str, message: str) -> None:
        """Records an event."""
        self.recorder.event(about, kind, reason, message, source=self.source)
