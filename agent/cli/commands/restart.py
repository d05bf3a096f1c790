"""`headway restart SPEC --env ENV`: new pods of the same release, followed and smoke-tested."""

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


@click.command(name="restart", short_help="New pods of the same release, followed and smoke-tested.")
@place_options
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
    dry_run: bool,
) -> ExitStatus:
    """Makes new pods of what serves, as `kubectl rollout restart` does, and watches them until they serve.

    Exit status: 0 done; 5 the new pods don't become ready or fail a smoke check (there is nothing to undo: the release
    is the same); 7 somebody else changed the workload meanwhile.
    """
    from agent.cli import wiring
    from agent.operations.restarting import RestartMission, restart

    chosen = wiring.choose(spec, environment)
    session = Session(console, output, report, chosen.policy)

    def operation(tools: Tools) -> DeployReport:
        lock = wiring.lock_rules(lock_wait, lock_length)
        return restart(tools, RestartMission(chosen.place(tools.cluster), chosen.checks, chosen.policy, lock, dry_run))

    several = not context and len(chosen.contexts) > 1
    return session.run(wiring.clusters(chosen, context, session.emit), operation, several=several)
