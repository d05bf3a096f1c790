"""A stand-in cluster whose time stands still, and a client of it."""

from __future__ import annotations

import pytest

from agent.sandbox.kubernetes import SandboxCluster
from tests.unit.sandbox.kubernetes.world import Client, workload


@pytest.fixture
def cluster():
    return SandboxCluster(speed=None)


@pytest.fixture
def client(cluster):
    return Client(cluster)


@pytest.fixture
def web(cluster):
    """A Deployment that is complete."""
    cluster.create(workload())
    cluster.advance(10)
    assert cluster["Deployment", "shop", "web"]["status"]["availableReplicas"] == 3
    return cluster
