"""What an operation says while it works: typed events, for the console's story, the report and the recording.

Operations emit them and never print. `at` is seconds on the clock of the operation (monotonic).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from agent.objects import Ref
from agent.rollout import feed


@dataclass(frozen=True, slots=True)
class Serving:
    """The release that served before.

    Attributes:
        release: its number; 0 where the ledger doesn't know it (yet).
        image, version: what it runs.
        since: RFC 3339, UTC; empty where unknown.
        verified: whether its smoke checks passed once (or it had none and was rolled out completely).
    """

    release: int
    image: str
    version: str
    since: str = ""
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """Work begins: what goes where, and what serves now (None: nothing; `first`: nor ever did)."""

    at: float
    command: str
    service: str
    version: str
    environment: str
    cluster: str
    namespace: str
    workload: Ref
    image: str
    now: Serving | None
    rehearsal: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class Noted:
    """A remark that a reader should see once: a sentence without final full stop. `step` says under which heading."""

    at: float
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The way back was tried on the server without changing anything."""

    at: float
    target: str
    possible: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Touched:
    """One object of a release: `action` is create, change, keep or delete; `changes` are readable lines of a diff."""

    object: str
    action: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """The objects of a release were sent (or, in a rehearsal, would be)."""

    at: float
    objects: tuple[Touched, ...]
    seconds: float
    step: str = "apply"


@dataclass(frozen=True, slots=True)
class Heard:
    """Something was heard from the cluster about one workload: what `events.ndjson` and the timeline are made of."""

    workload: Ref
    event: feed.Event

    @property
    def at(self) -> float:
        """When it arrived."""
        return self.event.at


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a rollout is; emitted when the sentence changes."""

    at: float
    workload: Ref
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A rollout's final verdict; `text` is the step's line."""

    at: float
    workload: Ref
    verdict: str
    text: str
    seconds: float
    step: str = "rollout"


@dataclass(frozen=True, slots=True)
class Smoked:
    """A smoke check's end (or, with `final` false, one try that failed and will be repeated)."""

    at: float
    name: str
    passed: bool
    text: str
    seconds: float
    step: str = "smoke"
    final: bool = True


@dataclass(frozen=True, slots=True)
class Undoing:
    """An undo begins, to that release."""

    at: float
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class Undone:
    """An undo has ended: `result` is verified, unverified, failed or no-target."""

    at: float
    target: str
    result: str
    text: str
    seconds: float


Event: TypeAlias = Opened | Noted | Rehearsed | Applied | Heard | Progressed | Judged | Smoked | Undoing | Undone
Emit: TypeAlias = Callable[[Event], None]
