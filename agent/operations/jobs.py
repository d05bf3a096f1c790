"""The verbs of the Jenkins half: read what is there, plan, carry a plan out and report every item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from agent.errors import HeadwayError, RefusedError
from agent.jobs.change import Keep, full_name, reads
from agent.jobs.definition import JobDefinition
from agent.jobs.inventory import Inventory
from agent.jobs.plan import Plan, plan
from agent.jobs.rollback import Entry, undoing
from agent.jobs.saved import completed, moved, names_read
from agent.jobs.triage import Options, check, triage
from agent.operations.crew import Crew
from agent.reports.jobs import ItemReport

DEEPEST = 10
"""Levels of folders that a prune looks into; without one, as many as the specs need."""


class Jenkins(Protocol):
    """One Jenkins controller as one user; every method may be called by several threads."""

    notice: Callable[[int], None]

    @property
    def url(self) -> str:
        """The controller's URL, without a final slash."""

    def inventory(self, levels: int) -> Inventory:
        """Every item down to that many levels, with its marker, in one request."""

    def read(self, full_name: str) -> str | None:
        """The config.xml; None where there is no such item."""

    def create(self, full_name: str, config_xml: str) -> None:
        """Creates an item. Raises StaleWriteError where there is one of that name."""

    def update(self, full_name: str, config_xml: str) -> None:
        """Replaces the config.xml."""

    def delete(self, full_name: str) -> None:
        """Deletes an item; one that is gone already is no error."""

    def rename(self, full_name: str, new_name: str) -> None:
        """Gives an item another name in its folder; builds stay."""

    def move(self, full_name: str, folder: str) -> None:
        """Moves an item into another folder; builds stay."""

    def hurry(self) -> None:
        """Cuts pauses between attempts short: the process was told to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One more item is through."""

    item: ItemReport
    done: int
    total: int


Emit = Callable[[Progress], None]


def survey(
    jenkins: Jenkins,
    jobs: Sequence[JobDefinition] | Callable[[Inventory], Sequence[JobDefinition]],
    options: Options,
    crew: Crew,
    *,
    drift: bool = False,
    levels: int = 0,
) -> Plan:
    """Asks Jenkins what is there and plans. Reads only: one request, and one for each job that differs.

    Args:
        jenkins: which one.
        jobs: every job of every spec that was given; or what makes them, once it is known what is there.
        options: what the plan may do.
        crew: threads for reading.
        levels: how deep to look where the jobs are not made yet.
        drift: read what is kept too, to find what was edited in Jenkins.

    Raises:
        UsageError: the jobs can't all be there.
        RefusedError: more changes than the options allow.
        RemoteError: Jenkins can't be asked.
    """
    jenkins.notice = crew.slow_down
    if callable(jobs):
        inventory = jenkins.inventory(DEEPEST if options.prune else levels)
        jobs = jobs(inventory)
        check(jobs)
    else:
        check(jobs)
        inventory = jenkins.inventory(_levels(jobs, options))
    found = triage(jobs, inventory, options)
    wanted = [reads(change) for change in found if reads(change)]
    if drift:
        wanted += [full_name(change) for change in found if isinstance(change, Keep)]
    return plan(jobs, inventory, options, read_all(jenkins, wanted, crew))


def read_all(jenkins: Jenkins, wanted: Sequence[str], crew: Crew) -> Mapping[str, str]:
    """config.xml by full name; of items that are gone, nothing.

    Raises:
        RemoteError: one could not be read.
    """
    found: dict[str, str] = {}
    failure: HeadwayError | None = None

    def one(name: str) -> str | HeadwayError:
        try:
            return jenkins.read(name) or ""
        except HeadwayError as problem:
            crew.stop()
            return problem

    with closing(crew.work(wanted, one)) as read_ones:
        for name, config in read_ones:
            if isinstance(config, HeadwayError):
                failure = failure or config
            elif config:
                found[name] = config
    if failure is not None:
        raise failure
    return found


def _levels(jobs: Sequence[JobDefinition], options: Options) -> int:
    return DEEPEST if options.prune else depth([*(job.full_name for job in jobs), *(job.moved_from for job in jobs)])


def depth(full_names: Iterable[str]) -> int:
    """Levels of folders that the deepest of these names takes, itself included."""
    return max((name.count("/") + 1 for name in full_names), default=1)


def recheck(jenkins: Jenkins, saved: Plan, crew: Crew) -> Plan:
    """A saved plan as it can be applied now: exactly, with what is there read again.

    Raises:
        RefusedError: something that the plan would change is not any more as it was; nothing is to be sent.
    """
    jenkins.notice = crew.slow_down
    inventory = jenkins.inventory(depth([*map(full_name, saved.changes), *names_read(saved.changes)]))
    configs = read_all(jenkins, names_read(saved.pending), crew)
    found = moved(saved, inventory, configs)
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""  # noqa: PLR2004
        raise RefusedError(
            f"nothing was sent: Jenkins is not as it was when the plan was made: {', '.join(found[:3])}{more}",
            hint="plan again",
        )
    return completed(saved, configs)


def taking_back(jenkins: Jenkins, entries: Sequence[Entry], owner: str, crew: Crew) -> Plan:
    """The plan that takes a run back, from what was noted of it and what is there now."""
    jenkins.notice = crew.slow_down
    named = [name for entry in entries for name in (entry.job, entry.origin) if name]
    inventory = jenkins.inventory(depth(named))
    there = [entry.job for entry in entries if inventory.get(entry.job) is not None]
    configs = read_all(jenkins, list(dict.fromkeys(there)), crew)
    return Plan(undoing(entries, inventory, configs), (), Options(owner=owner))
