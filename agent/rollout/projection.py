"""Raw objects -> records. What was known of the same object before decides since when something holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from agent import objects
from agent.objects import Object, controller_uid, is_terminating, labels, metadata, name, uid
from agent.rollout.records import (
    Container,
    ContainerKind,
    Exit,
    Occurrence,
    Pod,
    ReplicaSet,
    Revision,
    Trouble,
    digest,
    mapping,
    mappings,
    number,
    text,
)
from agent.rollout.texts import says_why

REVISION = "deployment.kubernetes.io/revision"

_TROUBLES: dict[str, Literal["image", "config", "run"]] = {
    "ErrImagePull": "image",
    "ImagePullBackOff": "image",
    "InvalidImageName": "image",
    "ErrImageNeverPull": "image",
    "ImageInspectError": "image",
    "RegistryUnavailable": "image",
    "SignatureValidationFailed": "image",
    "CreateContainerConfigError": "config",
    "RunContainerError": "run",
    "CreateContainerError": "run",
    "PreCreateHookError": "run",
    "PreStartHookError": "run",
    "PostStartHookError": "run",
    "ContainerCannotRun": "run",
}

_FIELD_PATH = re.compile(r"\{([^}]+)\}")


def pod(thing: Object, at: float, before: Pod | None) -> Pod:
    """The record of a pod as heard at `at`, given what was known of it."""
    status, spec = mapping(thing.get("status")), mapping(thing.get("spec"))
    conditions = {text(item.get("type")): item for item in mappings(status.get("conditions"))}
    scheduling = conditions.get("PodScheduled", {})
    node = text(spec.get("nodeName"))
    ready = conditions.get("Ready", {}).get("status") == "True"
    no_node = scheduling.get("status") == "False" and scheduling.get("reason") == "Unschedulable" and not node
    marks = labels(thing)
    return Pod(
        uid=uid(thing),
        name=name(thing),
        version=text(metadata(thing).get("resourceVersion")),
        owner=controller_uid(thing),
        revision=text(marks.get("controller-revision-hash") or marks.get("pod-template-hash")),
        template_generation=text(marks.get("pod-template-generation")),
        node=node,
        phase=text(status.get("phase")),
        reason=text(status.get("reason")),
        message=text(status.get("message")),
        terminating=is_terminating(thing),
        disrupted=conditions.get("DisruptionTarget", {}).get("status") == "True",
        ready=ready,
        gated=scheduling.get("reason") == "SchedulingGated",
        nominated=bool(status.get("nominatedNodeName")),
        claims=tuple(
            text(mapping(volume.get("persistentVolumeClaim")).get("claimName"))
            for volume in mappings(spec.get("volumes"))
            if volume.get("persistentVolumeClaim")
        ),
        containers=_containers(spec, status, at, before),
        created_at=before.created_at if before else at,
        scheduled_at=_first(bool(node), at, before.scheduled_at if before else None),
        ready_at=_first(ready, at, before.ready_at if before else None),
        unready_since=None if ready else _first(held=True, at=at, since=before.unready_since if before else None),
        unschedulable_since=_first(held=True, at=at, since=before.unschedulable_since if before else None)
        if no_node
        else None,
        unschedulable=text(scheduling.get("message")) if no_node else "",
    )


def _first(held: bool, at: float, since: float | None) -> float | None:  # noqa: FBT001
    """When something was first so: since ever it was, else now if it is."""
    return since if since is not None else (at if held else None)


def _containers(
    spec: Mapping[str, Any], status: Mapping[str, Any], at: float, before: Pod | None
) -> tuple[Container, ...]:
    known = {(item.kind == "main", item.name): item for item in before.containers} if before else {}
    found: list[Container] = []
    for field, states in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
        specs = {text(item.get("name")): item for item in mappings(spec.get(field))}
        for state in mappings(status.get(states)):
            its = text(state.get("name"))
            kind = _kind(field, specs.get(its, {}))
            found.append(_container(state, specs.get(its, {}), kind, at, known.get((kind == "main", its))))
    return tuple(found)


def _kind(field: str, spec: Mapping[str, Any]) -> ContainerKind:
    if field == "containers":
        return "main"
    return "sidecar" if spec.get("restartPolicy") == "Always" else "init"


def _container(
    status: Mapping[str, Any], spec: Mapping[str, Any], kind: ContainerKind, at: float, before: Container | None
) -> Container:
    state, last = mapping(status.get("state")), mapping(status.get("lastState"))
    waiting = mapping(state.get("waiting"))
    running, terminated, previous = "running" in state, _exit(state), _exit(last)
    begun = running or terminated is not None or previous is not None or bool(before and before.begun)
    return Container(
        name=text(status.get("name")),
        kind=kind,
        image=text(spec.get("image") or status.get("image")),
        ready=status.get("ready") is True,
        running=running,
        begun=begun,
        waiting=text(waiting.get("reason")) if waiting else "",
        restarts=number(status.get("restartCount")),
        terminated=terminated,
        last=previous,
        trouble=_trouble(waiting, at, before),
        ended_at=_first(terminated is not None or previous is not None, at, before.ended_at if before else None),
    )


def _exit(state: Mapping[str, Any]) -> Exit | None:
    ended = state.get("terminated")
    if not isinstance(ended, Mapping):
        return None
    return Exit(number(ended.get("exitCode")), text(ended.get("reason")), text(ended.get("message")))


def _trouble(waiting: Mapping[str, Any], at: float, before: Container | None) -> Trouble | None:
    reason, message = text(waiting.get("reason")), text(waiting.get("message"))
    kind = _TROUBLES.get(reason)
    known = before.trouble if before else None
    if kind is None:
        return None
    if known is None or known.kind != kind:
        return Trouble(kind, reason, message, at)
    return Trouble(kind, reason, known.message if says_why(known.message) else message or known.message, known.since)


def replica_set(thing: Object, at: float, before: ReplicaSet | None) -> ReplicaSet:
    """The record of a ReplicaSet."""
    spec, status = mapping(thing.get("spec")), mapping(thing.get("status"))
    failure = next(
        (
            text(item.get("message"))
            for item in mappings(status.get("conditions"))
            if item.get("type") == "ReplicaFailure" and item.get("status") == "True"
            if item.get("reason") == "FailedCreate"
        ),
        "",
    )
    return ReplicaSet(
        uid=uid(thing),
        name=name(thing),
        version=text(metadata(thing).get("resourceVersion")),
        owner=controller_uid(thing),
        template=before.template if before else digest(mapping(spec.get("template"))),
        pod_hash=text(labels(thing).get("pod-template-hash")),
        revision=number(objects.annotations(thing).get(REVISION)),
        created=text(metadata(thing).get("creationTimestamp")),
        wanted=number(spec.get("replicas", 1)),
        present=number(status.get("replicas")),
        failure=failure,
        failure_since=_first(held=True, at=at, since=before.failure_since if before else None) if failure else None,
        seen_at=before.seen_at if before else at,
    )


def revision(thing: Object) -> Revision:
    """The record of a ControllerRevision."""
    template = mapping(mapping(mapping(thing.get("data")).get("spec")).get("template"))
    return Revision(
        uid=uid(thing),
        name=name(thing),
        version=text(metadata(thing).get("resourceVersion")),
        owner=controller_uid(thing),
        pod_hash=text(
            labels(thing).get("controller-revision-hash") or labels(thing).get("controller.kubernetes.io/hash")
        ),
        revision=number(thing.get("revision")),
        template=digest(template) if template else "",
    )


def occurrence(thing: Object, at: float, before: Occurrence | None) -> Occurrence:
    """The record of an event object (core/v1 or events.k8s.io/v1)."""
    about = mapping(thing.get("involvedObject") or thing.get("regarding"))
    series = mapping(thing.get("series"))
    path = _FIELD_PATH.search(text(about.get("fieldPath")))
    message = text(thing.get("message") or thing.get("note"))
    return Occurrence(
        uid=uid(thing),
        version=text(metadata(thing).get("resourceVersion")),
        subject=text(about.get("uid")),
        name=text(about.get("name")),
        kind=text(about.get("kind")),
        reason=text(thing.get("reason")),
        message=before.message if before and not before.stale else message,
        latest=message,
        container=path[1] if path else "",
        count=max(1, number(thing.get("count")), number(series.get("count"))),
        first_at=before.first_at if before and not before.stale else at,
        last_at=at,
        stale=False,
    )


def rebased(item: Occurrence, written: float) -> Occurrence:
    """An event as it counts after a write: stale, unless it was repeated since: then it began with that."""
    if item.last_at <= written:
        return replace(item, stale=True)
    return replace(item, first_at=item.last_at if item.first_at <= written else item.first_at)
