"""Specs into the jobs that they ask for: Jenkinsfile rendered, owner and place found, ready to be planned."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from agent import __version__
from agent.errors import UsageError
from agent.jenkinsfile.render import render
from agent.jobs.definition import JobDefinition, define
from agent.spec.files import DEFAULTS
from agent.spec.load import LoadedSpec

Remote = Callable[[Path], str]
"""The normalised git remote of the repository that a folder lies in; empty where there is none."""


def definitions(specs: Sequence[LoadedSpec], remote: Remote) -> tuple[JobDefinition, ...]:
    """The job of each spec, in the order of the specs.

    Raises:
        UsageError: a spec can't be rendered, or a text can't be written into a config.xml.
    """
    known = cache(remote)
    gc.freeze()  # a thousand specs stay anyway: the collector need not look at them again and again
    try:
        return tuple(_one(one, known) for one in specs)
    finally:
        gc.unfreeze()


def check_pins(specs: Sequence[LoadedSpec]) -> None:
    """Refuses to make jobs with another version of Headway than headway.yaml pins: it may render them differently.

    Raises:
        UsageError: a pin names another version.
    """
    wanted = sorted({one.pins.agent for one in specs if one.pins.agent} - {__version__})
    if wanted:
        named = next(one.file for one in specs if one.pins.agent == wanted[0])
        raise UsageError(
            f"nothing was sent: headway.yaml pins headway {wanted[0]} for {named}, and this is {__version__}",
            hint=f"pip install headway=={wanted[0]}, or change the pin",
        )


def owner(specs: Sequence[LoadedSpec], remote: Remote) -> str:
    """The one owner of all these specs: from headway.yaml, else the git remote; empty where nothing names one.

    Raises:
        UsageError: they have several.
    """
    found = sorted({_owner(one, remote) for one in specs})
    if len(found) > 1:
        named = ", ".join(f"'{name}'" if name else "none" for name in found)
        raise UsageError(f"nothing was sent: these specs have different owners: {named}", hint="one owner at a time")
    return found[0] if found else ""


def scopes(named: Sequence[str], specs: Sequence[LoadedSpec]) -> tuple[str, ...]:
    """The folders given as SPEC, relative to the specs' root as in a job's marker; `""` is everything.

    Files and globs are no scope: that a spec is not among them says nothing about its job.
    """
    found: set[str] = set()
    for root in sorted({top(one.folder) for one in specs}):
        for name in named:
            if not Path(name).is_dir():
                continue
            folder = os.path.abspath(name)  # noqa: PTH100  links stay links, as in the paths of the specs
            relative = os.path.relpath(folder, root)
            if relative == "." or root.startswith(folder.rstrip("/") + "/"):
                found.add("")
            elif not relative.startswith(".."):
                found.add(relative.replace(os.sep, "/"))
    return tuple(sorted(found))


@cache
def _top(folder: str) -> str:
    """The folder of the topmost headway.yaml up to the repository's root; else that root; else the folder itself."""
    best, here = "", folder
    while True:
        if Path(here, DEFAULTS).exists():
            best = here
        is_root = Path(here, ".git").exists()
        parent = os.path.dirname(here)  # noqa: PTH120
        if is_root or parent == here:
            return best or (here if is_root else folder)
        here = parent


def top(folder: Path) -> str:
    """Absolute path of the folder that the paths of specs are relative to; a checkout may lie anywhere."""
    return _top(os.path.abspath(folder))  # noqa: PTH100


def _owner(one: LoadedSpec, remote: Remote) -> str:
    return one.owner or remote(one.folder)


def _one(one: LoadedSpec, remote: Remote) -> JobDefinition:
    inline = one.spec.pipeline.kind == "inline"
    text = render(one.spec, library=one.pins.library, near=one.folder, headway_version=__version__) if inline else ""
    digest = hashlib.sha256(json.dumps(one.layers.data, sort_keys=True, default=str).encode()).hexdigest()
    path = os.path.relpath(os.path.abspath(one.file), top(one.folder)).replace(os.sep, "/")  # noqa: PTH100
    return define(one.spec, text, owner=_owner(one, remote), spec_path=path, spec_sha256=digest, file=one.file)
