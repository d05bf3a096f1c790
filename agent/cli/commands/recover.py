"""`headway recover SPEC --env ENV`: what the pipeline's `post` calls after an abort or a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent.cli.console import Console
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.cli.session import Session, lock_options, place_options, report_option
from agent.errors import ExitStatus

if TYPE_CHECKING:
    from agent.operations.mission import Tools
    from agent.reports.deploy import DeployReport


@click.command(name="recover", short_help="Adopt or close a deploy that was killed.")
@place_options
@click.option("--any-build", is_flag=True, help="Also what another build (or person) left open.")
@lock_options
@report_option
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def command(
    console: Console,
    spec: str,
    environment: str,
    context: str,
    lock_wait: float,
    lock_length: float,
    report: str,
    output: str,
    *,
    any_build: bool,
    dry_run: bool,
) -> ExitStatus:
    """Adopts or closes a deploy or undo that was killed or aborted; does nothing unless this build left something open.

    This build is BUILD_URL, else user and host. It waits for the lock unless its holder is known to be dead.

    Exit status: 0 nothing was open, or what was open is complete; 1 it was taken back, verified; 5 it could not be.
    """
    from agent.cli import wiring
    from agent.operations.recovering import RecoverMission, recover

    chosen = wiring.choose(spec, environment)
    session = Session(console, output, report, chosen.policy)

    def operation(tools: Tools) -> DeployReport:
        mission = RecoverMission(
            chosen.place(tools.cluster),
            chosen.checks,
            chosen.policy,
            chosen.rules,
            wiring.lock_rules(lock_wait, lock_length),
            any_build=any_build,
            dry_run=dry_run,
        )
        return recover(tools, mission)

    several = not context and len(chosen.contexts) > 1
    return session.run(wiring.clusters(chosen, context, session.emit), operation, several=several)
