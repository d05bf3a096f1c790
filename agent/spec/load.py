"""SPEC arguments into specs: every file found, read, merged with its defaults and judged; every problem at once."""

# pathlib takes five times as long over thousands of files.
# ruff: noqa: PTH100

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from agent.errors import UsageError
from agent.spec.clash import clashes
from agent.spec.controller import Defaults
from agent.spec.defaults import Stack, stack
from agent.spec.files import DEFAULTS, Files, matching
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse
from agent.spec.paths import misplaced
from agent.spec.problem import Problem, ordered
from agent.spec.settings import Known, Pins, settings
from agent.spec.source import Document


@dataclass(frozen=True)
class LoadedSpec:
    """A spec with what is known of its file.

    Attributes:
        spec: what it says, checked.
        file: its path, as the user named it.
        folder: where it lies; its paths are relative to this.
        owner: from the topmost headway.yaml; empty where none says it.
        pins: versions that headway.yaml pins.
        layers: where every value came from, and how to point at it.
        jenkins: what headway.yaml says about Jenkins.
    """

    spec: ServiceSpec
    file: str
    folder: Path
    owner: str
    pins: Pins
    layers: Stack
    jenkins: Defaults = field(default_factory=Defaults)

    def manifests(self, environment: str = "") -> tuple[Path, ...]:
        """The manifest files of an environment (of the spec itself without one), in the order of the spec."""
        deploy = self.spec.for_environment(environment).deploy if environment else self.spec.deploy
        found = (path for pattern in deploy.manifests for path in matching(self.folder, pattern))
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of SPEC arguments.

    Attributes:
        specs: those without a problem, in order.
        problems: of all the others, by file and place.
        count: specs that were looked at.
        wrong: specs that have a problem.
    """

    specs: tuple[LoadedSpec, ...]
    problems: tuple[Problem, ...]
    count: int
    wrong: int


class SpecError(UsageError):
    """One or more specs are wrong; `problems` says what, the message shows them all."""

    def __init__(self, loaded: Loaded) -> None:
        shown = "\n".join(problem.text() for problem in loaded.problems)
        super().__init__(f"nothing was done: {summary(loaded)}\n{shown}")
        self.problems = loaded.problems


def summary(loaded: Loaded) -> str:
    """How many problems in how many specs."""
    count = len(loaded.problems)
    if not count:
        return f"{_counted(loaded.count, 'spec')}, no problems"
    if loaded.count == 0:
        return f"{_counted(count, 'problem')}, no spec"
    return f"{_counted(count, 'problem')} in {loaded.wrong} of {_counted(loaded.count, 'spec')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def load(named: Sequence[str | Path], *, files: bool = True) -> Loaded:
    """Reads and judges every spec that is meant.

    Args:
        named: SPEC arguments: files, folders or globs.
        files: whether the manifests that specs name must be there (they may lie in another repository when only jobs
            are rendered).
    """
    disk = Files()
    known: _Folders = {}
    found, problems = disk.find([str(name) for name in named])
    specs: list[LoadedSpec] = []
    count = wrong = 0
    with _uncollected():
        for file in found:
            one = _one(file, disk, known, files=files)
            if one is None:
                continue
            count += 1
            if isinstance(one, LoadedSpec):
                specs.append(one)
            else:
                wrong += 1
                problems += one
    if not count and not problems:
        problems.append(Problem(str(named[0]), 0, 0, "no spec here: each service.yaml is a Kubernetes manifest"))
    clashing = clashes((one.file, one.spec, one.layers) for one in specs)
    guilty = {file for file, _ in clashing}
    kept = tuple(one for one in specs if one.file not in guilty)
    problems += [problem for _, problem in clashing]
    return Loaded(kept, ordered(problems), count, wrong + len(guilty))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic collector, which finds nothing in specs and takes a quarter of the time over a thousand."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # into the oldest generation, which is looked at last: all of it is still wanted
        if enabled:
            gc.enable()


def demand(named: Sequence[str | Path], *, files: bool = True) -> tuple[LoadedSpec, ...]:
    """The specs that are meant, all of them right.

    Raises:
        SpecError: one is not; nothing may be done with any of them.
    """
    loaded = load(named, files=files)
    if loaded.problems:
        raise SpecError(loaded)
    return loaded.specs


def demand_one(named: str | Path) -> LoadedSpec:
    """The only spec that is meant, with its manifests.

    Raises:
        SpecError: it is wrong.
        UsageError: several are meant.
    """
    specs = demand([named])
    if len(specs) != 1:
        names = ", ".join(one.spec.service for one in specs[:3]) + (" ..." if len(specs) > 3 else "")  # noqa: PLR2004
        raise UsageError(f"nothing was done: {named} holds {len(specs)} specs ({names})", hint="name one of them")
    return specs[0]


def jenkins_here(folder: Path) -> Defaults:
    """What the headway.yaml files of a folder and above say about Jenkins, for a command that has no specs.

    Raises:
        UsageError: one of them is wrong.
    """
    known, problems = settings(Files().parents(str(folder / DEFAULTS)))
    if problems:
        shown = "\n".join(problem.text() for problem in problems)
        raise UsageError(f"nothing was done: headway.yaml is wrong\n{shown}")
    return known.jenkins


_MANIFEST = re.compile(r"^(apiVersion|kind):[^\n]*\n(.*\n)?(apiVersion|kind):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Folder:
    """What all specs of a folder share, found once.

    Attributes:
        path: of the folder, as the user named it.
        here: its absolute path.
        root: absolute path of the folder that no path of a spec may leave.
        parents: the headway.yaml files that hold in it, the topmost first.
        settings: of those files.
        problems: of those files.
    """

    path: Path
    here: str
    root: str
    parents: tuple[Document, ...]
    settings: Known
    problems: tuple[Problem, ...]

    @property
    def readable(self) -> bool:
        """Whether the headway.yaml files say what they mean to, so that specs can be judged with them."""
        return all(parent.readable for parent in self.parents)


_Folders: TypeAlias = dict[str, _Folder]


def _folder(name: str, file: str, disk: Files, known: _Folders) -> _Folder:
    if name not in known:
        parents = disk.parents(file)
        own, problems = settings(parents)
        known[name] = _Folder(Path(name), os.path.abspath(name), disk.root(file), parents, own, problems)
    return known[name]


def _one(file: str, disk: Files, known: _Folders, *, files: bool) -> LoadedSpec | list[Problem] | None:
    name, base = os.path.split(file)
    if base == DEFAULTS:
        hint = "name the folder; it is read with every service below"
        return [Problem(file, 0, 0, "headway.yaml holds the defaults of specs and is none itself", hint)]
    document = disk.read(file)
    if _MANIFEST.search(document.text) and not re.search(r"^service:", document.text, re.MULTILINE):
        # Many keep a Kubernetes Service in a file of this name; found in a folder, it is none of ours.
        hint = "`headway init` writes a spec from it"
        named = [Problem(file, 0, 0, "this is a Kubernetes manifest and no spec", hint)]
        return None if file in disk.searched else named
    folder = _folder(name, file, disk, known)
    if not document.readable or not folder.readable:
        return [*document.problems, *folder.problems]
    layers = stack(document, folder.parents)
    judged = parse(layers)
    if not isinstance(judged, ServiceSpec):
        return [*folder.problems, *judged]
    found = [*folder.problems, *misplaced(judged, layers, folder.here, folder.root, files=files)]
    own = folder.settings
    return found or LoadedSpec(judged, file, folder.path, own.owner, own.headway, layers, own.jenkins)
