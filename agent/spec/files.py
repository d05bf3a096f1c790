"""The files that specs are found in: the only module of agent.spec that looks at a disk, and it only reads."""

# pathlib takes five times as long over thousands of files.
# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH118, PTH119, PTH120, PTH123, PTH207

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.spec.problem import Problem
from agent.spec.source import LARGEST, Document, read

DEFAULTS = "headway.yaml"
_SUFFIX = ".service.yaml"
_NAME = "service.yaml"
_USUAL = 1 << 14
"""Bytes that hold most files: room for the largest would have to be made, and given back, for each of them."""
_GLOB = frozenset("*?[")


@dataclass
class Files:
    """Reads specs and the headway.yaml files above them; each file once.

    Attributes:
        searched: files that were not named but found in a folder.
    """

    searched: set[str] = field(default_factory=set)
    _parents: dict[str, tuple[Document, ...]] = field(default_factory=dict)
    _roots: dict[str, str] = field(default_factory=dict)

    def find(self, named: Sequence[str]) -> tuple[list[str], list[Problem]]:
        """The spec files that SPEC arguments mean, in order, each once; and a problem for each that means none.

        Args:
            named: files, folders (searched for service.yaml and *.service.yaml; hidden folders are not) and globs.
        """
        found: dict[str, str] = {}
        problems: list[Problem] = []
        for name in named:
            specs = list(self._meant(name))
            if not specs:
                problems.append(_nothing(name))
            for spec in specs:
                # One folder holds each file once; only several arguments can mean the same one.
                found.setdefault(os.path.realpath(spec) if len(named) > 1 else spec, spec)
        return list(found.values()), problems

    def _meant(self, name: str) -> Iterator[str]:
        if os.path.isdir(name):
            yield from self._below(name)
        elif os.path.lexists(name):
            yield name
        elif _GLOB & set(name):
            for match in sorted(glob.glob(name, recursive=True)):
                if os.path.isdir(match):
                    yield from self._below(match)
                elif os.path.basename(match) != DEFAULTS:
                    yield match

    def _below(self, folder: str) -> Iterator[str]:
        for here, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
            for name in sorted(files):
                if name == _NAME or (name.endswith(_SUFFIX) and name != _SUFFIX):
                    spec = os.path.join(here, name)
                    self.searched.add(spec)
                    yield spec

    def read(self, file: str) -> Document:
        """A file as a document; one that can't be read is a document with that problem."""
        try:
            if not os.path.isfile(file):
                return _failed(file, "this is not a file" if os.path.exists(file) else "there is no such file")
            with open(file, "rb") as stream:
                content = stream.read(_USUAL)
                if len(content) == _USUAL:
                    content += stream.read(LARGEST + 1 - _USUAL)
                return read(content, file, may_be_empty=os.path.basename(file) == DEFAULTS)
        except OSError as error:
            return _failed(file, f"the file can't be read: {error.strerror}")

    def parents(self, file: str) -> tuple[Document, ...]:
        """The headway.yaml files that hold for a spec, the topmost first, up to the folder that holds .git."""
        return self._above(os.path.dirname(os.path.abspath(file)), os.path.dirname(file))

    def _above(self, folder: str, shown: str) -> tuple[Document, ...]:
        if folder not in self._parents:
            parent = os.path.dirname(folder)
            is_top = parent == folder or os.path.lexists(os.path.join(folder, ".git"))
            above = () if is_top else self._above(parent, _up(shown))
            path = os.path.join(folder, DEFAULTS)
            own = (self.read(_shown(path, os.path.join(shown, DEFAULTS))),) if os.path.lexists(path) else ()
            self._parents[folder] = (*above, *own)
        return self._parents[folder]

    def root(self, file: str) -> str:
        """The folder that a spec's paths must not leave: the one with .git, else the topmost with a headway.yaml."""
        folder = os.path.dirname(os.path.abspath(file))
        return self._root(folder) or folder

    def _root(self, folder: str) -> str:
        if folder not in self._roots:
            if os.path.lexists(os.path.join(folder, ".git")):
                self._roots[folder] = folder
            else:
                parent = os.path.dirname(folder)
                above = self._root(parent) if parent != folder else ""
                own = folder if os.path.lexists(os.path.join(folder, DEFAULTS)) else ""
                self._roots[folder] = above or own
        return self._roots[folder]


def matching(folder: str | Path, pattern: str) -> tuple[Path, ...]:
    """The files that a path or glob of a spec means, in order.

    Args:
        folder: the spec's folder.
        pattern: relative to it, as in `deploy.manifests`.
    """
    if not _GLOB & set(pattern):
        return (Path(folder, pattern),) if os.path.isfile(os.path.join(folder, pattern)) else ()
    found = sorted(glob.glob(pattern, root_dir=folder, recursive=True))
    return tuple(path for path in (Path(folder, name) for name in found) if path.is_file())


def _nothing(name: str) -> Problem:
    if os.path.isdir(name):
        hint = "`headway init` writes a first one"
        return Problem(name, 0, 0, "no service.yaml or *.service.yaml in this folder", hint)
    if _GLOB & set(name):
        return Problem(name, 0, 0, "no file matches this")
    return Problem(name, 0, 0, "there is no such file or folder")


def _failed(file: str, message: str) -> Document:
    document = Document(file, "", readable=False)
    document.problems.append(Problem(file, 0, 0, message))
    return document


def _up(shown: str) -> str:
    """The parent of a folder as it is shown; `..` where the user's path ends."""
    if not shown or shown == "." or os.path.basename(shown) == "..":
        return os.path.join(shown, "..") if shown and shown != "." else ".."
    return os.path.dirname(shown)


def _shown(path: str, shown: str) -> str:
    return shown if os.path.abspath(shown) == path else path
