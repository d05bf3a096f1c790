"""`headway check`: every problem in every spec, each with its place; or where a value came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from agent.cli.console import Console, clean
from agent.cli.options import output_option, talk_options
from agent.errors import ExitStatus

if TYPE_CHECKING:
    from agent.spec.explain import Explained
    from agent.spec.load import Loaded


@click.command(name="check", short_help="Show every problem in every spec.")
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True)
@click.option("--explain", "field", metavar="FIELD", help="Say which file set a field, e.g. pipeline.timeout.")
@output_option("sarif")
@talk_options
@click.pass_obj
def command(console: Console, specs: tuple[str, ...], field: str | None, output: str) -> ExitStatus:
    """Shows every problem in every spec at once; nothing is sent anywhere.

    SPEC is a file, a folder (searched for service.yaml and *.service.yaml) or a glob. The exit status is 2 if anything
    is wrong.
    """
    from agent.spec.load import load

    loaded = load(specs)
    if field is not None and not loaded.problems:
        _explain(console, loaded, field, output)
        return ExitStatus.OK
    match output:
        case "json":
            console.data(json.dumps(_data(loaded), indent=2, ensure_ascii=False))
        case "sarif":
            from agent.spec.sarif import sarif

            console.data(json.dumps(sarif(loaded.problems), indent=2, ensure_ascii=False))
        case _:
            _text(console, loaded)
    return ExitStatus.USAGE if loaded.problems else ExitStatus.OK


def _text(console: Console, loaded: Loaded) -> None:
    from agent.spec.load import summary

    for problem in loaded.problems:
        console.line(problem.text())
    if loaded.problems:
        console.line(f"{summary(loaded)}; nothing was sent anywhere")
    elif not console.quiet:
        console.line(summary(loaded))


def _data(loaded: Loaded) -> dict[str, Any]:
    """The JSON form, described in docs/reference/check.md."""
    return {
        "headway": 1,
        "command": "check",
        "specs": loaded.count,
        "wrong": loaded.wrong,
        "problems": [problem.data() for problem in loaded.problems],
    }


def _explain(console: Console, loaded: Loaded, field: str, output: str) -> None:
    from agent.spec.explain import explain

    told = [(one.file, explain(one, field)) for one in loaded.specs]
    if output == "json":
        specs = [{"file": file, "fields": [_field(one) for one in fields]} for file, fields in told]
        console.data(json.dumps({"headway": 1, "command": "check", "specs": specs}, indent=2, ensure_ascii=False))
        return
    if output == "sarif":
        raise click.UsageError("--explain finds no problems, so there is nothing to say in SARIF")
    for file, fields in told:
        console.line(file)
        width = max(len(one.field) for one in fields)
        for one in fields:
            value = json.dumps(one.value, ensure_ascii=False)
            said = [str(one.origin or "default of Headway"), *(f"over {origin}" for origin in one.overrides)]
            console.line(clean(f"  {one.field:<{width}}  {value:<16}  {', '.join(said)}"))


def _field(one: Explained) -> dict[str, Any]:
    def place(origin: Any) -> dict[str, Any]:
        return {"file": origin.file, "line": origin.line, "column": origin.column, "enforced": origin.enforced}

    return {
        "field": one.field,
        "value": one.value,
        "origin": place(one.origin) if one.origin else None,
        "overrides": [place(origin) for origin in one.overrides],
    }
