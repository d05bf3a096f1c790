"""Which fields of a spec decide each setting of its job; `agent.spec.explain` says which file and line set them."""

from __future__ import annotations

from collections.abc import Mapping

from agent.spec.model import ServiceSpec

_EVERY: Mapping[str, tuple[str, ...]] = {
    "type": ("pipeline.kind",),
    "folder": ("pipeline.folder",),
    "name": ("pipeline.job", "service"),
    "description": ("description", "team"),
    "trigger": ("pipeline.triggers.poll", "pipeline.triggers.push"),
}
_FLOW: Mapping[str, tuple[str, ...]] = {
    "builds kept": ("pipeline.keep.builds",),
    "one build at a time": ("environments",),
}
_GIT: Mapping[str, tuple[str, ...]] = {
    "repository": ("source.git",),
    "branch": ("source.branch",),
    "credential": ("source.credentials",),
}
_INLINE: Mapping[str, tuple[str, ...]] = {
    "Jenkinsfile": (
        "pipeline.template", "pipeline.agent", "pipeline.timeout", "source", "image", "build", "test", "environments",
    ),
}  # fmt: skip


def deciding(spec: ServiceSpec) -> Mapping[str, tuple[str, ...]]:
    """The fields that decide each setting of the job that this spec asks for, by the setting's name."""
    match spec.pipeline.kind:
        case "inline":
            return {**_EVERY, **_FLOW, **_INLINE}
        case "scm":
            return {**_EVERY, **_FLOW, **_GIT}
        case "multibranch":
            return {**_EVERY, **_GIT}
