"""Ctrl-C and SIGTERM: raised in the main thread where it stands, but not where it would leave a lock held or be lost.

`Condition.__enter__` and its like are Python: an exception between two of their instructions leaves the lock held for
ever, and whoever needs it next (a connection pool, a thread that starts, a future) waits for ever. With other threads
at work the main thread spends milliseconds there, not microseconds. And what is raised in a finalizer is dropped, by
that of a file (every HTTP response is one) without a word. So a signal that comes at such a moment is noted, and raised
a few milliseconds later, outside.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from types import FrameType

LAST_WORDS = 5.0
"""Seconds that an interrupted command has to itself, to record and say what it leaves (contract section 7: 4 s)."""
_AGAIN = 0.005
_MOST = 0.5
"""Seconds after which it is raised anyhow."""
_WAITING = frozenset({"wait", "_wait_for_tstate_lock"})
"""Functions of `threading` that put everything right when their waiting is interrupted."""
_FRAGILE = frozenset(
    {"threading", "queue", "concurrent.futures._base", "concurrent.futures.thread", "weakref", "_weakrefset"}
)
_FINAL = frozenset({"close", "closed", "__del__"})
"""What finalizers call; nothing tells a function that it is called by one."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised where the program stands, as Ctrl-C is."""


class _Hearing:
    """What was heard, and what is still to be raised."""

    def __init__(self) -> None:
        self._first = float("-inf")
        self._due: type[KeyboardInterrupt] | None = None
        self._seen: tuple[FrameType | None, int] = (None, 0)

    def hear(self, number: int, frame: FrameType | None) -> None:
        """A signal: the first one counts; a later SIGTERM, or a Ctrl-C within `LAST_WORDS` seconds, does not."""
        now = time.monotonic()
        if self._due is None:
            if self._first > float("-inf") and (number == signal.SIGTERM or now - self._first < LAST_WORDS):
                return
            self._first = now
            self._due = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        if _is_fragile(frame) and not self._waits(frame) and now - self._first < _MOST:
            _thread.start_new_thread(_send_again, (number,))
            return
        due, self._due, self._seen = self._due, None, (None, 0)
        raise due

    def _waits(self, frame: FrameType | None) -> bool:
        """Whether the thread stands where it stood at the last look, waiting."""
        before, self._seen = self._seen, (frame, frame.f_lasti if frame else 0)
        return frame is not None and before == self._seen and frame.f_code.co_name in _WAITING


def _send_again(number: int) -> None:
    # Started with `_thread`, whose one function is C: `threading` may be what the main thread is in the middle of.
    time.sleep(_AGAIN)
    os.kill(os.getpid(), number)


def _is_fragile(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") in _FRAGILE or frame.f_code.co_name in _FINAL:
            return True
        frame = frame.f_back
    return False


def listen() -> None:
    """Makes SIGTERM raise `Terminated` in the main thread, and Ctrl-C KeyboardInterrupt.

    Neither cuts short what the first one began: a second SIGTERM is ignored (Jenkins sends two: P53), a second Ctrl-C
    for `LAST_WORDS` seconds. Where SIGINT is ignored (a background job), it stays so. Other threads hear no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    hearing = _Hearing()
    signal.signal(signal.SIGTERM, hearing.hear)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, hearing.hear)


def ignore() -> None:
    """All is said: a late one must not change the status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
