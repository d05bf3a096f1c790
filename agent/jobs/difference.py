"""What differs between two configurations of one job, in words that an administrator would use."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.jobs.secrecy import tellable, without_secrets
from agent.jobs.settings import (
    CONCURRENCY,
    PARAMETERS,
    SCRIPT,
    TRIGGERS,
    Settings,
    Tracked,
    from_jenkinsfile,
)
from agent.spec.problem import visible

# Types of property that Headway writes, or that change how its jobs run; all others belong to whoever added them.
OURS = re.compile(
    r"jenkins\.model\.BuildDiscarderProperty|hudson\.model\.ParametersDefinitionProperty"
    r"|org\.jenkinsci\.plugins\.workflow\.job\.properties\.\w+"
)
LONGEST_SCRIPT = 5_000
"""Lines of a script up to which it is compared line by line."""

_NAMES: Mapping[str, str] = {
    "type": "type of the item",
    "description": "description",
    "displayName": "display name",
    "definition@class": "place of the Jenkinsfile",
    "definition/scriptPath": "path of the Jenkinsfile",
    "factory/scriptPath": "path of the Jenkinsfile",
    "definition/sandbox": "Groovy sandbox",
    "definition/lightweight": "lightweight checkout",
    "definition/scm/userRemoteConfigs/hudson.plugins.git.UserRemoteConfig/url": "repository",
    "definition/scm/userRemoteConfigs/hudson.plugins.git.UserRemoteConfig/credentialsId": "credential",
    "definition/scm/branches/hudson.plugins.git.BranchSpec/name": "branch",
    "sources/data/jenkins.branch.BranchSource/source/remote": "repository",
    "sources/data/jenkins.branch.BranchSource/source/credentialsId": "credential",
    f"properties/{TRIGGERS}/triggers/hudson.triggers.SCMTrigger": "trigger",
    f"properties/{TRIGGERS}/triggers/hudson.triggers.SCMTrigger/spec": "trigger",
    f"properties/{TRIGGERS}/triggers/hudson.triggers.SCMTrigger/ignorePostCommitHooks": "deaf to webhooks",
    f"properties/{TRIGGERS}/triggers/hudson.triggers.TimerTrigger/spec": "timer",
    "triggers/com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger/spec": "scan trigger",
    "triggers/com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger/interval": "scan interval (ms)",
    "properties/jenkins.model.BuildDiscarderProperty/strategy/numToKeep": "builds kept",
    "properties/jenkins.model.BuildDiscarderProperty/strategy/daysToKeep": "days builds are kept",
    "properties/jenkins.model.BuildDiscarderProperty/strategy/artifactNumToKeep": "artefacts kept",
    "properties/jenkins.model.BuildDiscarderProperty/strategy/artifactDaysToKeep": "days artefacts are kept",
    f"properties/{CONCURRENCY}": "one build at a time",
    f"properties/{CONCURRENCY}/abortPrevious": "newer builds abort older ones",
    "properties/org.jenkinsci.plugins.workflow.job.properties.DurabilityHintJobProperty/hint": "durability",
    f"properties/{PARAMETERS}/parameterDefinitions/order": "order of the parameters",
    "quietPeriod": "quiet period (s)",
    "orphanedItemStrategy/daysToKeep": "days dead branches are kept",
    "orphanedItemStrategy/numToKeep": "dead branches kept",
}
_ORDER = f"properties/{PARAMETERS}/parameterDefinitions/order"
_PARAMETER = re.compile(rf"properties/{re.escape(PARAMETERS)}/parameterDefinitions/[\w.]+\[(.*?)\](?:/(\w+))?")
_LIBRARY = re.compile(r"properties/[\w.]+\.FolderLibraries/libraries/[\w.]+\[(.*?)\](?:/(.*))?")
_OF_LIBRARIES: Mapping[str, str] = {
    "defaultVersion": "version",
    "remote": "repository",
    "credentialsId": "credential",
    "libraryPath": "path",
}
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not as it should be.

    Attributes:
        path: where it stands in config.xml (see `settings`).
        before: its value on the server; None where it has none.
        after: the value that the spec gives it; None where it gives none.
    """

    path: str
    before: str | None
    after: str | None

    @property
    def is_script(self) -> bool:
        """Whether it is the Jenkinsfile itself."""
        return self.path == SCRIPT

    @property
    def name(self) -> str:
        """What people call the setting."""
        if self.is_script:
            return "Jenkinsfile"
        if found := _PARAMETER.fullmatch(self.path):
            return f"parameter {found[1]}" + (f" ({found[2]})" if found[2] else "")
        if self.path in _NAMES:
            return _NAMES[self.path]
        if found := _LIBRARY.fullmatch(self.path):
            last = (found[2] or "").rpartition("/")[2].rpartition(".")[2]
            return f"library {found[1]}" + (f" ({_OF_LIBRARIES.get(last, last)})" if last else "")
        return " ".join(part.rpartition(".")[2] for part in self.path.split("/")[-2:])

    @property
    def shown(self) -> tuple[str | None, str | None]:
        """Before and after as they may be shown: a secret is none of a plan's business."""
        return tellable(self.path, self.before), tellable(self.path, self.after)

    def sentence(self) -> str:
        """`trigger H/5 * * * * -> H/10 * * * *`, in one line and without anything that moves a cursor."""
        if self.is_script and self.before is not None and self.after is not None:
            count = changed_lines(self.before, self.after)
            return f"Jenkinsfile ({count} line{'s' if count != 1 else ''})"
        if self.is_script:
            return "Jenkinsfile removed" if self.after is None else "Jenkinsfile added"
        before, after = self.shown
        if before is None:
            return visible(f"{self.name} added{_shown(after)}")
        if after is None:
            return visible(f"{self.name} removed{_shown(before)}")
        return visible(f"{self.name} {_short(before) or 'none'} -> {_short(after) or 'none'}")

    def lines(self) -> list[str]:
        """The script's diff as unified text without file names; empty for other settings."""
        if not self.is_script:
            return []
        counts = [(text or "").count("\n") + 1 for text in (self.before, self.after)]
        if max(counts) > LONGEST_SCRIPT:
            return [f"(too long to be shown: {counts[0]} lines before, {counts[1]} after)"]
        before, after = (without_secrets(text or "").splitlines() for text in (self.before, self.after))
        return [visible(line, tabs=True) for line in difflib.unified_diff(before, after, n=2, lineterm="")][2:]


def compare(actual: Settings, desired: Settings, known: Tracked | None = None) -> tuple[Difference, ...]:
    """The differences in the order of the desired configuration, then those that only the server has.

    What the Jenkinsfile's own run added (`known`) and properties of types that Headway never writes are no difference.
    """
    tracked = known or Tracked()
    found = [
        Difference(path, actual.get(path), value)
        for path, value in desired.items()
        if actual.get(path) != value and not _tracked_here(path, actual, tracked)
    ]
    found += [
        Difference(path, value, None)
        for path, value in actual.items()
        if path not in desired and not is_foreign(path) and not from_jenkinsfile(path, tracked)
    ]
    return tuple(_without_shells(found))


def is_foreign(path: str) -> bool:
    """Whether a setting belongs to a property that Headway never writes; it is carried over on an update."""
    parts = path.split("/")
    return parts[0] == "properties" and len(parts) > 1 and not OURS.fullmatch(parts[1].partition("#")[0])


def changed_lines(before: str, after: str) -> int:
    """How many lines differ, a changed line counted once."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > LONGEST_SCRIPT:
        return abs(len(old) - len(new)) or 1
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in blocks if tag != "equal") or 1


def _tracked_here(path: str, actual: Settings, known: Tracked) -> bool:
    """A property that the Jenkinsfile set itself has the Jenkinsfile's value, whatever config.xml began with."""
    if path == _ORDER and known.parameters:
        return True
    parts = path.split("/")
    return len(parts) > 1 and parts[1] in known.properties and f"properties/{parts[1]}" in actual


def _without_shells(found: Sequence[Difference]) -> list[Difference]:
    """Leaves out an added or removed element where what stands inside it says it better; of a parameter, the inside."""
    whole = {one.path for one in found if (match := _PARAMETER.fullmatch(one.path)) and not match[2]}
    every = [one for one in found if one.path.rpartition("/")[0] not in whole and not (whole and one.path == _ORDER)]
    paths = [difference.path for difference in every]

    def is_shell(one: Difference) -> bool:
        return (
            not one.before
            and not one.after
            and any(path.startswith((one.path + "/", one.path + "@")) for path in paths)
        )

    return [one for one in every if not is_shell(one)]


def _shown(value: str | None) -> str:
    return f": {_short(value)}" if value and value.strip() else ""


def _short(value: str) -> str:
    text = " ".join(value.split()) if value.strip() else value
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
