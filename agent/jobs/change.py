"""Change: what would be done to one item, and why. A closed union, so that no printer or executor forgets one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from agent.jobs.definition import JobDefinition, Kind
from agent.jobs.difference import Difference
from agent.jobs.inventory import Item


@dataclass(frozen=True, slots=True)
class Reading:
    """What the server had when the plan was made.

    Attributes:
        before: its config.xml, byte for byte; empty until it was read.
        after: what would be sent instead; empty when nothing would.
        differences: what that changes, without the marker.
    """

    before: str = ""
    after: str = ""
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Create:
    """The item is not there."""

    job: JobDefinition
    reason: str = "not there yet"


@dataclass(frozen=True, slots=True)
class Update:
    """The item is ours and not as it should be (or was not ours and is adopted).

    Attributes:
        scans: multibranch jobs in a folder: Jenkins loads them again with it, and each scans all its branches
            (JENKINS-63344).
    """

    job: JobDefinition
    reason: str
    reading: Reading = field(default_factory=Reading)
    scans: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """The item is there under its former name; Jenkins moves it with its builds, then it is updated.

    Attributes:
        steps: the full names that it has one after another, the first being the former, the last the new one; Jenkins
            changes either the name or the folder in one step.
    """

    job: JobDefinition
    steps: tuple[str, ...]
    reason: str
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Replace:
    """The item is ours and of another type, which Jenkins can't change: deleted with its builds, then created."""

    job: JobDefinition
    reason: str
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Delete:
    """The item is ours and no spec names it. First it is disabled; the next run deletes what is still disabled."""

    item: Item
    stage: Literal["disable", "delete"]
    reason: str
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, slots=True)
class Keep:
    """The item is as it should be."""

    job: JobDefinition
    reason: str = "as it should be"


@dataclass(frozen=True, slots=True)
class Conflict:
    """The item can't be made as it should be, because something that is not ours stands there."""

    job: JobDefinition
    reason: str
    adoptable: bool


Change: TypeAlias = Create | Update | Move | Replace | Delete | Keep | Conflict


def full_name(change: Change) -> str:
    """The name of the item that would change (after a move: the new one)."""
    return change.item.full_name if isinstance(change, Delete) else change.job.full_name


def action(change: Change) -> str:
    """The word for it, as reports and saved plans spell it."""
    return change.stage if isinstance(change, Delete) else type(change).__name__.lower()


def reads(change: Change) -> str:
    """Full name of the item whose config.xml has to be read before the change is complete; empty: none."""
    match change:
        case Update() | Replace():
            return change.job.full_name
        case Move():
            return change.steps[0]
        case Delete():
            return change.item.full_name
        case _:
            return ""


def requests(change: Change) -> int:
    """How many writing requests it takes."""
    match change:
        case Create() | Update() | Delete():
            return 1
        case Replace():
            return 2
        case Move():
            return len(change.steps)
        case _:
            return 0


def indexes_again(change: Change) -> bool:
    """Whether Jenkins will scan every branch of a multibranch job because of it."""
    if isinstance(change, Update) and change.scans:
        return True
    return isinstance(change, Update | Move | Replace | Create) and change.job.kind is Kind.MULTIBRANCH
