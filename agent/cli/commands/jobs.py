"""`headway jobs`: what Jenkins should hold, planned, applied, taken back."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.commands.jobs_finishing import finish, shown, tend_views
from agent.cli.commands.jobs_given import Given
from agent.cli.commands.jobs_history import history_command
from agent.cli.commands.jobs_more import import_command, seed_command, why_command
from agent.cli.commands.jobs_settings import settled_here
from agent.cli.commands.jobs_wiring import (
    desired,
    jenkins_options,
    plan_options,
    runs_option,
    server,
    surveyed,
)
from agent.cli.console import Console
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from agent.adapters.jenkins import JenkinsServer
    from agent.jobs.plan import Plan
    from agent.spec.load import LoadedSpec


@click.group()
def command() -> None:
    """Plan and apply Jenkins jobs."""


@command.command("plan")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@plan_options
@jenkins_options
@click.option("--exit-code", is_flag=True, help="Exit 3 when there are changes.")
@click.option("--diff/--no-diff", default=None, help="The lines of changed Jenkinsfiles (default: up to five of them).")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Save it for `apply`.")
@output_option("markdown")
@talk_options
@click.pass_obj
def plan_command(
    console: Console, /, *, exit_code: bool, diff: bool | None, out: Path | None, output: str, **options: Any
) -> ExitStatus:
    """Show what `apply` would do, job by job; sends nothing."""
    from agent.jobs.plan import TooMuchError

    given = Given(**options)
    specs, chosen, given = desired(given, console)
    jenkins = server(given)
    try:
        made = surveyed(jenkins, specs, chosen, given, console)
    except TooMuchError as refusal:
        console.data(shown(refusal.plan, jenkins.url, output, console, diff=diff, refused=refusal.message))
        raise
    console.data(shown(made, jenkins.url, output, console, diff=diff))
    if out is not None:
        _save(made, jenkins.url, out)
        console.say(f"saved: `headway jobs apply {out}` does exactly this, or nothing if Jenkins is changed meanwhile")
    if given.views and output == "text":
        tend_views(jenkins, specs, chosen.owner, given, console, send=False)
    changed = bool(made.pending or made.conflicts)
    return ExitStatus.CHANGES if exit_code and changed else ExitStatus.OK


@command.command("apply")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...|PLAN")
@plan_options
@jenkins_options
@runs_option
@click.option("--preflight/--no-preflight", default=True, help="Check plugins and credentials first.")
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def apply_command(console: Console, /, *, dry_run: bool, preflight: bool, output: str, **options: Any) -> ExitStatus:
    """Make Jenkins hold what the specs say (or a saved plan); a second run sends nothing."""
    given = Given(**options)
    jenkins: JenkinsServer
    specs: tuple[LoadedSpec, ...] = ()
    text = _saved_text(given)
    if text is None:
        specs, chosen, given = desired(given, console)
        jenkins = server(given)
        made = surveyed(jenkins, specs, chosen, given, console)
    else:
        given = settled_here(given, console)
        jenkins, made = _resumed(text, given)
    if dry_run:
        console.data(shown(made, jenkins.url, output, console, diff=None))
        return ExitStatus.OK
    status = finish(jenkins, made, given, console, output=output, preflight=preflight)
    if (
        given.views
        and status is ExitStatus.OK
        and not tend_views(jenkins, specs, made.options.owner, given, console, send=True)
    ):
        return ExitStatus.UNREACHABLE
    return status


@command.command("rollback")
@click.argument("run", metavar="RUN|last")
@jenkins_options
@runs_option
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def rollback_command(console: Console, /, *, run: str, dry_run: bool, output: str, **options: Any) -> ExitStatus:
    """Take a run of `apply` back: every config.xml as it was, byte for byte; what it made is disabled."""
    from agent.adapters.runs import entries
    from agent.operations.crew import Crew
    from agent.operations.jobs import taking_back

    given = settled_here(Given.for_jenkins(**options), console)
    noted = entries(given.notes, run)
    controller = server(given)
    made = taking_back(controller, noted, "", Crew(given.at_once, time.monotonic))
    if dry_run:
        console.data(shown(made, controller.url, output, console, diff=None, command="rollback"))
        return ExitStatus.OK
    return finish(controller, made, given, console, output=output, preflight=False)


def _saved_text(given: Given) -> str | None:
    """The text of the saved plan that is meant; None where specs are."""
    from agent.jobs.saved import is_saved

    if len(given.specs) != 1 or not Path(given.specs[0]).is_file():
        return None
    with Path(given.specs[0]).open(encoding="utf-8", errors="replace") as stream:
        begin = stream.read(500)
        if not is_saved(begin):
            return None
        text = begin + stream.read()
    if given.is_choosy:
        raise UsageError(
            "nothing was sent: a saved plan is applied exactly as it is; filters and switches belong to `jobs plan`",
            hint="leave out --prune, --adopt, --drift, --only, --team and the limits",
        )
    return text


def _resumed(text: str, given: Given) -> tuple[JenkinsServer, Plan]:
    """The saved plan, if it is for this Jenkins and nothing has changed there.

    Raises:
        UsageError: it is for another Jenkins.
        RefusedError: Jenkins was changed meanwhile.
    """
    from agent.jobs.saved import load
    from agent.operations.crew import Crew
    from agent.operations.jobs import recheck

    saved = load(text, given.specs[0])
    jenkins = server(given)
    if saved.url != jenkins.url:
        raise UsageError(f"nothing was sent: this plan is for {saved.url}, not for {jenkins.url}", hint="plan again")
    return jenkins, recheck(jenkins, saved.plan, Crew(given.at_once, time.monotonic))


def _save(made: Plan, url: str, out: Path) -> None:
    """Writes the plan for its owner only: config.xml may hold encrypted secrets."""
    from agent.jobs.saved import dump

    fresh = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(dump(made, url))
        fresh.replace(out)
    except OSError as problem:
        raise UsageError(f"the plan was not saved: {out}: {problem.strerror}") from problem


for _more in (history_command, import_command, seed_command, why_command):
    command.add_command(_more)
