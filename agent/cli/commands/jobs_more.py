"""`headway jobs import`, `seed` and `why`: specs from jobs, the job that makes the others, where a value is from."""

from __future__ import annotations

import difflib
import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.commands.jobs_finishing import finish, shown
from agent.cli.commands.jobs_wiring import Given, jenkins_options, runs_option, server
from agent.cli.console import Console, clean
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.errors import ExitStatus, NotFoundError, UsageError

if TYPE_CHECKING:
    from agent.jobs.importing import Imported
    from agent.spec.explain import Explained
    from agent.spec.load import LoadedSpec

_LONGEST = 48


@click.command("import")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write DIR/<job>/service.yaml."
)
@jenkins_options
@output_option()
@talk_options
@click.pass_obj
def import_command(
    console: Console, jobs: tuple[str, ...], out: Path | None, url: str, user: str, ca_bundle: str, output: str
) -> ExitStatus:
    """Make a first spec of each JOB (a full name or a glob), with a list of what a spec can't say."""
    from agent.jobs.importing import imported

    jenkins = server(Given.for_jenkins(url, user, ca_bundle))
    there = [name for name, item in jenkins.inventory(10).items.items() if not item.takes_items]
    found = [imported(name, jenkins.read(name) or "") for name in _named(jobs, there)]
    if output == "json":
        console.data(
            json.dumps({"headway": 1, "command": "jobs import", "jobs": [_data(one) for one in found]}, indent=2)
        )
    for one in found:
        if out is not None:
            _write(one, out, console)
        elif output == "text":
            console.data(f"# {clean(one.job)}\n{one.text}")
        for sentence in one.residue:
            console.say(clean(f"{one.job}: {sentence}"))
    return ExitStatus.OK


def _named(wanted: tuple[str, ...], there: list[str]) -> list[str]:
    from fnmatch import fnmatchcase

    found: dict[str, None] = {}
    for name in wanted:
        matching = [one for one in sorted(there) if fnmatchcase(one, name)] if set(name) & set("*?[") else []
        if not matching and name not in there:
            near = difflib.get_close_matches(name, there, 1)
            raise NotFoundError(
                f"nothing was imported: there is no job '{name}'", hint=f"did you mean '{near[0]}'?" if near else ""
            )
        found.update(dict.fromkeys(matching or [name]))
    return list(found)


def _write(one: Imported, out: Path, console: Console) -> None:
    """Never over a file that is there."""
    folder = out.joinpath(*one.job.split("/"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("service.yaml", one.text), ("Jenkinsfile.imported", one.script)):
            if text:
                with (folder / name).open("x", encoding="utf-8") as stream:
                    stream.write(text)
                console.say(f"wrote {folder / name}")
    except OSError as problem:
        raise UsageError(f"{folder} was not written: {problem.strerror}") from problem


def _data(one: Imported) -> dict[str, object]:
    return {"job": one.job, "spec": one.text, "script": one.script, "residue": list(one.residue)}


@click.command("seed")
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--job", default="headway-seed", show_default=True, metavar="NAME", help="Full name of the seed job.")
@click.option("--git", default="", metavar="URL", help="Repository of the specs (default: the checkout's own remote).")
@click.option("--branch", default="main", show_default=True)
@click.option("--git-credentials", default="", metavar="ID", help="Jenkins credential that may read the repository.")
@click.option(
    "--jenkins-credentials", required=True, metavar="ID", help="Jenkins credential: a user and its API token."
)
@click.option("--label", default="", help="Agents that have headway installed.")
@click.option("--prune", is_flag=True, help="It also removes jobs that no spec names any more.")
@jenkins_options
@runs_option
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def seed_command(
    console: Console, folder: Path, job: str, git: str, branch: str, git_credentials: str, jenkins_credentials: str,
    label: str, url: str, user: str, ca_bundle: str, runs: Path, output: str, *, prune: bool, dry_run: bool,
) -> ExitStatus:  # fmt: skip
    """Make the job that applies all other jobs when the specs in FOLDER change."""
    from agent.adapters.git import place, remote
    from agent.jobs.triage import Options
    from agent.operations.crew import Crew
    from agent.operations.definitions import owner
    from agent.operations.jobs import survey
    from agent.operations.seed import Seed, seed
    from agent.spec.load import demand

    specs = demand([folder], files=False)
    root, origin = place(folder)
    if not (git or origin):
        raise UsageError(
            "nothing was sent: the folder is in no git repository with a remote", hint="--git URL names it"
        )
    _check_url(git or origin)
    relative = os.path.relpath(folder.absolute(), root) if root else "."
    whose = owner(specs, remote)
    made = seed(
        Seed(job, whose, git or origin, branch, git_credentials, jenkins_credentials, relative, label, prune=prune)
    )
    given = Given.for_jenkins(url, user, ca_bundle)
    jenkins = server(given)
    planned = survey(jenkins, [made], Options(owner=whose), Crew(given.parallel, time.monotonic))
    if dry_run:
        console.data(shown(planned, jenkins.url, output, console, diff=True))
        return ExitStatus.OK
    return finish(jenkins, planned, given, console, runs=runs, output=output, preflight=True)


def _check_url(url: str) -> None:
    if re.match(r"[a-z+]+://[^/@]*:[^/]*@", url):
        raise UsageError(
            "nothing was sent: the repository's URL has a password in it, which would stand in the job",
            hint="--git URL without it, and --git-credentials ID",
        )


@click.command("why")
@click.argument("job", metavar="JOB")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@output_option()
@talk_options
@click.pass_obj
def why_command(console: Console, job: str, specs: tuple[str, ...], output: str) -> ExitStatus:
    """Say which file and line decides each setting of JOB."""
    from agent.jobs.why import deciding
    from agent.spec.explain import explain
    from agent.spec.load import demand

    found = _spec_of(job, demand(specs, files=False))
    told = {
        setting: [one for field in fields if _has(found, field) for one in explain(found, field)]
        for setting, fields in deciding(found.spec).items()
    }
    if output == "json":
        settings = {name: [_origin(one) for one in values] for name, values in told.items()}
        data = {"headway": 1, "command": "jobs why", "job": job, "spec": found.file, "settings": settings}
        console.data(json.dumps(data, indent=2, ensure_ascii=False))
        return ExitStatus.OK
    console.data(clean(f"{job} is made from {found.file}"))
    for setting, values in told.items():
        for index, one in enumerate(values):
            value = json.dumps(one.value, ensure_ascii=False)
            value = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
            said = [str(one.origin or "default of Headway"), *(f"over {origin}" for origin in one.overrides)]
            console.data(clean(f"  {setting if not index else '':<20} {one.field} = {value}  {', '.join(said)}"))
    return ExitStatus.OK


def _spec_of(job: str, specs: tuple[LoadedSpec, ...]) -> LoadedSpec:
    for one in specs:
        if one.spec.job == job:
            return one
    near = difflib.get_close_matches(job, [one.spec.job for one in specs], 1)
    raise UsageError(
        f"none of these {len(specs)} specs asks for a job '{job}'", hint=f"did you mean '{near[0]}'?" if near else ""
    )


def _has(found: LoadedSpec, field: str) -> bool:
    """Whether the part that the field is in is there at all."""
    head = field.partition(".")[0]
    value = getattr(found.spec, head, None)
    return value is not None and value != ()


def _origin(one: Explained) -> dict[str, object]:
    return {"field": one.field, "value": one.value, "origin": str(one.origin) if one.origin else None}
