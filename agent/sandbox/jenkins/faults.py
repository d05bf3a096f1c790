"""Misbehaviour by script: what goes wrong, for which requests, how often.

Deterministic: "1 in 40" is every fortieth matching request, counted, never drawn by lot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.sandbox.jenkins.http import Request

FaultKind = Literal["status", "reset", "cut", "slow", "login", "crumb", "restart"]
KINDS: tuple[FaultKind, ...] = ("status", "reset", "cut", "slow", "login", "crumb", "restart")


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong.

    Args:
        kind: `status` answers with `status`; `reset` drops the connection; `cut` sends half an answer and hangs up;
            `slow` sends the body in pieces, `pace` seconds apart; `login` redirects to the login page; `crumb` makes
            all crumbs worthless, then handles the request; `restart` forgets sessions, crumbs and the queue, and this
            request and the next `times - 1` get 503.
        status: for `status`.
        every: 1 in so many of the matching requests, the first one being the `every`th.
        times: how often at most; None without end.
        after: for `status`, `reset` and `cut`: the request takes effect first, only its answer is lost.
        method: only this method; empty for all.
        path: a regular expression searched for in the path; empty for all.
        retry_after: seconds for the header of that name; None without.
        pace: seconds between the pieces of a slow body.
    """

    kind: FaultKind
    status: int = 503
    every: int = 1
    times: int | None = None
    after: bool = False
    method: str = ""
    path: str = ""
    retry_after: int | None = None
    pace: float = 0.05
    matched: int = 0
    struck: int = 0
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind!r}, there are {', '.join(KINDS)}")
        if self.every < 1:
            raise ValueError("every is 1 or more")
        if self.kind == "restart" and self.times is None:
            self.times = 1
        self._pattern = re.compile(self.path)

    def strikes(self, request: Request) -> bool:
        """Whether this request is hit; counts it."""
        if self.spent or (self.method and request.method != self.method) or not self._pattern.search(request.path):
            return False
        self.matched += 1
        if self.kind == "restart" and self.struck:
            self.struck += 1
            return True
        if self.matched % self.every:
            return False
        self.struck += 1
        return True

    @property
    def spent(self) -> bool:
        """It has struck as often as it was to."""
        return self.times is not None and self.struck >= self.times

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer carries besides."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class Script:
    """The faults in force, the oldest first."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Puts a fault in force."""
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        """From now on everything works."""
        self.faults.clear()

    def next_for(self, request: Request) -> Fault | None:
        """The first fault that strikes this request; those after it don't count the request."""
        return _first(fault for fault in self.faults if fault.strikes(request))


def _first(faults: Iterable[Fault]) -> Fault | None:
    return next(iter(faults), None)
