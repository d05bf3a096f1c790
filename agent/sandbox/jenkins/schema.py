"""What this Jenkins understands of a config.xml: the classes, their fields in the order in which XStream writes them.

A save keeps what stands here and drops the rest (README of the recordings: "unknown elements gone at the next save").
Field names and orders come from recorded exchanges 24 and 36 and from the classes themselves
(docs/reference/sandbox-jenkins.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_JOB_PROPERTY = "org.jenkinsci.plugins.workflow.job.properties."
_TRACKER = "org.jenkinsci.plugins.pipeline.modeldefinition.actions."
_FOLDER = "com.cloudbees.hudson.plugins.folder."


class Holds(Enum):
    """What an element can hold."""

    TEXT = "text"
    BOOLEAN = "boolean"
    NUMBER = "number"
    OBJECT = "object"
    LIST = "list"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a class.

    Args:
        name: the element.
        holds: what it can hold.
        default: written when the element is absent (XML for an object, empty for an empty list); None leaves it out.
    """

    name: str
    holds: Holds
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """One class.

    Args:
        plugin: the short name of the plugin that brings it; empty for core.
        slots: its fields, in order.
    """

    plugin: str
    slots: tuple[Slot, ...] = ()


def _text(*names: str) -> tuple[Slot, ...]:
    return tuple(Slot(name, Holds.TEXT) for name in names)


def _flag(name: str, default: str = "false") -> Slot:
    return Slot(name, Holds.BOOLEAN, default)


def _number(name: str, default: str) -> Slot:
    return Slot(name, Holds.NUMBER, default)


def _items(name: str, default: str | None = "") -> Slot:
    return Slot(name, Holds.LIST, default)


def _object(name: str, default: str | None = None) -> Slot:
    return Slot(name, Holds.OBJECT, default)


_HEAD = (_items("actions", None), *_text("description", "displayName"))
_PARAMETER = _text("name", "description")
_VIEW_OWNER = f'<owner class="{_FOLDER}Folder" reference="../../../.."/>'
_FOLDER_VIEWS = (
    f'<folderViews class="{_FOLDER}views.DefaultFolderViewHolder"><views><hudson.model.AllView>{_VIEW_OWNER}'
    "<name>all</name><filterExecutors>false</filterExecutors><filterQueue>false</filterQueue>"
    '<properties class="hudson.model.View$PropertyList"/></hudson.model.AllView></views>'
    '<tabBar class="hudson.views.DefaultViewsTabBar"/></folderViews>'
)
_COMPUTED = (
    *_HEAD,
    _items("properties"),
    Slot("folderViews", Holds.ANYTHING),
    _items("healthMetrics"),
    Slot("icon", Holds.ANYTHING),
    Slot(
        "orphanedItemStrategy",
        Holds.ANYTHING,
        f'<orphanedItemStrategy class="{_FOLDER}computed.DefaultOrphanedItemStrategy">'
        "<pruneDeadBranches>true</pruneDeadBranches><daysToKeep>-1</daysToKeep><numToKeep>-1</numToKeep>"
        "<abortBuilds>false</abortBuilds></orphanedItemStrategy>",
    ),
    _items("triggers"),
    _flag("disabled"),
)

SHAPES: Mapping[str, Shape] = {
    "flow-definition": Shape(
        "workflow-job",
        (
            *_HEAD,
            _flag("keepDependencies"),
            _items("properties"),
            _object("definition"),
            *_text("quietPeriod", "authToken"),
            _items("triggers"),
            _flag("disabled"),
        ),
    ),
    "project": Shape(
        "",
        (
            *_HEAD,
            _flag("keepDependencies"),
            _items("properties"),
            _object("scm", '<scm class="hudson.scm.NullSCM"/>'),
            *_text("quietPeriod", "assignedNode"),
            _flag("canRoam"),
            _flag("disabled"),
            _flag("blockBuildWhenDownstreamBuilding"),
            _flag("blockBuildWhenUpstreamBuilding"),
            *_text("authToken", "jdk"),
            _items("triggers"),
            _flag("concurrentBuild"),
            *_text("customWorkspace"),
            _items("builders"),
            _items("publishers"),
            _items("buildWrappers"),
        ),
    ),
    f"{_FOLDER}Folder": Shape(
        "cloudbees-folder",
        (
            *_HEAD,
            _items("properties"),
            Slot("folderViews", Holds.ANYTHING, _FOLDER_VIEWS),
            _items("healthMetrics"),
            Slot("icon", Holds.ANYTHING, f'<icon class="{_FOLDER}icons.StockFolderIcon"/>'),
        ),
    ),
    "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject": Shape(
        "workflow-multibranch", (*_COMPUTED, Slot("sources", Holds.ANYTHING), Slot("factory", Holds.ANYTHING))
    ),
    "jenkins.branch.OrganizationFolder": Shape(
        "branch-api", (*_COMPUTED, Slot("navigators", Holds.ANYTHING), Slot("projectFactories", Holds.ANYTHING))
    ),
    "jenkins.model.BuildDiscarderProperty": Shape("", (_object("strategy"),)),
    "hudson.tasks.LogRotator": Shape(
        "",
        (
            _number("daysToKeep", "-1"),
            _number("numToKeep", "-1"),
            _number("artifactDaysToKeep", "-1"),
            _number("artifactNumToKeep", "-1"),
            _flag("removeLastBuild"),
        ),
    ),
    f"{_JOB_PROPERTY}DisableConcurrentBuildsJobProperty": Shape("workflow-job", (_flag("abortPrevious"),)),
    f"{_JOB_PROPERTY}DisableResumeJobProperty": Shape("workflow-job"),
    f"{_JOB_PROPERTY}DurabilityHintJobProperty": Shape("workflow-job", _text("hint")),
    f"{_JOB_PROPERTY}PipelineTriggersJobProperty": Shape("workflow-job", (_items("triggers"),)),
    "hudson.triggers.TimerTrigger": Shape("", _text("spec")),
    "hudson.triggers.SCMTrigger": Shape("", (*_text("spec"), _flag("ignorePostCommitHooks"))),
    "com.cloudbees.jenkins.GitHubPushTrigger": Shape("github", _text("spec")),
    "hudson.model.ParametersDefinitionProperty": Shape("", (_items("parameterDefinitions"),)),
    "hudson.model.StringParameterDefinition": Shape("", (*_PARAMETER, *_text("defaultValue"), _flag("trim"))),
    "hudson.model.TextParameterDefinition": Shape("", (*_PARAMETER, *_text("defaultValue"), _flag("trim"))),
    "hudson.model.BooleanParameterDefinition": Shape("", (*_PARAMETER, _flag("defaultValue"))),
    "hudson.model.ChoiceParameterDefinition": Shape("", (*_PARAMETER, Slot("choices", Holds.ANYTHING))),
    "hudson.model.PasswordParameterDefinition": Shape("", (*_PARAMETER, *_text("defaultValue"))),
    "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition": Shape("workflow-cps", (*_text("script"), _flag("sandbox"))),
    "org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition": Shape(
        "workflow-cps", (_object("scm"), *_text("scriptPath"), _flag("lightweight"))
    ),
    "hudson.scm.NullSCM": Shape(""),
    "hudson.plugins.git.GitSCM": Shape(
        "git",
        (
            _number("configVersion", "2"),
            _items("userRemoteConfigs"),
            _items("branches"),
            _flag("doGenerateSubmoduleConfigurations"),
            Slot("browser", Holds.ANYTHING),
            *_text("gitTool"),
            Slot("submoduleCfg", Holds.ANYTHING, '<submoduleCfg class="empty-list"/>'),
            Slot("extensions", Holds.ANYTHING, "<extensions/>"),
        ),
    ),
    "hudson.plugins.git.UserRemoteConfig": Shape("git", _text("name", "refspec", "url", "credentialsId")),
    "hudson.plugins.git.BranchSpec": Shape("git", _text("name")),
    "hudson.tasks.Shell": Shape("", (*_text("command"), _items("configuredLocalRules"))),
    f"{_TRACKER}DeclarativeJobAction": Shape("pipeline-model-definition"),
    f"{_TRACKER}DeclarativeJobPropertyTrackerAction": Shape(
        "pipeline-model-definition",
        (_items("jobProperties"), _items("triggers"), _items("parameters"), _items("options")),
    ),
}

OWNERS: tuple[tuple[str, str], ...] = (
    ("hudson.plugins.git.", "git"),
    ("jenkins.plugins.git.", "git"),
    ("jenkins.branch.", "branch-api"),
    (_FOLDER, "cloudbees-folder"),
    ("org.jenkinsci.plugins.workflow.multibranch.", "workflow-multibranch"),
    ("org.jenkinsci.plugins.workflow.libs.", "pipeline-groovy-lib"),
    ("org.jenkinsci.plugins.workflow.job.", "workflow-job"),
    ("org.jenkinsci.plugins.workflow.cps.", "workflow-cps"),
    ("com.cloudbees.plugins.credentials.", "credentials"),
    ("org.jenkins.plugins.lockableresources.", "lockable-resources"),
    ("org.jenkinsci.plugins.plaincredentials.", "plain-credentials"),
    ("hudson.security.AuthorizationMatrixProperty", "matrix-auth"),
    ("hudson.tasks.junit.", "junit"),
    ("hudson.plugins.jira.", "jira"),
    ("com.coravy.hudson.plugins.github.", "github"),
)
"""Which plugin brings the classes of a package; core brings what stands nowhere else."""

CORE = (
    "java.",
    "hudson.model.",
    "hudson.tasks.",
    "hudson.triggers.",
    "hudson.scm.",
    "hudson.views.",
    "hudson.util.",
    "jenkins.model.",
)
"""Packages of core and of Java: their classes are known without a plugin."""


def owner_of(class_name: str) -> str | None:
    """The plugin of a class: empty for core, None for a class that nobody knows."""
    shape = SHAPES.get(class_name)
    if shape is not None:
        return shape.plugin
    for prefix, plugin in OWNERS:
        if class_name.startswith(prefix):
            return plugin
    return "" if class_name.startswith(CORE) or "." not in class_name else None
