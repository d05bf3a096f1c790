"""The tools side by side: how each is told to follow one change, and what its answer means."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What a tool said: `ok`, `failed` or `open` (its whole budget went by), when, at what cost."""

    word: str
    at: float
    memory_mib: float
    says: str


@dataclass(frozen=True)
class Case:
    """One scenario in one namespace: the objects before, and the workload as changed."""

    namespace: str
    folder: Path
    kubeconfig: Path
    before: dict[str, Any] | None
    after: dict[str, Any]
    plural: str
    budget: int


def run(words: list[str], case: Case, stop_at: str = "") -> tuple[int, float, str, float]:
    """Runs a tool to its end; returns (exit status, when it had spoken, output, MiB). `stop_at`: the line that is its verdict."""
    environment = os.environ | {"KUBECONFIG": str(case.kubeconfig), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=case.folder, bufsize=1
    )
    spoken, output, peak = 0.0, [], Peak(process.pid)
    peak.start()
    for line in process.stdout or ():
        output.append(line)
        if stop_at and not spoken and stop_at in line:
            spoken = time.time()
    status, ended = process.wait(), time.time()
    peak.join()
    return status, spoken or ended, "".join(output), peak.kib / 1024


class Peak(threading.Thread):
    """The most memory a process took. Not ru_maxrss: that counts what its parent had when it forked."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.file, self.kib = Path(f"/proc/{pid}/status"), 0

    def run(self) -> None:
        """Reads VmHWM until the process is gone."""
        while True:
            try:
                found = re.search(r"VmHWM:\s+(\d+)", self.file.read_text())
            except OSError:
                return
            if found is None:
                return
            self.kib = max(self.kib, int(found[1]))
            time.sleep(0.1)


class Kubectl:
    """PATCHed by the driver, then `kubectl rollout status`."""

    name = "kubectl"
    patched = True

    def prepare(self, case: Case) -> bool:
        """Nothing of its own to set up."""
        del case
        return False

    def follow(self, case: Case) -> Answer:
        """exit 0 is complete; `timed out` is no answer; anything else is failed."""
        tool = str(ROOT.parent / "shared" / "kubernetes" / "cluster")
        binary = os.environ.get("KUBECTL") or shutil.which("kubectl") or tool
        words = [
            binary,
            *(["kubectl"] if binary == tool else []),
            "rollout",
            "status",
            f"{case.plural}/web",
            "-n",
            case.namespace,
        ]
        status, at, output, memory = run([*words, f"--timeout={case.budget}s", f"--kubeconfig={case.kubeconfig}"], case)
        word = "ok" if status == 0 else "open" if "timed out waiting" in output else "failed"
        return Answer(word, at, memory, output[-300:])


class Kubedog:
    """PATCHed by the driver, then `kubedog rollout track`."""

    name = "kubedog"
    patched = True

    def prepare(self, case: Case) -> bool:
        """Nothing of its own to set up."""
        del case
        return False

    def follow(self, case: Case) -> Answer:
        """exit 0 is complete; its own timeout is no answer."""
        kind = case.plural.removesuffix("s")
        words = [
            "kubedog",
            "rollout",
            "track",
            kind,
            "web",
            "-n",
            case.namespace,
            "--kube-config",
            str(case.kubeconfig),
        ]
        status, at, output, memory = run([*words, "-t", str(case.budget)], case)
        ended = any(sign in output[-400:] for sign in ("imed out", "imeout", "deadline exceeded"))
        word = "ok" if status == 0 else "open" if ended else "failed"
        return Answer(word, at, memory, output[-300:])


class Helm:
    """A chart with the one manifest; `helm upgrade --wait` makes the change itself."""

    name = "helm"
    patched = False

    def prepare(self, case: Case) -> bool:
        """Installs the state before as release 1."""
        chart = case.folder / "chart"
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
        if case.before is not None:
            (chart / "templates" / "web.yaml").write_text(json.dumps(case.before))
            run(["helm", "install", "web", str(chart), "-n", case.namespace, "--wait", "--timeout", "90s"], case)
        return case.before is not None

    def follow(self, case: Case) -> Answer:
        """exit 0 is deployed; `deadline exceeded` is no answer."""
        chart = case.folder / "chart"
        (chart / "templates" / "web.yaml").write_text(json.dumps(case.after))
        words = [
            "helm",
            "upgrade",
            "--install",
            "web",
            str(chart),
            "-n",
            case.namespace,
            "--wait",
            "--timeout",
            f"{case.budget}s",
        ]
        status, at, output, memory = run(words, case)
        word = "ok" if status == 0 else "open" if "deadline" in output or "timed out" in output else "failed"
        return Answer(word, at, memory, output[-300:])


class Headway:
    """`headway deploy` of the same manifest, told not to undo: the verdict alone is measured."""

    name = "headway"
    patched = False

    def prepare(self, case: Case) -> bool:
        """Writes the spec; the state before is the driver's, made by hand as far as Headway knows."""
        container = case.after["spec"]["template"]["spec"]["containers"][0]
        spec = {
            "version": 1,
            "service": "web",
            "image": {"repository": repository(container["image"])},
            "deploy": {"manifests": ["web.json"], "timeout": f"{case.budget}s", "undo": {"when": []}},
            "environments": [{"name": "bench", "namespace": case.namespace}],
        }
        (case.folder / "service.yaml").write_text(yaml.safe_dump(spec))
        (case.folder / "web.json").write_text(json.dumps(case.after))
        return False

    def follow(self, case: Case) -> Answer:
        """The line `rollout` of its story is the verdict; the report says which one."""
        image = case.after["spec"]["template"]["spec"]["containers"][0]["image"]
        words = [
            sys.executable,
            "-m",
            "agent",
            "deploy",
            "service.yaml",
            "--env",
            "bench",
            "--image",
            image,
            "--report",
            "report",
        ]
        os.environ["PYTHONPATH"] = str(ROOT)
        status, at, output, memory = run(words, case, stop_at="  rollout ")
        report = case.folder / "report" / "report.json"
        verdict = json.loads(report.read_text())["verdict"] if report.exists() else f"exit {status}"
        if status == 2:  # refused before anything was written: the earliest way to call it failed
            verdict = "failed"
        word = {
            "complete": "ok",
            "failed": "failed",
            "timed-out": "open",
            "superseded": "superseded",
            "gone": "gone",
        }.get(verdict, verdict)
        return Answer(word, at, memory, output[-600:])


def repository(image: str) -> str:
    """The name without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


TOOLS = {tool.name: tool for tool in (Headway(), Kubectl(), Helm(), Kubedog())}
