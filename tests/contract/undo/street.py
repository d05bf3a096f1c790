"""One service on the sandbox for the proofs of the way back: watched writes, in-process and killable builds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.adapters.process import known_dead
from agent.objects import Object, Ref
from agent.operations.lease import PROCESS
from agent.release import storage
from agent.release.digest import of_template
from agent.release.ledger import Ledger
from agent.sandbox.http import Request, Response
from agent.sandbox.kubernetes import SandboxCluster

ROOT = Path(__file__).resolve().parents[3]
WEB = Ref("apps/v1", "Deployment", "shop", "web")
IMAGE = "registry.example.com/shop/web"
SPEC = """\
service: web
image: {repository: registry.example.com/shop/web}
deploy: {manifests: [web.yaml], timeout: 30s}
smoke: [{name: answers, get: /api, within: 500ms}]
environments: [{name: test, namespace: shop}]
"""
MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: server
        image: registry.example.com/shop/web
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
"""
EXTRA = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n"

Hook = Callable[[int, Request], bool]
"""Told of the n-th write; True: the connection is cut without an answer."""


class WatchedCluster(SandboxCluster):
    """The sandbox's cluster, which counts writes and tells of each before and after it is carried out."""

    def __init__(self, **how: Any) -> None:
        self.count = 0
        self.before: Hook | None = None
        self.after: Hook | None = None
        self._counting = threading.Lock()
        super().__init__(**how)

    def _handle(self, request: Request) -> Response:
        if not is_write(request):
            return super()._handle(request)
        with self._counting:
            self.count += 1
            number = self.count
        if self.before and self.before(number, request):
            return Response(drop=True)
        response = super()._handle(request)
        if self.after and self.after(number, request):
            return Response(drop=True)
        return response


def is_write(request: Request) -> bool:
    """Whether it is meant to change something."""
    return (
        request.method not in {"GET", "HEAD", "OPTIONS"}
        and not request.parameter("dryRun")
        and b'"dryRun"' not in request.body
        and "authorization.k8s.io" not in request.path
        and not request.path.startswith("/_sandbox")
    )


@dataclass
class Street:
    """A folder with a service in front of a cluster, and builds that deploy it, each a process of its own."""

    cluster: WatchedCluster
    folder: Path
    kubeconfig: Path = field(init=False)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(self.cluster.kubeconfig("shop"))
        (self.folder / "service.yaml").write_text(SPEC)
        self.write("blue")

    def write(self, colour: str, *, extra: bool = False) -> None:
        """The manifests with this configuration."""
        (self.folder / "web.yaml").write_text(MANIFEST.replace("blue", colour) + (EXTRA if extra else ""))

    def start(self, build: str, *words: str) -> subprocess.Popen[str]:
        """`headway WORDS` as a build's step would run it."""
        known = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "JENKINS_", "BUILD_"))}
        environment = known | {"KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1", "BUILD_URL": build}
        environment["PYTHONPATH"] = str(ROOT)
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=environment,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        """Ends what a failed test left running."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def run(self, build: str, *words: str) -> tuple[int, str]:
        """Runs it to its end: exit status and all that it said."""
        process = self.start(build, *words)
        out, _ = process.communicate(timeout=90)
        return process.returncode, out

    def deploy(self, tag: str) -> tuple[str, ...]:
        """The command line of a deploy."""
        return ("deploy", ".", "--env", "test", "--image", f"{IMAGE}:{tag}")

    def killed(self, number: int, moment: str, build: str, *words: str) -> bool:
        """Runs it and kills it (SIGKILL) before or after its write `number`; whether it came that far."""
        hit = threading.Event()
        started = threading.Event()
        process: list[subprocess.Popen[str]] = []

        def kill(count: int, request: Request) -> bool:
            del request
            if hit.is_set():
                return True  # the dead write nothing
            if count != number:
                return False
            started.wait(10)
            hit.set()
            process[0].send_signal(signal.SIGKILL)
            return True

        self.cluster.count = 0
        setattr(self.cluster, moment, kill)
        try:
            process.append(self.start(build, *words))
            started.set()
            process[0].communicate(timeout=90)
        finally:
            setattr(self.cluster, moment, None)
        return hit.is_set()

    def ledger(self) -> Ledger:
        """What the cluster remembers."""
        place = storage.place(WEB)
        return storage.decode(self.cluster["ConfigMap", "shop", place.name], WEB)

    def live(self) -> Object:
        """The workload."""
        return self.cluster["Deployment", "shop", "web"]

    def sane(self) -> None:
        """Nothing is open, nobody holds the lock, and one good release serves in full, as the ledger says."""
        ledger = self.ledger()
        assert ledger.intent is None
        assert "open" not in {each.judgement for each in ledger.releases}
        live, serving = self.live(), ledger.serving
        assert serving is not None
        assert serving.template == of_template(live)
        assert serving.judgement == "good"
        for thing in ledger.sets[serving.objects].objects:
            if thing["kind"] == "ConfigMap":
                assert self.cluster["ConfigMap", "shop", thing["metadata"]["name"]]["data"] == thing["data"]
        named = {thing["metadata"]["name"] for thing in ledger.sets[serving.objects].objects}
        assert (("ConfigMap", "shop", "extra") in self.cluster) == ("extra" in named)
        lease = self.cluster["Lease", "shop", "headway.deployment.web"]
        if lease["spec"].get("holderIdentity"):  # left by the dead, and nobody will wait for it
            assert known_dead(lease["metadata"]["annotations"][PROCESS])
        status = live["status"]
        assert status["updatedReplicas"] == status["availableReplicas"] == live["spec"]["replicas"]
