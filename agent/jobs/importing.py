"""An existing job's config.xml into a first service.yaml, and everything that the spec can't say. Pure.

Nothing is lost silently: what the job has is either in the spec or in the residue, with its place in the config.xml. A
spec that is written passes `headway check`; a value that would not is left out and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from agent.errors import UsageError
from agent.jobs import names, translating
from agent.jobs.configxml import FLOW
from agent.jobs.definition import define
from agent.jobs.difference import compare, is_foreign
from agent.jobs.settings import CONCURRENCY, SCRIPT, settings, tracked
from agent.jobs.xmltext import read
from agent.jobs.yamltext import Tree, written
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text
from agent.spec.problem import visible
from agent.spec.secrets import NAMES, VALUES

_UNKNOWN_IMAGE = "registry.example.com"
_ASSIGNED = rf"\b\w*(?:{NAMES})['\"]?\s*[=:]\s*['\"]?(?!credentials\(|env\.|params\.)[^\s$'\"{{(]"
_TOKENS = r"\bbearer +[a-z0-9._~+/-]{8,}|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-)[a-z0-9_-]{10,}"
_SECRET = re.compile(f"(?im)(?:{VALUES})|{_ASSIGNED}|{_TOKENS}")
_SECRETIVE = re.compile(r"password|secret|token|passphrase|private|apikey|defaultValue", re.IGNORECASE)
_CONTROL = re.compile("[\U0010fe00-\U0010fe1f]")  # as agent.jobs.xmltext reads them
_LONGEST = 60


@dataclass(frozen=True, slots=True, order=True)
class Residue:
    """One thing that the spec does not say.

    Attributes:
        path: where it stands in the config.xml, tags joined with `/`; `.`: the whole.
        said: what becomes of it, and its value unless that may be a secret.
    """

    path: str
    said: str

    def __str__(self) -> str:
        """As people read it, on one line."""
        return visible(f"{self.path}: {self.said}")


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one job.

    Attributes:
        job: its full name.
        text: of the service.yaml; empty: nothing could be made of it.
        script: the pipeline script that stood in the job; Headway renders its own, so it is kept beside. Empty where
            there was none, or where it seems to hold a secret.
        residue: what the spec can't say.
    """

    job: str
    text: str
    script: str
    residue: tuple[Residue, ...]


@dataclass
class _Draft:
    """A spec that grows by values that fit, and what did not."""

    data: Tree
    residue: list[Residue] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def take(self, found: translating.Found) -> None:
        """Takes a value, unless the spec says that field already or would be wrong with it."""
        if _at(self.data, found.field) is not None:
            return
        fresh = _with(self.data, found.field, found.value)
        text = found.value if isinstance(found.value, str) else ""
        if _CONTROL.search(text):
            self.residue.append(Residue(found.xml or ".", "has control characters, which no spec may: not taken"))
            self.said.append(found.xml or ".")
        elif _SECRET.search(text):
            self.residue.append(Residue(found.xml or ".", "seems to hold a secret, which no spec may: not taken"))
            self.said.append(found.xml or ".")
        elif problem := _problem(fresh):
            wrong = problem if not _SECRETIVE.search(found.xml) else "its value is none that a spec takes"
            self.residue.append(Residue(found.xml or ".", f"not taken as {'.'.join(found.field)}: {wrong}"))
            self.said.append(found.xml or ".")
        else:
            self.data = fresh
            self.said.append(found.xml)


def imported(full_name: str, config_xml: str) -> Imported:
    """A first spec of a job.

    Raises:
        InvalidObjectError: the config.xml can't be read.
    """
    root = read(config_xml)
    if root.tag not in translating.TYPES:
        return Imported(full_name, "", "", (Residue(".", f"a {root.tag} is no job that a spec could make"),))
    script = _CONTROL.sub(lambda found: chr(ord(found[0]) & 0x1F), root.findtext(SCRIPT) or "")
    draft = _drafted(full_name, root)
    _say_image(draft, root)
    if script and _SECRET.search(script):
        draft.residue.append(Residue(SCRIPT, "the script seems to hold a secret; it is not kept beside the spec"))
        script = ""
    elif script:
        lines = len(script.splitlines())
        draft.residue.append(Residue(SCRIPT, f"the script ({lines} lines) is kept beside; Headway renders its own"))
    draft.residue += (
        _changes(root, draft) if root.tag not in {translating.FREESTYLE, translating.MAVEN} else _rest(root, draft.said)
    )
    residue = tuple(dict.fromkeys(draft.residue))
    return Imported(full_name, written(draft.data, _comment(root, residue)), script, residue)


def _drafted(full_name: str, root: Element) -> _Draft:
    name, folder = names.last(full_name), names.parent(full_name)
    service = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "service"
    draft = _Draft({"version": 1, "service": service, "image": {"repository": f"{_UNKNOWN_IMAGE}/{service}"}})
    if folder:
        draft.take(translating.Found(("pipeline", "folder"), folder, "."))
    if name != service:
        draft.take(translating.Found(("pipeline", "job"), name, "."))
    for found in translating.findings(root):
        draft.take(found)
    kind = translating.kind(root)
    if kind != "inline":
        draft.take(translating.Found(("pipeline", "kind"), kind, ""))
    if root.tag in {translating.FREESTYLE, translating.MAVEN}:
        draft.residue.append(
            Residue(".", f"a {root.tag} can't become a pipeline: `jobs apply` would replace it, its builds would go")
        )
        if "test" in draft.data:
            draft.take(translating.Found(("build", "with"), "none", ""))
            draft.residue.append(
                Residue(
                    "builders", "the shell steps are taken as tests: the one that builds the image belongs into build"
                )
            )
    return draft


def _say_image(draft: _Draft, root: Element) -> None:
    found = translating.image(translating.script(root))
    fresh = _with(draft.data, ("image", "repository"), found)
    if found and not _problem(fresh):
        draft.data = fresh
    else:
        draft.residue.append(Residue(".", "the image is not named in the job: write it into image.repository"))


def _changes(root: Element, draft: _Draft) -> Iterator[Residue]:
    """What would change or go if the spec were applied, and what stays although no spec says it."""
    spec = parse_text(written(draft.data))
    actual = settings(root)
    try:
        made = define(spec, "pipeline {}", owner="", spec_path="service.yaml").config_xml  # type: ignore[arg-type]
    except UsageError as problem:
        yield Residue(".", problem.message)
        return
    refused = set(draft.said) & {one.path for one in draft.residue}
    for one in compare(actual, settings(read(made)), tracked(root)):
        if one.is_script or one.path == "description" or one.path in refused:
            continue
        if one.before is None and one.path.endswith("@class"):
            continue  # what stands in it is told
        if _SECRETIVE.search(one.path) or _SECRET.search(one.before or ""):
            yield Residue(one.path, "would go" if one.after is None else "would change")
        else:
            yield Residue(one.path, f"would change: {one.sentence()}")
    for path in sorted({"/".join(path.split("/")[:2]) for path in actual if is_foreign(path)}):
        yield Residue(path, "stays as it is in Jenkins; no spec says it")


def _rest(root: Element, said: Iterable[str]) -> Iterator[Residue]:
    """Every setting that nothing was made of; of what a plugin adds, its name alone."""
    known = [one for one in said if one not in {"", "."}]
    told: set[str] = set()
    for path, value in settings(root).items():
        if path == "type" or any(path == one or path.startswith((f"{one}/", f"{one}@", f"{one}#")) for one in known):
            continue
        if path in _HARMLESS or any(one.startswith(f"{path}/") for one in known) or path.endswith("@class"):
            continue
        parts = path.split("/")
        depth = next((index for index, part in enumerate(parts) if "." in part and index), len(parts) - 1)
        place = "/".join(parts[: depth + 1])
        if place in told:
            continue
        told.add(place)
        shown = "" if place != path or _SECRETIVE.search(path) or _SECRET.search(value) else _short(value)
        yield Residue(place, f"not taken{f': {shown}' if shown else ''}")


_HARMLESS = frozenset({"canRoam", "scm/configVersion", f"properties/{CONCURRENCY}"})


def _short(value: str) -> str:
    text = " ".join(value.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _comment(root: Element, residue: tuple[Residue, ...]) -> str:
    what = {FLOW: "pipeline", translating.FREESTYLE: "freestyle", translating.MAVEN: "Maven"}.get(
        root.tag, "multibranch"
    )
    return f"A first spec, made from a {what} job; {len(residue)} things were not taken over (`headway jobs import`)."


def _problem(data: Tree) -> str:
    """Why a spec with this data would be wrong; empty when it is right."""
    spec = parse_text(written(data))
    return "" if isinstance(spec, ServiceSpec) else spec[0].message


def _at(node: object, path: tuple[str, ...]) -> object:
    for step in path:
        if isinstance(node, list):
            node = next((item for item in node if item.get("name") == step), None)
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return node


def _with(data: Tree, path: tuple[str, ...], value: object) -> Tree:
    """The data with one value more; a step below `test` is the name of an item."""
    head, *rest = path
    if not rest:
        return {**data, head: value}
    below = data.get(head)
    if head == "test":
        items = list(below) if isinstance(below, list) else []
        item = next((one for one in items if one["name"] == rest[0]), {"name": rest[0]})
        others = [one for one in items if one is not item]
        return {**data, head: [*others, {**item, rest[1]: value}]}
    return {**data, head: _with(below if isinstance(below, dict) else {}, tuple(rest), value)}
