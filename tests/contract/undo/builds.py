"""Deploys and undos in this process against any cluster that a kubeconfig names: the sandbox's or a real one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes.cluster import KubernetesCluster
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.transport import HttpTransport
from agent.adapters.probe import SystemProber
from agent.objects import Ref
from agent.operations.deploying import deploy
from agent.operations.going_back import UndoMission, undo
from agent.operations.mission import Builder, LockRules, Mission, Place, Tools
from agent.release.choice import Wish
from agent.release.content import from_manifests
from agent.release.manifests import ManifestFile
from agent.reports.deploy import DeployReport
from agent.reports.events import Applied, Event
from agent.rollout.policy import Policy
from agent.smoke.check import SmokeCheck
from tests.contract.undo.street import IMAGE, MANIFEST

CHECKS = (SmokeCheck("answers", "pod", "/api", within=0.5),)


class Terminated(KeyboardInterrupt):
    """As agent.cli.main raises it on SIGTERM."""


def nothing(event: Event) -> None:
    """Nobody listens."""
    del event


@dataclass
class Builds:
    """One service in one namespace.

    Attributes:
        kubeconfig: leads to the cluster.
        namespace: where.
        manifest: what is deployed; the image's repository is `image`.
        image: the repository.
        applied_at: wall clock seconds of the last apply that was interrupted.
    """

    kubeconfig: Path
    namespace: str = "shop"
    manifest: str = MANIFEST
    image: str = IMAGE
    checks: tuple[SmokeCheck, ...] = CHECKS
    policy: Policy = field(default_factory=lambda: Policy(timeout=60.0))
    applied_at: float = 0.0

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        connection = Connection(None, {"KUBECONFIG": str(self.kubeconfig)})
        self.cluster = KubernetesCluster.over(connection, HttpTransport(connection), self.clock)
        self.place = Place("web", "test", self.namespace, Ref("apps/v1", "Deployment", self.namespace, "web"), "server")

    def tools(self, build: str, emit: Callable[[Event], None] = nothing) -> Tools:
        """The doors to the outside."""
        return Tools(self.cluster, SystemProber(Path.cwd()), self.clock, emit, Builder(build))

    def mission(self, tag: str) -> Mission:
        """A deploy of a tag."""
        content = from_manifests(
            [ManifestFile("web.yaml", self.manifest)],
            namespace=self.namespace,
            workload="web",
            container="server",
            repository=self.image,
            image=f"{self.image}:{tag}",
        )
        return Mission(
            self.place, content, self.checks, self.policy, lock=LockRules(process="here"), allow_known_bad=True
        )

    def deploy(self, tag: str, emit: Callable[[Event], None] = nothing) -> DeployReport:
        """Deploys a tag."""
        return deploy(self.tools("build/deploy", emit), self.mission(tag))

    def aborted(self, tag: str) -> DeployReport:
        """Deploys a tag and is aborted at once after the last object was applied."""

        def emit(event: Event) -> None:
            if isinstance(event, Applied) and event.step == "apply":
                self.applied_at = time.monotonic()
                raise Terminated

        return self.deploy(tag, emit)

    def undo(self, wish: Wish | None = None, emit: Callable[[Event], None] = nothing) -> DeployReport:
        """Goes back."""
        mission = UndoMission(self.place, self.checks, self.policy, lock=LockRules(process="here"))
        return undo(self.tools("build/undo", emit), replace(mission, wish=wish or Wish()))
