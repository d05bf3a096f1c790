"""What the API server refuses an object for, in its words (pkg/apis/*/validation, the rules met in practice)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agent.sandbox.kubernetes import quantity
from agent.sandbox.kubernetes.errors import ApiError, Cause, invalid
from agent.sandbox.kubernetes.kinds import Kind
from agent.sandbox.kubernetes.objects import Obj, canonical, meta
from agent.sandbox.kubernetes.selectors import matches

_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_SERVICE = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_LABEL_NAME = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")
_ENV_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_MAX_LABEL, _MAX_SUBDOMAIN, _MAX_PORT = 63, 253, 65535
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SERVICE_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_NAME_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character"
)
_QUANTITY_TEXT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_POD_FREE = {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"}
_WORKLOADS = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"}


def validate(kind: Kind, thing: Obj, before: Obj | None = None) -> None:
    """Refuses an object that the real API server would refuse.

    Raises:
        ApiError: 400 for what can't be decoded, 422 with all causes for what is not allowed.
    """
    _decode(kind, thing)
    causes = list(_metadata(kind, thing))
    if kind.kind in _WORKLOADS:
        causes += _workload(kind, thing)
    elif kind.kind == "Pod":
        causes += _pod(thing.get("spec") or {}, "spec")
    elif kind.kind == "Service":
        causes += _service(thing.get("spec") or {})
    if before is not None:
        causes += _immutable(kind, thing, before)
    if causes:
        raise invalid(kind, str(meta(thing).get("name", "")), causes)


def _decode(kind: Kind, thing: Obj) -> None:
    """Refuses what Go could not unmarshal into the type."""
    spec = thing.get("spec")
    if spec is not None and not isinstance(spec, dict):
        raise _undecodable(kind, f"json: cannot unmarshal {_go_type(spec)} into Go struct field {kind.kind}.spec")
    for section in ("labels", "annotations"):
        for name, value in (meta(thing).get(section) or {}).items():
            if not isinstance(value, str):
                where = f"ObjectMeta.metadata.{section} of type string"
                raise _undecodable(
                    kind, f"json: cannot unmarshal {_go_type(value)} into Go struct field {where} ({name})"
                )
    replicas = (spec or {}).get("replicas")
    if replicas is not None and (isinstance(replicas, bool) or not isinstance(replicas, int)):
        where = f"{kind.kind}Spec.spec.replicas of type int32"
        raise _undecodable(kind, f"json: cannot unmarshal {_go_type(replicas)} into Go struct field {where}")
    pod = ((spec or {}).get("template") or {}).get("spec") or {}
    for item in (pod if kind.kind != "Pod" else spec or {}).get("containers") or ():
        for section in ("limits", "requests"):
            for value in ((item.get("resources") or {}).get(section) or {}).values():
                try:
                    quantity.parse(value)
                except ValueError:
                    raise _undecodable(kind, _QUANTITY_TEXT) from None


def _undecodable(kind: Kind, why: str) -> ApiError:
    return ApiError(400, f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def _go_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "number" if isinstance(value, int | float) else "array" if isinstance(value, list) else "object"


def _metadata(kind: Kind, thing: Obj) -> Iterator[Cause]:
    name = str(meta(thing).get("name") or "")
    pattern, limit, text = _SUBDOMAIN, _MAX_SUBDOMAIN, _SUBDOMAIN_TEXT
    if kind.kind == "Service":
        pattern, limit, text = _SERVICE, _MAX_LABEL, _SERVICE_TEXT
    elif kind.kind == "Namespace":
        pattern, limit, text = _LABEL, _MAX_LABEL, _LABEL_TEXT
    if not name:
        yield Cause("metadata.name", "Required value", "name or generateName is required")
    elif len(name) > limit:
        yield Cause("metadata.name", "Invalid value", f"must be no more than {limit} bytes", f'"{name}"')
    elif not pattern.match(name) and kind.group != "rbac.authorization.k8s.io":
        yield Cause("metadata.name", "Invalid value", text, f'"{name}"')
    yield from _labels(meta(thing).get("labels"), "metadata.labels")


def _labels(have: Any, field: str) -> Iterator[Cause]:
    for name, value in (have or {}).items():
        if not _LABEL_NAME.match(name):
            yield Cause(field, "Invalid value", _NAME_TEXT, f'"{name}"')
        if len(value) > _MAX_LABEL:
            yield Cause(field, "Invalid value", f"must be no more than {_MAX_LABEL} bytes", f'"{value}"')
        elif not _LABEL_VALUE.match(value):
            yield Cause(field, "Invalid value", _VALUE_TEXT, f'"{value}"')


def _workload(kind: Kind, thing: Obj) -> Iterator[Cause]:
    spec = thing.get("spec") or {}
    template = spec.get("template") or {}
    if kind.kind != "Job":
        selector = spec.get("selector")
        if not isinstance(selector, dict):
            yield Cause("spec.selector", "Required value")
        elif not (selector.get("matchLabels") or selector.get("matchExpressions")):
            yield Cause("spec.selector", "Invalid value", f"empty selector is invalid for {kind.kind.lower()}", "{}")
        have = (template.get("metadata") or {}).get("labels") or {}
        if isinstance(selector, dict) and not matches(selector, have):
            shown = "{" + ", ".join(f'"{name}":"{value}"' for name, value in sorted(have.items())) + "}"
            yield Cause(
                "spec.template.metadata.labels", "Invalid value", "`selector` does not match template `labels`", shown
            )
    replicas = spec.get("replicas")
    if isinstance(replicas, int) and replicas < 0:
        yield Cause("spec.replicas", "Invalid value", "must be greater than or equal to 0", str(replicas))
    policy = (template.get("spec") or {}).get("restartPolicy")
    if kind.kind == "Job":
        if policy not in {"OnFailure", "Never"}:
            detail = 'supported values: "OnFailure", "Never"'
            yield Cause("spec.template.spec.restartPolicy", "Required value", f"valid values: {detail[18:]}")
    elif policy != "Always":
        yield Cause(
            "spec.template.spec.restartPolicy", "Unsupported value", 'supported values: "Always"', f'"{policy}"'
        )
    yield from _labels((template.get("metadata") or {}).get("labels"), "spec.template.labels")
    yield from _pod(template.get("spec") or {}, "spec.template.spec")


def _pod(spec: Obj, field: str) -> Iterator[Cause]:
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    if not spec.get("containers"):
        yield Cause(f"{field}.containers", "Required value")
    seen: set[str] = set()
    for section in ("initContainers", "containers"):
        for index, item in enumerate(spec.get(section) or ()):
            where = f"{field}.{section}[{index}]"
            name = item.get("name")
            if not name:
                yield Cause(f"{where}.name", "Required value")
            elif not _LABEL.match(name) or len(name) > _MAX_LABEL:
                yield Cause(f"{where}.name", "Invalid value", _LABEL_TEXT, f'"{name}"')
            elif name in seen:
                yield Cause(f"{where}.name", "Duplicate value", "", f'"{name}"')
            seen.add(name)
            yield from _container(item, where, volumes)


def _container(item: Obj, where: str, volumes: set[Any]) -> Iterator[Cause]:
    if not item.get("image"):
        yield Cause(f"{where}.image", "Required value")
    for index, port in enumerate(item.get("ports") or ()):
        number = port.get("containerPort")
        if not isinstance(number, int) or not 0 < number <= _MAX_PORT:
            yield Cause(f"{where}.ports[{index}].containerPort", "Invalid value",
                        "must be between 1 and 65535, inclusive", str(number))  # fmt: skip
    for index, variable in enumerate(item.get("env") or ()):
        name = variable.get("name")
        if not name:
            yield Cause(f"{where}.env[{index}].name", "Required value")
        elif not _ENV_NAME.match(name):
            yield Cause(f"{where}.env[{index}].name", "Invalid value", "a valid environment variable name must consist "
                        "only of printable ASCII characters other than '='", f'"{name}"')  # fmt: skip
    for index, mount in enumerate(item.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            yield Cause(f"{where}.volumeMounts[{index}].name", "Not found", "", f'"{mount.get("name")}"')
    yield from _probes(item, where)
    yield from _resources(item.get("resources") or {}, where)


def _probes(item: Obj, where: str) -> Iterator[Cause]:
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        handlers = [name for name in _HANDLERS if (item.get(kind) or {}).get(name)]
        if len(handlers) > 1:
            yield Cause(f"{where}.{kind}.{handlers[1]}", "Forbidden", "may not specify more than 1 handler type")


def _resources(resources: Obj, where: str) -> Iterator[Cause]:
    for name, value in (resources.get("requests") or {}).items():
        limit = (resources.get("limits") or {}).get(name)
        if limit is not None and quantity.amount(value) > quantity.amount(limit):
            yield Cause(f"{where}.resources.requests", "Invalid value",
                        f"must be less than or equal to {name} limit of {limit}", f'"{value}"')  # fmt: skip


def _service(spec: Obj) -> Iterator[Cause]:
    if not spec.get("ports") and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield Cause("spec.ports", "Required value")
    for index, port in enumerate(spec.get("ports") or ()):
        number = port.get("port")
        if not isinstance(number, int) or not 0 < number <= _MAX_PORT:
            yield Cause(
                f"spec.ports[{index}].port", "Invalid value", "must be between 1 and 65535, inclusive", str(number)
            )
        if len(spec["ports"]) > 1 and not port.get("name"):
            yield Cause(f"spec.ports[{index}].name", "Required value")


def _immutable(kind: Kind, thing: Obj, before: Obj) -> Iterator[Cause]:
    new, old = thing.get("spec") or {}, before.get("spec") or {}
    if kind.kind in {"Deployment", "ReplicaSet", "DaemonSet", "Job"} and new.get("selector") != old.get("selector"):
        yield Cause("spec.selector", "Invalid value", "field is immutable", canonical(new.get("selector")))
    if kind.kind == "Job" and new.get("template") != old.get("template"):
        yield Cause("spec.template", "Invalid value", "field is immutable", "core.PodTemplateSpec{...}")
    allowed = {
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    }  # fmt: skip
    if kind.kind == "StatefulSet" and any(new.get(name) != old.get(name) for name in set(new) | set(old) - allowed
                                          if name not in allowed):  # fmt: skip
        yield Cause("spec", "Forbidden", "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                    "'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                    "'minReadySeconds' are forbidden")  # fmt: skip
    if kind.kind == "Service" and old.get("clusterIP") and new.get("clusterIP") != old["clusterIP"]:
        yield Cause("spec.clusterIP", "Invalid value", "field is immutable", f'"{new.get("clusterIP", "")}"')
    if kind.kind in {"ConfigMap", "Secret"} and before.get("immutable"):
        for section in ("data", "binaryData", "stringData"):
            if thing.get(section) != before.get(section):
                yield Cause(section, "Forbidden", "field is immutable when `immutable` is set")
    if kind.kind == "Pod":
        yield from _pod_immutable(new, old)


def _pod_immutable(new: Obj, old: Obj) -> Iterator[Cause]:
    def fixed(spec: Obj) -> Obj:
        kept = {name: value for name, value in spec.items() if name not in _POD_FREE}
        for section in ("containers", "initContainers"):
            kept[section] = [{**item, "image": ""} for item in spec.get(section) or ()]
        return kept

    if fixed(new) != fixed(old):
        yield Cause("spec", "Forbidden", "pod updates may not change fields other than `spec.containers[*].image`,"
                    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
                    "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
                    "previously negative)")  # fmt: skip
