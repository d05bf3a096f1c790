"""`headway jobs import`: a first spec of jobs that exist already, and what a spec can't say about them."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.commands.jobs_given import Given
from agent.cli.commands.jobs_settings import settled_here
from agent.cli.commands.jobs_wiring import jenkins_options, server
from agent.cli.console import Console, clean
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.errors import ExitStatus, NotFoundError, RemoteError, UsageError

if TYPE_CHECKING:
    from agent.adapters.jenkins import JenkinsServer
    from agent.jobs.importing import Imported
    from agent.jobs.inventory import Item

LEVELS = 10
"""Folders inside each other that are looked into."""


@dataclass(frozen=True, slots=True)
class _Result:
    """One job: what was made of it, or why nothing was."""

    job: str
    made: Imported | None
    problem: str = ""


@click.command("import")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write DIR/<job>/service.yaml."
)
@jenkins_options
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def import_command(
    console: Console, jobs: tuple[str, ...], out: Path | None, url: str, user: str, ca_bundle: str, output: str,
    *, dry_run: bool,
) -> ExitStatus:  # fmt: skip
    """Make a first spec of each JOB (a full name, a folder or a glob), with a list of what a spec can't say.

    Without --out it goes to stdout. No file is ever overwritten; nothing is sent to Jenkins but questions.
    """
    jenkins = server(settled_here(Given.for_jenkins(url, user, ca_bundle), console))
    results = [_imported(jenkins, name) for name in _named(jobs, jenkins.inventory(LEVELS).items)]
    if out is not None and not dry_run:
        _refuse_to_overwrite(results, out)
    if output == "json":
        console.data(json.dumps(_data(results, out), indent=2, ensure_ascii=False))
    for one in results:
        if one.made is not None:
            _tell(one.made, out, output, console, dry_run=dry_run)
        else:
            console.complain(clean(f"{one.job} was not imported: {one.problem}"))
    return ExitStatus.UNREACHABLE if any(one.problem for one in results) else ExitStatus.OK


def _named(wanted: Sequence[str], there: Mapping[str, Item]) -> list[str]:
    """Full names of the jobs that are meant; a folder means all that is below it."""
    found: dict[str, None] = {}
    jobs = sorted(name for name, item in there.items() if not item.takes_items)
    for name in (one.strip("/") for one in wanted):
        below = [job for job in jobs if job.startswith(f"{name}/")] if name in there else []
        meant = [name] if name in jobs else below or [job for job in jobs if fnmatchcase(job, name)]
        if not meant:
            near = difflib.get_close_matches(name, jobs, 1)
            raise NotFoundError(
                f"nothing was imported: there is no job '{name}'", hint=f"did you mean '{near[0]}'?" if near else ""
            )
        found.update(dict.fromkeys(meant))
    return list(found)


def _imported(jenkins: JenkinsServer, name: str) -> _Result:
    from agent.jobs.importing import imported
    from agent.jobs.names import full_name_complaint

    if refused := full_name_complaint(name):
        return _Result(name, None, f"its name has {refused}")
    try:
        config = jenkins.read(name)
        return _Result(name, imported(name, config)) if config is not None else _Result(name, None, "it is gone")
    except RemoteError as problem:
        return _Result(name, None, problem.message)


def _place(one: Imported, out: Path) -> Path:
    return out.joinpath(*one.job.split("/"))


def _refuse_to_overwrite(results: Sequence[_Result], out: Path) -> None:
    for one in results:
        file = _place(one.made, out) / "service.yaml" if one.made else out
        if one.made and one.made.text and os.path.lexists(file):
            raise UsageError(f"nothing was written: {file} is there already", hint="another --out DIR, or remove it")


def _tell(one: Imported, out: Path | None, output: str, console: Console, *, dry_run: bool) -> None:
    if out is not None:
        for path in _write(one, _place(one, out), dry_run=dry_run):
            console.say(clean(f"{'would write' if dry_run else 'wrote'} {path}"))
    elif output == "text" and one.text:
        console.data(f"# {clean(one.job)}\n{one.text}")
    for residue in one.residue:
        console.say(clean(f"  {one.job}: {residue}"))


def _write(one: Imported, folder: Path, *, dry_run: bool) -> list[Path]:
    """Never over a file that is there, even if somebody made it a moment ago."""
    files = [(folder / name, text) for name, text in (("service.yaml", one.text), ("Jenkinsfile.imported", one.script))]
    files = [(path, text) for path, text in files if text]
    try:
        for path, text in files if not dry_run else ():
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="") as stream:
                stream.write(text)
    except OSError as problem:
        raise UsageError(f"{folder} was not written: {problem.strerror or problem}") from problem
    return [path for path, _ in files]


def _data(results: Sequence[_Result], out: Path | None) -> dict[str, object]:
    jobs = [
        {
            "job": one.job,
            "file": str(_place(one.made, out) / "service.yaml") if one.made and one.made.text and out else None,
            "spec": one.made.text if one.made else "",
            "script": one.made.script if one.made else "",
            "residue": [{"path": r.path, "said": r.said} for r in one.made.residue] if one.made else [],
            "problem": one.problem,
        }
        for one in results
    ]
    return {"headway": 1, "command": "jobs import", "jobs": jobs}
