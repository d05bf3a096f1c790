"""One writer a workload: whoever comes second waits, is refused, or takes over what has lapsed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.errors import LockedError, UnreachableError
from agent.objects import Ref
from agent.operations.bookkeeping import Book
from agent.operations.holding import held
from agent.operations.locking import Lock
from agent.operations.mission import Builder, LockRules
from tests.unit.operations.conftest import WORKLOAD

LEASE = Ref("coordination.k8s.io/v1", "Lease", "shop", "headway.deployment.web")


def lock(shop, who, **rules):
    return Lock(replace(shop.tools, builder=Builder(who)), WORKLOAD, LockRules(process=f"host boot {who} 1", **rules))


def spec(shop):
    return shop.cluster.objects[LEASE]["spec"]


def test_taken_renewed_and_given_back(shop):
    first = lock(shop, "one")
    first.take(print)
    assert spec(shop)["holderIdentity"] == "one"
    before = spec(shop)["renewTime"]
    first.renew()
    assert spec(shop)["renewTime"] != before
    first.check()
    first.release()
    assert spec(shop)["holderIdentity"] == ""
    second = lock(shop, "two")
    second.take(print)
    assert second.token > first.token


def test_somebody_else_is_waited_for_and_then_refused(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=5.0)
    first.take(print)
    told = []
    began = shop.cluster.clock.now
    with pytest.raises(LockedError, match="another operation on deployment/web is under way: one"):
        second.take(told.append)
    assert shop.cluster.clock.now - began == pytest.approx(5.0, abs=1.0)
    assert told == ["one"]


def test_one_that_is_given_back_meanwhile_is_taken(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=20.0)
    first.take(print)
    shop.cluster.clock.at(3.0, first.release)
    second.take(lambda _: None)
    assert spec(shop)["holderIdentity"] == "two"


def test_one_that_nobody_renews_lapses_and_its_holder_stops(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=60.0)
    first.take(print)
    began = shop.cluster.clock.now
    second.take(lambda _: None)
    assert 30 <= shop.cluster.clock.now - began <= 32
    with pytest.raises(LockedError, match="lost"):
        first.check()


def test_one_that_is_renewed_does_not_lapse(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=60.0)
    first.take(print)
    for seconds in range(10, 70, 10):
        shop.cluster.clock.at(float(seconds), first.renew)
    with pytest.raises(LockedError):
        second.take(lambda _: None)


def test_a_renewal_that_nobody_heard_is_tried_again_soon(shop):
    first = lock(shop, "one")
    first.take(print)

    def away(verb, target):
        raise UnreachableError("the cluster does not answer")

    assert first.renew() == first.pause
    shop.cluster.before_write = away
    assert first.renew() <= (LockRules().length - first.pause) / 4
    shop.cluster.before_write = None
    assert first.renew() == first.pause


def test_the_clock_of_another_machine_does_not_matter(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=3.0)
    first.take(print)
    spec(shop)["renewTime"] = "2001-01-01T00:00:00.000000Z"
    with pytest.raises(LockedError):
        second.take(lambda _: None)


def test_a_holder_that_is_known_to_be_dead_is_not_waited_for(shop):
    first = lock(shop, "one")
    first.take(print)
    second = lock(shop, "two", wait=0.0, known_dead=lambda process: process == "host boot one 1")
    second.take(print)
    assert spec(shop)["holderIdentity"] == "two"


def test_of_two_that_find_it_free_one_gets_it(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=0.0)

    def meanwhile(verb, target):
        shop.cluster.before_write = None
        first.take(print)

    shop.cluster.before_write = meanwhile
    with pytest.raises(LockedError):
        second.take(print)
    assert spec(shop)["holderIdentity"] == "one"


def test_who_was_cut_off_writes_nothing_more(shop):
    first = lock(shop, "one")
    first.take(print)
    shop.cluster.clock.sleep(31)
    first.check()  # nobody has noticed: the lease is renewed, with its precondition
    spec(shop)["holderIdentity"] = "two"
    shop.cluster.objects[LEASE]["metadata"]["resourceVersion"] = "9999"
    shop.cluster.clock.sleep(31)
    with pytest.raises(LockedError, match="taken over"):
        first.check()


def test_one_that_somebody_deletes_is_put_back_and_still_locks(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=0.0)
    first.take(print)
    first.release()
    first = lock(shop, "one")
    first.take(print)
    shop.cluster.delete(LEASE)
    first.renew()
    first.check()
    assert (spec(shop)["holderIdentity"], spec(shop)["leaseTransitions"]) == ("one", first.token) == ("one", 2)
    with pytest.raises(LockedError):
        second.take(print)
    shop.cluster.delete(LEASE)
    shop.cluster.clock.sleep(2)
    first.check()
    assert spec(shop)["holderIdentity"] == "one"


def test_one_that_somebody_deletes_and_another_takes_is_lost(shop):
    first, second = lock(shop, "one"), lock(shop, "two", wait=0.0)
    first.take(print)
    shop.cluster.delete(LEASE)
    second.take(print)
    first.renew()
    with pytest.raises(LockedError, match="taken over"):
        first.check()
    second.check()


def test_a_deleted_lease_locks_nobody_out_who_comes_later_and_fences_who_held_it(shop):
    """Its tokens count from 1 again, and the ledger knows a higher one."""
    for tag in ("v1", "v3", "v4"):
        shop.deploy(tag)
    older = lock(shop, "older")
    older.take(print)
    book = Book(shop.cluster, WORKLOAD).locked(older)
    book.write(lambda ledger: ledger)
    shop.cluster.delete(LEASE)
    assert shop.deploy("v5").verdict == "complete"
    assert shop.ledger().token > older.token
    with pytest.raises(LockedError):
        book.write(lambda ledger: ledger)
    assert shop.deploy("v1").verdict == "complete"


def test_a_deploy_waits_for_another_and_gives_back_its_own(shop):
    other = lock(shop, "other")
    other.take(print)
    with pytest.raises(LockedError):
        shop.deploy("v1", lock=LockRules(wait=2.0))
    assert shop.cluster.writes() == []
    other.release()
    assert shop.deploy("v1").verdict == "complete"
    assert spec(shop)["holderIdentity"] == ""


def test_a_deploy_that_lost_its_lock_stops_writing(shop):
    shop.deploy("v1")

    def taken_over(verb, target):
        if target.kind == "ConfigMap" and target.name == "settings":
            thing = shop.cluster.objects[LEASE]
            thing["metadata"]["resourceVersion"] = "9999"
            thing["spec"] |= {"holderIdentity": "other", "leaseTransitions": 99}
            shop.cluster.clock.now += 40

    shop.cluster.after_write = taken_over
    shop.manifest = shop.manifest.replace("blue", "green")
    report = shop.deploy("v3")
    assert (report.verdict, int(report.status)) == ("superseded", 7)
    assert not shop.cluster.pods_of("v3")


def test_the_heartbeat_beats_while_it_is_held(shop):
    beats = []

    class Heartbeat:
        def __init__(self, seconds, beat):
            beats.append(seconds)
            self.beat = beat

        def __enter__(self):
            self.beat()

        def __exit__(self, *_):
            beats.append("over")

    with held(shop.tools, WORKLOAD, LockRules(heartbeat=Heartbeat), print):
        before = spec(shop)["renewTime"]
    assert before
    assert beats == [20.0, "over"]
