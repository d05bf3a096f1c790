"""The fields of headway.yaml that are not defaults of a spec: owner, version pins, Jenkins, what is enforced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from agent.spec.controller import Controller, Defaults, Library, defaults, secrets
from agent.spec.measures import FormatVersion
from agent.spec.nodes import Path
from agent.spec.part import Part
from agent.spec.problem import Problem
from agent.spec.source import Document
from agent.spec.values import Owner, VersionPin
from agent.spec.wording import complaints


class Pins(Part):
    """Versions that every job below the folder uses; empty: whatever is installed."""

    agent: VersionPin = Field("", description="Version of the headway command.")
    library: VersionPin = Field("", description="Tag of the shared library.")


class Settings(Part):
    """What a headway.yaml says apart from the defaults of specs."""

    version: FormatVersion = Field(1, description="Version of this format.")
    owner: Owner = Field(
        "", description="Owner of the jobs, only in the topmost headway.yaml; default: the normalised git remote."
    )
    headway: Pins = Field(Pins(), description="Pinned versions.")
    jenkins: Controller = Field(Controller(), description="Which Jenkins, and how it is treated.")
    enforce: dict[str, Any] = Field(default_factory=dict, description="Values that no service can override.")


@dataclass(frozen=True)
class Known:
    """What the headway.yaml files of one folder and its parents say together, apart from the defaults of specs."""

    owner: str = ""
    headway: Pins = Pins()  # noqa: RUF009  frozen
    jenkins: Defaults = Defaults()  # noqa: RUF009  frozen


_FIELDS: dict[Path, Sequence[str]] = {
    (): list(Settings.model_fields),
    ("headway",): list(Pins.model_fields),
    ("jenkins",): list(Controller.model_fields),
    ("jenkins", "libraries", "*"): list(Library.model_fields),
}


def settings(parents: Sequence[Document]) -> tuple[Known, tuple[Problem, ...]]:
    """The settings of the headway.yaml files of one folder and its parents, and what is wrong with them.

    Args:
        parents: the topmost first. Pins of a lower file win; the owner stands in the topmost.
    """
    problems: list[Problem] = []
    pins: dict[str, str] = {}
    owner = ""
    said: list[tuple[Document, Controller]] = []
    for index, document in enumerate(parents):
        problems += document.problems
        one = _read(document, problems)
        pins.update({name: value for name, value in one.headway if value})
        if index and one.owner:
            message = "'owner' stands only in the topmost headway.yaml"
            problems.append(document.problem(("owner",), message, f"that is {parents[0].file}", key=True))
        owner = owner or one.owner
        said.append((document, one.jenkins))
    # Checked already, and empty where nothing was said, which a check would refuse.
    known = Known(owner, Pins.model_construct(None, **pins), defaults(said))
    return known, tuple(_shown(one, parents) for one in problems)


def _shown(problem: Problem, parents: Sequence[Document]) -> Problem:
    """The problem without what was found to be a secret after it."""
    for document in parents:
        problem = document.shown(problem)
    return problem


def _read(document: Document, problems: list[Problem]) -> Settings:
    own = {name: value for name, value in document.data.items() if name in Settings.model_fields}
    problems.extend(_misplaced(document))
    found = dict(secrets(document))
    problems.extend(found.values())
    if isinstance(own.get("jenkins"), dict):
        own["jenkins"] = {name: value for name, value in own["jenkins"].items() if ("jenkins", name) not in found}
    try:
        return Settings.model_validate(own)
    except ValidationError as error:
        for one in complaints(error.errors(include_url=False), _FIELDS):
            hint = one.hint.replace("{raw}", document.raw(one.path))
            if one.masked:
                document.mask(one.path)
            problems.append(document.problem(one.path, one.message, hint, key=one.key))
        return Settings()


def _misplaced(document: Document) -> Iterator[Problem]:
    enforced = document.data.get("enforce")
    for path, data in (((), document.data), (("enforce",), enforced if isinstance(enforced, dict) else {})):
        if "service" in data:
            message = "'service' is each service's own; a headway.yaml can't name them all"
            yield document.problem((*path, "service"), message, "remove it", key=True)
