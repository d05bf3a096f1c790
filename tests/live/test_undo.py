"""The way back on a real cluster: the right target at once, killed builds closed, and the least rights that suffice.

The sandbox proves the same in the large: tests/contract/undo. Beside kubectl: benchmarks/undo.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
import yaml

from tests.contract.undo.builds import Builds
from tests.contract.undo.street import EXTRA, IMAGE, MANIFEST, SPEC

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT.parent / "shared" / "kubernetes" / "cluster"
ROLE = Path(__file__).with_name("undo_role.yaml")
REPOSITORY = "localhost:5000/app"
BAD = {"v2": "smoke-failed", "crash": "crash-loop", "nope": "image-pull-failed"}

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]


def builds(world) -> Builds:
    return Builds(world.kubeconfig, world.namespace, MANIFEST.replace(IMAGE, REPOSITORY), REPOSITORY)


def tag(world_builds: Builds) -> str:
    live = world_builds.cluster.get(world_builds.place.workload)
    assert live is not None
    return str(live["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]


def test_an_undo_right_after_an_apply_goes_to_the_last_good_release(live_world):
    made = builds(live_world)
    for good in ("v1", "v3"):
        assert made.deploy(good).verdict == "complete"
    for bad in ("v2", "crash", "unready", "nope", "v2"):
        assert made.aborted(bad).verdict == "interrupted"
        started = time.monotonic()
        report = made.undo()
        assert started - made.applied_at < 1.0
        assert (report.undo, tag(made)) == ("verified", "v3"), (bad, report.remarks)


class Step:
    """A build's step in a folder of its own, as a process that can be killed."""

    def __init__(self, world, folder: Path) -> None:
        self.world, self.folder = world, folder
        folder.mkdir()
        (folder / "service.yaml").write_text(
            SPEC.replace(IMAGE, REPOSITORY).replace("namespace: shop", f"namespace: {world.namespace}")
        )
        self.write("blue")

    def write(self, colour: str, more: str = "") -> None:
        text = MANIFEST.replace(IMAGE, REPOSITORY).replace("blue", colour)
        (self.folder / "web.yaml").write_text(text + more)

    def start(self, build: str, *words: str) -> subprocess.Popen[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "JENKINS_"))}
        environment |= {"KUBECONFIG": str(self.world.kubeconfig), "BUILD_URL": build, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "agent", *words, "--env", "test"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=environment,
        )

    def run(self, build: str, *words: str) -> tuple[int, str]:
        process = self.start(build, *words)
        out, _ = process.communicate(timeout=180)
        return process.returncode, out

    def deploy(self, wanted: str) -> tuple[str, ...]:
        return ("deploy", ".", "--image", f"{REPOSITORY}:{wanted}")


@pytest.mark.parametrize("moment", [0.4, 0.8, 1.2, 1.8, 2.6, 4.0])
def test_a_killed_deploy_is_closed_by_recover(live_world, tmp_path, moment):
    """Killed at a moment that the clock draws: whatever it had written, v1 serves again or the new one is adopted."""
    step = Step(live_world, tmp_path / "build")
    status, out = step.run("build/1", *step.deploy("v1"))
    assert status == 0, out
    step.write("green", EXTRA)
    process = step.start("build/2", *step.deploy("v2"))
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    status, out = step.run("build/2", "recover", ".")
    assert status in {0, 1}, out
    made = builds(live_world)
    assert tag(made) == "v1", out
    for name, data in (("settings", {"colour": "blue"}), ("extra", None)):
        path = f"/api/v1/namespaces/{live_world.namespace}/configmaps/{name}"
        from agent.adapters.kubernetes.transport import Request

        answer = made.cluster._rest.transport.send(Request("GET", path))
        assert (yaml.safe_load(answer.body)["data"] if answer.status == 200 else None) == data, out
    status, out = step.run("build/3", *step.deploy("v3"))
    assert status == 0, out


@pytest.mark.skipif(not CLUSTER.exists(), reason="needs ../shared/kubernetes/cluster to make a ServiceAccount")
@pytest.mark.parametrize("role", ["", str(ROLE)], ids=["the stage's Role", "the least Role"])
def test_a_namespaced_role_is_enough(request, tmp_path, role):
    """No verb of the whole cluster; a bad release is undone, another is killed off by hand, all as a ServiceAccount."""
    admin = Path(request.config.getoption("--kubeconfig"))
    namespace = f"live-undo-{uuid.uuid4().hex[:8]}"
    number = {"CLUSTER": admin.parent.name} if admin.parent.name.isdigit() else {}
    made = subprocess.run(
        [str(CLUSTER), "kubeconfig", namespace, *([role] if role else [])],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | number,
    )
    try:
        world = type("World", (), {"kubeconfig": Path(made.stdout.strip()), "namespace": namespace})
        step = Step(world, tmp_path / "build")
        status, out = step.run("build/1", *step.deploy("v1"))
        assert status == 0, out
        step.write("green", EXTRA)
        for bad, code in BAD.items():
            status, out = step.run("build/2", *step.deploy(bad))
            assert status == 1, (code, out)
            assert "v1 serves again" in out
            assert "orbidden" not in out
        status, out = step.run("build/3", *step.deploy("v3"))
        assert status == 0, out
        status, out = step.run("build/4", "undo", ".")
        assert status == 0, out
        assert tag(builds(world)) == "v1"
        for words in (("status", "."), ("history", "."), ("recover", ".")):
            status, out = step.run("build/4", *words)
            assert status == 0, out
    finally:
        subprocess.run(
            [str(CLUSTER), "kubectl", "delete", "namespace", namespace, "--wait=false"],
            check=False,
            capture_output=True,
            env=os.environ | number,
        )
