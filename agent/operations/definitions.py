"""Specs into the jobs that they ask for: Jenkinsfile rendered, owner and place found, ready to be planned."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from agent import __version__
from agent.errors import UsageError
from agent.jenkinsfile.render import render
from agent.jobs import names
from agent.jobs.definition import JobDefinition, Kind, Shared, define
from agent.jobs.inventory import Inventory, Item
from agent.jobs.shapes import SharedLibrary
from agent.operations.inputs import digest
from agent.spec.controller import Library
from agent.spec.files import DEFAULTS
from agent.spec.load import LoadedSpec

_OUR_LIBRARY = "headway"
Remote = Callable[[Path], str]
"""The normalised git remote of the repository that a folder lies in; empty where there is none."""


def definitions(
    specs: Sequence[LoadedSpec], remote: Remote, known: Inventory | None = None
) -> tuple[JobDefinition, ...]:
    """The job of each spec, in the order of the specs.

    Args:
        specs: checked.
        remote: tells the git remote of a folder.
        known: what is in Jenkins. A job there whose marker says that it was made from the very same is not rendered
            again: its definition has that marker, and no text.

    Raises:
        UsageError: a spec can't be rendered, or a text can't be written into a config.xml.
    """
    remote, below = cache(remote), cache(_below)
    gc.freeze()  # a thousand specs stay anyway: the collector need not look at them again and again
    try:
        return tuple([_one(one, remote, below, known) for one in specs])
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


def shared(specs: Sequence[LoadedSpec]) -> Mapping[str, Shared]:
    """The shared libraries that headway.yaml files give to the Jenkins folders of these specs, by the folder.

    Raises:
        UsageError: a job has no folder, or two files want different libraries in one folder.
    """
    found: dict[str, Shared] = {}
    for one in specs:
        if not one.jenkins.libraries:
            continue
        said = [(_library(each, one), file) for each, file in one.jenkins.libraries]
        file = os.path.relpath(os.path.abspath(said[-1][1]), top(one.folder)).replace(os.sep, "/")  # noqa: PTH100
        folder = names.parent(one.spec.job)
        wanted = Shared(tuple(library for library, _ in said), file)
        if not folder:
            raise UsageError(
                f"nothing was sent: {file} has shared libraries for the folders of its jobs, and "
                f"'{one.spec.job}' is in none",
                hint="give it a pipeline.folder",
            )
        if found.setdefault(folder, wanted) != wanted:
            raise UsageError(
                f"nothing was sent: {found[folder].file} and {file} want different shared libraries in "
                f"the folder '{folder}'",
                hint="name them in a headway.yaml above both, or give one of them another pipeline.folder",
            )
    return found


def _library(one: Library, spec: LoadedSpec) -> SharedLibrary:
    pinned = spec.pins.library if one.name == _OUR_LIBRARY else ""
    return SharedLibrary(one.name, one.git, one.version or pinned, one.path, one.credentials, one.implicit)


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


def _below(folder: Path) -> str:
    """Where the specs of a folder are in their checkout: its path relative to the top, with a slash at its end."""
    path = os.path.relpath(os.path.abspath(folder), top(folder)).replace(os.sep, "/")  # noqa: PTH100
    return "" if path == "." else f"{path}/"


def _owner(one: LoadedSpec, remote: Remote) -> str:
    return one.owner or remote(one.folder)


def _one(one: LoadedSpec, remote: Remote, below: Callable[[Path], str], known: Inventory | None) -> JobDefinition:
    path = below(one.folder) + os.path.basename(one.file)  # noqa: PTH119
    whose = _owner(one, remote)
    made_from = digest(one, whose, path)
    item = known.get(one.spec.job) if known is not None else None
    if item is not None and item.marker is not None and _is_same(item, made_from):
        return JobDefinition(
            one.spec.job, Kind(item.class_name), "", item.marker, one.spec.pipeline.moved_from, one.file
        )
    inline = one.spec.pipeline.kind == "inline"
    near = None if made_from else one.folder  # what has a digest has no templates of a team's own to be looked for
    text = render(one.spec, library=one.pins.library, near=near, headway_version=__version__) if inline else ""
    return define(one.spec, text, owner=whose, spec_path=path, spec_sha256=made_from, file=one.file)


def _is_same(item: Item, made_from: str) -> bool:
    """Whether a job was made by us, under this name, from what it would be made from now."""
    marker = item.marker
    if marker is None or not made_from or marker.spec_sha256 != made_from or marker.tombstone:
        return False
    return item.is_bound() and item.class_name in {kind.value for kind in Kind}
