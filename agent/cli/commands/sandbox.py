"""`headway sandbox`: an embedded Kubernetes and Jenkins on loopback, to try everything without either."""

from __future__ import annotations

import shlex
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import click

from agent.cli.console import Console
from agent.cli.options import output_option, talk_options
from agent.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from agent.sandbox.scenes import Scene


@click.group(name="sandbox", short_help="An embedded Kubernetes and Jenkins on loopback.")
def command() -> None:
    """An embedded Kubernetes and Jenkins on loopback, to try everything without either.

    The image's tag decides a deployment's fate, for any repository: v1, v3, v4, v5 and numbers are good; v2 starts but
    answers 500 on /api; crash, crash-late, unready, slow, slowstop, leak, flaky and errors do as they say; any other
    word does not exist. A scene decides what the servers are like.
    """


SPEED = click.option(
    "--speed",
    type=click.FloatRange(0.1, 1000),
    default=5.0,
    show_default=True,
    help="The cluster's seconds in one of yours.",
)


@command.command(short_help="Start both, print what to export, stay until Ctrl-C.")
@click.option("--scene", default="empty", show_default=True, help="See `headway sandbox scenes`.")
@SPEED
@talk_options
@click.pass_obj
def up(console: Console, scene: str, speed: float) -> None:
    """Starts both servers, prints the exports that lead there, and stays until Ctrl-C or SIGTERM.

    eval "$(headway sandbox up &)" leaves them running behind a shell.
    """
    from agent.sandbox.world import World

    chosen = _scene(scene)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with World(speed=speed) as world:
        chosen.prepare(world)
        console.data("".join(f"export {key}={shlex.quote(value)}\n" for key, value in world.settings.items()))
        console.say(f"sandbox is up ({chosen.name}: {chosen.summary}); Ctrl-C ends it")
        over.wait()
    console.say("sandbox is down")


@command.command(
    name="run",
    short_help="Run one command in a scene.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@SPEED
@click.argument("scene")
@click.argument("words", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@click.pass_obj
def run_in(console: Console, scene: str, words: tuple[str, ...], speed: float) -> ExitStatus | int:
    """Runs COMMAND with KUBECONFIG and JENKINS_URL leading to a fresh sandbox; its exit status is COMMAND's."""
    from agent.sandbox.world import World

    chosen = _scene(scene)
    words = words[1:] if words[0] == "--" else words
    if not words:
        raise UsageError(
            "nothing was run: no command was given", hint="headway sandbox run empty -- headway status ..."
        )
    with World(speed=speed) as world:
        chosen.prepare(world)
        try:
            # Ctrl-C goes to the whole process group: the command answers it, and we wait for its answer.
            previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
            child = subprocess.Popen(words, env=world.environment, preexec_fn=_default_sigint)  # noqa: S603, PLW1509
            signal.signal(signal.SIGTERM, lambda *_: child.terminate())
            status = child.wait()
            signal.signal(signal.SIGINT, previous)
        except OSError as problem:
            raise UsageError(f"nothing was run: {words[0]}: {problem.strerror}") from problem
    console.detail(f"{words[0]} ended with {status}")
    return status if status >= 0 else 128 - status


@command.command(short_help="List the scenes.")
@output_option()
@click.pass_obj
def scenes(console: Console, output: str) -> None:
    """Lists the scenes: what the servers are like."""
    import json

    from agent.sandbox.scenes import SCENES

    if output == "json":
        console.data(
            json.dumps([{"name": scene.name, "summary": scene.summary} for scene in SCENES.values()], indent=2)
        )
        return
    width = max(len(name) for name in SCENES)
    console.data("".join(f"{scene.name:<{width}}  {scene.summary}\n" for scene in SCENES.values()))


def _scene(name: str) -> Scene:
    from difflib import get_close_matches

    from agent.sandbox.scenes import SCENES

    if name not in SCENES:
        near = get_close_matches(name, SCENES, 1)
        hint = f"did you mean '{near[0]}'?" if near else "headway sandbox scenes lists them"
        raise UsageError(f"the sandbox was not started: there is no scene '{name}'", hint=hint)
    return SCENES[name]


def _default_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
