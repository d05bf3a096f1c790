"""Carrying a plan of jobs out: folders, then jobs in parallel, then removals; every item noted and reported."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Protocol

from agent.errors import HeadwayError, NotFoundError, RemoteError, StaleWriteError
from agent.jobs import names
from agent.jobs.change import Change, Conflict, Create, Delete, Keep, Move, Replace, Update, full_name
from agent.jobs.definition import JobDefinition, Kind
from agent.jobs.inventory import Inventory
from agent.jobs.marker import Marker, parse
from agent.jobs.plan import Plan
from agent.jobs.xmltext import read
from agent.operations.crew import Crew, spread
from agent.operations.jobs import Emit, Jenkins, Progress, depth
from agent.ports import Clock
from agent.reports.jobs import ItemReport, JobsReport, Outcome


class Journal(Protocol):
    """Where a run notes what it does; called by several threads."""

    def before(self, change: Change, at: str) -> None:
        """Keeps what is about to be changed; raises a HeadwayError when it can't, and nothing is sent then."""

    def after(self, item: ItemReport, at: str) -> None:
        """Notes how a change ended."""


def apply(jenkins: Jenkins, planned: Plan, crew: Crew, clock: Clock, journal: Journal, emit: Emit) -> JobsReport:
    """Carries a plan out: folders from the top, then jobs in parallel across folders, then what is pruned.

    One change that fails stops no other, except those of jobs in a folder that could not be created. Afterwards Jenkins
    is asked once whether it shows what was sent. On an interrupt the running requests end, and the report says what was
    not begun.
    """
    began = clock.monotonic()
    jenkins.notice = crew.slow_down
    results: dict[str, ItemReport] = {}

    def attempt(change: Change) -> ItemReport:
        # The result is noted in the thread that did the work, so that no interrupt can lose it.
        results[full_name(change)] = report = _attempt(jenkins, change, results, journal, clock)
        return report

    total = len(planned.pending)
    interrupt, done = "", 0
    try:
        for phase in _phases(planned):
            with closing(crew.work(phase, attempt)) as attempts:
                for _, item in attempts:
                    if item is not None:
                        done += 1
                        emit(Progress(item, done, total))
    except KeyboardInterrupt as asked:
        interrupt = type(asked).__name__
        jenkins.hurry()
    items = tuple(results.get(full_name(change)) or _untouched(change) for change in planned.changes)
    report = JobsReport(planned, items, jenkins.url, interrupt=interrupt)
    if any(item.outcome is Outcome.DONE for item in items) and not interrupt:
        report = verify(jenkins, report)
    return replace(report, seconds=clock.monotonic() - began)


def verify(jenkins: Jenkins, report: JobsReport) -> JobsReport:
    """Asks Jenkins once more, and turns what it doesn't show as it was sent into failures."""
    try:
        inventory = jenkins.inventory(depth(full_name(item.change) for item in report.items))
    except RemoteError as problem:
        return replace(report, unverified=problem.message)
    items = tuple(_verified(item, inventory) if item.outcome is Outcome.DONE else item for item in report.items)
    return replace(report, items=items, verified=items == report.items)


def _verified(item: ItemReport, inventory: Inventory) -> ItemReport:
    change, found = item.change, inventory.get(full_name(item.change))
    match change:
        case Delete(stage="delete"):
            good = found is None
        case Delete():
            good = found is not None and found.marker is not None and bool(found.marker.tombstone)
        case Create() | Update() | Move() | Replace():
            # What an undo brings back may have had no marker: then there is none to be found.
            good = found is not None and (found.marker or Marker("", found.full_name)) == change.job.marker
        case _:
            good = True
    if good:
        return item
    return replace(
        item, outcome=Outcome.FAILED, message="Jenkins took it and does not show it; somebody else changed it"
    )


def _attempt(
    jenkins: Jenkins, change: Change, results: Mapping[str, ItemReport], journal: Journal, clock: Clock
) -> ItemReport:
    for above in names.ancestors(full_name(change)):
        if above in results and results[above].outcome is not Outcome.DONE:
            return ItemReport(change, Outcome.SKIPPED, f"not begun: its folder '{above}' was not created")
    try:
        journal.before(change, clock.utc())
        _do(jenkins, change)
    except HeadwayError as problem:
        item = ItemReport(change, Outcome.FAILED, problem.message, problem.hint)
    else:
        item = ItemReport(change, Outcome.DONE)
    journal.after(item, clock.utc())
    return item


def _do(jenkins: Jenkins, change: Change) -> None:
    match change:
        case Create():
            _create(jenkins, change.job)
        case Update():
            jenkins.update(change.job.full_name, change.reading.after)
        case Replace():
            jenkins.delete(change.job.full_name)
            _create(jenkins, change.job)
        case Move():
            for here, there in zip(change.steps, change.steps[1:], strict=False):
                _step(jenkins, here, there)
            jenkins.update(change.job.full_name, change.reading.after)
        case Delete(stage="delete"):
            jenkins.delete(change.item.full_name)
        case Delete():
            jenkins.update(change.item.full_name, change.reading.after)
        case Keep() | Conflict():
            return


def _create(jenkins: Jenkins, job: JobDefinition) -> None:
    """Creates; `exists already` is fine when it is what we sent: the answer to a first attempt may have been lost."""
    try:
        jenkins.create(job.full_name, job.config_xml)
    except StaleWriteError as problem:
        config = jenkins.read(job.full_name)
        if config is not None and parse(read(config).findtext("description")) == job.marker:
            return
        if config is not None and job.kind is Kind.FOLDER:
            return
        raise StaleWriteError(
            f"'{job.full_name}' not created: somebody else created it meanwhile", hint="plan again"
        ) from problem


def _step(jenkins: Jenkins, here: str, there: str) -> None:
    """Renames or moves; an origin that is gone while the target is there was moved by an attempt before."""
    try:
        if names.parent(here) == names.parent(there):
            jenkins.rename(here, names.last(there))
        else:
            jenkins.move(here, names.parent(there))
    except RemoteError as problem:
        if not isinstance(problem, NotFoundError) or jenkins.read(there) is None:
            raise


def _phases(planned: Plan) -> list[list[Change]]:
    folders: dict[int, list[Change]] = {}
    jobs: list[Change] = []
    removals: list[Change] = []
    for change in planned.pending:
        if isinstance(change, Delete):
            removals.append(change)
        elif change.job.kind is Kind.FOLDER:
            folders.setdefault(full_name(change).count("/"), []).append(change)
        else:
            jobs.append(change)
    across = spread(jobs, lambda change: names.parent(full_name(change)))
    return [*(folders[depth] for depth in sorted(folders)), across, removals]


def _untouched(change: Change) -> ItemReport:
    match change:
        case Keep():
            return ItemReport(change, Outcome.KEPT)
        case Conflict():
            hint = "--adopt takes it over; its builds stay" if change.adoptable else ""
            return ItemReport(change, Outcome.CONFLICT, change.reason, hint)
        case _:
            return ItemReport(change, Outcome.SKIPPED, "not begun: interrupted")
