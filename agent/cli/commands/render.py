"""`headway render`: the Jenkinsfile or the config.xml that would be used, to look at or to commit."""

# pathlib takes five times as long over thousands of files.
# ruff: noqa: PTH102, PTH103, PTH105, PTH123

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.console import Console, clean
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from agent.spec.load import LoadedSpec


@dataclass(frozen=True, slots=True)
class Rendered:
    """One text and where it belongs.

    Attributes:
        spec: the service.yaml as the user named it.
        job: full name of the Jenkins job.
        path: of the file, relative to --out.
        text: what stands in it.
    """

    spec: str
    job: str
    path: str
    text: str


@click.command(name="render", short_help="Show the Jenkinsfile (or config.xml) that would be used.")
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True)
@click.option("--job", is_flag=True, help="The job's config.xml instead of the Jenkinsfile.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write DIR/<folder>/<service>/..."
)
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def command(
    console: Console, specs: tuple[str, ...], out: Path | None, output: str, *, job: bool, dry_run: bool
) -> ExitStatus:
    """Renders what Jenkins would be given; nothing is sent anywhere.

    One SPEC goes to stdout; several need --out. The text is the same bytes for the same spec, wherever it is made.
    """
    from agent.spec.load import demand

    loaded = demand(specs, files=False)
    rendered = _configs(loaded) if job else _jenkinsfiles(loaded)
    if out is not None:
        written = _write(rendered, out, dry_run=dry_run)
        if written:
            console.say("\n".join(clean(f"{'would write' if dry_run else 'wrote'} {path}") for path in written))
        console.detail(f"{len(rendered) - len(written)} of {len(rendered)} files were as they should be")
    elif len(rendered) != 1 and output == "text":
        raise UsageError(
            f"nothing was rendered: {' '.join(specs)} holds {len(rendered)} specs, which is too much for one output",
            hint="add --out DIR, or name one of them",
        )
    if output == "json":
        console.data(_json(rendered, out))
    elif out is None:
        console.data(rendered[0].text)
    return ExitStatus.OK


def _jenkinsfiles(loaded: Sequence[LoadedSpec]) -> list[Rendered]:
    from agent import __version__
    from agent.jenkinsfile.render import render

    return [
        Rendered(
            one.file,
            one.spec.job,
            _path(one, "Jenkinsfile"),
            render(one.spec, library=one.pins.library, near=one.folder, headway_version=__version__),
        )
        for one in loaded
    ]


def _configs(loaded: Sequence[LoadedSpec]) -> list[Rendered]:
    from agent.adapters.git import remote
    from agent.operations.definitions import definitions

    jobs = definitions(loaded, remote)
    return [
        Rendered(one.file, job.full_name, _path(one, "config.xml"), job.config_xml)
        for one, job in zip(loaded, jobs, strict=True)
    ]


def _path(one: LoadedSpec, name: str) -> str:
    return "/".join(part for part in (one.spec.pipeline.folder, one.spec.service, name) if part)


def _write(rendered: Sequence[Rendered], out: Path, *, dry_run: bool) -> list[str]:
    """The files that changed, written one by one and each of them whole.

    Raises:
        UsageError: two specs belong into one file (nothing was written then), or a file can't be written.
    """
    places: dict[str, str] = {}
    for one in rendered:
        if other := places.get(one.path):
            raise UsageError(f"nothing was written: {other} and {one.spec} both belong into {out / one.path}")
        places[one.path] = one.spec
    written: list[str] = []
    for one in rendered:
        path, data = f"{out}/{one.path}", one.text.encode()
        try:
            folder, name = os.path.split(path)
            is_new = not dry_run and _made(folder)
            if not is_new and _holds(path, data):
                continue
            if not dry_run:
                fresh = f"{folder}/.{name}.{os.getpid()}"
                with open(fresh, "wb") as stream:
                    stream.write(data)
                os.replace(fresh, path)
        except OSError as problem:
            done = f"{len(written)} files were written, {path} was not" if written else f"{path} was not written"
            raise UsageError(f"{done}: {problem.strerror or problem}") from problem
        written.append(path)
    return written


def _made(folder: str) -> bool:
    """Makes a folder; whether it wasn't there, so that nothing in it needs to be looked at."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        return False
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)
    return True


def _holds(path: str, data: bytes) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(len(data) + 1) == data
    except FileNotFoundError:
        return False


def _json(rendered: Sequence[Rendered], out: Path | None) -> str:
    """The JSON form, described in docs/explanation/jenkinsfile.md."""
    files = [
        {"spec": one.spec, "job": one.job, "path": str(out / one.path) if out else one.path, "text": one.text}
        for one in rendered
    ]
    return json.dumps({"headway": 1, "command": "render", "files": files}, indent=2, ensure_ascii=False)
