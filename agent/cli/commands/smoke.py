"""`headway smoke SPEC --env ENV`: the smoke checks alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent.cli.console import Console
from agent.cli.options import output_option, talk_options
from agent.cli.session import Session, place_options, report_option
from agent.errors import ExitStatus

if TYPE_CHECKING:
    from agent.operations.mission import Tools
    from agent.reports.deploy import DeployReport


@click.command(name="smoke", short_help="Run the smoke checks alone.")
@place_options
@click.option("--version", default="", help="What {{ version }} stands for; default: of what runs.")
@report_option
@output_option()
@talk_options
@click.pass_obj
def command(
    console: Console, spec: str, environment: str, context: str, version: str, report: str, output: str
) -> ExitStatus:
    """Asks what serves now the smoke checks of SPEC; changes nothing and records nothing.

    Exit status: 0 all passed; 5 one failed, so a bad release serves.
    """
    from agent.cli import wiring
    from agent.operations.going_back import smoke_alone

    chosen = wiring.choose(spec, environment)
    session = Session(console, output, report, chosen.policy)

    def operation(tools: Tools) -> DeployReport:
        return smoke_alone(tools, chosen.place(tools.cluster), chosen.checks, version)

    several = not context and len(chosen.contexts) > 1
    return session.run(wiring.clusters(chosen, context, session.emit), operation, several=several)
