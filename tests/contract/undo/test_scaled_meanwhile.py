"""An autoscaler that scales in the very moment of our write keeps its number (P44, P45)."""

from __future__ import annotations

import json

import pytest

from agent.adapters.kubernetes.transport import Request as Sent
from agent.sandbox.http import Request
from tests.contract.undo.builds import Builds
from tests.contract.undo.street import Street, WatchedCluster

AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 5},
}


@pytest.fixture
def cluster():
    with WatchedCluster(speed=60.0, namespaces=["shop"]) as sandbox:
        yield sandbox


@pytest.mark.parametrize("operation", ["deploy", "undo"])
def test_a_number_that_changed_just_before_our_write_stays(cluster, tmp_path, operation):
    builds, scaler = (Builds(Street(cluster, tmp_path).kubeconfig) for _ in range(2))
    for tag in ("v1", "v3"):
        assert builds.deploy(tag).verdict == "complete"
    builds.cluster.create(AUTOSCALER)

    def scale_first(number: int, request: Request) -> bool:
        if request.method == "PATCH" and request.path.endswith("/deployments/web"):
            cluster.before = None
            path = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
            body = json.dumps({"spec": {"replicas": 4}}).encode()
            query = {"fieldManager": "kube-controller-manager"}
            sent = Sent("PATCH", path, query, body, "application/merge-patch+json")
            assert scaler.cluster._rest.transport.send(sent).status == 200
        return False

    cluster.before = scale_first
    report = builds.deploy("v4") if operation == "deploy" else builds.undo()
    assert report.verdict == "complete", report.remarks
    assert cluster["Deployment", "shop", "web"]["spec"]["replicas"] == 4
