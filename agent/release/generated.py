"""The objects of a service without manifests: a Deployment, Service, HPA and PDB made from `run`.

What stands here is what a careful author would have written: a rolling update that never has fewer pods than wanted,
no privilege escalation, labels that the selectors need and nothing more.
"""

from __future__ import annotations

from typing import Any

from agent.objects import Object
from agent.release.order import by_need
from agent.spec.deploying import Autoscale, ConfigValue, Run, SecretValue

NAME_LABEL = "app.kubernetes.io/name"


def objects(run: Run, *, service: str, workload: str, image: str, container: str, namespace: str) -> tuple[Object, ...]:
    """The release made from `run`, in the order in which its objects need each other.

    Args:
        run: that part of the spec.
        service: the service's name; names the Service, HPA and PDB.
        workload: name of the Deployment.
        image: reference of its only container.
        container: name of that container; empty: the service's name.
        namespace: where it goes.
    """
    made: list[Object] = [_deployment(run, service, workload, image, container or service)]
    if run.port is not None:
        made.append(_service(service, run.port))
    if run.autoscale is not None:
        made.append(_autoscaler(run.autoscale, service, workload))
    if (run.autoscale.min if run.autoscale else run.replicas) > 1:
        made.append(
            {
                **_head("policy/v1", "PodDisruptionBudget", service, service),
                "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {NAME_LABEL: service}}},
            }
        )
    for thing in made:
        thing["metadata"]["namespace"] = namespace
    return by_need(made)


def _service(service: str, port: int) -> Object:
    return {
        **_head("v1", "Service", service, service),
        "spec": {
            "selector": {NAME_LABEL: service},
            "ports": [{"name": "http", "port": port, "targetPort": "http"}],
        },
    }


def _autoscaler(wanted: Autoscale, service: str, workload: str) -> Object:
    target = {"type": "Utilization", "averageUtilization": wanted.cpu}
    return {
        **_head("autoscaling/v2", "HorizontalPodAutoscaler", service, service),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload},
            "minReplicas": wanted.min,
            "maxReplicas": wanted.max,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def _head(api: str, kind: str, name: str, service: str) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "labels": {NAME_LABEL: service}}}


def _deployment(run: Run, service: str, workload: str, image: str, container: str) -> Object:
    spec: dict[str, Any] = {"containers": [_container(run, image, container)]}
    if run.service_account:
        spec["serviceAccountName"] = run.service_account
    result = _head("apps/v1", "Deployment", workload, service)
    result["spec"] = {
        "selector": {"matchLabels": {NAME_LABEL: service}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "template": {"metadata": {"labels": {NAME_LABEL: service}}, "spec": spec},
    }
    if run.autoscale is None:
        result["spec"]["replicas"] = run.replicas
    return result


def _container(run: Run, image: str, name: str) -> Object:
    box: Object = {
        "name": name,
        "image": image,
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    if run.port is not None:
        box["ports"] = [{"name": "http", "containerPort": run.port}]
        for probe, path in (("readinessProbe", run.probes.readiness), ("livenessProbe", run.probes.liveness)):
            if path:
                box[probe] = {"httpGet": {"path": path, "port": "http"}}
    if run.env:
        box["env"] = [_variable(key, value) for key, value in run.env.items()]
    if run.env_from:
        box["envFrom"] = [
            {"configMapRef": {"name": source.config}} if source.config else {"secretRef": {"name": source.secret}}
            for source in run.env_from
        ]
    resources = {
        field: dict(quantities)
        for field, quantities in (("requests", run.resources.requests), ("limits", run.resources.limits))
        if quantities
    }
    if resources:
        box["resources"] = resources
    return box


def _variable(name: str, value: str | SecretValue | ConfigValue) -> Object:
    if isinstance(value, SecretValue):
        return {"name": name, "valueFrom": {"secretKeyRef": {"name": value.secret, "key": value.key}}}
    if isinstance(value, ConfigValue):
        return {"name": name, "valueFrom": {"configMapKeyRef": {"name": value.config, "key": value.key}}}
    return {"name": name, "value": value}
