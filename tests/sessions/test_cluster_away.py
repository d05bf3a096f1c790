"""An API server that goes away in the middle, for a while and for good, and answers that are lost on the way."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import pytest

from agent.adapters.clock import SystemClock
from tests.sessions.stage import one_message, until


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    """Pauses between tries take a twentieth."""
    monkeypatch.setattr(SystemClock, "sleep", lambda _self, seconds: time.sleep(seconds / 20))


def away(shop, when, seconds: float | None = None) -> threading.Thread:
    """Cuts the API server off as soon as `when` holds; back after `seconds`, or not."""

    def happen() -> None:
        until(when)
        shop.cluster.refuse_connections()
        if seconds is not None:
            time.sleep(seconds)
            shop.cluster.refuse_connections(refused=False)

    thread = threading.Thread(target=happen)
    thread.start()
    return thread


def sent(shop, resource: str, times: int = 1):
    """When so many writes of a resource were answered."""
    return lambda: sum(seen.resource == resource for seen in shop.cluster.writes_seen()) >= times


@pytest.mark.parametrize("moment", ["at once", "leases", "configmaps", "deployments"])
def test_a_short_absence_at_any_moment_costs_only_time(running, headway, moment):
    when = (lambda: True) if moment == "at once" else sent(running, moment)
    thread = away(running, when, 0.3)
    done = headway(*running.deploy("v3"))
    thread.join()
    assert done.status == 0, done.out + done.err
    assert running.serving == "v3"


def test_a_short_absence_before_the_undo_costs_only_time(running, headway):
    thread = away(running, sent(running, "configmaps", 2), 0.3)
    done = headway(*running.deploy("v2"))
    thread.join()
    assert done.status == 1, done.out + done.err
    assert running.serving == "v1"


@pytest.mark.parametrize("command", ["deploy", "undo", "status", "history", "smoke"])
def test_nobody_home_is_exit_4(running, headway, command):
    running.cluster.refuse_connections()
    words = running.deploy("v3") if command == "deploy" else (command, ".", "--env", "staging")
    done = headway(*words)
    assert done.status == 4
    assert "can't be connected: connection refused" in one_message(done.err)


def test_an_absence_without_end_after_the_write_ends_all_the_same_and_undoes_nothing(running, headway):
    thread = away(running, sent(running, "deployments"))
    began = time.monotonic()
    done = headway(*running.deploy("unready"))
    thread.join()
    assert time.monotonic() - began < 15
    assert done.status == 4, done.out + done.err
    message = one_message(done.err)
    # written: seen to be; sent: the absence began before the answer came
    assert re.search(r"deployment/web was (written|sent), and what became of it is not known", message), message
    running.cluster.refuse_connections(refused=False)
    assert running.serving == "unready"
    shown = headway("status", ".", "--env", "staging")
    assert "open" in shown.out
    assert headway("undo", ".", "--env", "staging").status == 0
    assert running.serving == "v1"


def test_an_undo_that_finds_nobody_home_says_that_a_person_is_needed(running, headway):
    thread = away(running, sent(running, "configmaps", 2))
    done = headway(*running.deploy("v2"), "--report", "report")
    thread.join()
    assert done.status == 5, done.out + done.err
    assert "the undo FAILED" in done.out
    report = json.loads(Path("report/report.json").read_text())
    assert (report["verdict"], report["undo"], report["exit_status"]) == ("failed", "failed", 5)


@pytest.mark.parametrize("kind", ["truncate", "drop", "error", "unavailable"])
@pytest.mark.parametrize("resource", ["deployments", "configmaps"])
@pytest.mark.parametrize("times", [1, 2])
def test_an_answer_that_is_lost_is_asked_for_again(running, headway, kind, resource, times):
    """`truncate` carries the write out and loses the answer; the others lose both."""
    verb = "patch" if resource == "deployments" else "update"
    thread = threading.Thread(
        target=lambda: (
            until(sent(running, "leases")),
            until(lambda: any(seen.dry_run and seen.resource == "deployments" for seen in running.cluster.requests)),
            until(lambda: any(seen.resource == "pods/proxy" for seen in running.cluster.requests)),
            running.cluster.fault(kind, verb=verb, resource=resource, times=times),
        )
    )
    thread.start()
    running.cluster.fault("slow", verb="get", resource="pods/proxy", times=1, delay=0.2)
    done = headway(*running.deploy("v3"))
    thread.join()
    assert done.status == 0, done.out + done.err
    assert "could not be written" not in done.out
    assert running.serving == "v3"
    history = headway("history", ".", "--env", "staging").out.splitlines()
    assert history[2].split()[:2] == ["*", "2"]
    assert "good" in history[2]
    assert len(history) == 4


def test_a_release_that_may_not_be_asked_is_not_verified(shop, headway):
    """On a first deploy the baseline can't find out that pods may not be asked."""
    shop.cluster.fault("forbidden", verb="get", resource="pods/proxy")
    done = headway(*shop.deploy("v1"), "--report", "report")
    assert done.status == 5, done.out + done.err
    assert 'cannot get resource "pods/proxy"' in done.out
    report = json.loads(Path("report/report.json").read_text())
    assert (report["verdict"], report["undo"]) == ("failed", "no-target")
    history = headway("history", ".", "--env", "staging").out
    assert "smoke failed" in history


def test_rights_that_are_lost_during_the_rollout_end_in_an_undo_that_is_not_verified(running, headway):
    thread = threading.Thread(
        target=lambda: (
            until(sent(running, "deployments")),
            running.cluster.fault("forbidden", verb="get", resource="pods/proxy"),
        )
    )
    thread.start()
    done = headway(*running.deploy("v3"))
    thread.join()
    assert done.status == 5, done.out + done.err
    assert "NOT VERIFIED" in done.out
    assert running.serving == "v1"
