"""Misbehaviour by script: what the API server answers, or does not, instead of the truth."""

from __future__ import annotations

import fnmatch
import threading
from dataclasses import dataclass, field

KINDS = {
    "unavailable": "503 ServiceUnavailable",
    "throttle": "429 with Retry-After",
    "conflict": "409 Conflict on writes",
    "gone": "410 Expired: the HTTP status on lists, an ERROR event on watches",
    "unauthorized": "401, as with an expired token",
    "forbidden": "403 for a verb and a resource",
    "error": "500 InternalError",
    "slow": "the answer comes after `delay` seconds on the wall",
    "truncate": "half of the JSON, then the connection ends",
    "drop": "the connection ends without an answer",
    "cut": "watches that are open end, and new ones end at once",
    "silence": "requests hang and open watches say nothing, until it ends",
}


@dataclass(slots=True)
class Fault:
    """One scripted fault.

    Attributes:
        kind: one of `KINDS`.
        verb: get, list, watch, create, update, patch, delete, deletecollection; empty for any.
        resource: plural, with subresource as `pods/log`; empty for any; may be a glob.
        name: of the object; empty for any.
        path: a glob over the URL's path; empty for any.
        user_agent: a glob over the User-Agent; empty for any.
        times: how often; None for as long as `seconds` says.
        until: when it ends, in the world's seconds; None for until it is cancelled.
        delay: for `slow`, in seconds on the wall.
        retry_after: for `throttle` and `unavailable`, in seconds.
        message: instead of the usual one.
        hits: how many requests it has met.
    """

    kind: str
    verb: str = ""
    resource: str = ""
    name: str = ""
    path: str = ""
    user_agent: str = ""
    times: int | None = None
    until: float | None = None
    since: float = 0.0
    delay: float = 0.0
    retry_after: int = 1
    message: str = ""
    hits: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ends it."""
        self.cancelled.set()

    def is_on(self, now: float) -> bool:
        """Whether it is in force."""
        if self.cancelled.is_set() or now < self.since or (self.until is not None and now >= self.until):
            return False
        return self.times is None or self.hits < self.times


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as faults and the request log see it."""

    verb: str
    resource: str
    namespace: str
    name: str
    path: str
    user_agent: str


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._all: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Puts one in force.

        Raises:
            ValueError: no such kind.
        """
        if fault.kind not in KINDS:
            raise ValueError(f"no fault is called {fault.kind!r}: there are {', '.join(KINDS)}")
        with self._lock:
            self._all.append(fault)
        return fault

    def clear(self) -> None:
        """Ends all."""
        with self._lock:
            for fault in self._all:
                fault.cancel()
            self._all.clear()

    def find(self, asked: Asked, now: float, *, kinds: set[str] | None = None, count: bool = True) -> Fault | None:
        """The first fault that meets a request."""
        with self._lock:
            for fault in self._all:
                if (kinds is None or fault.kind in kinds) and fault.is_on(now) and _meets(fault, asked):
                    fault.hits += count
                    return fault
        return None


def _meets(fault: Fault, asked: Asked) -> bool:
    if fault.kind == "conflict" and asked.verb not in {"update", "patch", "create", "delete"}:
        return False
    if fault.kind == "cut" and asked.verb != "watch":
        return False
    if fault.kind == "gone" and asked.verb not in {"list", "watch"}:
        return False
    pairs = (
        (fault.verb, asked.verb),
        (fault.resource, asked.resource),
        (fault.name, asked.name),
        (fault.path, asked.path),
        (fault.user_agent, asked.user_agent),
    )
    return all(not pattern or fnmatch.fnmatchcase(value, pattern) for pattern, value in pairs)
