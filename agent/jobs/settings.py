"""A config.xml as a flat mapping of settings, so that two of them can be compared as Jenkins understands them.

What Jenkins rewrites by itself makes no difference: the declaration, versions of plugins, the form of empty elements
and of lists, order of properties, `<actions>`, defaults that it fills in, views and icons, what a Declarative run found
in its Jenkinsfile (named in the tracker action). Everything else does: script, remote, branch, credentials, schedules,
parameters, numbers, types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from agent.jobs.marker import detach
from agent.jobs.secrecy import SECRET

Settings = Mapping[str, str]

SCRIPT = "definition/script"
DESCRIPTION = "description"
PARAMETERS = "hudson.model.ParametersDefinitionProperty"
TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
CONCURRENCY = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"

# Never compared and carried over on an update: state, an operator's switch, and what people and plugins draw.
CARRIED = ("actions", "disabled", "folderViews", "healthMetrics", "icon")
_IGNORED_PATHS = {"sources/data/jenkins.branch.BranchSource/source/id", "definition/scm/configVersion"}
# Values that an element may hold and mean no more than if it were not there.
_DEFAULTS: Mapping[str, frozenset[str]] = {
    "daysToKeep": frozenset({"-1"}),
    "numToKeep": frozenset({"-1"}),
    "artifactDaysToKeep": frozenset({"-1"}),
    "artifactNumToKeep": frozenset({"-1"}),
    "scriptPath": frozenset({"Jenkinsfile"}),
}
_FALSE = "false"
_LISTS = {"list", "linked-list", "empty-list", "java.util.Arrays$ArrayList", "java.util.Collections$UnmodifiableList",
          "java.util.Collections$EmptyList", "java.util.ArrayList", "java.util.concurrent.CopyOnWriteArrayList",
          "hudson.util.DescribableList", "hudson.model.View$PropertyList", "string-array"}  # fmt: skip
_SECRET = re.compile(r"\{AQAA[A-Za-z0-9+/=]+\}|\*{8}|<secret-redacted>")

_DECLARATIVE = "org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction"
_SCRIPTED = "org.jenkinsci.plugins.workflow.multibranch.JobPropertyTrackerAction"


@dataclass(frozen=True, slots=True)
class Tracked:
    """What the Jenkinsfile itself put into the config at its last run; it is no edit of anybody."""

    properties: frozenset[str] = frozenset()
    triggers: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()


def settings(root: Element) -> dict[str, str]:
    """Every setting by its path (tags joined with `/`), in the order of the document.

    The path begins with the type of the item under the key `type`; the description comes without its marker.
    """
    found = {"type": root.tag}
    for path, value in _walk(root, ""):
        key, count = path, 2
        while key in found:
            key, count = f"{path}#{count}", count + 1
        found[key] = value
    if DESCRIPTION in found:
        found[DESCRIPTION] = detach(found[DESCRIPTION]).strip()
        if not found[DESCRIPTION]:
            del found[DESCRIPTION]
    return found


def tracked(root: Element) -> Tracked:
    """What the tracker actions of a config.xml name."""
    properties, triggers, parameters = set[str](), set[str](), set[str]()
    for action in root.findall("actions/*"):
        if action.tag in {_DECLARATIVE, _SCRIPTED}:
            properties |= _strings(action, "jobProperties") | _strings(action, "jobPropertyDescriptors")
            triggers |= _strings(action, "triggers")
            parameters |= _strings(action, "parameters")
    return Tracked(frozenset(properties), frozenset(triggers), frozenset(parameters))


def from_jenkinsfile(path: str, known: Tracked) -> bool:
    """Whether a setting that only the server has was written there by the Jenkinsfile's own run."""
    parts = path.split("/")
    if len(parts) < 2 or parts[0] != "properties":  # noqa: PLR2004
        return False
    if parts[1] in known.properties:
        return True
    if parts[1] == PARAMETERS and known.parameters:
        return len(parts) <= 3 or any(f"[{name}]" in parts[3] for name in known.parameters) or parts[-1] == "order"  # noqa: PLR2004
    if parts[1] == TRIGGERS and known.triggers:
        return len(parts) <= 3 or parts[3].partition("#")[0] in known.triggers  # noqa: PLR2004
    return False


def _strings(action: Element, tag: str) -> set[str]:
    return {(item.text or "").strip() for item in action.findall(f"{tag}/string")} - {""}


def _walk(element: Element, prefix: str) -> Iterator[tuple[str, str]]:
    for child in element:
        if (child.tag in CARRIED and not prefix) or (child.tag == "owner" and "reference" in child.attrib):
            continue
        path = prefix + _key(child)
        if path in _IGNORED_PATHS:
            continue
        if child.tag == "choices":
            yield path, "\n".join(item.text or "" for item in child.iter("string"))
            continue
        if child.tag == "concurrentBuild":
            # The form before workflow-job 2.4 of what is a property now.
            if (child.text or "").strip() == _FALSE:
                yield f"properties/{CONCURRENCY}", ""
            continue
        yield from _setting(child, path)


def _setting(child: Element, path: str) -> Iterator[tuple[str, str]]:
    kind = child.get("class", "")
    if kind and kind not in _LISTS:
        yield f"{path}@class", kind
    if child.tag == "parameterDefinitions":
        names = [name.text or "" for name in child.iter("name")]
        if len(names) > 1:
            yield f"{path}/order", ", ".join(names)
    if len(child):
        if "." in child.tag:
            yield path, ""
        yield from _walk(child, path + "/")
        return
    text = (child.text or "").replace("\r\n", "\n")
    if child.tag != "script":
        text = text.strip() if child.tag != "defaultValue" else text
    if _SECRET.fullmatch(text):
        text = SECRET
    # An element named after a class is there or not; a field that is empty or has its default says nothing.
    if "." in child.tag or (text and text != _FALSE and text not in _DEFAULTS.get(child.tag, ())):
        yield path, text


def _key(child: Element) -> str:
    """The tag; of things in a list that have a name, the tag and that name."""
    name = child.find("name") if child.tag.endswith("ParameterDefinition") else None
    return child.tag if name is None else f"{child.tag}[{(name.text or '').replace('/', '_')}]"
