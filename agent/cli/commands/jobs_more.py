"""`headway jobs seed`: the job that makes all others; and what else `headway jobs` has beside plan and apply."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import click

from agent.cli.commands.jobs_finishing import finish, shown
from agent.cli.commands.jobs_given import Given
from agent.cli.commands.jobs_import import import_command
from agent.cli.commands.jobs_settings import settled
from agent.cli.commands.jobs_why import why_command
from agent.cli.commands.jobs_wiring import jenkins_options, runs_option, server
from agent.cli.console import Console
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.errors import ExitStatus, UsageError

__all__ = ["import_command", "seed_command", "why_command"]


@click.command("seed")
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--job", default="headway-seed", show_default=True, metavar="NAME", help="Full name of the seed job.")
@click.option("--git", default="", metavar="URL", help="Repository of the specs (default: the checkout's own remote).")
@click.option("--branch", default="main", show_default=True)
@click.option("--git-credentials", default="", metavar="ID", help="Jenkins credential that may read the repository.")
@click.option(
    "--jenkins-credentials", required=True, metavar="ID", help="Jenkins credential: a user and its API token."
)
@click.option("--label", default="", help="Agents that have headway installed.")
@click.option("--prune", is_flag=True, help="It also removes jobs that no spec names any more.")
@jenkins_options
@runs_option
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def seed_command(
    console: Console, folder: Path, job: str, git: str, branch: str, git_credentials: str, jenkins_credentials: str,
    label: str, url: str, user: str, ca_bundle: str, runs: Path | None, output: str, *, prune: bool, dry_run: bool,
) -> ExitStatus:  # fmt: skip
    """Make the job that applies all other jobs when the specs in FOLDER change."""
    from agent.adapters.git import place, remote
    from agent.jobs.triage import Options
    from agent.operations.crew import Crew
    from agent.operations.definitions import owner
    from agent.operations.jobs import survey
    from agent.operations.seed import Seed, seed
    from agent.spec.load import demand

    specs = demand([folder], files=False)
    root, origin = place(folder)
    if not (git or origin):
        raise UsageError(
            "nothing was sent: the folder is in no git repository with a remote", hint="--git URL names it"
        )
    _check_url(git or origin)
    relative = os.path.relpath(folder.absolute(), root) if root else "."
    whose = owner(specs, remote)
    made = seed(
        Seed(job, whose, git or origin, branch, git_credentials, jenkins_credentials, relative, label, prune=prune)
    )
    given = settled(Given.for_jenkins(url, user, ca_bundle, runs), [one.jenkins for one in specs], console)
    jenkins = server(given)
    planned = survey(jenkins, [made], Options(owner=whose), Crew(given.at_once, time.monotonic))
    if dry_run:
        console.data(shown(planned, jenkins.url, output, console, diff=True))
        return ExitStatus.OK
    return finish(jenkins, planned, given, console, output=output, preflight=True)


def _check_url(url: str) -> None:
    if re.match(r"[a-z+]+://[^/@]*:[^/]*@", url):
        raise UsageError(
            "nothing was sent: the repository's URL has a password in it, which would stand in the job",
            hint="--git URL without it, and --git-credentials ID",
        )
