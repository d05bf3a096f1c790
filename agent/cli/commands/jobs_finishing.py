"""What ends every command of `headway jobs` that changes something: checks, progress, report, views, exit status."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.console import Console, clean
from agent.errors import ExitStatus, RemoteError

if TYPE_CHECKING:
    from agent.adapters.jenkins import JenkinsServer
    from agent.adapters.runs import RunFolder
    from agent.cli.commands.jobs_given import Given
    from agent.jobs.plan import Plan
    from agent.operations.jobs import Emit, Progress
    from agent.reports.jobs import JobsReport
    from agent.spec.load import LoadedSpec


def finish(
    jenkins: JenkinsServer, made: Plan, given: Given, console: Console, *, output: str, preflight: bool
) -> ExitStatus:
    """Carries the plan out, tells what became of it and how to take it back."""
    from agent.cli.output.jobs_report import report_json, report_text

    if preflight and made.pending:
        check_first(jenkins, made, console)
    folder = run_folder(given.notes, jenkins.url, given.user)
    report = carry_out(jenkins, made, given, console, folder)
    console.data(report_json(report) if output == "json" else report_text(report, console, views=given.views))
    if _sent(report):
        console.say(f"run {folder.name}: `headway jobs rollback {folder.name}` takes it back ({folder.folder})")
    return status_of(report)


def _sent(report: JobsReport) -> bool:
    from agent.reports.jobs import Outcome

    return bool(report.having(Outcome.DONE))


def shown(
    made: Plan, url: str, output: str, console: Console, *, diff: bool | None, refused: str = "", command: str = "apply"
) -> str:
    """The plan in the form that was asked for; `refused` says why it would not be carried out."""
    from agent.cli.output.plan import plan_json, plan_text, script_of
    from agent.cli.output.plan_markdown import plan_markdown

    if output == "json":
        return plan_json(made, url, refused)
    if output == "markdown":
        return plan_markdown(made, url, refused)
    few = sum(script_of(change) is not None for change in made.changes) <= 5  # noqa: PLR2004
    return plan_text(made, console, diff=few if diff is None else diff, command=command)


def carry_out(jenkins: JenkinsServer, made: Plan, given: Given, console: Console, folder: RunFolder) -> JobsReport:
    """Applies a plan with progress shown and every change noted."""
    from agent.adapters.clock import SystemClock
    from agent.operations.crew import Crew
    from agent.operations.jobs_apply import apply

    crew = Crew(given.at_once, time.monotonic)
    with progress_on(console, len(made.pending)) as emit:
        return apply(jenkins, made, crew, SystemClock(), folder, emit)


@contextmanager
def progress_on(console: Console, total: int) -> Iterator[Emit]:
    """A bar where somebody watches; else a line for each tenth of a long run."""
    if console.quiet or not total:
        yield lambda _progress: None
        return
    if not console.watched:
        step = max(1, total // 10)

        def tell(progress: Progress) -> None:
            if total > 20 and progress.done % step == 0:  # noqa: PLR2004
                console.say(f"{progress.done} of {total} items")

        yield tell
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    screen = RichConsole(file=console.err_stream, no_color=not console.colour, force_terminal=True)
    with Bar(
        TextColumn("jobs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=screen, transient=True
    ) as bar:
        task = bar.add_task("jobs", total=total)
        yield lambda progress: bar.update(task, completed=progress.done)


def check_first(jenkins: JenkinsServer, made: Plan, console: Console) -> None:
    """Asks whether Jenkins has the plugins and credentials that the changes need.

    Raises:
        RemoteError: something is missing, so that jobs would lose settings or fail; nothing was sent.
    """
    from agent.operations.preflight import preflight

    found = preflight(jenkins, made)
    for warning in found.warnings:
        console.warn(clean(warning))
    if found.problems:
        more = "".join(f"\n  {problem}" for problem in found.problems)
        raise RemoteError(
            f"nothing was sent: this Jenkins lacks what the jobs need:{more}",
            hint="install it, or send all the same with --no-preflight",
        )


def run_folder(runs: Path, url: str, user: str) -> RunFolder:
    """Where this run keeps backups and notes what it changes."""
    from datetime import UTC, datetime

    from agent.adapters.build import of_process
    from agent.adapters.runs import RunFolder

    build = of_process()
    context = {"jenkins": url, "actor": user, "build": build.id, "git": build.commit}
    return RunFolder(runs, datetime.now(UTC), context)


def status_of(report: JobsReport) -> ExitStatus:
    """The exit status of a report (contract section 4)."""
    from agent.reports.jobs import Outcome

    if report.interrupt:
        return ExitStatus.TERMINATED if report.interrupt == "Terminated" else ExitStatus.INTERRUPTED
    if report.failed:
        return ExitStatus.UNREACHABLE
    return ExitStatus.REFUSED if report.having(Outcome.CONFLICT) else ExitStatus.OK


def tend_views(
    jenkins: JenkinsServer,
    specs: Sequence[LoadedSpec],
    owner: str,
    given: Given,
    console: Console,
    *,
    send: bool,
) -> bool:
    """Tells of (and with `send` makes) a list view of each team; False: one failed or is not ours."""
    from agent.jobs.views import views
    from agent.operations.views import keep_views, look

    teams = {one.spec.job: one.spec.team for one in specs}
    wanted = [view for view in views(teams, owner) if not given.teams or view.name in given.teams]
    good = True
    for found in (keep_views if send else look)(jenkins, wanted):
        sign = {"create": "+", "update": "~", "conflict": "!"}.get(found.action, "=")
        good = good and not found.problem and found.action != "conflict"
        past = {"create": "created", "update": "updated"} if send else {}
        said = found.problem or {"conflict": "conflict: it is not ours", **past}.get(found.action, found.action)
        if found.action != "keep":
            console.data(clean(f"  {sign} view {found.view.title}  {said}"))
    return good
