"""The ledger: what it keeps, what it forgets first, and what it refuses to read."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import zlib
from dataclasses import replace

import pytest

from agent.objects import Ref
from agent.release import storage
from agent.release.choice import Wish, choose
from agent.release.ledger import Freeze, Intent, Ledger, ReleaseSet
from agent.release.record import Release, Undone

WEB = Ref("apps/v1", "Deployment", "shop", "web")


def with_releases(count, **changes):
    ledger = Ledger(WEB, "web", "salt")
    for number in range(1, count + 1):
        content = ReleaseSet(
            ({"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web", "n": number}},)
        )
        release = Release(number, objects=f"{number:064d}", image=f"web:v{number}", judgement="good", **changes)
        ledger = ledger.added(release, content).serves(number)
    return ledger


def test_round_trip():
    ledger = with_releases(3)
    ledger = ledger.changed(
        2,
        undone=Undone(1, "verified", "2026-01-01T00:00:00Z", "b"),
        secrets={"db": "abc"},
        created=("configmap/a",),
        to_blame=True,
    )
    ledger = replace(ledger, intent=Intent("deploy", 3, build="b"), freeze=Freeze("because", "me", "now"), token=4)
    assert storage.decode(storage.encode(ledger), WEB) == ledger


def test_it_is_bounded_and_keeps_what_an_undo_needs():
    ledger = with_releases(60)
    for number in range(5, 61):
        ledger = ledger.changed(number, judgement="bad")
    kept = storage.decode(storage.encode(ledger), WEB)
    assert len(kept.releases) == 20
    assert {3, 4, 60} <= {each.number for each in kept.releases}
    assert set(kept.sets) == {each.objects for each in kept.releases}
    assert kept.next_number == 61


def test_a_large_history_is_cut_to_size():
    import random

    noise = random.Random(1)
    ledger = Ledger(WEB, "web", "salt")
    for number in range(1, 11):
        data = {"blob": base64.b64encode(noise.randbytes(150_000)).decode()}
        content = ReleaseSet(({"kind": "ConfigMap", "metadata": {"name": "a"}, "data": data},))
        ledger = ledger.added(Release(number, objects=str(number), judgement="good"), content).serves(number)
    thing = storage.encode(ledger)
    assert len(json.dumps(thing)) < 1_000_000
    assert [each.number for each in storage.decode(thing, WEB).releases][-1] == 10


def test_a_release_that_is_too_large_is_refused():
    import random

    data = {"blob": base64.b64encode(random.Random(1).randbytes(900_000)).decode()}
    content = ReleaseSet(({"kind": "ConfigMap", "metadata": {"name": "a"}, "data": data},))
    ledger = Ledger(WEB).added(Release(1, objects="1"), content)
    with pytest.raises(storage.LedgerError, match="can't be recorded"):
        storage.encode(ledger)


def packed(value):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return base64.b64encode(packer.compress(json.dumps(value).encode()) + packer.flush()).decode()


def damaged(change):
    thing = storage.encode(with_releases(1))
    index = json.loads(zlib.decompress(base64.b64decode(thing["binaryData"]["ledger"]), 31))
    change(thing, index)
    if "ledger" in thing.get("binaryData", {}) and thing["binaryData"]["ledger"] != "!":
        thing["binaryData"]["ledger"] = packed(index)
    return thing


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda thing, index: thing["metadata"].update(labels={}), "not a ledger"),
        (lambda thing, index: thing.pop("binaryData"), "not a ledger"),
        (lambda thing, index: index.update({"headway-ledger": 2}), "newer Headway"),
        (lambda thing, index: index.update({"headway-ledger": "1"}), "damaged"),
        (lambda thing, index: thing["binaryData"].update(ledger="!"), "damaged"),
        (lambda thing, index: index.pop("releases"), "damaged"),
        (lambda thing, index: index["releases"][0].update(judgement="splendid"), "damaged"),
        (lambda thing, index: index["releases"][0].update(surprise=1), "damaged"),
        (lambda thing, index: index["releases"][0].update(number="1"), "damaged"),
        (lambda thing, index: index.update(next=1), "out of order"),
        (
            lambda thing, index: thing["binaryData"].pop(next(k for k in thing["binaryData"] if k != "ledger")),
            "missing",
        ),
        (lambda thing, index: index["workload"].update(name="other"), "not of deployment/web"),
        (lambda thing, index: index.update(releases=7), "damaged"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(change, complaint):
    with pytest.raises(storage.LedgerError, match=complaint):
        storage.decode(damaged(change), WEB)


def places(value, path=()):
    """Where something stands in a JSON value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def test_whatever_stands_in_it_is_refused_or_can_be_used():
    """Every value of the index and of a set, replaced by every other kind of value."""
    ledger = with_releases(2, undone=Undone(1, "verified", "now", "b"), created=("configmap/a",), secrets={"a": "b"})
    ledger = replace(ledger, intent=Intent("deploy", 2, build="b", excused=("a",)), freeze=Freeze("a", "b", "c", "d"))
    whole = storage.encode(ledger)
    for part in list(whole["binaryData"])[:2]:
        plain = json.loads(zlib.decompress(base64.b64decode(whole["binaryData"][part]), 31))
        for path in places(plain):
            for odd in (None, 0, -1, 1.5, "x", [], {}, [1], {"a": 1}, True):
                wrong = copy.deepcopy(plain)
                within = wrong
                for key in path[:-1]:
                    within = within[key]
                within[path[-1]] = odd
                thing = {**whole, "binaryData": {**whole["binaryData"], part: packed(wrong)}}
                with contextlib.suppress(storage.LedgerError):
                    used(storage.decode(thing, WEB))


def used(ledger):
    """As the commands use a ledger."""
    choose(ledger, leaving=2)
    choose(ledger, leaving=0, wish=Wish(image="web:v1"))
    assert storage.decode(storage.encode(ledger), WEB).next_number == ledger.next_number
    ledger.known_bad("web:v1", "p")
    ledger.created(ledger.releases)
    assert ledger.freeze is None or ledger.freeze.holds("2026-01-01T00:00:00Z") in {True, False}


def test_a_bomb_is_not_unpacked():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b" " * (storage.MAX_PLAIN + 1024)) + packer.flush()
    thing = storage.encode(with_releases(1))
    thing["binaryData"]["ledger"] = base64.b64encode(bomb).decode()
    with pytest.raises(storage.LedgerError, match="larger than it can be"):
        storage.decode(thing, WEB)


def test_known_bad_is_forgiven_by_a_later_success():
    ledger = with_releases(2, pair="p")
    ledger = ledger.changed(1, image="web:x", judgement="bad", to_blame=True)
    assert ledger.known_bad("web:x", "p").number == 1
    assert ledger.known_bad("web:x", "q") is None
    ledger = ledger.changed(2, image="web:x")
    assert ledger.known_bad("web:x", "p") is None


def test_an_object_is_the_same_in_every_version_of_its_api():
    ledger = Ledger(WEB, "web", "salt")
    for number, version in ((1, "autoscaling/v1"), (2, "autoscaling/v2")):
        things = (
            {"kind": "HorizontalPodAutoscaler", "apiVersion": version, "metadata": {"name": "web"}},
            {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": f"settings-{number}"}},
        )
        names = tuple(f"{thing['kind'].lower()}/{thing['metadata']['name']}" for thing in things)
        ledger = ledger.added(Release(number, objects=f"{number:064d}", created=names), ReleaseSet(things))
    now = ledger.sets[ledger.releases[1].objects].objects
    assert [str(each) for each in ledger.created(ledger.releases, but=now)] == ["configmap/settings-1"]
    assert sorted(map(str, ledger.created(ledger.releases))) == [
        "configmap/settings-1", "configmap/settings-2", "horizontalpodautoscaler/web",
    ]  # fmt: skip
