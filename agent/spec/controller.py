"""`jenkins:` in headway.yaml: which controller the jobs below a folder go to, as whom, how carefully; never a secret.

Flags and the environment are stronger (contract section 3). Of several files the lower one has the last word, setting
by setting; libraries are merged by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from pydantic import Field

from agent.spec.nodes import Path, Place
from agent.spec.part import Part
from agent.spec.problem import Problem
from agent.spec.source import Document
from agent.spec.values import CredentialId, GitUrl, Title, VersionPin, WebUrl
from agent.spec.values import Path as RelativePath

SECRETIVE = re.compile(r"token|passw|secret|passphrase|api_?key|private_?key", re.IGNORECASE)


class Library(Part):
    """A shared library that the Jenkins folders of the jobs below carry."""

    name: VersionPin = Field("headway", description="What pipelines call it: @Library('NAME').")
    git: GitUrl = Field(description="Repository.")
    version: VersionPin = Field(
        "", description="Branch or tag that pipelines get which name none; of `headway`: its pin."
    )
    path: RelativePath = Field("", description="Folder in the repository that holds vars/; default: the top.")
    credentials: CredentialId = Field("", description="Id of the Jenkins credential that may read it.")
    implicit: bool = Field(False, description="Loaded without being asked for.", strict=True)  # noqa: FBT003


class Controller(Part):
    """The Jenkins that jobs go to, and how it is treated."""

    url: WebUrl = Field("", description="The controller.")
    user: Title = Field("", description="User id; the token stays in JENKINS_API_TOKEN.")
    ca_bundle: str = Field("", description="File of its certificate authority, relative to this file.", strict=True)
    parallel: int | None = Field(None, ge=1, le=64, strict=True, description="Requests at a time.")
    max_rps: int | None = Field(None, ge=1, le=10_000, strict=True, description="Requests a second.")
    max_changes: int | None = Field(None, ge=0, strict=True, description="Refuse a plan with more changes.")
    max_deletes: int | None = Field(None, ge=0, strict=True, description="Removals that are fine.")
    runs: str = Field("", description="Backups and audit of each run, relative to this file.", strict=True)
    libraries: tuple[Library, ...] | None = Field(None, description="Shared libraries of the Jenkins folders below.")


@dataclass(frozen=True)
class Defaults:
    """What the headway.yaml files above a spec say about Jenkins together, and which of them.

    Attributes:
        values: setting by name; those that no file names are missing. Files are paths from the current folder.
        libraries: by name, the file that has the last word on each beside it.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    libraries: tuple[tuple[Library, str], ...] = ()
    _documents: Mapping[str, Document] = field(default_factory=dict)

    def place(self, name: str) -> tuple[str, Place] | None:
        """The file that has the last word on a setting, and where in it; None where no file names it."""
        document = self._documents.get(name)
        return None if document is None else (document.file, document.place(("jenkins", name)))

    def origin(self, name: str) -> str:
        """`file:line:column` of a setting; empty where no file names it."""
        found = self.place(name)
        return f"{found[0]}:{found[1].line}:{found[1].column}" if found else ""


def defaults(said: Iterable[tuple[Document, Controller]]) -> Defaults:
    """What several files say, the topmost first."""
    values: dict[str, Any] = {}
    documents: dict[str, Document] = {}
    libraries: dict[str, tuple[Library, str]] = {}
    for document, one in said:
        for name in one.model_fields_set:
            value = getattr(one, name)
            if name == "libraries":
                libraries = {} if not value else libraries
                libraries.update({each.name: (each, document.file) for each in value or ()})
            elif name in {"ca_bundle", "runs"}:
                value = str(FilePath(document.file).parent / value)
            values[name], documents[name] = value, document
    values.pop("libraries", None)
    return Defaults(values, tuple(libraries[name] for name in sorted(libraries)), documents)


def secrets(document: Document) -> Iterator[tuple[Path, Problem]]:
    """A problem for each thing in a headway.yaml that is called like a secret; its value is not shown."""
    below = document.data.get("jenkins")
    for base, data in (((), document.data), (("jenkins",), below if isinstance(below, dict) else {})):
        for name, value in data.items():
            if isinstance(name, str) and SECRETIVE.search(name) and not isinstance(value, dict | list):
                path: Path = (*base, name)
                document.mask(path)
                hint = "put it into JENKINS_API_TOKEN, and revoke this one: it stands in the repository's history"
                yield (
                    path,
                    document.shown(
                        document.problem(path, f"'{name}' is a secret, and none stands in a file", hint, key=True)
                    ),
                )
