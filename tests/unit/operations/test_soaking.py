"""A release is watched on for `deploy.soak` before it is good."""

from __future__ import annotations

import pytest

from agent.cli.commands.history import verdict
from agent.ports import HttpAnswer
from agent.rollout.policy import Policy
from tests.unit.operations.conftest import WORKLOAD
from tests.unit.operations.test_deploying import _set_image


def available(shop, number):
    """Sets how many pods are available, as the controller would."""
    live = shop.cluster.objects[WORKLOAD]
    shop.cluster._put(WORKLOAD, {**live, "status": {**live["status"], "availableReplicas": number}})


def test_what_stays_complete_is_good_when_the_time_is_over(shop):
    before = shop.cluster.clock.now
    report = shop.deploy("v1", soak=300.0)
    assert (report.verdict, int(report.status)) == ("complete", 0)
    assert shop.cluster.clock.now - before >= 300
    release = shop.ledger().release(1)
    assert (release.judgement, release.smoke, release.soak) == ("good", "passed", "passed")
    assert [check.phase for check in report.smoke].count("soak") == len(shop.checks)
    held = next(each for each in report.workloads if each.phase == "soak")
    assert (held.verdict, held.seconds >= 300) == ("complete", True)


def test_without_a_soak_nothing_is_watched_and_nothing_recorded(shop):
    report = shop.deploy("v1")
    assert shop.ledger().release(1).soak == ""
    assert {check.phase for check in report.smoke} == {"deploy"}


def test_a_check_that_fails_at_the_end_takes_the_release_back(shop):
    shop.deploy("v1")
    probe, clock = shop.cluster.probe, shop.cluster.clock
    late = clock.now + 30

    def turning(kind, namespace, name, port, path, *, timeout):
        if path == "/api" and clock.now > late and name in shop.cluster.pods_of("v3"):
            return HttpAnswer(500, "no more")
        return probe(kind, namespace, name, port, path, timeout=timeout)

    shop.cluster.probe = turning
    report = shop.deploy("v3", soak=60.0)
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "verified", 1)
    release = shop.ledger().release(2)
    assert (release.judgement, release.smoke, release.soak, release.to_blame) == ("bad", "passed", "failed", True)
    assert verdict(release) == "soak failed, undone to 1"


def test_pods_that_crash_again_end_it_at_once(shop):
    shop.deploy("v1")
    began = shop.cluster.clock.now

    def crash():
        for key in [key for key, one in shop.cluster.objects.items() if one["kind"] == "Pod"]:
            pod = shop.cluster.objects[key]
            box = pod["status"]["containerStatuses"][0]
            ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T10:10:00Z"}}
            waits = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
            box = {**box, "restartCount": 2, "ready": False, "lastState": ended, "state": waits}
            shop.cluster._put(key, {**pod, "status": {**pod["status"], "containerStatuses": [box]}})
        available(shop, 0)

    shop.cluster.clock.at(20.0, crash)
    report = shop.deploy("v3", soak=600.0)
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "verified", 1)
    assert report.diagnosis[0].diagnosis.code == "crash-loop"
    assert shop.cluster.clock.now - began < 60
    assert (shop.ledger().release(2).soak, shop.ledger().release(2).to_blame) == ("failed", True)


@pytest.mark.parametrize(("back", "verdict", "undo"), [(15.0, "complete", "none"), (None, "timed-out", "verified")])
def test_pods_that_are_away_for_a_while_must_only_be_back_in_the_end(shop, back, verdict, undo):
    shop.policy = Policy(timeout=5.0)
    shop.deploy("v1")
    shop.cluster.clock.at(10.0, lambda: available(shop, 1))
    if back is not None:
        shop.cluster.clock.at(back + 10.0, lambda: available(shop, 3))
    report = shop.deploy("v3", soak=60.0)
    assert (report.verdict, report.undo) == (verdict, undo)


def test_what_somebody_else_changes_meanwhile_is_theirs(shop):
    shop.deploy("v1")
    shop.cluster.clock.at(20.0, lambda: _set_image(shop, "v5"))
    report = shop.deploy("v3", soak=60.0)
    assert (report.verdict, report.undo, int(report.status)) == ("superseded", "none", 7)
    assert (shop.ledger().release(2).judgement, shop.ledger().release(2).soak) == ("unjudged", "not-run")


def test_a_release_that_fails_before_has_no_soak(shop):
    shop.deploy("v1")
    report = shop.deploy("v2", soak=60.0)
    assert (report.verdict, report.undo) == ("failed", "verified")
    assert (shop.ledger().release(2).smoke, shop.ledger().release(2).soak) == ("failed", "not-run")
