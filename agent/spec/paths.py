"""Paths that a spec names: they stay inside its repository, and manifests are there."""

# `..` is resolved in the text of a path, which pathlib can't do without following links.
# ruff: noqa: PTH118, PTH119, PTH120

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agent.spec import nodes
from agent.spec.defaults import Stack
from agent.spec.files import matching
from agent.spec.model import ServiceSpec
from agent.spec.problem import Problem


def misplaced(spec: ServiceSpec, layers: Stack, here: str, root: str, *, files: bool) -> list[Problem]:
    """Problems of the spec's paths.

    Args:
        spec: that names them.
        layers: to point at the places.
        here: absolute path of the spec's folder.
        root: absolute path of the folder that they must not leave.
        files: whether manifests must be there.
    """
    problems: list[Problem] = []
    known: dict[str, bool] = {}
    for at, path, is_manifest in _named(spec, layers):
        if _leaves(here, path, root):
            message = f"'{path}' leads out of the repository"
            problems.append(
                layers.problem(at, message, "only files below the folder with .git or headway.yaml are read")
            )
        elif files and is_manifest:
            if path not in known:
                known[path] = bool(matching(here, path))
            if not known[path]:
                problems.append(layers.problem(at, f"no file matches '{path}'", _near(Path(here), path)))
    return problems


def _named(spec: ServiceSpec, layers: Stack) -> Iterator[tuple[nodes.Path, str, bool]]:
    if "build" in layers.data:
        yield ("build", "dockerfile"), spec.build.dockerfile, False
        yield ("build", "context"), spec.build.context, False
    if "/" in spec.pipeline.template:
        yield ("pipeline", "template"), spec.pipeline.template, False
    for index, path in enumerate(spec.deploy.manifests):
        yield ("deploy", "manifests", index), path, True
    for number, environment in enumerate(spec.environments):
        for index, path in enumerate(environment.deploy.manifests if environment.deploy else ()):
            yield ("environments", number, "deploy", "manifests", index), path, True


def _leaves(here: str, path: str, root: str) -> bool:
    if ".." not in path:
        return False
    target = os.path.normpath(os.path.join(here, path))
    return target != root and not target.startswith(root.rstrip("/") + "/")


def _near(folder: Path, path: str) -> str:
    """The nearest file that is there, for a misspelt one."""
    import difflib

    parent = Path(folder, path).parent
    if not parent.is_dir():
        return f"there is no folder '{os.path.dirname(path)}' beside the spec"
    names = [one.name for one in sorted(parent.iterdir())[:1000] if _is_manifest(one)]
    near = difflib.get_close_matches(os.path.basename(path), names, 1)
    return f"did you mean '{os.path.join(os.path.dirname(path), near[0])}'?" if near else ""


def _is_manifest(file: Path) -> bool:
    return file.suffix in {".yaml", ".yml", ".json"} and not file.name.endswith(("service.yaml", "headway.yaml"))
