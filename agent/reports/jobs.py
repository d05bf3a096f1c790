"""What became of a plan of jobs, item by item, and its documented dictionary form."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent.jobs.change import Change, action, full_name
from agent.jobs.plan import Plan


class Outcome(Enum):
    """How one change ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    KEPT = "kept"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class ItemReport:
    """One change and its outcome; `message` says why where it is not done."""

    change: Change
    outcome: Outcome
    message: str = ""
    hint: str = ""

    def data(self) -> dict[str, Any]:
        """As JSON shows it (docs/reference/plan.md)."""
        return {
            "job": full_name(self.change),
            "action": action(self.change),
            "outcome": self.outcome.value,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class JobsReport:
    """Every item of a plan with what became of it.

    Attributes:
        plan: that was carried out.
        items: in the order of the plan.
        url: of the Jenkins.
        seconds: from the first request to the last.
        verified: whether Jenkins was asked afterwards and shows what was sent; None: nothing was sent.
        unverified: why Jenkins could not be asked afterwards; empty: it could, or nothing was sent.
        interrupt: name of the exception that told the process to stop before the end; empty: none.
    """

    plan: Plan
    items: tuple[ItemReport, ...]
    url: str
    seconds: float = 0.0
    verified: bool | None = None
    unverified: str = ""
    interrupt: str = ""

    def having(self, outcome: Outcome) -> tuple[ItemReport, ...]:
        """The items that ended so."""
        return tuple(item for item in self.items if item.outcome is outcome)

    @property
    def failed(self) -> tuple[ItemReport, ...]:
        """What Jenkins refused, or what was not begun because of that."""
        return tuple(item for item in self.items if item.outcome in {Outcome.FAILED, Outcome.SKIPPED})

    def data(self) -> dict[str, Any]:
        """As JSON shows it (docs/reference/plan.md)."""
        return {
            "headway": 1,
            "command": "jobs apply",
            "jenkins": self.url,
            "owner": self.plan.options.owner,
            "seconds": round(self.seconds, 3),
            "verified": self.verified,
            "unverified": self.unverified,
            "interrupted": bool(self.interrupt),
            "counts": {outcome.value: len(self.having(outcome)) for outcome in Outcome},
            "items": [item.data() for item in self.items],
        }
