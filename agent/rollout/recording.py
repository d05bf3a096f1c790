"""Recordings of rollouts: our own `events.ndjson`, and the raw form that `record.py` writes.

Our own form, one JSON object a line. The first line is the header `{"headway": 1, "workload": {"apiVersion", "kind",
"namespace", "name"}, "policy": {"timeout", "patience": {...}}, "seconds": N?}`; every other line has `at` (seconds on
one monotonic clock) and one of

    "listed": resource, "items": [...]
    "changed": resource, "type": ADDED | MODIFIED | DELETED, "object": {...}
    "applied": {...}, "created": true | false
    "blind": reason
    "sighted": true

Objects are trimmed (no managedFields, no last-applied annotation), messages scrubbed of credentials, and the values of
environment variables replaced by four hexadecimal digits of their hash: enough to see that two templates differ, too
little to find a secret by trying.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, assert_never

from agent.objects import Object, Ref
from agent.rollout.feed import Applied, Blind, Changed, Event, Listed, Sighted
from agent.rollout.policy import Patience, Policy
from agent.rollout.scrub import scrub
from agent.rollout.write import server_time

VERSION = 1
_FOREVER = 1e9
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "jobs": "Job"}


class RecordingError(ValueError):
    """A line is not what a recording holds; the message says what is wrong with it."""


def header(workload: Ref, policy: Policy) -> dict[str, Any]:
    """The first line of our own form."""
    named = {
        "apiVersion": workload.api_version, "kind": workload.kind, "namespace": workload.namespace,
        "name": workload.name,
    }  # fmt: skip
    return {"headway": VERSION, "workload": named, "policy": asdict(policy)}


def encode(event: Event) -> dict[str, Any]:
    """An event as one line of our own form."""
    match event:
        case Listed():
            return {"at": event.at, "listed": event.resource, "items": [trimmed(item) for item in event.items]}
        case Changed():
            return {"at": event.at, "changed": event.resource, "type": event.type, "object": trimmed(event.object)}
        case Applied():
            return {"at": event.at, "applied": _answer(event.object), "created": event.created}
        case Blind():
            return {"at": event.at, "blind": scrub(event.reason)}
        case Sighted():
            return {"at": event.at, "sighted": True}
        case _:
            assert_never(event)


def decode(line: Mapping[str, Any]) -> Event:
    """One line of our own form as an event.

    Raises:
        RecordingError: it is none.
    """
    moment = _moment(line, "at")
    if isinstance(line.get("listed"), str) and isinstance(line.get("items"), list):
        return Listed(moment, line["listed"], tuple(_object(item) for item in line["items"]))
    if isinstance(line.get("changed"), str) and line.get("type") in {"ADDED", "MODIFIED", "DELETED"}:
        return Changed(moment, line["changed"], line["type"], _object(line.get("object")))
    if "applied" in line:
        return Applied(moment, _object(line["applied"]), created=line.get("created") is True)
    if isinstance(line.get("blind"), str):
        return Blind(moment, line["blind"])
    if line.get("sighted") is True:
        return Sighted(moment)
    raise RecordingError("a line is none of listed, changed, applied, blind, sighted")


def decode_header(line: Mapping[str, Any]) -> tuple[Ref, Policy]:
    """The workload and the policy of our own form's first line.

    Raises:
        RecordingError: it is not a header of this version.
    """
    named = line.get("workload")
    if line.get("headway") != VERSION or not isinstance(named, Mapping):
        raise RecordingError(f"the first line is not the header of a recording of version {VERSION}")
    fields = [named.get(key) for key in ("apiVersion", "kind", "namespace", "name")]
    if not all(isinstance(field, str) for field in fields):
        raise RecordingError("the header does not name its workload")
    return Ref(*(str(field) for field in fields)), _policy(line.get("policy"))


def _policy(found: object) -> Policy:
    if not isinstance(found, Mapping):
        return Policy()
    patience = found.get("patience")
    known = {key: _seconds(value) for key, value in patience.items()} if isinstance(patience, Mapping) else {}
    fields = {key: value for key, value in known.items() if key in Patience.__dataclass_fields__}
    return Policy(_seconds(found.get("timeout", Policy().timeout)), Patience(**fields))


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise RecordingError("the header's policy holds something that is not a number of seconds")
    return float(value)


def decode_raw_header(line: Mapping[str, Any]) -> Ref:
    """The workload of a raw recording, from its first line (`"workload": "deployments/web"`).

    Raises:
        RecordingError: it names none.
    """
    resource, _, name = str(line.get("workload", "")).partition("/")
    if resource not in _KINDS or not name:
        raise RecordingError("the first line is not the header of a recording: it names no workload")
    version = "batch/v1" if resource == "jobs" else "apps/v1"
    return Ref(version, _KINDS[resource], str(line.get("namespace") or ""), name)


def decode_raw(line: Mapping[str, Any], workload: Ref, *, written: bool) -> Event | None:
    """One line of a raw recording as an event; None where it says nothing about the rollout.

    Args:
        line: the line.
        workload: what is followed.
        written: whether our own write came before; any further request is somebody else's (contract section 7).

    Raises:
        RecordingError: it is not a line of a recording.
    """
    moment, resource = _moment(line, "t"), str(line.get("resource", ""))
    if isinstance(line.get("list"), Mapping):
        items = line["list"].get("items")
        return Listed(moment, resource, tuple(_object(item) for item in (items if isinstance(items, list) else [])))
    if isinstance(line.get("event"), Mapping):
        kind = line["event"].get("type")
        return Changed(moment, resource, kind, _object(line["event"].get("object"))) if kind in _CHANGES else None
    if "request" in line:
        answer = _object(line.get("answer"))
        ours = (
            not written
            and answer.get("kind") == workload.kind
            and (answer.get("metadata") or {}).get("name") == workload.name
        )
        return Applied(moment, answer, created=str(line["request"]).startswith("POST")) if ours else None
    raise RecordingError("a line is none of list, event, request")


_CHANGES = frozenset({"ADDED", "MODIFIED", "DELETED"})


def _moment(line: Mapping[str, Any], key: str) -> float:
    at = line.get(key)
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not abs(at) < _FOREVER:
        raise RecordingError(f"a line has no time `{key}`")
    return float(at)


def _object(thing: object) -> Object:
    """An object whose bones are those of every Kubernetes object; the rules read the rest with care."""
    if not isinstance(thing, dict) or not isinstance(thing.get("metadata"), dict):
        raise RecordingError("a line holds no Kubernetes object where one belongs")
    metadata = thing["metadata"]
    marks = (metadata.get("labels"), metadata.get("annotations"))
    owners, generation = metadata.get("ownerReferences"), metadata.get("generation")
    conditions = status.get("conditions") if isinstance(status := thing.get("status"), dict) else None
    sound = (
        all(mark is None or isinstance(mark, dict) for mark in marks)
        and all(items is None or _are_objects(items) for items in (owners, conditions))
        and (generation is None or isinstance(generation, int))
    )
    if not sound:
        raise RecordingError("a line holds an object that no Kubernetes server would send")
    return thing


def _are_objects(items: object) -> bool:
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def trimmed(thing: Object) -> Object:
    """A copy fit to be kept: without managedFields and last-applied, credentials and environment values taken out."""
    kept: Object = _clean(thing)
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
        marks = metadata.get("annotations")
        if isinstance(marks, dict):
            marks.pop(_LAST_APPLIED, None)
    if kept.get("kind") == "Secret":
        kept.pop("data", None)
        kept.pop("stringData", None)
    return kept


def _answer(thing: Object) -> Object:
    """Our write's answer, with the one thing in managedFields that is needed again: when the server took it."""
    kept = trimmed(thing)
    if time := server_time(thing):
        kept["metadata"]["managedFields"] = [{"time": time}]
    return kept


def _clean(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {key: _entry(key, value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [_clean(item) for item in thing]
    return thing


def _entry(key: str, value: Any) -> Any:
    if key == "env" and isinstance(value, list):
        return [_variable(item) if isinstance(item, dict) else item for item in value]
    if key in {"message", "note"} and isinstance(value, str):
        return scrub(value)
    return _clean(value)


def _variable(item: Object) -> Object:
    if not isinstance(item.get("value"), str):
        return dict(item)
    if item["value"].startswith("scrubbed:"):
        return dict(item)
    mark = hashlib.sha256(item["value"].encode("utf-8", "surrogatepass")).hexdigest()[:4]
    return {**item, "value": f"scrubbed:{mark}"}
