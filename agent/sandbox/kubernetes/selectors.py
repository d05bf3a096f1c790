"""Label selectors (in URLs and in objects) and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import Obj, labels, meta

Test: TypeAlias = Callable[[Mapping[str, Any]], bool]

_SET = re.compile(r"^\s*(\S+?)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([^\s=!<>]+)\s*(==|=|!=)\s*([^\s=!]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s=!(),]+)\s*$")
_SPLIT = re.compile(r",(?![^(]*\))")

_COMMON = {"metadata.name", "metadata.namespace"}
_FIELDS: dict[str, set[str]] = {
    "Pod": {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
            "status.podIP", "status.nominatedNodeName"},
    "Event": {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
              "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
              "reportingComponent", "source", "type"},
    "Secret": {"type"},
    "Namespace": {"status.phase"},
    "Node": {"spec.unschedulable"},
    "ReplicaSet": {"status.replicas"},
    "Job": {"status.successful"},
    "Service": {"spec.clusterIP", "spec.type"},
}  # fmt: skip


def label_test(text: str) -> Test:
    """The test of a `labelSelector` parameter.

    Raises:
        ApiError: 400, it can't be parsed.
    """
    tests = [_requirement(part) for part in _SPLIT.split(text) if part.strip()]
    return lambda thing: all(test(labels(thing)) for test in tests)


def _requirement(part: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(part):
        name, verb, values = found.group(1), found.group(2), {item.strip() for item in found.group(3).split(",")}
        if verb == "in":
            return lambda have: have.get(name) in values
        return lambda have: have.get(name) not in values
    if found := _EQUAL.match(part):
        name, sign, value = found.groups()
        if sign == "!=":
            return lambda have: have.get(name) != value
        return lambda have: have.get(name) == value
    if found := _EXISTS.match(part):
        absent, name = found.groups()
        return lambda have: (name not in have) if absent else (name in have)
    raise ApiError(400, f"unable to parse requirement: found '{part.strip()}', expected: identifier")


def field_test(text: str, kind: str) -> Test:
    """The test of a `fieldSelector` parameter.

    Raises:
        ApiError: 400, the field is none that this kind can be selected by.
    """
    tests: list[tuple[list[str], bool, str]] = []
    for part in filter(None, text.split(",")):
        found = re.match(r"^([^=!]+)(==|=|!=)(.*)$", part)
        if found is None:
            raise ApiError(400, f"invalid selector: '{part}'; can't understand '{part}'")
        field, sign, value = found.group(1).strip(), found.group(2), found.group(3).strip()
        if field not in _COMMON | _FIELDS.get(kind, set()):
            raise ApiError(400, f"field label not supported: {field}")
        tests.append((field.split("."), sign != "!=", value))
    return lambda thing: all((_at(thing, path) == value) is wanted for path, wanted, value in tests)


def _at(thing: Mapping[str, Any], path: list[str]) -> str:
    value: Any = thing
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):  # source: the component speaks for it
        value = value.get("component")
    return "" if value is None else str(value)


def matches(selector: Obj | None, have: Mapping[str, str]) -> bool:
    """Whether labels satisfy a metav1.LabelSelector; an empty selector matches everything, None nothing."""
    if selector is None:
        return False
    if any(have.get(name) != value for name, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(item, have) for item in selector.get("matchExpressions") or ())


def _expression(item: Obj, have: Mapping[str, str]) -> bool:
    name, values = item.get("key", ""), item.get("values") or []
    operator = item.get("operator")
    if operator == "Exists":
        return name in have
    if operator == "DoesNotExist":
        return name not in have
    return (have.get(name) in values) is (operator == "In")


def both(*tests: Test) -> Test:
    """All of the tests."""
    return lambda thing: all(test(thing) for test in tests)


def in_namespace(namespace: str) -> Test:
    """Whether an object lives there; an empty namespace is everywhere."""
    return lambda thing: not namespace or meta(thing).get("namespace") == namespace
