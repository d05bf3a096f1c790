"""Each scene is the world that its summary says, seen over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from agent.sandbox.scenes import NAMESPACE, SCENES
from agent.sandbox.world import World


@pytest.fixture(params=sorted(SCENES))
def scene(request):
    return SCENES[request.param]


@pytest.fixture
def world():
    with World(speed=20.0) as started:
        yield started


def ask(url: str, token: str = "") -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    opener = urllib.request.build_opener(NoRedirects)
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def pods(world) -> str:
    return f"{world.cluster.url}/api/v1/namespaces/{NAMESPACE}/pods"


def test_every_scene_can_be_prepared_and_says_what_it_is(world, scene):
    scene.prepare(world)
    assert scene.summary
    assert not scene.summary.endswith(".")


def test_running_is_a_deployment_made_by_hand(world):
    SCENES["running"].prepare(world)
    deployment = world.cluster["Deployment", NAMESPACE, "web"]
    assert deployment["spec"]["replicas"] == 3
    assert not [entry for entry in deployment["metadata"]["managedFields"] if entry["manager"] == "headway"]


def test_a_full_quota_is_full(world):
    SCENES["quota-full"].prepare(world)
    assert world.cluster["ResourceQuota", NAMESPACE, "small"]["spec"]["hard"] == {"pods": "3"}


def test_an_api_server_that_is_away_comes_back(world):
    SCENES["api-away"].prepare(world)
    answers = [ask(pods(world), world.cluster.token) for _ in range(11)]
    assert answers == [503] * 10 + [200]


def test_an_expired_token_is_refused(world):
    SCENES["expired-token"].prepare(world)
    assert ask(pods(world), world.cluster.token) == 401


def test_every_third_request_finds_jenkins_restarting(world):
    SCENES["jenkins-restarting"].prepare(world)
    assert [ask(f"{world.jenkins.url}/login") for _ in range(3)].count(503) == 1


def test_a_login_page_stands_before_jenkins(world):
    SCENES["login-page"].prepare(world)
    assert ask(f"{world.jenkins.url}/api/json") == 302


def test_the_environment_leads_here_and_through_no_proxy(world, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    assert world.environment["JENKINS_URL"] == world.jenkins.url
    assert "HTTPS_PROXY" not in world.environment
    assert oct(Path(world.environment["KUBECONFIG"]).stat().st_mode)[-3:] == "600"


def test_up_prints_exports_and_ends_on_sigterm():
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "sandbox", "up"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline() for _ in range(4)]
    process.send_signal(signal.SIGTERM)
    _, talk = process.communicate(timeout=20)
    assert [line.split("=")[0] for line in lines] == [
        "export KUBECONFIG",
        "export JENKINS_URL",
        "export JENKINS_USER_ID",
        "export JENKINS_API_TOKEN",
    ]
    assert process.returncode == 0
    assert "sandbox is down" in talk


def test_run_gives_back_the_commands_own_status(headway):
    assert headway("sandbox", "run", "empty", "--", sys.executable, "-c", "raise SystemExit(7)").status == 7


def test_run_says_when_nothing_was_run(headway):
    missing = headway("sandbox", "run", "empty", "--", "no-such-command-here")
    assert missing.status == 2
    assert "nothing was run" in missing.err
    assert headway("sandbox", "run", "empty", "--").status == 2


def test_an_unknown_scene_is_told_with_the_nearest_name(headway):
    ran = headway("sandbox", "run", "runing", "true")
    assert ran.status == 2
    assert "did you mean 'running'?" in ran.err


def test_scenes_are_listed(headway):
    assert [scene["name"] for scene in json.loads(headway("sandbox", "scenes", "-o", "json").out)] == list(SCENES)
    assert all(name in headway("sandbox", "scenes").out for name in SCENES)
