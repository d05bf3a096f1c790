"""Settings of `headway jobs` by their rank: flags, then the environment, then `jenkins:` in headway.yaml."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from agent.cli.console import Console, clean
from agent.errors import UsageError

if TYPE_CHECKING:
    from agent.cli.commands.jobs_given import Given
    from agent.spec.controller import Defaults

NAMES = {
    "url": "Jenkins",
    "user": "user",
    "ca_bundle": "authority",
    "parallel": "requests at a time",
    "max_rps": "requests a second",
    "max_changes": "changes at most",
    "max_deletes": "removals at most",
    "runs": "runs",
}


def settled(given: Given, said: Sequence[Defaults], console: Console) -> Given:
    """What holds; with --verbose, who says so.

    Args:
        given: what flags and the environment say.
        said: what headway.yaml says, once for each spec.
        console: for --verbose.

    Raises:
        UsageError: the specs go to different Jenkinses, or differ in another setting that nothing stronger settles.
    """
    found: dict[str, Any] = {}
    different = list({id(one): one for one in said}.values())
    for name, words in NAMES.items():
        if getattr(given, name) not in {None, ""}:
            _tell(console, words, getattr(given, name), partial(_source, name))
            continue
        values = {one.values.get(name): one for one in different}
        if len(values) > 1:
            raise UsageError(
                f"nothing was sent: these specs differ in 'jenkins.{name}' of headway.yaml: {_places(name, values)}",
                hint="name fewer specs, or settle it with a flag",
            )
        for value, one in values.items():
            if value is not None:
                found[name] = Path(value) if name == "runs" else value
                _tell(console, words, value, partial(one.origin, name))
    return replace(given, **found)


def settled_here(given: Given, console: Console, folder: Path | None = None) -> Given:
    """The same for a command without specs: headway.yaml of the current folder and above."""
    from agent.spec.load import jenkins_here

    return settled(given, [jenkins_here(folder or Path())], console)


def _tell(console: Console, words: str, value: object, origin: Callable[[], str]) -> None:
    if console.verbose:
        console.detail(clean(f"{words}: {value}  ({origin()})"))


def _places(name: str, values: dict[Any, Defaults]) -> str:
    told = sorted(f"{value} ({one.origin(name)})" for value, one in values.items() if value is not None)
    return clean(", ".join(told) + (", and none" if None in values else ""))


def _source(name: str) -> str:
    """Where click has the value of an option from."""
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source(name) if context is not None else None
    option = next((one for one in context.command.params if one.name == name), None) if context is not None else None
    if source is ParameterSource.ENVIRONMENT and option is not None:
        return str(option.envvar)
    return option.opts[0] if option is not None and option.opts else "flag"
