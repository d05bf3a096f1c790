"""A newer build asks an older one's deploy to give way: who may, whom, and what becomes of a request in vain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.errors import LockedError, RefusedError, SupersededError
from agent.objects import Ref
from agent.operations.deploying import deploy
from agent.operations.freezing import freeze
from agent.operations.locking import Lock
from agent.operations.mission import Builder, LockRules
from agent.operations.superseding import ASKED, is_newer
from tests.unit.operations.conftest import WORKLOAD

LEASE = Ref("coordination.k8s.io/v1", "Lease", "shop", "headway.deployment.web")
JOB = "https://jenkins.example.com/job/web/"


def lock(shop, who, operation="deploy", **rules):
    made = LockRules(process=f"host boot {who} 1", supersede=True, **rules)
    return Lock(replace(shop.tools, builder=Builder(who)), WORKLOAD, made, operation)


def request(shop):
    return shop.cluster.objects[LEASE]["metadata"]["annotations"].get(ASKED)


@pytest.mark.parametrize(
    ("one", "other", "newer"),
    [
        (f"{JOB}8/", f"{JOB}7/", True),
        (f"{JOB}10/", f"{JOB}9/", True),
        (f"{JOB}7/", f"{JOB}8/", False),
        (f"{JOB}7/", f"{JOB}7", None),
        (f"{JOB}7/", "https://jenkins.example.com/job/other/8/", True),
        ("alice@laptop", f"{JOB}8/", True),
        ("alice@laptop", "alice@laptop", True),
    ],
)
def test_the_newer_of_two_builds(one, other, newer):
    assert is_newer(one, other) is newer


def test_the_holder_hears_of_it_before_its_next_write_and_once(shop):
    older, newer = lock(shop, f"{JOB}7/"), lock(shop, f"{JOB}8/", wait=5.0)
    older.take(print)
    older.check()
    heard = []

    def write():
        with pytest.raises(SupersededError) as asked:
            older.check()
        heard.append(asked.value.by)

    shop.cluster.clock.at(1.5, write)
    shop.cluster.clock.at(2.5, older.release)
    newer.take(lambda holder: None)
    assert heard == [f"{JOB}8/"]
    assert shop.cluster.objects[LEASE]["spec"]["holderIdentity"] == f"{JOB}8/"
    assert request(shop) is None
    newer.check()


def test_its_last_words_are_allowed(shop):
    older = lock(shop, f"{JOB}7/")
    older.take(print)
    with pytest.raises(LockedError):
        lock(shop, f"{JOB}8/", wait=0.0).take(print)
    assert request(shop) is None, "withdrawn with the waiting"
    shop.cluster.objects[LEASE]["metadata"]["annotations"][ASKED] = f"{older.token} {JOB}8/"
    shop.cluster.clock.sleep(1)
    with pytest.raises(SupersededError, match=f"superseded by {JOB}8/"):
        older.check()
    older.check()


def test_a_request_to_an_earlier_holder_is_nobodys(shop):
    older = lock(shop, f"{JOB}7/")
    older.take(print)
    shop.cluster.objects[LEASE]["metadata"]["annotations"][ASKED] = f"{older.token - 1} {JOB}8/"
    shop.cluster.clock.sleep(1)
    older.check()


def test_an_older_build_is_refused_and_stops_nobody(shop):
    newer = lock(shop, f"{JOB}8/")
    newer.take(print)
    with pytest.raises(LockedError, match="a newer build deploys already"):
        lock(shop, f"{JOB}7/", wait=60.0).take(print)
    assert request(shop) is None


def test_of_two_that_wait_the_newest_gets_it(shop):
    holder, second, third = (lock(shop, f"{JOB}{number}/", wait=9.0) for number in (7, 8, 9))
    holder.take(print)

    def meanwhile():
        shop.cluster.clock.at(1.0, holder.release)
        third.take(lambda holder: None)

    shop.cluster.clock.at(1.5, meanwhile)
    with pytest.raises((SupersededError, LockedError), match="9/"):
        second.take(lambda holder: None)
    assert shop.cluster.objects[LEASE]["spec"]["holderIdentity"] == f"{JOB}9/"


@pytest.mark.parametrize("operation", ["undo", "recover", "restart"])
def test_only_a_deploy_gives_way(shop, operation):
    holder = lock(shop, f"{JOB}7/", operation)
    holder.take(print)
    with pytest.raises(LockedError, match="is under way"):
        lock(shop, f"{JOB}8/", wait=3.0).take(print)
    assert request(shop) is None


def test_a_deploy_whose_undo_has_begun_does_not_give_way(shop):
    shop.deploy("v1")
    rules = LockRules(wait=0.0, process="host boot new 1", supersede=True)
    seen = []

    def meanwhile(verb, target):
        if target == WORKLOAD and shop.ledger().intent.step == "undoing":
            shop.cluster.before_write = None
            with pytest.raises(LockedError):
                deploy(replace(shop.tools, builder=Builder(f"{JOB}8/")), shop.mission("v3", lock=rules))
            seen.append(True)

    shop.cluster.before_write = meanwhile
    report = shop.deploy("v2")
    assert seen
    assert (report.verdict, report.undo, report.superseded_by) == ("failed", "verified", "")


@pytest.mark.parametrize("when", ["frozen", "known bad", "refused by the server"])
def test_nobody_is_stopped_for_a_deploy_that_is_refused_anyway(shop, when):
    shop.deploy("v1")
    tag = "v3"
    if when == "frozen":
        freeze(shop.tools, shop.place, "holidays")
    if when == "known bad":
        shop.deploy("v2")
        tag = "v2"
    older = lock(shop, f"{JOB}7/")
    older.take(print)
    if when == "refused by the server":
        shop.cluster.refuse[WORKLOAD] = RefusedError("nothing was changed: no")
    rules = LockRules(wait=9.0, process="host boot new 1", supersede=True)
    with pytest.raises(RefusedError, match=r"^nothing was changed"):
        deploy(replace(shop.tools, builder=Builder(f"{JOB}8/")), shop.mission(tag, lock=rules))
    assert request(shop) is None
    older.check()


def test_one_that_dies_after_it_was_asked_lapses_as_ever(shop):
    older = lock(shop, f"{JOB}7/")
    older.take(print)
    newer = lock(shop, f"{JOB}8/", wait=60.0)
    newer.take(lambda holder: None)
    with pytest.raises(LockedError, match="taken over"):
        older.check()


def test_a_lost_lease_is_noticed_before_the_next_write(shop):
    mine = lock(shop, f"{JOB}7/")
    mine.take(print)
    shop.cluster.objects[LEASE]["spec"]["holderIdentity"] = f"{JOB}8/"
    shop.cluster.clock.sleep(1)
    with pytest.raises(LockedError, match="lost"):
        mine.check()
