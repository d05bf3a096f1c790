"""Time for a stand-in world: it stands still and moves when told, or it runs N times as fast as the wall clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime


class Clock:
    """The one clock of a sandbox.

    Args:
        speed: None for a clock that stands still until `move_to` is called; else how many seconds pass here while one
            passes on the wall (1.0 is real time).
        start: the first moment, in seconds since the epoch; the wall clock's by default.
    """

    def __init__(self, speed: float | None = None, start: float | None = None) -> None:
        if speed is not None and speed <= 0:
            raise ValueError(f"a clock can't run at speed {speed}: give a positive number, or None to move it by hand")
        self.speed = speed
        self._start = time.time() if start is None else start
        self._wall = time.monotonic()
        self._now = self._start
        self._lock = threading.Lock()

    @property
    def is_manual(self) -> bool:
        """Whether it only moves when told."""
        return self.speed is None

    def now(self) -> float:
        """Seconds since the epoch, in this world."""
        if self.speed is None:
            with self._lock:
                return self._now
        return self._start + (time.monotonic() - self._wall) * self.speed

    def move_to(self, moment: float) -> None:
        """Moves a manual clock forward; it never goes back."""
        if self.speed is not None:
            raise RuntimeError("this clock runs by itself; only a manual one (speed=None) can be moved")
        with self._lock:
            self._now = max(self._now, moment)

    def wall_seconds(self, seconds: float) -> float:
        """How long `seconds` of this world take on the wall; 0 for a manual clock."""
        return 0.0 if self.speed is None else seconds / self.speed


def rfc3339(moment: float) -> str:
    """A moment as Kubernetes writes it in metav1.Time: whole seconds, UTC."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(moment: float) -> str:
    """A moment as Kubernetes writes it in metav1.MicroTime."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_rfc3339(text: str) -> float:
    """Seconds since the epoch of a timestamp as Kubernetes writes it."""
    return datetime.fromisoformat(text).timestamp()
