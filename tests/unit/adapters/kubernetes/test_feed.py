"""The feed's body: a thread that hears over real sockets, hands over through a queue, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes import connect
from agent.errors import ForbiddenError
from agent.objects import Ref
from agent.rollout.feed import Blind, Changed, Listed
from tests.fakes.loopback import kubeconfig, serving

WEB = Ref("apps/v1", "Deployment", "shop", "web")


def pod(number):
    return {"metadata": {"name": f"web-{number}", "uid": f"u{number}", "resourceVersion": str(10 + number)}}


class Api:
    """Lists nothing; its pods' watch says what the test wants; every other watch is silent."""

    def __init__(self):
        self.say = threading.Event()

    def __call__(self, heard, wire):
        if "watch=true" not in heard.target:
            wire.json({"kind": "List", "metadata": {"resourceVersion": "5"}, "items": []})
            return
        wire.begin_stream()
        if heard.path.endswith("/pods"):
            self.say.wait(10)
            for number in range(100):
                wire.say("ADDED", pod(number))
        wire.stop.wait(20)


@pytest.fixture
def api(tmp_path, monkeypatch):
    handler = Api()
    with serving(handler) as server:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", server.url)))
        yield handler, server
        handler.say.set()


def followers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("follow ")]


def test_lists_come_first_then_changes_as_they_happen(api):
    handler, server = api
    with connect(None, clock=SystemClock()).follow(WEB, "app=web") as feed:
        listed = [feed.next(5.0) for _ in range(4)]
        assert [event.resource for event in listed if isinstance(event, Listed)] == [
            "deployments", "replicasets", "pods", "events",
        ]  # fmt: skip
        assert feed.next(0.0) is None
        began = time.monotonic()
        assert feed.next(0.05) is None
        assert time.monotonic() - began < 1.0
        handler.say.set()
        names: list[str] = []
        while len(names) < 100 and (event := feed.next(5.0)) is not None:
            assert isinstance(event, Changed)
            names.append(event.object["metadata"]["name"])
        assert names == [f"web-{number}" for number in range(100)]
    assert len(server.heard) == 8
    assert followers() == []


def test_leaving_ends_the_thread_at_once(api):
    with connect(None, clock=SystemClock()).follow(WEB, "app=web") as feed:
        feed.next(5.0)
        assert len(followers()) == 1
        began = time.monotonic()
    assert time.monotonic() - began < 0.5
    assert followers() == []


def test_a_killed_server_is_told_as_blindness(api):
    _, server = api
    with connect(None, clock=SystemClock()).follow(WEB, "app=web") as feed:
        for _ in range(4):
            feed.next(5.0)
        server.handler = lambda heard, wire: wire.hang_up()
        server.drop()
        event = feed.next(10.0)
        assert isinstance(event, Blind)
        assert "broke the connection" in event.reason


def test_missing_rights_are_an_error_before_anything_is_followed(tmp_path, monkeypatch):
    with serving(lambda heard, wire: wire.refuse(403, "cannot list", "Forbidden")) as server:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", server.url)))
        with pytest.raises(ForbiddenError), connect(None, clock=SystemClock()).follow(WEB, "app=web"):
            pass
    assert followers() == []


def test_an_exception_in_the_block_still_ends_the_thread(api):
    with pytest.raises(KeyboardInterrupt), connect(None, clock=SystemClock()).follow(WEB, "app=web"):
        raise KeyboardInterrupt
    assert followers() == []


def test_a_bug_in_the_thread_is_told_not_swallowed(api, monkeypatch):
    from agent.adapters.kubernetes.follower import Engine

    def broken(self):
        raise RuntimeError("oops")

    monkeypatch.setattr(Engine, "turn", broken)
    with connect(None, clock=SystemClock()).follow(WEB, "app=web") as feed:
        events = [feed.next(5.0) for _ in range(5)]
    assert isinstance(events[-1], Blind)
    assert events[-1].reason == "the watch stopped: RuntimeError: oops"


SCRIPT = """
import signal, sys
from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes import connect
from agent.objects import Ref

def told(*_):
    raise SystemExit(143)

signal.signal(signal.SIGTERM, told)
signal.signal(signal.SIGINT, signal.default_int_handler)
with connect(None, clock=SystemClock()).follow(Ref("apps/v1", "Deployment", "shop", "web"), "app=web") as feed:
    for _ in range(4):
        feed.next(5.0)
    print("following", flush=True)
    while True:
        feed.next(30.0)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_at_once_though_the_server_hangs(api, number):
    _, server = api
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[4])}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"following\n"
        server.handler = lambda heard, wire: wire.stop.wait(30)
        server.drop()  # the thread is now in the middle of a request that nobody answers
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) in {143, 130, -signal.SIGINT}
    assert time.monotonic() - began < 4
