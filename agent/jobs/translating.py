"""What each part of an existing config.xml becomes in a spec: source, triggers, what is kept, shell steps.

Only what means the same in a spec is taken; `agent.jobs.importing` lists everything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from agent.jobs.configxml import FLOW, MULTIBRANCH
from agent.jobs.interval import DAY, HOUR, MINUTE

FREESTYLE = "project"
MAVEN = "maven2-moduleset"
PROPERTY = "org.jenkinsci.plugins.workflow.job.properties"
_SCM_TRIGGER = "hudson.triggers.SCMTrigger"
_DISCARDERS = ("properties/jenkins.model.BuildDiscarderProperty/strategy", "logRotator")
_SOURCE = "sources/data/jenkins.branch.BranchSource/source"
_SCAN = "triggers/com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger"
_PUSHES = re.compile(r"com\.cloudbees\.jenkins\.GitHubPushTrigger|com\.dabsquared\.gitlabjenkins\.GitLabPushTrigger")
_TIMEOUT = "buildWrappers/hudson.plugins.build__timeout.BuildTimeoutWrapper/strategy"
_IMAGE = re.compile(
    r"docker (?:build|push|buildx)\b[^\n]*?\s['\"]?([a-z0-9.-]+\.[a-z0-9.-]+(?::[0-9]+)?/[a-z0-9._/-]+)"
)
_CHECKOUT = re.compile(r"\b(?:url:|git\b)\s*(['\"])((?:https?|ssh|git)(?:://|@)[^'\"$\\\s]+)\1")


@dataclass(frozen=True, slots=True)
class Found:
    """One value on its way into a spec.

    Attributes:
        field: path in the spec.
        value: what would stand there.
        xml: path in the config.xml, as `agent.jobs.settings` writes it; what stands at and below it is then said.
    """

    field: tuple[str, ...]
    value: object
    xml: str


def findings(root: Element) -> Iterator[Found]:
    """Everything that a spec can say, the strongest first where two say the same field."""
    for part in _PARTS[root.tag]:
        yield from part(root)


def image(text: str) -> str:
    """The repository that a script builds or pushes, where it is written out; empty where it is not."""
    found = _IMAGE.search(text)
    return found[1].rpartition(":")[0] if found and ":" in found[1].rpartition("/")[2] else found[1] if found else ""


def script(root: Element) -> str:
    """All shell and Groovy of a job, to look for names in."""
    steps = [one.text or "" for one in root.iterfind("builders/hudson.tasks.Shell/command")]
    return "\n".join([root.findtext("definition/script") or "", *steps])


def kind(root: Element) -> str:
    """`pipeline.kind` of what the job is."""
    if root.tag == MULTIBRANCH:
        return "multibranch"
    definition = root.find("definition")
    return "scm" if definition is not None and "CpsScm" in definition.get("class", "") else "inline"


def _git(root: Element) -> Iterator[Found]:
    where = "definition/scm" if root.tag == FLOW else "scm"
    remote = f"{where}/userRemoteConfigs/hudson.plugins.git.UserRemoteConfig"
    yield from _said(root, ("source", "git"), f"{remote}/url")
    yield from _said(root, ("source", "credentials"), f"{remote}/credentialsId")
    at = f"{where}/branches/hudson.plugins.git.BranchSpec/name"
    if branch := re.sub(r"^(refs/heads/|\*/|origin/)", "", _text(root, at)):
        yield Found(("source", "branch"), branch, at)
    if (found := _CHECKOUT.search(root.findtext("definition/script") or "")) and root.tag == FLOW:
        yield Found(("source", "git"), found[2], "")


def _branches(root: Element) -> Iterator[Found]:
    for tag in ("remote", "httpRemote", "repositoryUrl"):
        yield from _said(root, ("source", "git"), f"{_SOURCE}/{tag}")
    owner, name = (_text(root, f"{_SOURCE}/{tag}") for tag in ("repoOwner", "repository"))
    if owner and name and "GitHub" in root.find(_SOURCE).get("class", ""):  # type: ignore[union-attr]
        host = re.sub(r"^https?://(api\.)?|/api/v3/?$|/$", "", _text(root, f"{_SOURCE}/apiUri")) or "github.com"
        yield Found(("source", "git"), f"https://{host}/{owner}/{name}.git", "")
    yield from _said(root, ("source", "credentials"), f"{_SOURCE}/credentialsId")
    scan = _text(root, f"{_SCAN}/spec") or _cron(_text(root, f"{_SCAN}/interval"))
    if scan:
        yield Found(("pipeline", "triggers", "poll"), scan, _SCAN)


def _cron(milliseconds: str) -> str:
    """A cron that fires about as often as an interval."""
    seconds = int(milliseconds) // 1000 if re.fullmatch(r"[0-9]{1,12}", milliseconds) else 0
    if seconds < MINUTE:
        return ""
    if seconds < HOUR:
        return f"H/{seconds // MINUTE} * * * *"
    return f"H H/{seconds // HOUR} * * *" if seconds < DAY else "H H * * *"


def _triggers(root: Element) -> Iterator[Found]:
    tag = f"{PROPERTY}.PipelineTriggersJobProperty"
    where = f"properties/{tag}/triggers" if root.tag == FLOW else "triggers"
    trigger = root.find(f"{where}/{_SCM_TRIGGER}")
    if trigger is not None:
        at = f"{where}/{_SCM_TRIGGER}"
        if (trigger.findtext("ignorePostCommitHooks") or "").strip() != "true":
            yield Found(("pipeline", "triggers", "push"), value=True, xml=f"{at}/ignorePostCommitHooks")
        yield from _said(root, ("pipeline", "triggers", "poll"), f"{at}/spec")
    for one in root.iterfind(f"{where}/*"):
        if _PUSHES.fullmatch(one.tag):
            # It stays listed: the push is heard through the Git plugin then, not through that plugin's webhook.
            yield Found(("pipeline", "triggers", "push"), value=True, xml="")


def _discarder(root: Element) -> Iterator[Found]:
    for where in _DISCARDERS:
        if (builds := _text(root, f"{where}/numToKeep")).isdecimal() and builds.isascii():
            yield Found(("pipeline", "keep", "builds"), int(builds[:9]), f"{where}/numToKeep")


def _node(root: Element) -> Iterator[Found]:
    yield from _said(root, ("pipeline", "agent", "label"), "assignedNode")
    minutes = _text(root, f"{_TIMEOUT}/timeoutMinutes")
    if re.fullmatch(r"[1-9][0-9]{0,5}", minutes):
        yield Found(("pipeline", "timeout"), f"{minutes}m", f"{_TIMEOUT}/timeoutMinutes")


def _steps(root: Element) -> Iterator[Found]:
    """Shell steps, in order, as tests: they ran on an agent too, and a failure of one ended the build."""
    junit = _text(root, "publishers/hudson.tasks.junit.JUnitResultArchiver/testResults")
    steps = list(root.iterfind("builders/*"))
    shells = [index for index, step in enumerate(steps) if step.tag == "hudson.tasks.Shell"]
    for number, index in enumerate(shells, 1):
        # Settings count what has one tag: the second shell's path ends with #2.
        at = "builders/hudson.tasks.Shell" + (f"#{number}" if number > 1 else "")
        run = (steps[index].findtext("command") or "").replace("\r\n", "\n").strip("\n")
        yield Found(("test", f"step {number}", "run"), run, at)
        if junit and index == shells[-1]:
            path = "publishers/hudson.tasks.junit.JUnitResultArchiver"
            yield Found(("test", f"step {number}", "junit"), junit, path)


def _text(root: Element, path: str) -> str:
    return (root.findtext(path) or "").strip()


def _said(root: Element, field: tuple[str, ...], path: str) -> Iterator[Found]:
    if value := _text(root, path):
        yield Found(field, value, path)


def _description(root: Element) -> Iterator[Found]:
    from agent.jobs.marker import detach

    if text := detach(root.findtext("description") or "").strip():
        yield Found(("description",), text, "description")


_Part = Callable[[Element], Iterator[Found]]
_SHARED: tuple[_Part, ...] = (_description, _triggers, _discarder, _node)
_PARTS: dict[str, tuple[_Part, ...]] = {
    FLOW: (*_SHARED, _git),
    MULTIBRANCH: (_description, _branches),
    FREESTYLE: (*_SHARED, _git, _steps),
    MAVEN: (*_SHARED, _git, _steps),
}
TYPES = frozenset(_PARTS)
"""Roots of which a spec can be made."""
