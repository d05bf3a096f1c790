"""argv to exit status: the lazy table of commands and the one try/except that talks to people.

Commands are imported when they are asked for, so that `headway --version` stays under 100 ms.
"""

from __future__ import annotations

import errno
import importlib
import sys
from typing import NoReturn

import click

from agent import __version__
from agent.cli import signals
from agent.cli.console import Console, OutputError
from agent.errors import ExitStatus, HeadwayError

# name: (module under agent.cli.commands, the line in --help). Kept here so that --help imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Write a first service.yaml from a Dockerfile and manifests."),
    "check": ("check", "Show every problem in every spec."),
    "render": ("render", "Show the Jenkinsfile (or config.xml) that would be used."),
    "schema": ("schema", "Print the JSON Schema of service.yaml."),
    "jobs": ("jobs", "Plan and apply Jenkins jobs."),
    "deploy": ("deploy", "Apply, follow, smoke-test; undo if it fails."),
    "restart": ("restart", "New pods of the same release, followed and smoke-tested."),
    "smoke": ("smoke", "Run the smoke checks alone."),
    "undo": ("undo", "Go back to the last release known good."),
    "status": ("status", "Show the workload now, with its way back."),
    "history": ("history", "List the releases with verdict, build and image."),
    "freeze": ("freeze", "No deploys, with a reason and an end."),
    "thaw": ("thaw", "Allow deploys again."),
    "recover": ("recover", "Adopt or close a deploy that was killed."),
    "replay": ("replay", "Judge a recorded rollout again."),
    "sandbox": ("sandbox", "An embedded Kubernetes and Jenkins on loopback."),
    "demo": ("demo", "The whole story on the sandbox, in under a minute."),
}

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Of a write to stdout that click makes itself (`--help`): a full disk is no bug of Headway."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the story, not of the alphabet."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports `agent.cli.commands.<module>` and takes its `command`."""
        if cmd_name not in COMMANDS:
            return None
        if ctx.resilient_parsing and ctx.parent is None and not ctx.args:
            return click.Command(cmd_name, short_help=COMMANDS[cmd_name][1])
        module = importlib.import_module(f"agent.cli.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds the nearest name to click's complaint about an unknown command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1) if args else []
            hint = f"did you mean '{near[0]}'?" if near else "headway --help lists the commands"
            raise click.UsageError(f"no such command '{args[0]}'\nhint: {hint}", ctx) from problem


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="headway", message="%(prog)s %(version)s")
def headway() -> None:
    """Deploys microservices to Kubernetes from Jenkins, and takes a bad release back."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs `headway` and exits with its status."""
    status = run(sys.argv[1:] if arguments is None else arguments)
    signals.ignore()
    sys.exit(status)


def run(arguments: list[str], console: Console | None = None) -> int:  # noqa: PLR0911  one return an ending
    """Runs one command line; returns its exit status. Nothing escapes but SystemExit of completion scripts.

    Commands return an ExitStatus (or None for OK); everything that can go wrong comes here as an exception.
    """
    signals.listen()
    console = console or Console.of_process()
    try:
        with headway.make_context("headway", list(arguments), obj=console) as context:
            status = headway.invoke(context)
        return int(console.close(ExitStatus(status or ExitStatus.OK)))
    except click.exceptions.Exit as done:
        return int(console.close(ExitStatus(done.exit_code)))
    except click.exceptions.NoArgsIsHelpError as asked:
        console.data(asked.format_message())
        return int(ExitStatus.USAGE)
    except click.ClickException as problem:
        console.complain(problem.format_message(), usage=_usage(problem))
        return int(ExitStatus.USAGE)
    except (KeyboardInterrupt, click.Abort) as interruption:
        console.complain("interrupted: nothing more was done")
        return int(ExitStatus.TERMINATED if isinstance(interruption, signals.Terminated) else ExitStatus.INTERRUPTED)
    except HeadwayError as problem:
        console.fail(problem)
        return int(problem.status)
    except OutputError as problem:
        console.complain(f"the output could not be written: {problem}")
        return int(ExitStatus.UNREACHABLE)
    except Exception as problem:  # noqa: BLE001  the one place where a bug becomes a sentence and a status
        if isinstance(problem, OSError) and problem.errno in NO_ROOM:
            console.complain(f"the output could not be written: {problem.strerror}")
            return int(ExitStatus.UNREACHABLE)
        console.crash(problem)
        return int(ExitStatus.BUG)


def _usage(problem: click.ClickException) -> str:
    """The usage line of the command that was misused."""
    context = getattr(problem, "ctx", None)
    return context.get_usage() if isinstance(context, click.Context) else ""
