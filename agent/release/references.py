"""Which ConfigMaps and Secrets a pod refers to, and a hash of their content on the pod template (`restart_on`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent.objects import Object, containers, pod_spec
from agent.release.digest import of
from agent.release.order import WORKLOADS

ANNOTATION = "headway.dev/config-hash"


def configuration(spec: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """(kind, name) of every ConfigMap and Secret that a pod spec refers to, sorted; pull secrets apart."""
    return tuple(sorted(set(_references(spec))))


def _references(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for box in containers(spec):
        for source in box.get("envFrom") or ():
            yield from _named(source.get("configMapRef"), source.get("secretRef"))
        for variable in box.get("env") or ():
            source = variable.get("valueFrom") or {}
            yield from _named(source.get("configMapKeyRef"), source.get("secretKeyRef"))
    for volume in spec.get("volumes") or ():
        for source in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            yield from _named(source.get("configMap"), source.get("secret"))


def _named(config: object, secret: object) -> Iterator[tuple[str, str]]:
    for kind, source in (("ConfigMap", config), ("Secret", secret)):
        if isinstance(source, Mapping):
            name = source.get("name") or source.get("secretName")
            if isinstance(name, str) and name:
                yield kind, name


def of_release(objects: Iterable[Object]) -> tuple[tuple[str, str], ...]:
    """(kind, name) of all configuration that the workloads of a release refer to."""
    return tuple(
        sorted({each for thing in objects if thing.get("kind") in WORKLOADS for each in configuration(pod_spec(thing))})
    )


def annotated(objects: Iterable[Object], hashes: Mapping[tuple[str, str], str]) -> tuple[Object, ...]:
    """Copies with the hash of each workload's own configuration on its pod template.

    Args:
        objects: of a release.
        hashes: of the content of ConfigMaps and Secrets, by (kind, name); what is unknown counts as unchanging.
    """
    result = []
    for thing in objects:
        found = [[*each, hashes[each]] for each in configuration(pod_spec(thing)) if each in hashes]
        if thing.get("kind") not in {"Deployment", "StatefulSet", "DaemonSet"} or not found:
            result.append(thing)
            continue
        template = thing["spec"]["template"]
        meta = template.get("metadata") or {}
        notes = {**(meta.get("annotations") or {}), ANNOTATION: of(found)[:32]}
        changed = {**template, "metadata": {**meta, "annotations": notes}}
        result.append({**thing, "spec": {**thing["spec"], "template": changed}})
    return tuple(result)
