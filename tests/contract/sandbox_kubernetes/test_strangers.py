"""Clients that know nothing of Headway work against the sandbox: the official Python one, and kubectl where it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import kubernetes
import pytest
import yaml
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError

from agent.sandbox.kubernetes import SandboxCluster
from tests.unit.sandbox.kubernetes.world import image, workload

KUBECTL = shutil.which("kubectl") or ""


@pytest.fixture
def cluster():
    with SandboxCluster(speed=None) as cluster:
        yield cluster


@pytest.fixture
def api(cluster):
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config_from_dict(
        yaml.safe_load(cluster.kubeconfig("shop")), client_configuration=configuration
    )
    with kubernetes.client.ApiClient(configuration) as client:
        yield client
        client.rest_client.pool_manager.clear()


def test_typed_models_read_what_the_sandbox_writes(cluster, api):
    apps, core = kubernetes.client.AppsV1Api(api), kubernetes.client.CoreV1Api(api)
    apps.create_namespaced_deployment("shop", workload())
    cluster.advance(10)
    deployment = apps.read_namespaced_deployment("web", "shop")
    assert deployment.status.available_replicas == 3
    pods = core.list_namespaced_pod("shop", label_selector="app=web").items
    assert {pod.status.phase for pod in pods} == {"Running"}
    assert {event.reason for event in core.list_namespaced_event("shop").items} >= {
        "ScalingReplicaSet",
        "Scheduled",
        "Started",
    }
    assert core.read_namespaced_pod_log(pods[0].metadata.name, "shop").startswith("app version=v1 starting")
    assert '"version"' in core.connect_get_namespaced_pod_proxy_with_path(
        f"{pods[0].metadata.name}:8080", "shop", "version"
    )
    assert kubernetes.client.VersionApi(api).get_code().minor == "34"


def test_errors_are_the_client_s_own(api):
    apps = kubernetes.client.AppsV1Api(api)
    with pytest.raises(kubernetes.client.ApiException) as missing:
        apps.read_namespaced_deployment("none", "shop")
    assert missing.value.status == 404
    with pytest.raises(kubernetes.client.ApiException) as invalid:
        apps.create_namespaced_deployment("shop", workload(replicas=-1))
    assert "must be greater than or equal to 0" in invalid.value.body


def test_a_watch_of_the_client(cluster, api):
    apps = kubernetes.client.AppsV1Api(api)
    cluster.create(workload())
    mover = threading.Timer(0.05, lambda: cluster.advance(10))
    mover.start()
    watch = kubernetes.watch.Watch()
    for event in watch.stream(apps.list_namespaced_deployment, "shop", timeout_seconds=20):
        if event["object"].status.available_replicas == 3:
            watch.stop()
    mover.join()
    assert event["object"].status.observed_generation == 1


def test_the_dynamic_client_discovers_and_applies(cluster, api):
    deployments = DynamicClient(api).resources.get(api_version="apps/v1", kind="Deployment")
    made = deployments.server_side_apply(body=workload(), name="web", namespace="shop", field_manager="headway")
    assert made.metadata.managedFields[0].manager == "headway"
    cluster.change("Deployment", "shop", "web", image("v3"), manager="kubectl")
    with pytest.raises(ConflictError, match='conflict with \\\\"kubectl\\\\" using apps/v1'):
        deployments.server_side_apply(body=workload(), name="web", namespace="shop", field_manager="headway")


@pytest.fixture
def kubectl(tmp_path):
    """Runs kubectl against a cluster whose time runs, 20 times as fast."""
    if not KUBECTL:
        pytest.skip("kubectl is not on PATH")
    with SandboxCluster(speed=20) as running:
        config = tmp_path / "kubeconfig"
        config.write_text(running.kubeconfig("shop"))
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(config)}

        def run(*arguments: str, status: int = 0) -> str:
            done = subprocess.run(
                [KUBECTL, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == status, done.stderr
            return done.stdout + done.stderr

        yield run


def test_kubectl_applies_follows_undoes_and_deletes(kubectl, tmp_path):
    manifest: Path = tmp_path / "web.yaml"
    manifest.write_text(yaml.safe_dump(workload()))
    assert "created" in kubectl("apply", "-f", str(manifest))
    assert "unchanged" in kubectl("apply", "-f", str(manifest))
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert "image updated" in kubectl("set", "image", "deployment/web", "app=localhost:5000/app:v3")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert kubectl("rollout", "history", "deployment/web").splitlines()[2:4] == ["1         <none>", "2         <none>"]
    assert "rolled back" in kubectl("rollout", "undo", "deployment/web")
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}").endswith(
        ":v1"
    )
    manifest.write_text(yaml.safe_dump(workload(tag="v4")))
    assert "using apps/v1" in kubectl("apply", "--server-side", "-f", str(manifest), status=1)
    assert "serverside-applied" in kubectl("apply", "--server-side", "--force-conflicts", "-f", str(manifest))
    assert "deleted" in kubectl("delete", "deployment", "web")
