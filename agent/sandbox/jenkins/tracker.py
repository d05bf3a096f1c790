"""What any build of a declarative pipeline does to its job: options, parameters and triggers move into `<properties>`.

As `Utils.updateJobProperties` of pipeline-model-definition does it, and as exchange 36 shows: a property or a trigger
that stands in the job already wins over the Jenkinsfile's, unless the tracker in `<actions>` says that an earlier
build put it there; parameters of the Jenkinsfile win by name; what the tracker names and the Jenkinsfile has no longer
is taken away. Posting a config.xml without `<actions>` forgets the tracker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.sandbox.jenkins.jenkinsfile import Statement, literal, named_arguments, pipeline, positional, split
from agent.sandbox.jenkins.saving import fragment, saved
from agent.sandbox.jenkins.xmltext import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.sandbox.jenkins.store import Item

_JOB = "org.jenkinsci.plugins.workflow.job.properties."
_ACTION = "org.jenkinsci.plugins.pipeline.modeldefinition.actions."
_TRIGGERS = f"{_JOB}PipelineTriggersJobProperty"
_PARAMETERS = "hudson.model.ParametersDefinitionProperty"
_SEPARATE = {_TRIGGERS, _PARAMETERS}
_DECLARATIVE_OPTIONS = {
    "checkoutToSubdirectory",
    "disableRestartFromStage",
    "newContainerPerStage",
    "parallelsAlwaysFailFast",
    "quietPeriod",
    "skipDefaultCheckout",
    "skipStagesAfterUnstable",
}


def build_declarative(item: Item, versions: Mapping[str, str]) -> bool:
    """Merges a job's Jenkinsfile into its config.xml, if that is declarative.

    Returns:
        Whether the config.xml was rewritten.
    """
    declared = pipeline(item.script) if item.script else None
    if declared is None:
        return False
    root = item.tree
    before = saved(item.tree, versions)
    tracked = _tracked(root)
    options = declared.children("options")
    properties = [node for option in options if (node := _property(option)) is not None]
    triggers = [node for statement in declared.children("triggers") if (node := _trigger(statement)) is not None]
    parameters = [node for statement in declared.children("parameters") if (node := _parameter(statement)) is not None]
    held = root.find("properties") or _append(root, Node("properties"))
    _merge_triggers(held, triggers, tracked["triggers"], versions)
    _merge_parameters(held, parameters, tracked["parameters"], versions)
    _merge_properties(held, properties, tracked["jobProperties"], versions)
    now = {
        "jobProperties": [node.tag for node in properties],
        "triggers": [node.tag for node in triggers],
        "parameters": [node.value("name") or "" for node in parameters],
        "options": [option.name for option in options if option.name in _DECLARATIVE_OPTIONS],
    }
    _track(root, now)
    after = saved(root, versions)
    if after == before:
        return False
    item.rewrite(after)
    return True


def _tracked(root: Node) -> dict[str, set[str]]:
    action = root.find("actions", f"{_ACTION}DeclarativeJobPropertyTrackerAction")
    fields = ("jobProperties", "triggers", "parameters", "options")
    if action is None:
        return {name: set() for name in fields}
    return {name: {leaf.text for leaf in node.children} if (node := action.find(name)) else set() for name in fields}


def _track(root: Node, now: Mapping[str, Iterable[str]]) -> None:
    actions = root.find("actions") or _append(root, Node("actions"))
    tag = f"{_ACTION}DeclarativeJobPropertyTrackerAction"
    actions.children = [node for node in actions.children if node.tag != tag]
    if actions.find(f"{_ACTION}DeclarativeJobAction") is None:
        actions.children.append(Node(f"{_ACTION}DeclarativeJobAction"))
    lists = [
        Node(name, children=[Node("string", text=value) for value in sorted(set(values))])
        for name, values in now.items()
    ]
    actions.children.append(Node(tag, children=lists))


def _merge_triggers(held: Node, declared: list[Node], tracked: set[str], versions: Mapping[str, str]) -> None:
    existing = list(found.children) if (found := held.find(_TRIGGERS, "triggers")) else []
    wanted = {node.tag: node for node in reversed(declared)}
    wanted.update({node.tag: node for node in existing if node.tag not in tracked})
    if _written(wanted.values(), versions) == _written(existing, versions):
        return
    _remove(held, _TRIGGERS)
    if wanted:
        ordered = [wanted[tag] for tag in sorted(wanted)]
        held.children.append(Node(_TRIGGERS, children=[Node("triggers", children=ordered)]))


def _merge_parameters(held: Node, declared: list[Node], tracked: set[str], versions: Mapping[str, str]) -> None:
    existing = list(found.children) if (found := held.find(_PARAMETERS, "parameterDefinitions")) else []
    names = {node.value("name") for node in declared}
    wanted = [*declared, *(node for node in existing if node.value("name") not in names | tracked)]
    if _written(wanted, versions) == _written(existing, versions):
        return
    _remove(held, _PARAMETERS)
    if wanted:
        held.children.append(Node(_PARAMETERS, children=[Node("parameterDefinitions", children=wanted)]))


def _merge_properties(held: Node, declared: list[Node], tracked: set[str], versions: Mapping[str, str]) -> None:
    existing = [node for node in held.children if node.tag not in _SEPARATE]
    wanted = {node.tag: node for node in reversed(declared)}
    wanted.update({node.tag: node for node in existing if node.tag not in tracked})
    held.children = [node for node in held.children if node.tag in _SEPARATE or node.tag in wanted]
    standing = {node.tag: fragment(node, versions) for node in existing}
    for tag in sorted(wanted):
        if standing.get(tag) != fragment(wanted[tag], versions):
            _remove(held, tag)
            held.children.append(wanted[tag])


def _written(nodes: Iterable[Node], versions: Mapping[str, str]) -> list[str]:
    return sorted(fragment(node, versions) for node in nodes)


def _remove(held: Node, tag: str) -> None:
    held.children = [node for node in held.children if node.tag != tag]


def _append(parent: Node, child: Node) -> Node:
    parent.children.append(child)
    return child


def _leaves(tag: str, **values: str) -> Node:
    return Node(tag, children=[Node(name, text=value) for name, value in values.items()])


def _property(option: Statement) -> Node | None:
    """The job property that an option stands for; None for wrappers and declarative options."""
    named, plain = named_arguments(option.arguments), positional(option.arguments)
    match option.name:
        case "buildDiscarder":
            rotator = named_arguments((plain or [named.get("strategy", "")])[0].removeprefix("logRotator"))
            kept = {
                name: rotator.get(f"{name}Str", "-1")
                for name in ("daysToKeep", "numToKeep", "artifactDaysToKeep", "artifactNumToKeep")
            }
            strategy = _leaves("strategy", **kept)
            strategy.attributes["class"] = "hudson.tasks.LogRotator"
            return Node("jenkins.model.BuildDiscarderProperty", children=[strategy])
        case "disableConcurrentBuilds":
            abort = named.get("abortPrevious", "false")
            return _leaves(f"{_JOB}DisableConcurrentBuildsJobProperty", abortPrevious=abort)
        case "durabilityHint":
            return _leaves(f"{_JOB}DurabilityHintJobProperty", hint=named.get("hint", "".join(plain[:1])))
        case "disableResume":
            return Node(f"{_JOB}DisableResumeJobProperty")
        case _:
            return None


def _trigger(statement: Statement) -> Node | None:
    named, plain = named_arguments(statement.arguments), positional(statement.arguments)
    spec = "".join(plain[:1])
    match statement.name:
        case "cron":
            return _leaves("hudson.triggers.TimerTrigger", spec=named.get("spec", spec))
        case "pollSCM":
            ignore = named.get("ignorePostCommitHooks", "false")
            specified = named.get("scmpoll_spec", spec)
            return _leaves("hudson.triggers.SCMTrigger", spec=specified, ignorePostCommitHooks=ignore)
        case "githubPush":
            return _leaves("com.cloudbees.jenkins.GitHubPushTrigger", spec="")
        case _:
            return None


def _parameter(statement: Statement) -> Node | None:
    named = named_arguments(statement.arguments)
    head = {name: named[name] for name in ("name", "description") if name in named}
    default = named.get("defaultValue", "")
    match statement.name:
        case "string":
            trim = named.get("trim", "false")
            return _leaves("hudson.model.StringParameterDefinition", **head, defaultValue=default, trim=trim)
        case "text":
            return _leaves("hudson.model.TextParameterDefinition", **head, defaultValue=default, trim="false")
        case "booleanParam":
            value = "true" if default == "true" else "false"
            return _leaves("hudson.model.BooleanParameterDefinition", **head, defaultValue=value)
        case "choice":
            node = _leaves("hudson.model.ChoiceParameterDefinition", **head)
            node.children.append(_choices(named.get("choices", "")))
            return node
        case _:
            return None


def _choices(given: str) -> Node:
    """A list is kept as a list; a text of lines becomes the array form, as the two setters of core do."""
    if given.startswith("["):
        values = [literal(part) for part in split(given.strip("[]"), ",") if part.strip()]
        return Node("choices", children=[Node("string", text=value) for value in values])
    lines = [Node("string", text=line) for line in given.split("\n") if line]
    return Node(
        "choices",
        {"class": "java.util.Arrays$ArrayList"},
        children=[Node("a", {"class": "string-array"}, children=lines)],
    )
