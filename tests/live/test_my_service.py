"""examples/my-service on a real Docker engine, a real registry and a real cluster.

The commands are those of its rendered Jenkinsfile: they are taken from it and run in order, stage by stage.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from agent.jenkinsfile.render import render
from agent.spec.load import demand_one
from tests.fakes.pipeline import Build

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "my-service"
REPOSITORY = "registry.example.com/demo/my-service"

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not (os.environ.get("DOCKER_HOST") and os.environ.get("REGISTRY")),
        reason="needs a Docker engine and a registry that the cluster pulls from (DOCKER_HOST, REGISTRY)",
    ),
]


@pytest.fixture
def repository(live_world, tmp_path):
    """The example as a team would have it: with its own registry and namespace."""
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLE, folder)
    own = f"{os.environ['REGISTRY']}/{live_world.namespace}/my-service"
    for file in (folder / "service.yaml", folder / "k8s" / "my-service.yaml"):
        text = file.read_text()
        assert REPOSITORY in text
        file.write_text(
            text.replace(REPOSITORY, own).replace("namespace: my-service", f"namespace: {live_world.namespace}")
        )
    return folder


@pytest.fixture
def build(live_world, repository, tmp_path):
    """Runs one build of the pipeline, as a Jenkins agent would."""

    def call(number: int) -> Build:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DOCKER_HOST": os.environ["DOCKER_HOST"],
            "KUBECONFIG": str(live_world.kubeconfig),
            "HOME": str(home),
        }
        one = Build(tmp_path / "agent", repository, environment, {}, number, commit=uuid.uuid4().hex + "00000000")
        loaded = demand_one(repository)
        one.run(render(loaded.spec, near=loaded.folder))
        return one

    return call


def report(one: Build) -> dict:
    (found,) = [path for path in one.archived if path.name == "report.json"]
    return json.loads(found.read_text())


def serving(world) -> set[str]:
    """What the API of every ready pod answers, asked through the API server."""
    from kubernetes import client, config

    api = client.CoreV1Api(config.new_client_from_config(str(world.kubeconfig)))
    found = [pod.metadata for pod in api.list_namespaced_pod(world.namespace).items]
    pods = [str(meta.name) for meta in found if meta and not meta.deletion_timestamp]
    assert len(pods) == 3, pods
    return {str(api.connect_get_namespaced_pod_proxy_with_path(f"{pod}:8080", world.namespace, "api/")) for pod in pods}


def test_built_tested_pushed_deployed_by_digest_and_a_bad_release_taken_back(build, repository, live_world):
    first = build(1)
    assert not first.failed, first.last
    assert [step.stage for step in first.steps] == ["Image", "Test image", "Push", "Deploy to staging"]
    assert "passed: /api/" in first.steps[1].output
    assert "@sha256:" in first.env["IMAGE"]
    told = report(first)
    assert (told["verdict"], told["undo"]) == ("complete", "none"), told
    version = first.env["VERSION"]
    assert all(version in answer and "true" in answer.lower() for answer in serving(live_world))

    spec = repository / "service.yaml"
    spec.write_text(spec.read_text().replace('{VERSION: "{{ version }}"}', '{VERSION: "{{ version }}", BROKEN: "yes"}'))
    second = build(2)
    assert second.failed
    assert "passed: /api/" in second.steps[1].output, "the image's own test sees nothing wrong"
    deploy, recovery = second.steps[-2:]
    assert (deploy.stage, deploy.status) == ("Deploy to staging", 1), deploy.output
    assert (recovery.label, recovery.status) == ("headway recover", 0), recovery.output
    told = report(second)
    assert told["undo"] == "verified", told
    assert told["diagnosis"][0]["code"] == "smoke-failed", told
    answers = serving(live_world)
    assert all(version in answer and "true" in answer.lower() for answer in answers), answers


@pytest.fixture(autouse=True)
def _no_images_left(live_world):
    yield
    own = f"{os.environ['REGISTRY']}/{live_world.namespace}/my-service"
    listed = subprocess.run(
        ["docker", "images", "--quiet", own], capture_output=True, text=True, check=False
    ).stdout.split()
    subprocess.run(["docker", "rmi", "--force", *listed], capture_output=True, check=False)
