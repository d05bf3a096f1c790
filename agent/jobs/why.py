"""Which fields of a spec decide each setting of its job, and which settings Headway decides itself.

`agent.spec.explain` says which file and line set a field. Names of settings are those that a plan prints
(`agent.jobs.difference`), so that a line of a plan can be asked about.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from agent.errors import UsageError
from agent.spec.model import ServiceSpec

_PROPERTY = "properties/org.jenkinsci.plugins.workflow.job.properties"
_TRIGGERS = f"{_PROPERTY}.PipelineTriggersJobProperty"
_REMOTE = "definition/scm/userRemoteConfigs/hudson.plugins.git.UserRemoteConfig"
_SOURCE = "sources/data/jenkins.branch.BranchSource/source"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a job.

    Attributes:
        name: as a plan calls it.
        xml: paths of config.xml that hold it, as `agent.jobs.settings` writes them; what is below counts too.
        fields: of the spec that decide it.
        note: how they decide it, or why Headway does; empty where the value is the field's own.
    """

    name: str
    xml: tuple[str, ...]
    fields: tuple[str, ...] = ()
    note: str = ""


def settings_of(spec: ServiceSpec) -> tuple[Setting, ...]:
    """Every setting of the job that this spec asks for."""
    every = (
        Setting("name", (), ("pipeline.folder", "pipeline.job", "service"), "folder and job; without one, the service"),
        Setting("type of the item", ("type",), ("pipeline.kind",)),
        Setting("description", ("description",), ("description", "team"), "and the marker that says it is ours"),
    )
    match spec.pipeline.kind:
        case "inline":
            return (*every, *_of_script(spec), *_of_pipeline(spec))
        case "scm":
            return (*every, *_of_repository(), *_of_pipeline(spec))
        case "multibranch":
            return (*every, *_of_branches())


def chosen(spec: ServiceSpec, wanted: str) -> tuple[Setting, ...]:
    """The settings that a word means: a setting's name or its beginning, a field of the spec, a path of config.xml.

    Raises:
        UsageError: the job has none that is called so.
    """
    every = settings_of(spec)
    word = wanted.strip().casefold()
    narrowed = [(one, tuple(filter(None, (_within(field, wanted) for field in one.fields)))) for one in every]
    for matches in (
        [one for one in every if one.name.casefold() == word],
        [one for one in every if one.name.casefold().startswith(word)],
        [replace(one, fields=fields) for one, fields in narrowed if fields],
        [
            one
            for one in every
            if any(wanted == path or wanted.startswith((f"{path}/", f"{path}@")) for path in one.xml)
        ],
    ):
        if matches:
            return tuple(matches)
    known = [one.name for one in every]
    near = difflib.get_close_matches(word, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(known)}"
    raise UsageError(f"job '{spec.job}' has no setting '{wanted}'", hint=hint)


def _within(field: str, wanted: str) -> str:
    """The narrower of two fields, if one is part of the other; else nothing."""
    if field == wanted or field.startswith(f"{wanted}."):
        return field
    return wanted if wanted.startswith((f"{field}.", f"{field}[")) else ""


def _of_pipeline(spec: ServiceSpec) -> tuple[Setting, ...]:
    approvals = tuple(f"environments.{one.name}.approval" for one in spec.environments if one.approval)
    waits = "builds that wait for an approval hold back no newer ones" if approvals else "no environment asks a person"
    return (
        Setting("builds kept", ("properties/jenkins.model.BuildDiscarderProperty",), ("pipeline.keep.builds",)),
        Setting("trigger", (_TRIGGERS,), ("pipeline.triggers.poll", "pipeline.triggers.push")),
        Setting("one build at a time", (f"{_PROPERTY}.DisableConcurrentBuildsJobProperty",), approvals, waits),
        Setting(
            "durability", (f"{_PROPERTY}.DurabilityHintJobProperty",), (), "a deploy outlives a controller's restart"
        ),
    )


def _of_script(spec: ServiceSpec) -> tuple[Setting, ...]:
    parts = ("pipeline.template", "pipeline.agent", "pipeline.timeout", "source", "image", "build")
    lists = tuple(name for name in ("test", "environments") if getattr(spec, name))
    fields = tuple(name for name in parts if name != "source" or spec.source)
    return (
        Setting("Jenkinsfile", ("definition/script",), (*fields, *lists)),
        Setting("place of the Jenkinsfile", ("definition@class", "definition"), ("pipeline.kind",)),
    )


def _of_repository() -> tuple[Setting, ...]:
    return (
        Setting("repository", (f"{_REMOTE}/url",), ("source.git",)),
        Setting("branch", ("definition/scm/branches",), ("source.branch",)),
        Setting("credential", (f"{_REMOTE}/credentialsId",), ("source.credentials",)),
        Setting("path of the Jenkinsfile", ("definition/scriptPath",), (), "Jenkinsfile, at the repository's root"),
        Setting("place of the Jenkinsfile", ("definition@class", "definition"), ("pipeline.kind",)),
    )


def _of_branches() -> tuple[Setting, ...]:
    return (
        Setting("repository", (f"{_SOURCE}/remote",), ("source.git",)),
        Setting("credential", (f"{_SOURCE}/credentialsId",), ("source.credentials",)),
        Setting("scan trigger", ("triggers",), ("pipeline.triggers.poll",)),
        Setting("place of the Jenkinsfile", ("sources", "factory"), ("pipeline.kind",)),
        Setting("dead branches kept", ("orphanedItemStrategy",), (), "two weeks, and 20 of them at most"),
    )
