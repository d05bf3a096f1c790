"""`headway jobs why`: which file and line decides each setting of a job."""

from __future__ import annotations

import difflib
import json
import os
from typing import TYPE_CHECKING

import click

from agent.cli.console import Console, clean
from agent.cli.options import output_option, talk_options
from agent.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from agent.jobs.why import Setting
    from agent.spec.explain import Explained
    from agent.spec.load import LoadedSpec

_LONGEST = 48
_MOST = 8
"""Fields up to which the defaults among them are shown."""


@click.command("why")
@click.argument("job", metavar="JOB|SPEC")
@click.argument("setting", metavar="[SETTING]", default="")
@click.option(
    "--in",
    "specs",
    multiple=True,
    default=(".",),
    show_default=True,
    metavar="SPEC",
    help="Where JOB's spec is sought.",
)
@output_option()
@talk_options
@click.pass_obj
def why_command(console: Console, job: str, setting: str, specs: tuple[str, ...], output: str) -> ExitStatus:
    """Say which file and line decides each setting of a job; asks no Jenkins.

    JOB is a full name, SPEC a file or folder that holds one. SETTING is a name that a plan prints (`builds kept`), a
    field of the spec or a path of the config.xml.
    """
    from agent.jobs.why import chosen, settings_of
    from agent.spec.explain import explain

    found = _spec_of(job, specs)
    asked = chosen(found.spec, setting) if setting else settings_of(found.spec)
    told = [(one, [each for field in one.fields for each in explain(found, field)]) for one in asked]
    if output == "json":
        data = {"headway": 1, "command": "jobs why", "job": found.spec.job, "spec": found.file}
        settings = [_data(one, values) for one, values in told]
        console.data(json.dumps({**data, "settings": settings}, indent=2, ensure_ascii=False))
        return ExitStatus.OK
    console.data(clean(f"{found.spec.job} is made from {found.file}"))
    for one, values in told:
        for line in _lines(one, values):
            console.data(clean(f"  {line}"))
    return ExitStatus.OK


def _spec_of(job: str, specs: tuple[str, ...]) -> LoadedSpec:
    """The spec that is meant: a path, if it holds just one; else the one that asks for the job of that name."""
    from agent.spec.load import demand

    if os.path.exists(job):  # noqa: PTH110  a word of the command line, not a path yet
        here = demand([job], files=False)
        if len(here) == 1:
            return here[0]
    every = demand(specs, files=False)
    for one in every:
        if one.spec.job == job:
            return one
    near = difflib.get_close_matches(job, [one.spec.job for one in every], 1)
    raise UsageError(
        f"none of the {len(every)} specs in {' '.join(specs)} asks for a job '{job}'",
        hint=f"did you mean '{near[0]}'?" if near else "--in SPEC says where to look",
    )


def _lines(setting: Setting, values: list[Explained]) -> list[str]:
    first = f"{setting.name:<25}"
    if not values:
        return [f"{first} Headway's own: {setting.note}"]
    lines = []
    shown = values if len(values) <= _MOST else [one for one in values if one.origin]
    for index, one in enumerate(shown):
        value = json.dumps(one.value, ensure_ascii=False)
        value = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
        said = [str(one.origin or "default of Headway"), *(f"over {origin}" for origin in one.overrides)]
        lines.append(f"{first if not index else '':<25} {one.field} = {value}  {', '.join(said)}")
    if left := len(values) - len(shown):
        lines.append(f"{'':<25} and {left} defaults of Headway (-o json lists them)")
    return lines


def _data(setting: Setting, values: list[Explained]) -> dict[str, object]:
    fields = [
        {
            "field": one.field,
            "value": one.value,
            "origin": str(one.origin) if one.origin else None,
            "overrides": [str(origin) for origin in one.overrides],
        }
        for one in values
    ]
    return {"setting": setting.name, "config_xml": list(setting.xml), "fields": fields, "note": setting.note}
