"""When a request is sent again: connection failures, 429 and 502-504, with growing pauses and Retry-After."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

AGAIN = frozenset({429, 502, 503, 504})
LONGEST_PAUSE = 120.0
"""Seconds; a Retry-After that asks for more is answered with this."""


class Patience(Retry):
    """urllib3's Retry, with a pause that can be cut short and a word to whoever steers the parallelism.

    Every method is repeated: an update and a delete mean the same twice, and who creates, renames or moves looks at
    what a refusal then says (a first attempt may have got through before its answer was lost).
    """

    pause: Callable[[float], None] = staticmethod(threading.Event().wait)  # type: ignore[assignment]
    notice: Callable[[int], None] = staticmethod(lambda _status: None)

    @classmethod
    def granted(cls, pause: Callable[[float], None], notice: Callable[[int], None], *, connect: int = 5) -> Patience:
        """The patience for one connection pool.

        Args:
            pause: waits that many seconds; raises when the process was told to stop.
            notice: hears the status of each answer that makes a retry, 0 for none at all.
            connect: how often a connection that is refused is tried again.
        """
        made = cls(
            total=7,
            connect=connect,
            read=4,
            status=7,
            other=0,
            allowed_methods=None,
            status_forcelist=AGAIN,
            backoff_factor=0.2,
            backoff_jitter=0.2,
            backoff_max=15,
            raise_on_status=False,
            respect_retry_after_header=True,
        )
        made.pause, made.notice = pause, notice
        return made

    def new(self, **changes: Any) -> Self:
        """As urllib3 asks for it after each attempt; keeps the two callbacks."""
        made = super().new(**changes)
        made.pause, made.notice = self.pause, self.notice
        return made

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """Counts an attempt that failed."""
        self.notice(response.status if response is not None else 0)
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Waits as the server asks, else longer each time."""
        try:
            asked = self.get_retry_after(response) if response is not None else None
        except InvalidHeader:
            asked = None
        seconds = min(asked, LONGEST_PAUSE) if asked is not None else self.get_backoff_time()
        if seconds > 0:
            self.pause(seconds)
