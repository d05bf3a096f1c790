"""`headway deploy SPEC --env ENV`: apply, follow, smoke-test; undo if it fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from agent.cli.console import Console
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.cli.session import Session, lock_options, place_options, report_option
from agent.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from agent.cli.wiring import Chosen
    from agent.operations.mission import Mission, Tools
    from agent.reports.deploy import DeployReport


@click.command(name="deploy", short_help="Apply, follow, smoke-test; undo if it fails.")
@place_options
@click.option("--image", default="", metavar="REF", help="Image to deploy, by tag or digest; default: the running one.")
@click.option("--version", default="", help="What {{ version }} stands for; default: the image's tag.")
@click.option("--allow-known-bad", is_flag=True, help="Deploy what failed before all the same.")
@click.option("--require-undo", is_flag=True, help="Refuse where there would be no way back.")
@click.option(
    "--lock",
    type=click.Choice(["wait", "refuse", "supersede"]),
    default=None,
    help="Where another deploy is under way; default: `deploy.lock` of the spec, else wait.",
)
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
    image: str,
    version: str,
    lock: str | None,
    lock_wait: float,
    lock_length: float,
    report: str,
    output: str,
    *,
    allow_known_bad: bool,
    require_undo: bool,
    dry_run: bool,
) -> ExitStatus:
    """Deploys a service: applies its manifests with IMAGE, follows the rollout, runs the smoke checks.

    If the rollout or a smoke check fails, the last release known good is put back, followed and smoke-tested too.
    SPEC is a file, or a folder with one spec.

    Exit status: 0 done; 1 failed, and a good release serves again; 5 failed, and a person is needed; 6 like 1 after a
    timeout; 7 somebody else, or a newer build, took over; 2, 4, 8, 9 nothing was changed (input, cluster, lock, policy)
    """
    from agent.cli import wiring
    from agent.operations.deploying import deploy

    chosen = wiring.choose(spec, environment)
    session = Session(console, output, report, chosen.policy)

    def operation(tools: Tools) -> DeployReport:
        mission = mission_of(chosen, tools, image, version)
        rules = wiring.lock_rules(lock_wait, lock_length, lock or chosen.environment.deploy.lock)
        flagged = replace(mission, allow_known_bad=allow_known_bad, require_undo=require_undo, dry_run=dry_run)
        return deploy(tools, replace(flagged, lock=rules))

    several = not context and len(chosen.contexts) > 1
    return session.run(wiring.clusters(chosen, context, session.emit), operation, several=several)


def mission_of(chosen: Chosen, tools: Tools, image: str, version: str) -> Mission:
    """What a spec, an environment and an image ask for in one cluster."""
    from agent.operations.account import said_first
    from agent.operations.mission import Mission

    with said_first():
        place = chosen.place(tools.cluster)
        content = chosen.content(place.namespace, image_of(chosen, tools, image), version)
    wanted = chosen.environment.deploy
    return Mission(
        place,
        content,
        chosen.checks,
        chosen.policy,
        chosen.rules,
        before=chosen.before(content),
        restart_on_config="config" in wanted.restart_on,
        soak=wanted.soak,
        prune=wanted.prune,
    )


def image_of(chosen: Chosen, tools: Tools, given: str) -> str:
    """The image to deploy: the one given, else the running one, for a change of configuration.

    Raises:
        UsageError: nothing runs yet, or what was given can't be meant.
    """
    from agent.operations.preparing import running_image
    from agent.release import images

    if given:
        parsed = images.parse(given)
        if not parsed.tag and not parsed.digest and not images.same_repository(given, chosen.repository):
            raise UsageError(
                f"nothing was changed: '{given}' names an image without tag or digest",
                hint=f"did you mean '{chosen.repository}:{given}'?",
            )
        return given
    place = chosen.place(tools.cluster)
    running = running_image(tools, place.workload, place.container, chosen.repository)
    if not running:
        raise UsageError(
            f"nothing was changed: {place.workload} does not run in namespace {place.namespace}: no image to keep",
            hint=f"say --image {chosen.repository}:TAG",
        )
    return running
