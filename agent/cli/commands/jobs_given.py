"""What the options of a command of `headway jobs` say together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RUNS = ".headway/runs"
PARALLEL = 8


@dataclass(frozen=True, slots=True)
class Given:
    """What the options of `plan` and `apply` say together."""

    specs: tuple[str, ...]
    url: str
    user: str
    ca_bundle: str
    prune: bool = False
    adopt: bool = False
    drift: bool = False
    only: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    max_changes: int | None = None
    max_deletes: int | None = None
    parallel: int | None = None
    max_rps: float | None = None
    views: bool = False
    runs: Path | None = None

    @property
    def is_choosy(self) -> bool:
        """Whether anything narrows or widens the plan."""
        limits = (self.max_changes, self.max_deletes)
        return bool(self.prune or self.adopt or self.drift or self.only or self.teams or self.views) or limits != (
            None,
            None,
        )

    @classmethod
    def for_jenkins(cls, url: str, user: str, ca_bundle: str, runs: Path | None = None) -> Given:
        """Of a command that has no specs."""
        return cls((), url, user, ca_bundle, runs=runs)

    @property
    def at_once(self) -> int:
        """Requests at a time."""
        return self.parallel or PARALLEL

    @property
    def notes(self) -> Path:
        """Where runs are noted."""
        return self.runs or Path(RUNS)
