"""What Jenkins must have before jobs are sent: plugins, versions and credentials, computed from the jobs. Pure.

Jenkins takes a config.xml whose plugin is missing with 200 and drops the unknown part at the next save; a step of a
missing plugin fails the first build. Both are cheaper to find before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.errors import HeadwayError
from agent.jobs.definition import JobDefinition, Kind
from agent.jobs.difference import compare
from agent.jobs.settings import SCRIPT, settings
from agent.jobs.xmltext import read, write

_TRIAL = "A try by Headway; it is deleted within seconds."


@dataclass(frozen=True, slots=True)
class Requirement:
    """A plugin that some job needs.

    Attributes:
        plugin: its short name.
        minimum: first version that has what is used; empty: any.
        why: what uses it, in words.
    """

    plugin: str
    minimum: str
    why: str


# What stands in config.xml (parsed tags and classes), and in the pipeline script.
_BY_CLASS = (
    (r"org\.jenkinsci\.plugins\.workflow\.job\.", Requirement("workflow-job", "2.42", "pipeline jobs")),
    (r"org\.jenkinsci\.plugins\.workflow\.cps\.", Requirement("workflow-cps", "", "pipeline scripts")),
    (r"hudson\.plugins\.git\.|jenkins\.plugins\.git\.", Requirement("git", "", "Jenkinsfiles from git")),
    (r"workflow\.multibranch\.", Requirement("workflow-multibranch", "", "multibranch jobs")),
    (r"jenkins\.branch\.", Requirement("branch-api", "", "multibranch jobs")),
    (r"workflow\.libs\.FolderLibraries", Requirement("pipeline-groovy-lib", "", "shared libraries of folders")),
    (r"com\.cloudbees\.hudson\.plugins\.folder\.", Requirement("cloudbees-folder", "", "folders")),
)
_BY_SCRIPT = (
    (r"^pipeline \{", Requirement("pipeline-model-definition", "1.3", "declarative pipelines")),
    (r"^\s*stage\(", Requirement("pipeline-stage-step", "", "stage")),
    (r"^\s*(sh|node)\b", Requirement("workflow-durable-task-step", "", "sh")),
    (
        r"^\s*(dir|stash|unstash|writeFile|timeout|deleteDir|withEnv)\b",
        Requirement("workflow-basic-steps", "", "stash"),
    ),
    (r"\bcheckout\(", Requirement("workflow-scm-step", "", "checkout")),
    (r"\bscmGit\(", Requirement("git", "", "checkout from git")),
    (r"^\s*timestamps\(\)", Requirement("timestamper", "", "timestamps")),
    (r"^\s*ansiColor\(", Requirement("ansicolor", "", "ansiColor")),
    (r"^\s*lock\(", Requirement("lockable-resources", "", "lock")),
    (r"^\s*milestone\(", Requirement("pipeline-milestone-step", "", "milestone")),
    (r"^\s*input \{", Requirement("pipeline-input-step", "", "approvals")),
    (r"^\s*withCredentials\(", Requirement("credentials-binding", "", "credentials")),
    (r"^\s*junit\b", Requirement("junit", "", "test reports")),
    (r"^\s*docker \{", Requirement("docker-workflow", "", "docker agents")),
    (r"^\s*kubernetes \{|^\s*podTemplate\(", Requirement("kubernetes", "", "kubernetes agents")),
    (r"^@Library\(", Requirement("pipeline-groovy-lib", "", "the shared library")),
)
_CLASSES = tuple((re.compile(pattern), requirement) for pattern, requirement in _BY_CLASS)
_SCRIPTS = tuple((re.compile(pattern, re.MULTILINE), requirement) for pattern, requirement in _BY_SCRIPT)


def requirements(jobs: Iterable[JobDefinition]) -> tuple[Requirement, ...]:
    """The plugins that the jobs need, each once, by name."""
    found: dict[str, Requirement] = {}
    open_classes, open_scripts = list(_CLASSES), list(_SCRIPTS)
    for job in jobs:
        head, _, rest = job.config_xml.partition("<script>")
        script, _, tail = rest.partition("</script>")
        for places, text in ((open_classes, f"{job.kind.value} {head}{tail}"), (open_scripts, script)):
            for place in [one for one in places if one[0].search(text)]:
                places.remove(place)
                found.setdefault(place[1].plugin, place[1])
    return tuple(found[name] for name in sorted(found))


def unmet(needed: Iterable[Requirement], installed: Mapping[str, str]) -> tuple[str, ...]:
    """What is missing or too old, in words.

    Args:
        needed: see `requirements`.
        installed: version by short name, of the plugins that are active.
    """
    found: list[str] = []
    for one in needed:
        version = installed.get(one.plugin)
        if version is None:
            found.append(f"plugin {one.plugin} is missing ({one.why})")
        elif one.minimum and numbers(version) < numbers(one.minimum):
            found.append(f"plugin {one.plugin} is {version}, and {one.minimum} is needed ({one.why})")
    return tuple(found)


def numbers(version: str) -> tuple[int, ...]:
    """The numeric beginning of a version: `1571.vb_423c255d6d9` is (1571,), which is newer than `2.42`."""
    found: list[int] = []
    for part in re.split(r"[.-]", version):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def sample(job: JobDefinition) -> str:
    """A job's config.xml for a try: nothing in it can find its repository, and no marker makes it anybody's."""
    root = read(job.config_xml)
    description = root.find("description")
    if description is not None:
        description.text = _TRIAL
    for tag in ("remote", "url"):
        for place in root.iter(tag):
            place.text = "https://headway.invalid/preflight.git"
    return write(root)


def is_trial(config_xml: str) -> bool:
    """Whether an item is a try of ours that somebody left behind."""
    try:
        return (read(config_xml).findtext("description") or "").strip() == _TRIAL
    except HeadwayError:
        return False


def dropped(sent: str, saved: str) -> tuple[str, ...]:
    """What Jenkins left out of a config.xml when it saved it: the names of the settings."""
    found = compare(settings(read(saved)), settings(read(sent)))
    return tuple(one.name for one in found if one.path != SCRIPT)


def samples(jobs: Iterable[JobDefinition]) -> tuple[JobDefinition, ...]:
    """One job of each type, the first by name."""
    found: dict[tuple[Kind, bool], JobDefinition] = {}
    for job in sorted(jobs, key=lambda one: one.full_name):
        if job.kind is not Kind.FOLDER:
            found.setdefault((job.kind, "<scm class=" in job.config_xml), job)
    return tuple(found.values())


def credentials(jobs: Iterable[JobDefinition]) -> Mapping[str, tuple[JobDefinition, ...]]:
    """The jobs that name each credential."""
    found: dict[str, list[JobDefinition]] = {}
    for job in jobs:
        for name in job.credentials:
            found.setdefault(name, []).append(job)
    return {name: tuple(found[name]) for name in sorted(found)}
