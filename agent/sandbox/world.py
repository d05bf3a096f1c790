"""Both stand-in servers together, and what a process must be told to find them."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.sandbox.jenkins import SandboxJenkins
from agent.sandbox.kubernetes import SandboxCluster


class World:
    """A Kubernetes and a Jenkins on loopback, for as long as the `with` block lasts.

    Args:
        speed: how many times faster than the wall clock the cluster's time runs.

    Attributes:
        cluster: the Kubernetes.
        jenkins: the Jenkins.
        folder: where the kubeconfig lies; gone at the end.
    """

    def __init__(self, *, speed: float = 1.0) -> None:
        self.cluster = SandboxCluster(speed=speed, namespaces=["shop"])
        self.jenkins = SandboxJenkins()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Starts both servers and writes the kubeconfig."""
        with ExitStack() as opening:
            opening.enter_context(self.cluster)
            opening.enter_context(self.jenkins)
            self.folder = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="headway-sandbox-")))
            kubeconfig = self.folder / "kubeconfig"
            kubeconfig.touch(mode=0o600)
            kubeconfig.write_text(self.cluster.kubeconfig(), encoding="utf-8")
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends both servers."""
        self._open.__exit__(kind, value, trace)

    @property
    def settings(self) -> dict[str, str]:
        """The environment variables that lead a client here."""
        return {
            "KUBECONFIG": str(self.folder / "kubeconfig"),
            "JENKINS_URL": self.jenkins.url,
            "JENKINS_USER_ID": self.jenkins.user,
            "JENKINS_API_TOKEN": self.jenkins.token,
        }

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with `settings`, and no proxy between a client and loopback."""
        kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        return kept | self.settings
