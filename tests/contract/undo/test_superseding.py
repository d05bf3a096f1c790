"""A newer build supersedes an older one's deploy: at any moment, and never are there two writers (P55, G12).

Interleavings of two whole deploys on a fake cluster under a manual clock, as in test_two_builds.py; then two real
processes in front of the sandbox. A hundredth of the interleavings runs here.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from agent.errors import LockedError, SupersededError
from agent.operations.deploying import deploy
from agent.operations.mission import Builder, LockRules
from agent.release import storage
from agent.reports.deploy import DeployReport
from agent.rollout.policy import Policy
from agent.sandbox.http import Request
from tests.contract.undo.street import Street, WatchedCluster
from tests.contract.undo.test_two_builds import story, whole
from tests.contract.undo.turns import Build, Through, Turns
from tests.unit.operations.conftest import WORKLOAD, Shop

OLDER, NEWER = "https://jenkins.example.com/job/web/7/", "https://jenkins.example.com/job/web/8/"
COLOURS = {OLDER: "green", NEWER: "red"}
LEDGER = storage.place(WORKLOAD)


def older_and_newer(seed: int, *, stalls: bool) -> tuple[Shop, Turns]:
    """v1 serves; the older build deploys, the newer one wants to supersede it."""
    shop = Shop()
    shop.deploy("v1")
    turns = Turns(shop.cluster, seed)
    for name in COLOURS:
        turns.builds.append(build(shop, turns, name, stalls=stalls))
    return shop, turns


def build(shop: Shop, turns: Turns, name: str, *, stalls: bool) -> Build:
    draw = turns.random
    tag = draw.choice(("v3", "v4", "v5", "v2", "crash", "unready"))
    mine = Shop()
    mine.cluster = shop.cluster
    mine.policy = Policy(timeout=600.0)
    mine.manifest = shop.manifest.replace("blue", COLOURS[name])

    def work() -> DeployReport:
        rules = LockRules(wait=900.0, process=f"host {name}", heartbeat=turns.heartbeat(made), supersede=True)
        tools = replace(mine.tools, cluster=Through(turns, made, in_flight=False), builder=Builder(name))
        return deploy(tools, mine.mission(tag, lock=rules, allow_known_bad=True))

    made = Build(name, work)
    if stalls:
        made.stalls = {draw.randint(1, 160): draw.choice((2.0, 31.0, 45.0)) for _ in range(draw.randint(0, 2))}
        made.stalled_writes = {draw.randint(1, 12): draw.choice((31.0, 45.0)) for _ in range(draw.randint(0, 2))}
    if name == NEWER:
        made.until = turns.cluster.clock.now + draw.choice((0.0, 0.0, 0.5, 2.0, 5.0))
    return made


def check(seed: int, *, stalls: bool) -> str:
    """One interleaving; how the older build ended."""
    shop, turns = older_and_newer(seed, stalls=stalls)
    turns.run()
    told = f"interleaving {seed}\n{story(turns)}"
    assert not [each for each in turns.writes if each.build != each.holder], told
    older, newer = (each.result for each in turns.builds)
    for asked, (_, holder, count) in turns.asked.items():
        assert asked.endswith(NEWER), told
        assert holder == OLDER, told
        if isinstance(older, DeployReport) and older.superseded_by:
            after = [each for each in turns.writes[count:] if each.build == OLDER and each.target != LEDGER]
            assert len(after) <= 1, told  # the one whose look at the lock came before the question
    assert isinstance(older, DeployReport | LockedError | SupersededError), told
    assert isinstance(newer, DeployReport), told
    whole(shop, turns)
    if isinstance(older, DeployReport) and older.superseded_by:
        assert (older.verdict, int(older.status), older.superseded_by, older.undo) == (
            "superseded", 7, NEWER, "none"), told  # fmt: skip
        recorded = shop.ledger().release(older.release)
        assert older.changed <= (older.release > 0), told
        closed = {"superseded"} | ({"interrupted"} if stalls else set())  # stalled on its last words, it was taken over
        assert recorded is None or (recorded.rollout in closed and recorded.build == OLDER), told
    assert shop.ledger().intent is None, told
    assert "open" not in {each.judgement for each in shop.ledger().releases}, told
    return ending(older)


def ending(result: object) -> str:
    if isinstance(result, DeployReport):
        return f"{result.verdict} {result.undo} {'changed' if result.changed else 'unchanged'}"
    return type(result).__name__


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("stalls", [False, True], ids=["", "with stalls"])
def test_never_two_writers(seed, stalls):
    check(seed, stalls=stalls)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stalls", [False, True], ids=["", "with stalls"])
def test_never_two_writers_in_all_interleavings(stalls):
    endings = [check(seed, stalls=stalls) for seed in range(10, 1000)]
    assert {"superseded none changed", "superseded none unchanged", "failed verified changed"} <= set(endings)


@pytest.fixture
def street(tmp_path):
    with WatchedCluster(speed=20.0, namespaces=["shop"]) as cluster:
        made = Street(cluster, tmp_path)
        status, out = made.run("build/1", *made.deploy("v1"))
        assert status == 0, out
        yield made
        made.close()


def until_applied(street: Street) -> threading.Event:
    """Set once the workload was written."""
    applied = threading.Event()

    def hook(number: int, request: Request) -> bool:
        del number
        if request.method == "PATCH" and request.path.endswith("/deployments/web"):
            applied.set()
        return False

    street.cluster.after = hook
    return applied


def test_two_processes_the_older_one_stops_and_the_newer_one_goes_on(street):
    """The older one follows a rollout that would never end; it hears of the newer one at its next heartbeat."""
    applied = until_applied(street)
    street.write("green", extra=True)
    older = street.start(OLDER, *street.deploy("unready"), "--lock-length", "3")
    assert applied.wait(30)
    street.write("red")
    status, out = street.run(NEWER, *street.deploy("v3"), "--lock", "supersede")
    told, _ = older.communicate(timeout=30)
    assert older.returncode == 7, told
    assert f"SUPERSEDED by {NEWER}: this deploy has stopped; what it had written is left to that one" in told
    assert status == 0, out
    assert "which was asked to give way" in out
    assert f"the deploy of release 2 (unready) by {OLDER} gave way; this one closes it" in out
    ledger = street.ledger()
    assert [(each.number, each.rollout, each.judgement) for each in ledger.releases] == [
        (1, "complete", "good"), (2, "superseded", "unjudged"), (3, "complete", "good")]  # fmt: skip
    assert ledger.known_bad(ledger.releases[1].image, ledger.releases[1].pair) is None
    status, out = street.run(OLDER, "recover", ".", "--env", "test")
    assert status == 0, out
    assert "nothing was left open" in out
    status, out = street.run("build/9", "undo", ".", "--env", "test")
    assert status == 0, out
    street.sane()  # v1 with what was its own; what the superseded one had created is gone


def test_what_gave_way_to_a_build_that_was_killed_is_closed_by_that_builds_recover(street):
    """The older one's own `recover` leaves it alone: it was handed over."""
    applied = until_applied(street)
    street.write("green", extra=True)
    older = street.start(OLDER, *street.deploy("unready"), "--lock-length", "3")
    assert applied.wait(30)
    newer = street.start(NEWER, *street.deploy("v3"), "--lock", "supersede")
    handed_over = threading.Event()

    def hook(number: int, request: Request) -> bool:
        del number, request
        intent = street.ledger().intent
        if intent is not None and intent.step == "superseded":
            newer.kill()
            handed_over.set()
        return False

    street.cluster.after = hook
    told, _ = older.communicate(timeout=30)
    street.cluster.after = None
    newer.communicate(timeout=30)
    assert older.returncode == 7, told
    assert handed_over.is_set()
    status, out = street.run(OLDER, "recover", ".", "--env", "test")
    assert status == 0, out
    assert "not ours to close" in out
    status, out = street.run(NEWER, "recover", ".", "--env", "test")
    assert status == 1, out
    street.sane()
