"""Killed at every write, before it and after it: the next recover, or the next deploy, brings it to an end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.errors import RefusedError
from agent.objects import Ref
from agent.operations.deploying import deploy
from agent.operations.going_back import UndoMission, undo
from agent.operations.holding import held
from agent.operations.mission import Builder, LockRules
from agent.operations.recovering import RecoverMission, recover
from agent.operations.showing import status
from agent.release.digest import of_template
from agent.smoke.check import SmokeCheck
from tests.unit.operations.conftest import REPOSITORY, WORKLOAD, Shop

# Who is killed dies in all its threads, and nobody is there to hear of it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

EXTRA = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n"


class Killed(BaseException):
    """SIGKILL: no handler runs; the lease stays, nothing more is written."""


class Terminated(KeyboardInterrupt):
    """As agent.cli.main raises it."""


def started():
    """v1 serves; the next deploy changes configuration, adds an object and changes the workload."""
    shop = Shop()
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace("blue", "green") + EXTRA
    return shop


def kill_at(shop, number, moment, operation):
    """Runs the operation, killed before or after its write number `number`; whether it came that far."""
    count = [0]
    dead = [False]

    def write(verb, target):
        if dead[0]:
            raise Killed
        count[0] += 1
        if count[0] == number:
            dead[0] = True
            raise Killed

    setattr(shop.cluster, f"{moment}_write", write)
    if moment == "after":

        def refuse(verb, target):
            if dead[0]:
                raise Killed

        shop.cluster.before_write = refuse
    try:
        operation()
    except Killed:
        return True
    finally:
        shop.cluster.before_write = shop.cluster.after_write = None
        shop.cluster.settle()
    return dead[0]


def mission(shop, **changes):
    lock = LockRules(process="later", known_dead=lambda process: True)
    return RecoverMission(shop.place, shop.checks, shop.policy, shop.rules, lock, **changes)


def sane(shop):
    """Nothing is open, one release serves in full, and its configuration with it."""
    ledger = shop.ledger()
    assert ledger.intent is None
    assert "open" not in {each.judgement for each in ledger.releases}
    live = shop.cluster.objects[WORKLOAD]
    image = live["spec"]["template"]["spec"]["containers"][0]["image"]
    colour = shop.cluster.objects[Ref("v1", "ConfigMap", "shop", "settings")]["data"]["colour"]
    extra = Ref("v1", "ConfigMap", "shop", "extra") in shop.cluster.objects
    if image == f"{REPOSITORY}:v1":
        assert (colour, extra) == ("blue", False)
    else:
        assert (colour, extra) == ("green", True)
    assert ledger.serving.template == of_template(live)
    assert ledger.serving.judgement == "good"
    with held(shop.tools, WORKLOAD, LockRules(), lambda holder: None) as lock:
        lock.check()  # what the dead left locked can be had


def writes_of(operation_on):
    shop = started()
    count = [0]

    def counted(verb, target):
        count[0] += 1

    shop.cluster.before_write = counted
    operation_on(shop)
    return count[0]


WRITES = {"v3": 7, "v2": 12, "undo": 7}
"""How many writes each has; `test_the_points_are_all_there` holds it."""
POINTS = [
    (tag, number, moment)
    for tag in ("v3", "v2")
    for number in range(1, WRITES[tag] + 1)
    for moment in ("before", "after")
]


@pytest.mark.parametrize(("tag", "number", "moment"), POINTS)
def test_a_deploy_killed_at_any_write_is_recovered(tag, number, moment):
    shop = started()
    if not kill_at(shop, number, moment, lambda: shop.deploy(tag)):
        pytest.fail("a deploy has fewer writes")
    report = recover(shop.tools, mission(shop))
    assert int(report.status) in {0, 1}, report.remarks
    sane(shop)


@pytest.mark.parametrize(("tag", "number", "moment"), POINTS)
def test_a_deploy_killed_at_any_write_is_closed_by_the_next(tag, number, moment):
    shop = started()
    if not kill_at(shop, number, moment, lambda: shop.deploy(tag)):
        pytest.fail("a deploy has fewer writes")
    lock = LockRules(process="later", known_dead=lambda process: True)
    tools = replace(shop.tools, builder=Builder("build/8"))
    report = deploy(tools, shop.mission("v4", lock=lock))
    assert report.verdict == "complete", report.remarks
    sane(shop)
    bad = deploy(tools, shop.mission("crash", lock=lock))
    assert (bad.undo, bad.undone_to.version) == ("verified", "v4")
    sane(shop)


@pytest.mark.parametrize(
    ("number", "moment"),
    [(number, moment) for number in range(1, WRITES["undo"] + 1) for moment in ("before", "after")],
)
def test_an_undo_killed_at_any_write_is_recovered(number, moment):
    shop = started()
    shop.deploy("v3")
    if not kill_at(shop, number, moment, lambda: undo(shop.tools, UndoMission(shop.place, shop.checks, shop.policy))):
        pytest.fail("an undo has fewer writes")
    report = recover(shop.tools, mission(shop))
    assert int(report.status) in {0, 1}, report.remarks
    sane(shop)


def test_the_points_are_all_there():
    assert writes_of(lambda shop: shop.deploy("v3")) == WRITES["v3"]
    assert writes_of(lambda shop: shop.deploy("v2")) == WRITES["v2"]


def interrupted(shop, tag="v3"):
    def interrupt(verb, target):
        if target == WORKLOAD:
            shop.cluster.after_write = None
            raise Terminated

    shop.cluster.after_write = interrupt
    report = shop.deploy(tag)
    shop.cluster.settle()
    return report


def test_an_abort_is_taken_back():
    shop = started()
    assert int(interrupted(shop).status) == 143
    report = recover(shop.tools, mission(shop))
    assert (report.undo, int(report.status)) == ("verified", 1)
    sane(shop)


def test_an_abort_is_left_where_the_spec_says_so():
    shop = started()
    shop.rules = replace(shop.rules, on_abort="leave")
    interrupted(shop, "unready")
    report = recover(shop.tools, mission(shop))
    assert (report.undo, int(report.status)) == ("none", 0)
    assert shop.ledger().intent is None
    assert shop.cluster.pods_of("unready")


def test_nothing_open_is_nothing_to_do():
    shop = started()
    before = len(shop.cluster.writes())
    report = recover(shop.tools, mission(shop))
    assert int(report.status) == 0
    assert len(shop.cluster.writes()) == before


def test_what_another_build_left_is_not_ours():
    shop = started()
    interrupted(shop)
    tools = replace(shop.tools, builder=Builder("build/8"))
    assert int(recover(tools, mission(shop)).status) == 0
    assert shop.ledger().intent is not None
    assert int(recover(tools, mission(shop, any_build=True)).status) == 1


def test_somebody_elses_change_since_is_left_alone():
    shop = started()
    interrupted(shop)
    live = shop.cluster.objects[WORKLOAD]
    box = {**live["spec"]["template"]["spec"]["containers"][0], "image": f"{REPOSITORY}:v5"}
    patch = {"spec": {"template": {"spec": {"containers": [box]}}}}
    shop.cluster.patch(WORKLOAD, patch, content_type="application/merge-patch+json")
    report = recover(shop.tools, mission(shop))
    assert (report.verdict, int(report.status)) == ("superseded", 7)
    assert shop.ledger().intent is None


def test_a_first_release_that_was_aborted_has_no_target():
    shop = Shop()
    interrupted(shop, "unready")
    report = recover(shop.tools, mission(shop))
    assert (report.undo, int(report.status)) == ("no-target", 5)
    assert shop.cluster.objects[WORKLOAD]["spec"]["replicas"] == 0


def killed_once_written(shop, tag):
    """SIGKILL right after the workload was written: the rollout comes to its end by itself."""

    def kill(_, target):
        shop.cluster.before_write = dead
        if target == WORKLOAD:
            raise Killed

    def dead(_, target):
        raise Killed

    def arm(_, target):
        if target == WORKLOAD:
            shop.cluster.after_write = kill

    shop.cluster.before_write = arm
    with pytest.raises(Killed):
        shop.deploy(tag)
    shop.cluster.before_write = shop.cluster.after_write = None
    shop.cluster.settle()


def test_what_failed_its_smoke_checks_while_nobody_looked_is_known_bad():
    shop = started()
    killed_once_written(shop, "v2")
    report = recover(shop.tools, mission(shop))
    assert (report.undo, int(report.status)) == ("verified", 1)
    release = shop.ledger().release(2)
    assert (release.rollout, release.smoke, release.judgement, release.to_blame) == ("complete", "failed", "bad", True)
    with pytest.raises(RefusedError, match="known to be bad"):
        shop.deploy("v2", lock=mission(shop).lock)


def test_a_check_that_failed_before_a_killed_deploy_is_no_reason_to_take_it_back():
    shop = started()
    shop.checks = (*shop.checks, SmokeCheck("never", "pod", "/healthz", status=418, within=3))
    killed_once_written(shop, "v3")
    report = recover(shop.tools, mission(shop))
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "none", 5)
    assert "not undone: these checks failed before this deploy already" in report.remarks
    assert shop.cluster.pods_of("v3")
    assert (shop.ledger().intent, shop.ledger().release(2).to_blame) == (None, False)


def test_what_is_left_although_it_failed_its_smoke_checks_needs_a_person():
    shop = started()
    shop.rules = replace(shop.rules, on_abort="leave")
    killed_once_written(shop, "v2")
    report = recover(shop.tools, mission(shop))
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "none", 5)
    assert shop.ledger().release(2).judgement == "bad"
    assert shop.ledger().intent is None


@pytest.mark.parametrize(
    ("on_abort", "would"),
    [("undo", "adopt it if it is complete and passes its smoke checks, else take it back"), ("leave", "leave it")],
)
def test_a_rehearsed_recovery_says_what_it_would_do(on_abort, would):
    shop = started()
    shop.rules = replace(shop.rules, on_abort=on_abort)
    killed_once_written(shop, "v3")
    before = len(shop.cluster.writes())
    report = recover(shop.tools, mission(shop, dry_run=True))
    assert any(would in remark for remark in report.remarks)
    assert len(shop.cluster.writes()) == before
    assert shop.ledger().intent is not None


def half_way(*tags, operation, number):
    """Releases that are good, then an operation that is killed at a write after it has said what it is about to do."""
    shop = Shop()
    for tag in tags:
        shop.deploy(tag)
    shop.manifest = shop.manifest.replace("blue", "green") + EXTRA
    kill_at(shop, number, "after", lambda: operation(shop))
    assert shop.ledger().intent is not None
    return shop


@pytest.mark.parametrize("number", range(2, 6))
def test_an_undo_by_hand_goes_back_from_what_was_left_half_written(number):
    shop = half_way("v5", "v1", operation=lambda shop: shop.deploy("v3"), number=number)
    back = status(shop.tools, shop.place).back
    report = undo(shop.tools, UndoMission(shop.place, shop.checks, shop.policy, lock=mission(shop).lock))
    assert (report.undo, report.undone_to.version, back.version) == ("verified", "v1", "v1")
    colour = shop.cluster.objects[Ref("v1", "ConfigMap", "shop", "settings")]["data"]["colour"]
    assert (colour, Ref("v1", "ConfigMap", "shop", "extra") in shop.cluster.objects) == ("blue", False)
    assert shop.ledger().intent is None


@pytest.mark.parametrize("number", range(2, 4))
def test_an_undo_that_was_killed_is_gone_on_with_by_hand(number):
    def go_back(shop, **changes):
        return undo(shop.tools, UndoMission(shop.place, shop.checks, shop.policy, **changes))

    shop = half_way("v5", "v1", "v3", operation=go_back, number=number)
    report = go_back(shop, lock=mission(shop).lock)
    assert (report.undo, report.undone_to.version) == ("verified", "v1")
    assert shop.ledger().intent is None
