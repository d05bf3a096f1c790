"""The verbs of the Jenkins half: read what is there, plan, carry a plan out and report every item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

from agent.errors import HeadwayError, NotFoundError, RemoteError, StaleWriteError
from agent.jobs import names
from agent.jobs.change import Change, Conflict, Create, Delete, Keep, Move, Replace, Update, full_name, reads
from agent.jobs.definition import JobDefinition, Kind
from agent.jobs.inventory import Inventory
from agent.jobs.marker import parse
from agent.jobs.plan import Plan, plan
from agent.jobs.triage import Options, check, triage
from agent.jobs.xmltext import read
from agent.operations.crew import Crew, spread
from agent.reports.jobs import ItemReport, JobsReport, Outcome

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
    jenkins: Jenkins, jobs: Sequence[JobDefinition], options: Options, crew: Crew, *, drift: bool = False
) -> Plan:
    """Asks Jenkins what is there and plans. Reads only: one request, and one for each job that differs.

    Args:
        jenkins: which one.
        jobs: every job of every spec that was given.
        options: what the plan may do.
        crew: threads for reading.
        drift: read what is kept too, to find what was edited in Jenkins.

    Raises:
        UsageError: the jobs can't all be there.
        RefusedError: more changes than the options allow.
        RemoteError: Jenkins can't be asked.
    """
    check(jobs)
    jenkins.notice = crew.slow_down
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


def apply(jenkins: Jenkins, planned: Plan, crew: Crew, now: Callable[[], float], emit: Emit) -> JobsReport:
    """Carries a plan out: folders from the top, then jobs in parallel across folders, then what is pruned.

    One change that fails stops no other, except those of jobs in a folder that could not be created. Afterwards Jenkins
    is asked once whether it shows what was sent. On an interrupt the running requests end, and the report says what was
    not begun.
    """
    began = now()
    jenkins.notice = crew.slow_down
    results: dict[str, ItemReport] = {}
    total = len(planned.pending)
    interrupt = ""
    try:
        for phase in _phases(planned):
            with closing(crew.work(phase, lambda one: _attempt(jenkins, one, results))) as attempts:
                for _, item in attempts:
                    if item is not None:
                        emit(Progress(item, len(results), total))
    except KeyboardInterrupt as asked:
        interrupt = type(asked).__name__
        jenkins.hurry()
    items = tuple(results.get(full_name(change)) or _untouched(change) for change in planned.changes)
    report = JobsReport(planned, items, jenkins.url, interrupt=interrupt)
    if any(item.outcome is Outcome.DONE for item in items) and not interrupt:
        report = verify(jenkins, report)
    return replace(report, seconds=now() - began)


def verify(jenkins: Jenkins, report: JobsReport) -> JobsReport:
    """Asks Jenkins once more, and turns what it doesn't show as it was sent into failures."""
    inventory = jenkins.inventory(_depth(full_name(item.change) for item in report.items))
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
            good = found is not None and found.marker == change.job.marker
        case _:
            good = True
    if good:
        return item
    return replace(
        item, outcome=Outcome.FAILED, message="Jenkins took it and does not show it; somebody else changed it"
    )


def _attempt(jenkins: Jenkins, change: Change, results: dict[str, ItemReport]) -> ItemReport:
    """Does one change; its result is noted here, in the thread that did it, so that no interrupt can lose it."""
    results[full_name(change)] = report = _attempted(jenkins, change, results)
    return report


def _attempted(jenkins: Jenkins, change: Change, results: Mapping[str, ItemReport]) -> ItemReport:
    for above in names.ancestors(full_name(change)):
        if above in results and results[above].outcome is not Outcome.DONE:
            return ItemReport(change, Outcome.SKIPPED, f"not begun: its folder '{above}' was not created")
    try:
        _do(jenkins, change)
    except HeadwayError as problem:
        return ItemReport(change, Outcome.FAILED, problem.message, problem.hint)
    return ItemReport(change, Outcome.DONE)


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


def _levels(jobs: Sequence[JobDefinition], options: Options) -> int:
    return DEEPEST if options.prune else _depth([*(job.full_name for job in jobs), *(job.moved_from for job in jobs)])


def _depth(full_names: Iterable[str]) -> int:
    return max((name.count("/") + 1 for name in full_names), default=1)
