"""What is to happen when: the heartbeat of the stand-in cluster.

Everything that a controller, the scheduler or a kubelet does is an entry here, so one `run_due(now)` moves the whole
world and nobody sleeps.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Hashable
from typing import TypeAlias

Task: TypeAlias = Callable[[], None]


class Agenda:
    """Entries by time; entries with the same key are one, at the earlier time."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Hashable]] = []
        self._tasks: dict[Hashable, tuple[float, Task]] = {}
        self._order = itertools.count()
        self._frozen: set[str] = set()

    def at(self, moment: float, part: str, key: Hashable, task: Task) -> None:
        """Plans `task`.

        Args:
            moment: when, in the world's seconds.
            part: who does it: `controllers`, `scheduler`, `kubelet`; a part can be frozen.
            key: names the entry within its part; a second entry of that name keeps the earlier time.
            task: what to do.
        """
        name = (part, key)
        planned = self._tasks.get(name)
        if planned is not None and planned[0] <= moment:
            return
        self._tasks[name] = (moment, task)
        heapq.heappush(self._heap, (moment, next(self._order), name))

    def drop(self, part: str, key: Hashable) -> None:
        """Takes an entry off."""
        self._tasks.pop((part, key), None)

    def freeze(self, part: str, *, frozen: bool) -> None:
        """Stops a part, or lets it go on; what it missed it does then."""
        if frozen:
            self._frozen.add(part)
            return
        self._frozen.discard(part)
        for name, (moment, _) in self._tasks.items():
            if isinstance(name, tuple) and name[0] == part:
                heapq.heappush(self._heap, (moment, next(self._order), name))

    def next_wakeup(self) -> float | None:
        """When the next entry is due, or None when there is none."""
        while self._heap:
            moment, _, name = self._heap[0]
            planned = self._tasks.get(name)
            if planned is not None and planned[0] == moment and not self._is_frozen(name):
                return moment
            heapq.heappop(self._heap)
        return None

    def run_next(self, until: float) -> float | None:
        """Runs the first entry that is due by `until`; gives back when it was due, or None when none was."""
        moment = self.next_wakeup()
        if moment is None or moment > until:
            return None
        _, _, name = heapq.heappop(self._heap)
        _, task = self._tasks.pop(name)
        task()
        return moment

    def _is_frozen(self, name: Hashable) -> bool:
        return isinstance(name, tuple) and name[0] in self._frozen
