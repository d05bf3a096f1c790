"""Which fields of an item, a build, a queue item, a view, a plugin the remote API shows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from agent.sandbox.jenkins.builds import QueueItem
from agent.sandbox.jenkins.credentials import Credential
from agent.sandbox.jenkins.parameters import Definition, definitions
from agent.sandbox.jenkins.plugins import Plugin
from agent.sandbox.jenkins.remote import ALWAYS, Fields, Listed, Model
from agent.sandbox.jenkins.store import Build, Item, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.sandbox.jenkins.controller import Controller
    from agent.sandbox.jenkins.views import View

_COLORS = {"SUCCESS": "blue", "UNSTABLE": "yellow", "FAILURE": "red", "ABORTED": "aborted", "NOT_BUILT": "notbuilt"}
_SHOWN_BUILDS = 100


def model_of(value: object) -> Model | None:
    """The model of an object; None for a plain value."""
    if isinstance(value, Item):
        return _ITEMS[value.kind]
    if isinstance(value, QueueItem):
        return _WAITING if value.waiting else _LEFT
    return _OTHERS.get(type(value))


def color(item: Item) -> str:
    """The ball of a job: from its newest build, `disabled` and `notbuilt` included."""
    if item.disabled:
        return "disabled"
    if not item.builds:
        return "notbuilt"
    newest = item.builds[-1]
    if newest.building:
        before = next((build for build in reversed(item.builds) if build.result), None)
        return (_COLORS[before.result] if before and before.result else "notbuilt") + "_anime"
    return _COLORS.get(newest.result or "", "red")


def _newest(item: Item, wanted: Callable[[Build], bool]) -> Build | None:
    return next((build for build in reversed(item.builds) if wanted(build)), None)


def _views(controller: Controller, group: Item) -> list[object]:
    every = {"name": "all", "url": controller.url + group.url.lstrip("/") + ("view/all/" if group.parent else "")}
    listed = (listed_view(controller, group, group.views[name]) for name in sorted(group.views))
    return [Listed("hudson.model.AllView", every), *listed]


def listed_view(controller: Controller, group: Item, view: View) -> Listed:
    """What the API says of a view of a group."""
    values = {
        "description": view.description,
        "jobs": [group.children[name] for name in view.job_names if name in group.children],
        "name": view.name,
        "property": [],
        "url": f"{controller.url}{group.url[1:]}view/{quote(view.name, safe='')}/",
    }
    return Listed(view.class_name, values)


def _properties(_controller: Controller, item: Item) -> list[object]:
    listed: list[object] = []
    held = item.tree.find("properties")
    for node in held.children if held else []:
        values: dict[str, object] = {}
        if node.tag == "hudson.model.ParametersDefinitionProperty":
            values["parameterDefinitions"] = definitions(item)
        listed.append(Listed(node.tag, values))
    return listed


def causes(user: str) -> Listed:
    """The action that says who started it."""
    cause = {"shortDescription": f"Started by user {user}", "userId": user, "userName": user}
    return Listed("hudson.model.CauseAction", {"causes": [Listed("hudson.model.Cause$UserIdCause", cause)]})


def _actions(_controller: Controller, made: Build | QueueItem) -> list[object]:
    given = [
        Listed("hudson.model.StringParameterValue", {"name": name, "value": value})
        for name, value in made.parameters.items()
    ]
    parameters = [Listed("hudson.model.ParametersAction", {"parameters": given})] if given else []
    return [*parameters, causes(made.user)]


_NAMED: Fields = {
    "actions": (1, lambda _c, _i: []),
    "description": (1, lambda _c, item: item.description),
    "displayName": (1, lambda _c, item: item.display_name),
    "displayNameOrNull": (1, lambda _c, item: item.display_name if item.display_name != item.name else None),
    "fullDisplayName": (1, lambda _c, item: item.path.replace("/", " » ")),
    "fullName": (1, lambda _c, item: item.path),
    "name": (ALWAYS, lambda _c, item: item.name),
    "url": (ALWAYS, lambda c, item: c.url + item.url[1:]),
}
_GROUP: Fields = {
    **_NAMED,
    "healthReport": (1, lambda _c, _i: []),
    "jobs": (1, lambda _c, item: item.ordered()),
    "primaryView": (1, lambda c, item: _views(c, item)[0]),
    "views": (1, _views),
}
_JOB: Fields = {
    **_NAMED,
    "allBuilds": (-1, lambda _c, item: item.builds[::-1]),
    "buildable": (1, lambda _c, item: not item.disabled),
    "builds": (1, lambda _c, item: item.builds[::-1][:_SHOWN_BUILDS]),
    "color": (2, lambda _c, item: color(item)),
    "concurrentBuild": (1, lambda _c, item: "DisableConcurrentBuildsJobProperty" not in item.config),
    "disabled": (1, lambda _c, item: item.disabled),
    "firstBuild": (1, lambda _c, item: item.builds[0] if item.builds else None),
    "healthReport": (1, lambda _c, _i: []),
    "inQueue": (1, lambda c, item: any(q.item is item for q in c.executors.waiting)),
    "keepDependencies": (1, lambda _c, _i: False),
    "lastBuild": (1, lambda _c, item: _newest(item, lambda _b: True)),
    "lastCompletedBuild": (1, lambda _c, item: _newest(item, lambda b: not b.building)),
    "lastFailedBuild": (1, lambda _c, item: _newest(item, lambda b: b.result == "FAILURE")),
    "lastStableBuild": (1, lambda _c, item: _newest(item, lambda b: b.result == "SUCCESS")),
    "lastSuccessfulBuild": (1, lambda _c, item: _newest(item, lambda b: b.result in {"SUCCESS", "UNSTABLE"})),
    "lastUnstableBuild": (1, lambda _c, item: _newest(item, lambda b: b.result == "UNSTABLE")),
    "lastUnsuccessfulBuild": (1, lambda _c, item: _newest(item, lambda b: b.result not in {None, "SUCCESS"})),
    "nextBuildNumber": (1, lambda _c, item: item.next_number),
    "property": (1, _properties),
    "queueItem": (
        1,
        lambda c, item: next((q for q in c.executors.waiting if q.item is item), None),
    ),
}
_ROOT: Fields = {
    "assignedLabels": (1, lambda _c, _i: [Listed("", {"name": "built-in"})]),
    "description": (1, lambda _c, _i: None),
    "jobs": (1, lambda _c, item: item.ordered()),
    "mode": (1, lambda _c, _i: "NORMAL"),
    "nodeDescription": (1, lambda _c, _i: "the Jenkins controller's built-in node"),
    "nodeName": (1, lambda _c, _i: ""),
    "numExecutors": (1, lambda _c, _i: 4),
    "primaryView": (1, lambda c, item: _views(c, item)[0]),
    "quietingDown": (1, lambda c, _i: c.quieting_down),
    "slaveAgentPort": (1, lambda _c, _i: -1),
    "url": (1, lambda c, _i: c.url),
    "useCrumbs": (1, lambda _c, _i: True),
    "useSecurity": (1, lambda _c, _i: True),
    "views": (1, _views),
}
_BUILD: Fields = {
    "actions": (1, _actions),
    "artifacts": (1, lambda _c, _b: []),
    "building": (1, lambda _c, build: build.building),
    "changeSets": (1, lambda _c, _b: []),
    "culprits": (1, lambda _c, _b: []),
    "description": (1, lambda _c, _b: None),
    "displayName": (1, lambda _c, build: f"#{build.number}"),
    "duration": (1, lambda _c, build: build.duration),
    "estimatedDuration": (1, lambda _c, build: build.duration or -1),
    "executor": (1, lambda _c, build: Listed("hudson.model.OneOffExecutor", {}) if build.building else None),
    "fullDisplayName": (1, lambda _c, build: f"{build.item.path.replace('/', ' » ')} #{build.number}"),
    "id": (1, lambda _c, build: str(build.number)),
    "inProgress": (1, lambda _c, build: build.building),
    "keepLog": (1, lambda _c, _b: False),
    "number": (2, lambda _c, build: build.number),
    "queueId": (1, lambda _c, build: build.queue_id),
    "result": (1, lambda _c, build: build.result),
    "timestamp": (1, lambda _c, build: build.started),
    "url": (2, lambda c, build: c.url + build.url[1:]),
}


def _task(controller: Controller, queued: QueueItem) -> Listed:
    item = queued.item
    url = controller.url + item.url[1:]
    return Listed(item.kind.value, {"name": item.name, "url": url, "color": color(item)})


def _why(controller: Controller, queued: QueueItem) -> str | None:
    left = queued.due / 1000 - controller.now()
    return f"In the quiet period. Expires in {left:.1f} sec" if queued.waiting else None


_QUEUED: Fields = {
    "actions": (1, _actions),
    "blocked": (1, lambda _c, _q: False),
    "buildable": (1, lambda _c, _q: False),
    "id": (1, lambda _c, queued: queued.id),
    "inQueueSince": (1, lambda _c, queued: queued.since),
    "params": (1, lambda _c, queued: "".join(f"\n{name}={value}" for name, value in queued.parameters.items())),
    "stuck": (1, lambda _c, _q: False),
    "task": (1, _task),
    "url": (1, lambda _c, queued: queued.url),
    "why": (1, _why),
}
_WAITING = Model("hudson.model.Queue$WaitingItem", {**_QUEUED, "timestamp": (1, lambda _c, queued: queued.due)})
_LEFT = Model(
    "hudson.model.Queue$LeftItem",
    {
        **_QUEUED,
        "cancelled": (1, lambda _c, queued: queued.cancelled),
        "executable": (1, lambda _c, queued: queued.build),
    },
)
_DEFINITION: Fields = {
    "defaultParameterValue": (
        1,
        lambda _c, d: Listed("hudson.model.StringParameterValue", {"name": d.name, "value": d.default}),
    ),
    "description": (1, lambda _c, d: d.description),
    "name": (ALWAYS, lambda _c, d: d.name),
    "type": (1, lambda _c, d: d.class_name.rpartition(".")[2]),
    "choices": (1, lambda _c, d: list(d.choices) or None),
}
_CREDENTIAL: Fields = {
    "description": (1, lambda _c, credential: credential.description),
    "displayName": (1, lambda _c, credential: credential.display_name),
    "fingerprint": (1, lambda _c, _x: None),
    "fullName": (1, lambda _c, credential: f"system/{credential.domain}/{credential.id}"),
    "id": (1, lambda _c, credential: credential.id),
    "typeName": (1, lambda _c, credential: credential.kind),
}
_PLUGIN: Fields = {
    "active": (1, lambda _c, plugin: plugin.active),
    "bundled": (1, lambda _c, _p: False),
    "deleted": (1, lambda _c, _p: False),
    "dependencies": (1, lambda _c, _p: []),
    "downgradable": (1, lambda _c, _p: False),
    "enabled": (1, lambda _c, plugin: plugin.active),
    "hasUpdate": (1, lambda _c, _p: False),
    "longName": (1, lambda _c, plugin: plugin.short_name),
    "pinned": (1, lambda _c, _p: False),
    "shortName": (1, lambda _c, plugin: plugin.short_name),
    "url": (1, lambda _c, plugin: f"https://plugins.jenkins.io/{plugin.short_name}"),
    "version": (1, lambda _c, plugin: plugin.version),
}
_ITEMS = {
    Kind.ROOT: Model(Kind.ROOT.value, _ROOT),
    Kind.FOLDER: Model(Kind.FOLDER.value, _GROUP),
    Kind.MULTIBRANCH: Model(Kind.MULTIBRANCH.value, _GROUP),
    Kind.ORGANIZATION: Model(Kind.ORGANIZATION.value, _GROUP),
    Kind.PIPELINE: Model(Kind.PIPELINE.value, _JOB),
    Kind.FREESTYLE: Model(Kind.FREESTYLE.value, _JOB),
}
_OTHERS = {
    Build: Model(lambda build: build.class_name, _BUILD),
    Credential: Model("com.cloudbees.plugins.credentials.CredentialsStoreAction$CredentialsWrapper", _CREDENTIAL),
    Definition: Model(lambda definition: definition.class_name, _DEFINITION),
    Plugin: Model("", _PLUGIN),
}
