"""What the tests of the stand-in cluster share: a workload, and a client without sockets."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from agent.sandbox.http import Request
from agent.sandbox.kubernetes import SandboxCluster
from agent.sandbox.kubernetes.objects import condition

STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


def container(tag="v1", **fields):
    return {
        "name": "app",
        "image": f"localhost:5000/app:{tag}",
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2},
    } | fields


def workload(kind="Deployment", tag="v1", name="web", replicas=3, pod=None, **spec):
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [container(tag)], "terminationGracePeriodSeconds": 5} | (pod or {}),
    }
    whole = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if kind != "DaemonSet":
        whole["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": whole | spec,
    }


def image(tag):
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": f"localhost:5000/app:{tag}"}]}}}}


class Client:
    """Speaks to the API without a socket."""

    def __init__(self, cluster: SandboxCluster) -> None:
        self.cluster = cluster

    def call(
        self, method: str, path: str, body: Any = None, kind: str = "application/json", headers=None, **query: str
    ):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": kind, "user-agent": "tests/1.0"} | (headers or {})
        response = self.cluster.api.handle(Request(method, path, urlencode(query), sent, data))
        if response.stream is not None:
            return response.status, response.stream
        try:
            return response.status, json.loads(response.body)
        except ValueError:
            return response.status, response.body.decode()

    def ok(self, *args: Any, **kwargs: Any) -> Any:
        status, body = self.call(*args, **kwargs)
        assert status < 300, body
        return body

    def refused(self, code: int, *args: Any, **kwargs: Any) -> Any:
        status, body = self.call(*args, **kwargs)
        assert status == code, (status, body)
        assert body["kind"] == "Status"
        assert body["code"] == code
        return body


DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
WEB = f"{DEPLOYMENTS}/web"
MAPS = "/api/v1/namespaces/shop/configmaps"


def config(name="settings", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def told(thing, kind):
    """The condition of that type; fails where there is none."""
    found = condition(thing, kind)
    assert found is not None, (kind, thing.get("status"))
    return found
