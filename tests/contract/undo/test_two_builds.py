"""Two builds deploy one workload at the same time: never two writers, and what lapsed is taken over (P54, P55, G12).

Interleavings of two whole deploys on a fake cluster under a manual clock; see `turns.py`. A hundredth runs here.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.errors import LockedError
from agent.operations.deploying import deploy
from agent.operations.holding import held
from agent.operations.mission import Builder, LockRules
from agent.release.digest import of_template
from agent.reports.deploy import DeployReport
from agent.rollout.policy import Policy
from tests.contract.undo.turns import Build, Through, Turns
from tests.unit.operations.conftest import WORKLOAD, Shop

COLOURS = {"one": "green", "two": "red"}
TAGS = ("v3", "v4", "v5", "v2", "crash")


def two_builds(seed: int, *, in_flight: bool = False):
    """v1 serves; two builds want to deploy, each another image and configuration."""
    shop = Shop()
    shop.deploy("v1")
    turns = Turns(shop.cluster, seed)
    for name in COLOURS:
        turns.builds.append(build(shop, turns, name, in_flight=in_flight))
    return shop, turns


def build(shop: Shop, turns: Turns, name: str, *, in_flight: bool) -> Build:
    tag = turns.random.choice(TAGS)
    wait = turns.random.choice((0.0, 20.0, 300.0, 300.0, 300.0, 300.0))
    mine = Shop()
    mine.cluster = shop.cluster
    mine.policy = Policy(timeout=600.0)  # longer than anybody stalls
    mine.manifest = shop.manifest.replace("blue", COLOURS[name])

    def work() -> DeployReport:
        rules = LockRules(wait=wait, process=f"host-{name} boot 1 1", heartbeat=turns.heartbeat(made))
        tools = replace(mine.tools, cluster=Through(turns, made, in_flight=in_flight), builder=Builder(name))
        return deploy(tools, mine.mission(tag, lock=rules, allow_known_bad=True))

    made = Build(name, work)
    draw = turns.random
    made.stalls = {draw.randint(1, 160): draw.choice((2.0, 31.0, 45.0, 90.0)) for _ in range(draw.randint(0, 3))}
    made.stalled_writes = {draw.randint(1, 12): draw.choice((31.0, 45.0, 90.0)) for _ in range(draw.randint(0, 3))}
    return made


def whole(shop: Shop, turns: Turns) -> None:
    """One release serves, in full: its image with its configuration, as the ledger says."""
    shop.cluster.settle(60)
    ledger = shop.ledger()
    live = shop.cluster.objects[WORKLOAD]
    serving = ledger.serving
    assert serving is not None, story(turns)
    assert serving.template == of_template(live), story(turns)
    content = ledger.sets[serving.objects].objects
    for thing in content:
        if thing["kind"] == "ConfigMap":
            key = next(key for key in shop.cluster.objects if (key.kind, key.name) == ("ConfigMap", "settings"))
            assert shop.cluster.objects[key]["data"] == thing["data"], story(turns)


def story(turns: Turns) -> str:
    ends = [f"{each.name}: {_said(each.result)}" for each in turns.builds]
    return "\n".join([*ends, *(f"{each.build} (lease: {each.holder}) {each.target}" for each in turns.writes)])


def _said(result: object) -> str:
    return f"{result.verdict} {result.undo} {result.remarks}" if isinstance(result, DeployReport) else repr(result)


def check(seed: int) -> None:
    """A build may stall anywhere but between its look at the lock and the write that follows: one writer, always."""
    shop, turns = two_builds(seed)
    turns.run()
    two = [each for each in turns.writes if each.build != each.holder]
    assert not two, f"interleaving {seed}: {two}\n{story(turns)}"
    for each in turns.builds:
        fine = isinstance(each.result, DeployReport | LockedError)
        assert fine, f"interleaving {seed}: {each.result!r}\n{story(turns)}"
    whole(shop, turns)


def check_in_flight(seed: int) -> None:
    """A write that was under way when the lock was lost can't be called back; no second one follows it."""
    shop, turns = two_builds(seed, in_flight=True)
    turns.run()
    late = [each for each in turns.writes if each.build != each.holder]
    assert all(each.stalled for each in late), f"interleaving {seed}: {late}\n{story(turns)}"
    for name in COLOURS:
        assert len([each for each in late if each.build == name]) <= 1, f"interleaving {seed}\n{story(turns)}"
    if not late:
        whole(shop, turns)
    elif any(each.target == WORKLOAD for each in late):  # the other one finds it, leaves it alone, and says so
        endings = [each.result for each in turns.builds if isinstance(each.result, DeployReport)]
        live = of_template(shop.cluster.objects[WORKLOAD])
        told = any(int(each.status) in {5, 7} for each in endings)
        assert told or live == shop.ledger().serving.template, f"interleaving {seed}\n{story(turns)}"


@pytest.mark.parametrize("seed", range(10))
def test_never_two_writers(seed):
    check(seed)


@pytest.mark.parametrize("seed", range(5))
def test_a_write_that_was_under_way_is_the_only_late_one(seed):
    check_in_flight(seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_never_two_writers_in_all_interleavings():
    for seed in range(10, 1000):
        check(seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_write_that_was_under_way_is_the_only_late_one_in_all_interleavings():
    for seed in range(5, 1000):
        check_in_flight(seed)


@pytest.mark.parametrize("dies_at", [5, 17, 31, 44])
def test_what_a_dead_build_held_is_taken_over_within_30_s(dies_at):
    """It died on another machine, so nobody can know but by its silence."""
    shop, turns = two_builds(0)
    first = turns.builds[0]
    for each in turns.builds:
        each.stalls, each.stalled_writes = {}, {}
    first.dies_at = dies_at
    turns.builds = [first]
    turns.run()
    assert first.dead
    began = shop.cluster.clock.now
    tools = replace(shop.tools, builder=Builder("two"))
    with held(tools, WORKLOAD, LockRules(wait=120.0, process="host-two boot 1 1"), lambda holder: None) as lock:
        assert shop.cluster.clock.now - began <= 31.0  # 30 s, and a second between two looks
        lock.check()
    report = deploy(tools, shop.mission("v5"))
    assert report.verdict == "complete"
    assert shop.ledger().intent is None
