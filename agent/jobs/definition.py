"""JobDefinition: one item as it should be in Jenkins, from a spec and its rendered Jenkinsfile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import assert_never

from agent.errors import UsageError
from agent.jobs import configxml, names
from agent.jobs.marker import Marker, detach
from agent.jobs.shapes import (
    Folder,
    Git,
    InlineJob,
    MultibranchJob,
    ScmJob,
    Shape,
    SharedLibrary,
    Triggers,
    source_id,
)
from agent.jobs.xmltext import UnwritableError, escaped
from agent.spec.model import ServiceSpec


class Kind(Enum):
    """The types of item that Jenkins won't turn into each other; the value is their class."""

    PIPELINE = "org.jenkinsci.plugins.workflow.job.WorkflowJob"
    MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
    FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"

    @property
    def words(self) -> str:
        """What people call it."""
        return {"PIPELINE": "pipeline job", "MULTIBRANCH": "multibranch job", "FOLDER": "folder"}[self.name]


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """One job or folder that should be there.

    Attributes:
        full_name: `folder/folder/name`.
        kind: its type.
        config_xml: what would be sent, with the marker at the end of the description; empty where the marker in
            Jenkins says that the job was made from the very same, so that it is kept and was not rendered.
        marker: that marker.
        moved_from: the full name that it had; empty: never moved.
        file: the service.yaml as the user named it, for messages.
        credentials: ids of the Jenkins credentials that its builds use.
    """

    full_name: str
    kind: Kind
    config_xml: str
    marker: Marker
    moved_from: str = ""
    file: str = ""
    credentials: tuple[str, ...] = ()


def define(
    spec: ServiceSpec, jenkinsfile: str, *, owner: str, spec_path: str, spec_sha256: str = "", file: str = ""
) -> JobDefinition:
    """The job that a spec asks for.

    Args:
        spec: a checked spec.
        jenkinsfile: its rendered Jenkinsfile; only an inline job carries it.
        owner: see Marker.
        spec_path: of the service.yaml, relative to the folder of the topmost headway.yaml.
        spec_sha256: see Marker.
        file: the service.yaml as the user named it.

    Raises:
        UsageError: Jenkins would refuse the name, XML can't carry a text, or a repository is missing.
    """
    full_name = spec.job
    place = file or spec_path
    if refused := names.full_name_complaint(full_name):
        raise UsageError(f"{place}: Jenkins refuses the name '{full_name}': {refused}")
    shape = _shape(spec, jenkinsfile, owner, _description(spec, spec_path), place)
    kind = Kind.MULTIBRANCH if isinstance(shape, MultibranchJob) else Kind.PIPELINE
    try:
        text = configxml.write(shape)
    except UnwritableError as problem:
        raise UsageError(
            f"{place}: job '{full_name}' can't be written: {problem.message}", hint="remove that character"
        ) from problem
    marker = Marker(owner, full_name, spec_path, spec.team, spec_sha256, sha256(text))
    used = _credentials(spec)
    return JobDefinition(full_name, kind, marked(text, marker), marker, spec.pipeline.moved_from, place, used)


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared libraries of one folder, and the headway.yaml (as in Marker.spec) that names them."""

    libraries: tuple[SharedLibrary, ...]
    file: str


def folder(full_name: str, owner: str, shared: Shared | None = None) -> JobDefinition:
    """A folder that has to be there before its jobs; of one that exists already only shared libraries are changed.

    Raises:
        UsageError: XML can't carry a text.
    """
    libraries = shared.libraries if shared else ()
    file = shared.file if shared else ""
    try:
        text = configxml.write(Folder("", libraries, f"{owner}:{full_name}"))
    except UnwritableError as problem:
        raise UsageError(f"{file}: folder '{full_name}' can't be written: {problem.message}") from problem
    listed = ",".join(one.name for one in libraries)
    marker = Marker(owner, full_name, file, config_sha256=sha256(text), libraries=listed)
    used = tuple(sorted({one.credentials for one in libraries} - {""}))
    return JobDefinition(full_name, Kind.FOLDER, marked(text, marker), marker, file=file, credentials=used)


def folders(
    jobs: Iterable[JobDefinition], owner: str, shared: Mapping[str, Shared] = MappingProxyType({})
) -> tuple[JobDefinition, ...]:
    """The folders that the jobs need, outermost first."""
    needed = dict.fromkeys(name for job in jobs for name in names.ancestors(job.full_name))
    ordered = sorted(needed, key=lambda name: (name.count("/"), name))
    return tuple(folder(name, owner, shared.get(name)) for name in ordered)


def sha256(text: str) -> str:
    """Hex digest of the text's UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def marked(config_xml: str, marker: Marker) -> str:
    """The config.xml with the marker at the end of its (first, the item's own) description."""
    head, end, rest = config_xml.partition("</description>")
    line = "" if head.endswith("<description>") else "\n"
    return f"{head}{line}{escaped(marker.text())}{end}{rest}"


def _description(spec: ServiceSpec, spec_path: str) -> str:
    said = detach(spec.description).strip()
    team = f"Team: {spec.team}. " if spec.team else ""
    return f"{said}\n{team}Made by Headway from {spec_path}: edit that file, not this job.".strip()


def _shape(spec: ServiceSpec, jenkinsfile: str, owner: str, description: str, place: str) -> Shape:
    pipeline = spec.pipeline
    triggers = Triggers(push=pipeline.triggers.push, poll=pipeline.triggers.poll)
    # A build that waits for an approval must not hold back the builds of newer commits, nor one that gives way to them;
    # deploys lock for themselves.
    deploys = (spec.deploy, *(environment.deploy for environment in spec.environments))
    waits = any(environment.approval for environment in spec.environments) or any(
        deploy is not None and deploy.lock != "wait" for deploy in deploys
    )
    match pipeline.kind:
        case "inline":
            return InlineJob(description, jenkinsfile, pipeline.keep.builds, triggers, concurrent=waits)
        case "scm":
            return ScmJob(
                description, _git(spec, place), "Jenkinsfile", pipeline.keep.builds, triggers, concurrent=waits
            )
        case "multibranch":
            identity = source_id(owner, spec.job)
            return MultibranchJob(description, _git(spec, place), identity, "Jenkinsfile", triggers)
        case _:
            assert_never(pipeline.kind)


def _credentials(spec: ServiceSpec) -> tuple[str, ...]:
    """Ids of all Jenkins credentials that a spec names, sorted."""
    found = {spec.image.credentials, spec.source.credentials if spec.source else ""}
    for environment in spec.environments:
        found |= {one.credentials for one in environment.where}
    return tuple(sorted(found - {""}))


def _git(spec: ServiceSpec, place: str) -> Git:
    if spec.source is None:
        raise UsageError(
            f"{place}: pipeline.kind is {spec.pipeline.kind}, but there is no source.git to take the Jenkinsfile from",
            hint="add 'source: {git: URL}', or take 'kind: inline'",
        )
    return Git(spec.source.git, spec.source.branch, spec.source.credentials)
