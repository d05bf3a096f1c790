"""A sandbox, a service, and a service that runs well."""

from __future__ import annotations

import pytest

from agent.sandbox.jenkins import SandboxJenkins
from agent.sandbox.kubernetes import SandboxCluster
from tests.sessions.stage import Shop


@pytest.fixture
def cluster():
    with SandboxCluster(speed=20.0, namespaces=["shop"]) as sandbox:
        yield sandbox


@pytest.fixture
def shop(cluster, tmp_path, monkeypatch):
    """A service that was never deployed."""
    made = Shop(tmp_path, cluster)
    made.spec()
    made.manifest()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def running(shop, headway):
    """The service with v1 running well; the request log is empty."""
    done = headway(*shop.deploy("v1"))
    assert done.status == 0, done.out + done.err
    shop.cluster.forget_requests()
    return shop


@pytest.fixture
def jenkins(monkeypatch):
    with SandboxJenkins() as sandbox:
        monkeypatch.setenv("JENKINS_URL", sandbox.url)
        monkeypatch.setenv("JENKINS_USER_ID", sandbox.user)
        monkeypatch.setenv("JENKINS_API_TOKEN", sandbox.token)
        yield sandbox
