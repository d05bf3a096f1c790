"""A digest of everything that a job is made from, so that a job whose marker bears it needs no rendering at all.

It covers the merged spec, what its file and owner are, the pinned library, and Headway's own rendering code and
templates. A team's own templates are outside of it: what they include is not known before they are rendered.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from pathlib import Path

import agent.jenkinsfile
import agent.jobs
from agent import __version__
from agent.jenkinsfile.templates import FOLDER, shipped
from agent.spec.load import LoadedSpec


def digest(one: LoadedSpec, owner: str, spec_path: str) -> str:
    """The digest of a spec's job; empty where it can't be told without rendering."""
    if one.spec.pipeline.template.endswith(".j2") or _has_own_templates(os.path.abspath(one.folder)):  # noqa: PTH100
        return ""
    known = json.dumps([one.layers.data, owner, spec_path, one.pins.library], sort_keys=True, default=str)
    return hashlib.sha256(f"{_code()}{known}".encode()).hexdigest()


@cache
def _code() -> str:
    """Of the version and of every file that has a say in what is rendered."""
    found = hashlib.sha256(__version__.encode())
    places = [Path(str(package.__file__)).parent for package in (agent.jenkinsfile, agent.jobs)]
    files = [path for place in (*places, shipped()) for path in place.iterdir() if path.suffix in {".py", ".j2"}]
    for path in sorted(files, key=lambda path: (path.parent.name, path.name)):
        found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()


@cache
def _has_own_templates(folder: str) -> bool:
    """Whether templates of a team's own could be meant, in this folder or in one above."""
    own = os.path.join(folder, FOLDER)  # noqa: PTH118
    if os.path.isdir(own) and Path(own).resolve() != shipped().resolve():  # noqa: PTH112
        return True
    parent = os.path.dirname(folder)  # noqa: PTH120
    return parent != folder and _has_own_templates(parent)
