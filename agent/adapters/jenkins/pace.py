"""At most so many requests a second, whatever number of threads sends them: room for a controller to breathe."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Pace:
    """Gives each request its turn.

    Args:
        rate: requests a second; 0: as many as come.
        now: monotonic seconds.
        pause: waits.
    """

    def __init__(self, rate: float, now: Callable[[], float], pause: Callable[[float], None]) -> None:
        self._interval = 1 / rate if rate > 0 else 0.0
        self._now, self._pause = now, pause
        self._next = float("-inf")
        self._lock = threading.Lock()

    def turn(self) -> None:
        """Waits until one more request may go out."""
        if not self._interval:
            return
        with self._lock:
            now = self._now()
            mine = max(now, self._next)
            self._next = mine + self._interval
        if mine > now:
            self._pause(mine - now)
