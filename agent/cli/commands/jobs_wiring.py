"""What the commands of `headway jobs` share: options, which Jenkins, specs into jobs, progress."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.cli.commands.jobs_given import PARALLEL, RUNS, Given
from agent.cli.commands.jobs_settings import settled
from agent.cli.console import Console
from agent.errors import RemoteError, UsageError

if TYPE_CHECKING:
    from agent.adapters.jenkins import Connection, JenkinsServer
    from agent.jobs.definition import JobDefinition
    from agent.jobs.inventory import Inventory
    from agent.jobs.plan import Plan
    from agent.jobs.triage import Options
    from agent.spec.load import LoadedSpec

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def jenkins_options(function: Decorated) -> Decorated:
    """Which Jenkins; the token comes from JENKINS_API_TOKEN only."""
    for option in (
        click.option("--ca-bundle", default="", metavar="FILE", help="Certificate authority of an https Jenkins."),
        click.option(
            "--jenkins-user", "user", envvar="JENKINS_USER_ID", default="", help="User id  [JENKINS_USER_ID]."
        ),
        click.option("--jenkins-url", "url", envvar="JENKINS_URL", default="", help="The controller  [JENKINS_URL]."),
    ):
        function = option(function)
    return function


def runs_option(function: Decorated) -> Decorated:
    """Where runs are noted and backups are kept."""
    return click.option(
        "--runs",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HEADWAY_RUNS",
        metavar="DIR",
        help=f"Backups and audit of each run (default: {RUNS}); archive it  [HEADWAY_RUNS].",
    )(function)


def plan_options(function: Decorated) -> Decorated:
    """What a plan may do; filters narrow and never widen."""
    for option in (
        click.option("--parallel", type=click.IntRange(1, 64), help=f"Requests at a time (default: {PARALLEL})."),
        click.option("--max-rps", type=click.FloatRange(0.1), help="Requests a second (default: as many as it bears)."),
        click.option("--max-deletes", type=click.IntRange(0), help="Removals that are fine (default: 10, or a tenth)."),
        click.option("--max-changes", type=click.IntRange(0), help="Refuse a plan with more changes."),
        click.option("--team", "teams", multiple=True, metavar="T", help="Only this team's jobs; repeatable."),
        click.option("--only", multiple=True, metavar="GLOB", help="Only jobs with such a full name; repeatable."),
        click.option("--drift", is_flag=True, help="Read every job, to find what was edited in Jenkins."),
        click.option("--views", is_flag=True, help="Also keep a list view of each team's jobs above them all."),
        click.option("--adopt", is_flag=True, help="Take over jobs that are not ours; their builds stay."),
        click.option("--prune", is_flag=True, help="Disable, the next time delete, our jobs that no spec names."),
    ):
        function = option(function)
    return function


def desired(given: Given, console: Console) -> tuple[tuple[LoadedSpec, ...], Options, Given]:
    """All specs, what may be done with their jobs, and the settings that hold; every problem of a spec is an exit 2."""
    from agent.adapters.git import remote
    from agent.jobs.triage import Options
    from agent.operations.definitions import check_pins, owner, scopes, shared
    from agent.spec.load import demand

    specs = demand(given.specs, files=False)
    check_pins(specs)
    given = settled(given, [one.jenkins for one in specs], console)
    whose = owner(specs, remote)
    where = scopes(given.specs, specs)
    if given.prune and not where:
        raise UsageError(
            "nothing was sent: --prune needs a folder as SPEC: a file says nothing about the specs beside it",
            hint="name the folder that holds all of them",
        )
    if given.prune and not whose:
        raise UsageError(
            "nothing was sent: --prune needs an owner, and nothing names one",
            hint="add 'owner: NAME' to the topmost headway.yaml",
        )
    options = Options(
        owner=whose,
        prune=given.prune,
        scopes=where,
        adopt=given.adopt,
        only=given.only,
        teams=given.teams,
        max_changes=given.max_changes,
        max_deletes=given.max_deletes,
        shared=shared(specs),
    )
    return specs, options, given


def server(given: Given) -> JenkinsServer:
    """The Jenkins that is meant."""
    from agent.adapters.jenkins import JenkinsServer

    return JenkinsServer(
        replace(connection(given.url, given.user, given.ca_bundle, given.at_once), max_rps=given.max_rps or 0.0)
    )


def connection(url: str, user: str, ca_bundle: str, parallel: int) -> Connection:
    """The connection that options and environment name.

    Raises:
        UsageError: no URL, a token without a user, or a file that is not there.
    """
    from agent.adapters.jenkins import Connection

    token = os.environ.get("JENKINS_API_TOKEN", "")
    if not url:
        raise UsageError(
            "nothing was sent: no Jenkins is named",
            hint="--jenkins-url URL, JENKINS_URL in the environment, or 'jenkins: {url: URL}' in headway.yaml",
        )
    if token and not user:
        raise UsageError(
            "nothing was sent: JENKINS_API_TOKEN is set, but no user",
            hint="set JENKINS_USER_ID as well, or 'jenkins: {user: NAME}' in headway.yaml",
        )
    if user and not token:
        raise UsageError(
            f"nothing was sent: no API token for user '{user}'",
            hint="put it into JENKINS_API_TOKEN; it is never taken from the command line",
        )
    if ca_bundle and not Path(ca_bundle).is_file():
        raise UsageError(f"nothing was sent: there is no file '{ca_bundle}'")
    made = Connection.to(url, user=user, secret=token, ca_bundle=ca_bundle, workers=parallel)
    return made.headers_from(os.environ.get("JENKINS_API_EXTRA_HEADERS", ""))


def surveyed(
    jenkins: JenkinsServer, specs: tuple[LoadedSpec, ...], options: Options, given: Given, console: Console
) -> Plan:
    """The plan of what is there and what should be; a Jenkins that can't be asked is told as `nothing was sent`."""
    from agent.adapters.git import remote
    from agent.operations.crew import Crew
    from agent.operations.definitions import definitions
    from agent.operations.jobs import depth, survey

    def made(inventory: Inventory) -> tuple[JobDefinition, ...]:
        # A drift check compares texts, so it needs all of them.
        return definitions(specs, remote, None if given.drift else inventory)

    console.detail(f"asking {jenkins.url} for {len(specs)} jobs of owner '{options.owner}'")
    levels = depth(name for one in specs for name in (one.spec.job, one.spec.pipeline.moved_from))
    crew = Crew(given.at_once, time.monotonic)
    try:
        return survey(jenkins, made, options, crew, drift=given.drift, levels=levels)
    except RemoteError as problem:
        problem.message = f"nothing was sent to Jenkins: {problem.message}"
        raise
    except KeyboardInterrupt:
        console.warn("nothing was sent to Jenkins: it was still being read")
        raise
