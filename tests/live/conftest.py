"""Worlds for promises that hold on the sandbox and on a real cluster alike."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.cli.console import Console
from agent.cli.main import run

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Deployed:
    """What one `headway` command did: its exit status, its report (empty without one) and what it said."""

    status: int
    out: str
    err: str
    report: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return f"exit {self.status}\n{self.out}\n{self.err}"


@dataclass
class World:
    """A cluster to deploy to, with a namespace of its own."""

    kubeconfig: Path
    namespace: str
    folder: Path
    in_process: bool = False

    def headway(self, *arguments: object, timeout: float = 600) -> Deployed:
        """Runs the command; with `in_process` false as a stage would: another process with this world's kubeconfig."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "JENKINS_"))}
        environment |= {"KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1"}
        report = self.folder / f"report-{uuid.uuid4().hex[:8]}"
        words = [sys.executable, "-m", "agent", *map(str, arguments)]
        if arguments[0] in {"deploy", "undo", "smoke", "restart"}:
            words += ["--report", str(report)]
        file = report / "report.json"
        if self.in_process:
            out, err = io.StringIO(), io.StringIO()
            os.environ["KUBECONFIG"] = str(self.kubeconfig)  # the autouse fixture of tests/conftest.py puts it back
            status = run(words[3:], Console(out, err))
            return Deployed(
                status, out.getvalue(), err.getvalue(), json.loads(file.read_text()) if file.exists() else {}
            )
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, env=environment, cwd=ROOT, check=False
        )
        file = report / "report.json"
        return Deployed(
            done.returncode, done.stdout, done.stderr, json.loads(file.read_text()) if file.exists() else {}
        )


def with_namespace(kubeconfig: Path, namespace: str, target: Path) -> Path:
    """The same kubeconfig with another default namespace."""
    import yaml

    config = yaml.safe_load(kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    target.write_text(yaml.safe_dump(config))
    target.chmod(0o600)
    return target


@pytest.fixture
def sandbox_world(tmp_path):
    """The embedded Kubernetes at thirty times the speed of the wall clock."""
    from agent.sandbox.kubernetes import SandboxCluster

    namespace = "boutique"
    with SandboxCluster(speed=30.0, namespaces=[namespace]) as cluster:
        config = tmp_path / "kubeconfig"
        config.write_text(cluster.kubeconfig())
        yield World(with_namespace(config, namespace, config), namespace, tmp_path, in_process=True)


@pytest.fixture
def live_world(request, tmp_path):
    """A namespace of its own on the cluster that --kubeconfig names; deleted afterwards."""
    yield from _namespace_of(request, "--kubeconfig", tmp_path)


@pytest.fixture
def own_world(request, tmp_path):
    """The same on a cluster that nobody else uses, whose node and API server may be held up."""
    yield from _namespace_of(request, "--own-kubeconfig", tmp_path)


def _namespace_of(request, option, tmp_path):
    from kubernetes import client, config

    if not request.config.getoption(option):
        pytest.skip(f"needs {option}, as .ci/run gives it")
    admin = Path(request.config.getoption(option))
    api = client.CoreV1Api(config.new_client_from_config(str(admin)))
    namespace = f"live-{uuid.uuid4().hex[:8]}"
    api.create_namespace({"metadata": {"name": namespace}})
    try:
        yield World(with_namespace(admin, namespace, tmp_path / "kubeconfig"), namespace, tmp_path)
    finally:
        api.delete_namespace(namespace)
