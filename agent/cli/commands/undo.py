"""`headway undo SPEC --env ENV`: back to the last release known good, followed and smoke-tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent.cli.console import Console
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.cli.session import Session, any_place_options, lock_options, report_option
from agent.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from agent.operations.mission import Tools
    from agent.reports.deploy import DeployReport


@click.command(name="undo", short_help="Go back to the last release known good.")
@any_place_options
@click.option("--to-release", type=click.IntRange(1), default=None, metavar="N", help="Release, as in `history`.")
@click.option("--to-revision", type=click.IntRange(1), default=None, metavar="N", help="Kubernetes revision.")
@click.option("--to-image", default="", metavar="REF", help="Image, digest or version of a recorded release.")
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
    namespace: str,
    context: str,
    to_release: int | None,
    to_revision: int | None,
    to_image: str,
    lock_wait: float,
    lock_length: float,
    report: str,
    output: str,
    *,
    dry_run: bool,
) -> ExitStatus:
    """Goes back to the last release known good, or to the one named: all its objects, configuration before pods.

    Exit status: 0 done and verified; 5 it failed, could not be verified, or there is nothing to go back to; 7 somebody
    else changed the workload meanwhile.
    """
    from agent.cli import naming, wiring
    from agent.operations.going_back import UndoMission, undo
    from agent.release.choice import Wish

    if sum(map(bool, (to_release, to_revision, to_image))) > 1:
        raise UsageError("nothing was changed: --to-release, --to-revision and --to-image exclude each other")
    chosen = naming.choose_any(spec, environment, namespace)
    session = Session(console, output, report, chosen.policy)
    wish = Wish(to_release or 0, to_revision or 0, to_image)

    def operation(tools: Tools) -> DeployReport:
        place = chosen.place(tools.cluster)
        lock = wiring.lock_rules(lock_wait, lock_length)
        return undo(tools, UndoMission(place, chosen.checks, chosen.policy, chosen.rules, wish, lock, dry_run))

    several = not context and len(chosen.contexts) > 1
    return session.run(wiring.clusters(chosen, context, session.emit), operation, several=several)
