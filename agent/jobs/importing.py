"""An existing job's config.xml into a first service.yaml, and everything that the spec can't say. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from agent.jobs import names
from agent.jobs.configxml import FLOW, MULTIBRANCH
from agent.jobs.definition import JobDefinition, define
from agent.jobs.difference import compare, is_foreign
from agent.jobs.marker import detach
from agent.jobs.settings import SCRIPT, settings, tracked
from agent.jobs.xmltext import read
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text

_GIT_JOB = "definition/scm/userRemoteConfigs/hudson.plugins.git.UserRemoteConfig"
_GIT_BRANCHES = "sources/data/jenkins.branch.BranchSource/source"
_SCM_TRIGGER = ".//hudson.triggers.SCMTrigger"
_FOLDER_TRIGGER = "triggers/com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger/spec"
_IMAGE = re.compile(r"docker (?:build|push)[^\n]*?\b([a-z0-9.-]+\.[a-z0-9.-]+(?::[0-9]+)?/[a-z0-9._/-]+)")
_UNKNOWN_IMAGE = "registry.example.com"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one job.

    Attributes:
        job: its full name.
        text: of the service.yaml; empty: nothing could be made of it.
        script: the pipeline script that stood in the job; Headway renders its own, so it is kept beside.
        residue: what the spec can't say, one sentence a setting.
    """

    job: str
    text: str
    script: str
    residue: tuple[str, ...]


def imported(full_name: str, config_xml: str) -> Imported:
    """A first spec of a job.

    Raises:
        InvalidObjectError: the config.xml can't be read.
    """
    root = read(config_xml)
    if root.tag not in {FLOW, MULTIBRANCH}:
        return Imported(full_name, "", "", (f"a {root.tag} is no pipeline; nothing of it can be said in a spec",))
    script = root.findtext(SCRIPT) or ""
    text, notes = _text(full_name, root, script)
    spec = parse_text(text)
    if not isinstance(spec, ServiceSpec):
        wrong = tuple(f"{one.message}" for one in spec)
        return Imported(full_name, text, script, (*notes, *wrong))
    job = define(spec, script or "pipeline {}", owner="", spec_path="service.yaml")
    return Imported(full_name, text, script, (*notes, *_residue(root, job)))


def _residue(root: Element, job: JobDefinition) -> tuple[str, ...]:
    """What would change or go if the spec were applied, and what stays although no spec says it."""
    actual = settings(root)
    found = compare(actual, settings(read(job.config_xml)), tracked(root))
    lost = [one.sentence() for one in found if not one.is_script and one.path != "description"]
    kept = sorted({path.split("/")[1].rpartition(".")[2] for path in actual if is_foreign(path)})
    return (
        *(f"would change: {sentence}" for sentence in lost),
        *(f"stays as it is in Jenkins: {name}" for name in kept),
    )


def _text(full_name: str, root: Element, script: str) -> tuple[str, tuple[str, ...]]:
    name, folder = names.last(full_name), names.parent(full_name)
    service = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "service"
    image = _IMAGE.search(script)
    notes = [] if image else ["the image's repository is not in the job: write it into image.repository"]
    description = detach(root.findtext("description") or "").strip()
    lines = ["version: 1", f"service: {_quoted(service)}"]
    if description:
        lines.append(f"description: {_quoted(description)}")
    lines += _source(root)
    lines.append(f"image: {{repository: {_quoted(image[1] if image else f'{_UNKNOWN_IMAGE}/{service}')}}}")
    lines += ["pipeline:", f"  kind: {_kind(root)}"]
    if folder:
        lines.append(f"  folder: {_quoted(folder)}")
    if name != service:
        lines.append(f"  job: {_quoted(name)}")
    lines += _triggers(root)
    builds = root.findtext(".//jenkins.model.BuildDiscarderProperty/strategy/numToKeep") or "-1"
    if builds.isdigit():
        lines.append(f"  keep: {{builds: {builds}}}")
    if _kind(root) == "inline" and script:
        notes.append(f"the script ({len(script.splitlines())} lines) is kept beside; Headway would render its own")
    return "\n".join(lines) + "\n", tuple(notes)


def _kind(root: Element) -> str:
    if root.tag == MULTIBRANCH:
        return "multibranch"
    definition = root.find("definition")
    return "scm" if definition is not None and "CpsScm" in definition.get("class", "") else "inline"


def _source(root: Element) -> list[str]:
    if root.tag == MULTIBRANCH:
        url, credentials = (root.findtext(f"{_GIT_BRANCHES}/{tag}") for tag in ("remote", "credentialsId"))
        branch = ""
    else:
        url, credentials = (root.findtext(f"{_GIT_JOB}/{tag}") for tag in ("url", "credentialsId"))
        branch = root.findtext("definition/scm/branches/hudson.plugins.git.BranchSpec/name") or ""
    if not url:
        return []
    parts = [f"git: {_quoted(url)}"]
    branch = re.sub(r"^(refs/heads/|\*/|origin/)", "", branch)
    if branch and branch != "main":
        parts.append(f"branch: {_quoted(branch)}")
    if credentials:
        parts.append(f"credentials: {_quoted(credentials)}")
    return [f"source: {{{', '.join(parts)}}}"]


def _triggers(root: Element) -> list[str]:
    if root.tag == MULTIBRANCH:
        poll = root.findtext(_FOLDER_TRIGGER)
        return [f"  triggers: {{poll: {_quoted(poll)}}}"] if poll else []
    trigger = root.find(_SCM_TRIGGER)
    if trigger is None:
        return []
    parts = [] if (trigger.findtext("ignorePostCommitHooks") or "false") == "true" else ["push: true"]
    if poll := (trigger.findtext("spec") or "").strip():
        parts.append(f"poll: {_quoted(poll)}")
    return [f"  triggers: {{{', '.join(parts)}}}"] if parts else []


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes, which JSON's strings are too; characters beyond ASCII stay letters."""
    return json.dumps(text, ensure_ascii=False).replace("\x85", "\\x85").replace("\u2028", "\\u2028")
