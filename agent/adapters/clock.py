"""Time as it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The Clock of the process.

    Waiting is `time.sleep`, which a signal handler that raises (KeyboardInterrupt, or the one for SIGTERM) cuts short.
    """

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def utc(self) -> str:
        """Now, as `2026-11-23T22:01:02Z`."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def sleep(self, seconds: float) -> None:
        """Waits; nothing below zero."""
        time.sleep(max(0.0, seconds))
