"""What a pod refers to: volumes to mount, variables from ConfigMaps and Secrets. Each lack in the kubelet's words."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from agent.sandbox.kubernetes.objects import Key, Obj, annotations_of, labels, meta, spec, status

Find = Callable[[str, Key], Obj | None]


class MissingReferenceError(Exception):
    """Something that a container needs is not there, or contradicts itself; the text is the kubelet's."""


def unmountable(pod: Obj, find: Find) -> tuple[str, str] | None:
    """The first volume that can't be mounted and why; None when all can."""
    namespace = meta(pod).get("namespace", "")
    for volume in spec(pod).get("volumes") or ():
        for kind, name, source in _sources(volume):
            if source.get("optional"):
                continue
            found = find(kind, (namespace, name))
            if found is None:
                return volume["name"], f'{kind.lower()} "{name}" not found'
            have = {**(found.get("data") or {}), **(found.get("binaryData") or {})}
            for item in source.get("items") or ():
                if item.get("key") not in have:
                    return volume[
                        "name"
                    ], f"references non-existent {'config' if kind == 'ConfigMap' else 'secret'} key: {item.get('key')}"
    return None


def _sources(volume: Obj) -> list[tuple[str, str, Obj]]:
    listed = [volume, *((volume.get("projected") or {}).get("sources") or ())]
    found: list[tuple[str, str, Obj]] = []
    for item in listed:
        if isinstance(item.get("configMap"), dict) and item["configMap"].get("name") != "kube-root-ca.crt":
            found.append(("ConfigMap", item["configMap"].get("name", ""), item["configMap"]))
        if isinstance(item.get("secret"), dict):
            source = item["secret"]
            found.append(("Secret", source.get("secretName") or source.get("name", ""), source))
    return found


def environment(pod: Obj, container: Obj, address: str, find: Find) -> dict[str, str]:
    """The variables of a container.

    Raises:
        MissingReferenceError: a ConfigMap, a Secret or a key is not there; or it must not run as root, and must.
    """
    _check_user(pod, container)
    namespace = meta(pod).get("namespace", "")
    result: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if isinstance(source.get(field), dict):
                data = _data(kind, namespace, source[field], find)
                result |= {source.get("prefix", "") + key: value for key, value in data.items()}
    for variable in container.get("env") or ():
        name, source = variable.get("name", ""), variable.get("valueFrom") or {}
        value = _value(source, pod, container, address, find) if source else str(variable.get("value", ""))
        if value is not None:
            result[name] = re.sub(r"\$\((\w+)\)", lambda found: result.get(found.group(1), found.group(0)), value)
    return result


def _check_user(pod: Obj, container: Obj) -> None:
    rules = {**(spec(pod).get("securityContext") or {}), **(container.get("securityContext") or {})}
    if rules.get("runAsNonRoot") and rules.get("runAsUser") == 0:
        who = f"{meta(pod).get('name')}_{meta(pod).get('namespace')}({meta(pod).get('uid')})"
        why = f'container\'s runAsUser breaks non-root policy (pod: "{who}", container: {container.get("name")})'
        raise MissingReferenceError(why)


def _value(source: Obj, pod: Obj, container: Obj, address: str, find: Find) -> str | None:
    namespace = meta(pod).get("namespace", "")
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        reference = source.get(field)
        if isinstance(reference, dict):
            data = _data(kind, namespace, reference, find)
            key = reference.get("key", "")
            if key in data:
                return data[key]
            if reference.get("optional"):
                return None
            raise MissingReferenceError(f"couldn't find key {key} in {kind} {namespace}/{reference.get('name')}")
    if isinstance(source.get("fieldRef"), dict):
        return _field(pod, source["fieldRef"].get("fieldPath", ""), address)
    resource = (source.get("resourceFieldRef") or {}).get("resource", "")
    section, _, name = resource.partition(".")
    return str(((container.get("resources") or {}).get(section) or {}).get(name, "0"))


def _field(pod: Obj, path: str, address: str) -> str:
    simple = {
        "metadata.name": meta(pod).get("name", ""),
        "metadata.namespace": meta(pod).get("namespace", ""),
        "metadata.uid": meta(pod).get("uid", ""),
        "spec.nodeName": spec(pod).get("nodeName", ""),
        "spec.serviceAccountName": spec(pod).get("serviceAccountName", ""),
        "status.hostIP": status(pod).get("hostIP", ""),
        "status.podIP": address,
    }
    if path in simple:
        return str(simple[path])
    found = re.match(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if found is None:
        return ""
    return (labels(pod) if found.group(1) == "labels" else annotations_of(pod)).get(found.group(2), "")


def _data(kind: str, namespace: str, reference: Obj, find: Find) -> dict[str, str]:
    found = find(kind, (namespace, reference.get("name", "")))
    if found is None:
        if reference.get("optional"):
            return {}
        raise MissingReferenceError(f'{kind.lower()} "{reference.get("name")}" not found')
    data = found.get("data") or {}
    if kind == "Secret":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return {key: str(value) for key, value in data.items()}
