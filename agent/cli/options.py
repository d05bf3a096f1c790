"""Options that several commands share, and how they reach the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from agent.cli.console import Console

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _set(attribute: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def callback(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  click's
        del parameter
        if value:
            setattr(context.find_object(Console), attribute, True)

    return callback


def talk_options(function: Decorated) -> Decorated:
    """--quiet and --verbose."""
    quiet = click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=_set("quiet"), help="Only results and errors."
    )
    verbose = click.option(
        "-v", "--verbose", is_flag=True, expose_value=False, callback=_set("verbose"), help="More of how it went."
    )
    return quiet(verbose(function))


def output_option(*more: str) -> Callable[[Decorated], Decorated]:
    """-o text|json (and what else a command offers); the parameter is called `output`."""
    choices = click.Choice(["text", "json", *more])
    return click.option("-o", "--output", type=choices, default="text", show_default=True, help="Form of the result.")


def dry_run_option(function: Decorated) -> Decorated:
    """--dry-run, which every command that changes something has."""
    return click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")(function)
