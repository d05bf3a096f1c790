"""What a person does at night, on a real cluster: restart, freeze, thaw, Jobs beforehand, and all of it without a spec.

Each test needs a minute at most and has a namespace of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from agent.adapters.registry import DockerRegistry
from agent.release import images
from tests.contract.undo.street import EXTRA
from tests.live.test_undo import Step, builds, tag

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

REGISTRY = "10.99.1.2:5000"
JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: busybox, command: [sh, -c, "exit 0"]}]
"""


@pytest.fixture
def step(live_world, tmp_path):
    """v1 serves."""
    made = Step(live_world, tmp_path / "build")
    status, out = made.run("build/1", *made.deploy("v1"))
    assert status == 0, out
    return made


def named(step: Step, command: str, *more: str) -> tuple[int, str]:
    """`headway COMMAND -n NAMESPACE deployment/web`, in a folder without a spec."""
    words = [command, "-n", step.world.namespace, "deployment/web", *more]
    environment = {"KUBECONFIG": str(step.world.kubeconfig), "PATH": "/usr/bin:/bin", "BUILD_URL": "night/1"}
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "agent", *words],
        capture_output=True,
        text=True,
        cwd=step.world.folder,
        env=environment,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def pods(step: Step) -> set[str]:
    cluster = builds(step.world).cluster
    found = cluster.list("v1", "Pod", step.world.namespace, labels="app=web")
    return {pod["metadata"]["uid"] for pod in found if not pod["metadata"].get("deletionTimestamp")}


def test_a_restart_makes_new_pods_of_the_same_release(step):
    before = pods(step)
    status, out = step.run("build/2", "restart", ".")
    assert status == 0, out
    assert not before & pods(step)
    status, out = step.run("build/2", "status", ".")
    assert "release   1: good" in out, out
    status, out = step.run("build/3", *step.deploy("v1"))
    assert status == 0, out
    assert "nothing had to change" in out, "a restart is no change of the release"


def test_frozen_undone_all_the_same_and_thawed(step):
    status, out = step.run("build/2", *step.deploy("v3"))
    assert status == 0, out
    status, out = step.run("build/2", "freeze", ".", "--reason", "black friday")
    assert status == 0, out
    status, out = step.run("build/3", *step.deploy("v4"))
    assert (status, "is frozen by build/2: black friday" in out) == (9, True), out
    status, out = step.run("build/3", "undo", ".")
    assert status == 0, out
    assert tag(builds(step.world)) == "v1"
    status, out = step.run("build/3", "status", ".")
    assert "frozen    black friday" in out
    status, out = step.run("build/3", "thaw", ".")
    assert status == 0, out
    status, out = step.run("build/3", *step.deploy("v4"))
    assert status == 0, out


def with_job(step: Step, status: int) -> None:
    (step.folder / "migrate.yaml").write_text(JOB.replace("exit 0", f"exit {status}"))
    spec = yaml.safe_load((step.folder / "service.yaml").read_text())
    spec["deploy"]["before"] = ["migrate.yaml"]
    (step.folder / "service.yaml").write_text(yaml.safe_dump(spec))


def test_a_job_beforehand_succeeds_and_one_that_fails_touches_no_workload(step):
    with_job(step, 0)
    status, out = step.run("build/2", *step.deploy("v3"))
    assert status == 0, out
    assert "what they do to data is not undone" in out
    before = pods(step)
    with_job(step, 1)
    step.write("green", EXTRA)
    status, out = step.run("build/3", *step.deploy("v4"))
    assert status == 1, out
    assert "job/migrate-r3 did not succeed, so no workload was touched" in out
    assert "v3 serves again" in out
    assert pods(step) == before, "no pod was replaced"
    cluster = builds(step.world).cluster
    jobs = {job["metadata"]["name"] for job in cluster.list("batch/v1", "Job", step.world.namespace)}
    assert jobs == {"migrate-r2", "migrate-r3"}
    there = {each["metadata"]["name"]: each for each in cluster.list("v1", "ConfigMap", step.world.namespace)}
    assert there["settings"]["data"] == {"colour": "blue"}
    assert "extra" not in there


def test_without_a_spec_the_ledger_is_enough(step):
    step.write("green", EXTRA)
    status, out = step.run("build/2", *step.deploy("v3"))
    assert status == 0, out
    status, out = named(step, "status", "-o", "json")
    assert status == 0, out
    found = json.loads(out)
    assert (found["now"]["version"], found["way_back"]["version"], found["way_back"]["would_apply"]) == (
        "v3",
        "v1",
        True,
    )
    assert found["way_back"]["registry"]["state"] == "unknown", "localhost:5000 is the node's, not this machine's"
    status, out = named(step, "undo", "--dry-run")
    assert status == 0, out
    assert tag(builds(step.world)) == "v3"
    status, out = named(step, "undo")
    assert status == 0, out
    assert "UNDONE and verified: v1 serves" in out
    assert tag(builds(step.world)) == "v1"
    status, out = named(step, "history")
    assert status == 0, out
    assert "* 1" in out
    assert named(step, "freeze", "--reason", "at night")[0] == 0
    assert step.run("build/3", *step.deploy("v4"))[0] == 9
    assert named(step, "thaw")[0] == 0
    status, out = named(step, "undo", "--to-release", "2")
    assert status == 0, out
    assert tag(builds(step.world)) == "v3"


def test_a_newer_build_supersedes_an_older_ones_deploy(step):
    job = "https://jenkins.example.com/job/web/"
    step.write("green", EXTRA)
    older = step.start(f"{job}7/", *step.deploy("unready"), "--lock-length", "3")
    deadline = time.monotonic() + 30
    while tag(builds(step.world)) != "unready":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    step.write("red")
    status, out = step.run(f"{job}8/", *step.deploy("v3"), "--lock", "supersede")
    told, _ = older.communicate(timeout=60)
    assert older.returncode == 7, told
    assert f"SUPERSEDED by {job}8/" in told
    assert status == 0, out
    status, out = step.run(f"{job}7/", "recover", ".")
    assert (status, "nothing was left open" in out) == (0, True), out
    assert tag(builds(step.world)) == "v3"


def test_a_namespace_that_is_not_there_is_said(live_world, tmp_path):
    step = Step(live_world, tmp_path / "build")
    world = type("World", (), {"kubeconfig": live_world.kubeconfig, "namespace": "nowhere", "folder": tmp_path})
    step.world = world
    for command in ("history", "status", "thaw"):
        status, out = named(step, command)
        assert status == 4, out
        assert "there is no namespace 'nowhere'" in out


def test_the_registry_of_the_cluster_is_asked_by_tag_and_by_digest():
    registry = DockerRegistry({}, insecure=("10.99.1.0/24",))
    there = registry.find(images.parse(f"{REGISTRY}/app:v1"))
    if there.state == "unknown":
        pytest.skip(f"the registry that the cluster pulls from is elsewhere: {there.detail}")
    assert there.state == "there"
    assert registry.find(images.parse(f"{REGISTRY}/app@{there.digest}")).state == "there"
    assert registry.find(images.parse(f"{REGISTRY}/app:hotfxi")).state == "gone"
    assert registry.find(images.parse(f"{REGISTRY}/app@sha256:{'0' * 64}")).state == "gone"
