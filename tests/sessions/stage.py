"""What sessions are played with: a folder with a service in front of a sandbox, and `headway` in its own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.sandbox.kubernetes import SandboxCluster

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "registry.example.com/shop/web"
SPEC = """\
service: web
source: {git: "https://git.example.com/shop/web.git"}
image: {repository: registry.example.com/shop/web}
deploy: {manifests: [web.yaml], timeout: 2s}
smoke:
  - {name: answers, get: /api, within: 600ms}
environments:
  - {name: staging, namespace: shop}
  - {name: production, namespace: nowhere}
  - {name: elsewhere, cluster: elsewhere, namespace: shop}
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
      serviceAccountName: web
      containers:
      - name: server
        image: registry.example.com/shop/web
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""


@dataclass
class Shop:
    """A folder with a service, in front of a sandbox."""

    folder: Path
    cluster: SandboxCluster

    def deploy(self, tag: str, *more: str) -> tuple[str, ...]:
        """The command line of a deploy."""
        return ("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:{tag}", *more)

    def spec(self, *changes: tuple[str, str]) -> None:
        """Rewrites service.yaml."""
        (self.folder / "service.yaml").write_text(_changed(SPEC, changes), encoding="utf-8")

    def manifest(self, *changes: tuple[str, str], more: str = "") -> None:
        """Rewrites web.yaml."""
        (self.folder / "web.yaml").write_text(_changed(MANIFEST, changes) + more, encoding="utf-8")

    @property
    def writes(self) -> list[tuple[str, str]]:
        """(method, resource) of what was sent to change something, the lock apart."""
        return [(seen.method, seen.resource) for seen in self.cluster.writes_seen() if seen.resource != "leases"]

    @property
    def serving(self) -> str:
        """The tag that the workload has."""
        found = self.cluster["Deployment", "shop", "web"]
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]

    def thing(self, kind: str, api_version: str, name: str, **fields: object) -> None:
        """Puts an object into the namespace."""
        metadata = {"name": name, "namespace": "shop"}
        self.cluster.create({"apiVersion": api_version, "kind": kind, "metadata": metadata} | fields)


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


@dataclass
class Done:
    """What a process did; out and err are bytes as they came, decoded with replacement."""

    status: int
    out: str
    err: str
    seconds: float


class Process:
    """`python -m agent` in a process of its own."""

    def __init__(self, *words: str, cwd: Path | None = None, shell: str = "", **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        kept |= {"PYTHONPATH": str(ROOT)} | environment
        command = ["bash", "-c", f'headway() {{ "$PYTHON" -m agent "$@"; }}; {shell}'] if shell else _words(words)
        self.began = time.monotonic()
        self.child = subprocess.Popen(
            command,
            cwd=cwd,
            env={name: value for name, value in kept.items() if value != "-"} | {"PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.child.send_signal(number)

    def end(self, limit: float = 20.0) -> Done:
        """Waits for its end; kills it after `limit` seconds and fails."""
        began = time.monotonic()
        try:
            out, err = self.child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.communicate()
            raise
        status = self.child.returncode
        return Done(status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), time.monotonic() - began)


def _words(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "agent", *words]


def until(condition: Callable[[], bool], limit: float = 15.0) -> None:
    """Waits for something that happens in another thread or process."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.002)


def one_message(text: str) -> str:
    """The one complaint in what was said, with its hint; never a trace or a bug.

    Problems of specs are `file:line:column` lines under one headline, so they count as one complaint.
    """
    assert "Traceback" not in text, text
    assert "bug in Headway" not in text, text
    errors = [line for line in text.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, text
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in errors[0]), repr(errors[0])
    return text[text.index("error: ") :]
