"""A shop with one service, and a way to deploy tags of it on the fake cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.objects import Ref
from agent.operations.deploying import deploy
from agent.operations.mission import Builder, Mission, Place, Tools, UndoRules
from agent.release.content import from_manifests
from agent.release.manifests import ManifestFile
from agent.reports.events import Event, Noted
from agent.rollout.policy import Policy
from agent.smoke.check import SmokeCheck
from tests.fakes.cluster import FakeCluster, FakeProber

REPOSITORY = "registry.example.com/shop/web"
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: server, image: registry.example.com/shop/web, ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
WORKLOAD = Ref("apps/v1", "Deployment", "shop", "web")
CHECKS = (
    SmokeCheck("healthy", "pod", "/healthz", within=10),
    SmokeCheck("version", "pod", "/version", json={"version": "{{ version }}"}, within=10),
    SmokeCheck("orders", "pod", "/api", within=10),
)


class Shop:
    """One service on one fake cluster."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.prober = FakeProber()
        self.events: list[Event] = []
        self.checks = CHECKS
        self.rules = UndoRules()
        self.policy = Policy(timeout=60.0)
        self.manifest = MANIFEST

    @property
    def tools(self) -> Tools:
        return Tools(self.cluster, self.prober, self.cluster.clock, self.events.append, Builder("build/7", "abc123"))

    @property
    def place(self) -> Place:
        return Place("web", "staging", "shop", WORKLOAD, "server")

    def mission(self, tag: str, **changes) -> Mission:
        content = from_manifests(
            [ManifestFile("web.yaml", self.manifest)], namespace="shop", workload="web", container="server",
            repository=REPOSITORY, image=f"{REPOSITORY}:{tag}",
        )  # fmt: skip
        return replace(Mission(self.place, content, self.checks, self.policy, self.rules), **changes)

    def deploy(self, tag: str, **changes):
        return deploy(self.tools, self.mission(tag, **changes))

    def noted(self) -> list[str]:
        """The remarks that were made."""
        return [event.text for event in self.events if isinstance(event, Noted)]

    def ledger(self):
        from agent.operations.bookkeeping import Book

        return Book(self.cluster, WORKLOAD).ledger


@pytest.fixture
def shop():
    return Shop()
