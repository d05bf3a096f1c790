"""Undos that come to nothing, or end beside the road: what the ledger says of them afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.errors import ForbiddenError, RefusedError, UnreachableError
from agent.objects import Ref
from agent.operations.bookkeeping import Book
from agent.operations.going_back import UndoMission, undo
from agent.operations.mission import UndoRules
from agent.release.ledger import Intent
from agent.reports.events import Rehearsed, Undone
from tests.unit.operations.conftest import REPOSITORY, WORKLOAD


def go_back(shop):
    return undo(shop.tools, UndoMission(shop.place, shop.checks, shop.policy, shop.rules))


def overtake(shop):
    """Somebody changes the image just before our next write of the workload."""

    def before(verb, target):
        if verb == "apply" and target == WORKLOAD:
            shop.cluster.before_write = None
            thing = shop.cluster.objects[WORKLOAD]
            thing["spec"]["template"]["spec"]["containers"][0]["image"] = f"{REPOSITORY}:v5"
            thing["metadata"]["resourceVersion"] = "9999"

    shop.cluster.before_write = before


def leave_open(shop, build="build/9"):
    """Another build's deploy of release 2 was killed."""
    intent = Intent("deploy", 2, build=build)
    Book(shop.cluster, WORKLOAD).write(lambda ledger: replace(ledger, intent=intent))
    return intent


def test_a_release_that_nobody_left_is_neither_undone_nor_withdrawn(shop):
    for tag in ("v1", "v3"):
        shop.deploy(tag)
    overtake(shop)
    report = go_back(shop)
    assert (report.verdict, report.undo, int(report.status)) == ("superseded", "none", 7)
    left = shop.ledger().release(2)
    assert (left.undone, left.withdrawn) == (None, False)
    assert shop.ledger().intent is None


def test_a_workload_that_is_deleted_during_an_undo_is_gone(shop):
    for tag in ("v1", "v3"):
        shop.deploy(tag)

    def after(verb, target):
        if target == WORKLOAD:
            shop.cluster.after_write = None
            shop.cluster.delete(WORKLOAD)

    shop.cluster.after_write = after
    report = go_back(shop)
    assert (report.verdict, report.undo, int(report.status)) == ("gone", "none", 7)


def test_what_another_build_left_open_stays_open_when_an_undo_is_refused(shop):
    for tag in ("v1", "v3"):
        shop.deploy(tag)
    intent = leave_open(shop)
    shop.cluster.objects[WORKLOAD]["metadata"]["labels"] = {"argocd.argoproj.io/instance": "web"}
    with pytest.raises(RefusedError, match="nothing was changed: Argo CD"):
        go_back(shop)
    assert shop.ledger().intent == intent


def test_what_another_build_left_open_is_not_said_to_be_interrupted_by_us(shop):
    for tag in ("v1", "v3"):
        shop.deploy(tag)
    intent = leave_open(shop)

    def interrupt(target):
        if target.kind == "Service":
            raise KeyboardInterrupt
        return answers(target)

    answers, shop.cluster.get = shop.cluster.get, interrupt
    report = go_back(shop)
    shop.cluster.get = answers
    assert (report.verdict, report.changed, int(report.status)) == ("interrupted", False, 130)
    assert shop.ledger().intent == intent


def test_a_first_release_has_no_target_even_if_that_can_not_be_written_down(shop):
    def before(verb, target):
        if verb == "replace" and target.kind == "ConfigMap" and shop.cluster.objects[WORKLOAD]["spec"]["replicas"] == 0:
            raise ForbiddenError("the ConfigMap was not replaced: forbidden")

    shop.cluster.before_write = before
    report = shop.deploy("v2")
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "no-target", 5)
    assert any("the ledger could not be written" in text for text in shop.noted())
    assert Ref("v1", "ConfigMap", "shop", "headway.deployment.web") in shop.cluster.objects


@pytest.mark.parametrize("first", ["scale-to-zero", "delete"])
def test_what_somebody_put_in_place_of_a_first_release_is_left_alone(shop, first):
    """While the smoke checks still run, a person repairs it by hand."""
    shop.rules = UndoRules(first=first)
    began = shop.cluster.clock.now

    def repair():
        box = {
            **shop.cluster.objects[WORKLOAD]["spec"]["template"]["spec"]["containers"][0],
            "image": f"{REPOSITORY}:v5",
        }
        patch = {"spec": {"template": {"spec": {"containers": [box]}}}}
        shop.cluster.patch(WORKLOAD, patch, content_type="application/merge-patch+json")

    shop.cluster.clock.at(8.0, repair)
    report = shop.deploy("v2")
    assert shop.cluster.clock.now > began + 8.0
    assert (report.verdict, report.undo, int(report.status)) == ("superseded", "none", 7)
    live = shop.cluster.objects[WORKLOAD]
    assert (live["spec"]["replicas"], "web:v5" in str(live)) == (3, True)
    assert shop.ledger().intent is None


def test_the_rehearsal_tries_the_release_that_an_undo_would_go_to(shop):
    """What serves is broken and deployed once more: an undo goes to the one before, which differs."""
    for tag in ("v1", "v3"):
        shop.deploy(tag)
    shop.cluster.objects[WORKLOAD]["status"]["availableReplicas"] = 1
    shop.events.clear()
    report = shop.deploy("v3")
    rehearsed = next(event for event in shop.events if isinstance(event, Rehearsed))
    undone = next(event for event in shop.events if isinstance(event, Undone))
    assert rehearsed.target == undone.target == "release 1 (v1)"
    assert (report.verdict, report.undo) == ("timed-out", "verified")


def test_an_undo_to_a_tag_that_has_moved_says_so(shop):
    for tag in ("v1", "v3"):
        shop.deploy(tag)
    assert not any("has moved" in remark for remark in go_back(shop).remarks)
    shop.deploy("v4")
    other = f"{REPOSITORY}@sha256:{'a' * 64}"
    Book(shop.cluster, WORKLOAD).write(lambda ledger: ledger.changed(1, image_digest=other))
    report = go_back(shop)
    assert report.undo == "verified"
    assert any("the tag of release 1 (v1) has moved: sha256:" in remark for remark in report.remarks)


def test_an_undo_whose_smoke_checks_can_not_be_asked_is_unverified(shop):
    for tag in ("v1", "v3"):
        shop.deploy(tag)
    answers = shop.cluster.get

    def vanished(target):
        if target == WORKLOAD and shop.cluster.pods_of("v1"):
            raise UnreachableError("deployment/web was not read: connection refused")
        return answers(target)

    shop.cluster.get = vanished
    report = go_back(shop)
    shop.cluster.get = answers
    assert (report.undo, int(report.status)) == ("unverified", 5)
    assert (shop.ledger().current, shop.ledger().intent) == (1, None)
