"""What a person does at night: undo by hand, restart, freeze, thaw, status."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.cli.commands.history import verdict
from agent.cli.commands.status import lines
from agent.errors import (
    ForbiddenError,
    InvalidObjectError,
    NotFoundError,
    RefusedError,
    UnreachableError,
    UsageError,
)
from agent.objects import Ref
from agent.operations.bookkeeping import Book
from agent.operations.freezing import freeze, thaw
from agent.operations.going_back import UndoMission, undo
from agent.operations.mission import Place, UndoRules
from agent.operations.recovering import RecoverMission, recover
from agent.operations.restarting import RestartMission, restart
from agent.operations.showing import history, status
from agent.ports import ImageAnswer
from agent.release.choice import Wish
from agent.release.oneway import no_return
from agent.reports.events import Rehearsed
from agent.smoke.check import SmokeCheck
from tests.unit.operations.conftest import REPOSITORY, WORKLOAD
from tests.unit.operations.test_deploying import _set_image


def go_back(shop, **wish):
    return undo(shop.tools, UndoMission(shop.place, shop.checks, shop.policy, shop.rules, Wish(**wish)))


def live_image(shop):
    return shop.cluster.objects[WORKLOAD]["spec"]["template"]["spec"]["containers"][0]["image"]


def test_an_undo_by_hand_goes_one_good_release_back(shop):
    for tag in ("v1", "v3", "v4"):
        shop.deploy(tag)
    report = go_back(shop)
    assert (report.verdict, report.undo, int(report.status)) == ("complete", "verified", 0)
    assert live_image(shop) == f"{REPOSITORY}:v3"
    assert go_back(shop).undone_to.version == "v1"
    last = go_back(shop)
    assert (last.undo, int(last.status)) == ("no-target", 5)
    assert live_image(shop) == f"{REPOSITORY}:v1"


def test_an_undo_of_what_somebody_has_paused_is_refused_before_it_waits_for_pods_that_never_come(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.cluster.objects[WORKLOAD]["spec"]["paused"] = True
    with pytest.raises(RefusedError, match="nothing was changed: deployment/web is paused by somebody") as refused:
        go_back(shop)
    assert "kubectl rollout resume deployment/web -n shop" in refused.value.hint
    assert live_image(shop) == f"{REPOSITORY}:v3"
    assert shop.ledger().intent is None
    found = status(shop.tools, shop.place)
    assert (found.clean, found.back.version) == (False, "v1")
    assert "is paused by somebody" in found.reason


def test_an_undo_that_failed_can_be_tried_again_and_does_not_pass_for_what_serves(shop):
    """As under a quota without room: the template is the target's, and the pods are still those of what was left."""
    shop.deploy("v1")
    shop.deploy("v3")
    shop.policy = replace(shop.policy, timeout=5.0)
    shop.cluster.ready_after = 50.0
    assert (go_back(shop).undo, live_image(shop)) == ("failed", f"{REPOSITORY}:v1")
    found = status(shop.tools, shop.place)
    assert (found.now.version, found.complete, found.back.version) == ("v3", False, "v1")
    assert history(shop.tools, shop.place)[1] == 2
    shop.policy = replace(shop.policy, timeout=60.0)
    report = go_back(shop)
    assert (report.undo, report.undone_to.version) == ("verified", "v1")
    assert status(shop.tools, shop.place).now.version == "v1"


@pytest.mark.parametrize("again", ["undo", "recover"])
def test_an_undo_that_was_interrupted_is_gone_on_with(shop, again):
    shop.deploy("v1")
    shop.deploy("v3")

    def interrupt(verb, target):
        if target == WORKLOAD:
            shop.cluster.after_write = None
            raise KeyboardInterrupt

    shop.cluster.after_write = interrupt
    assert go_back(shop).verdict == "interrupted"
    found = status(shop.tools, shop.place)
    assert (found.now.version, found.back.version) == ("v3", "v1"), "as the interruption said"
    if again == "undo":
        assert go_back(shop).undone_to.version == "v1"
    else:
        report = recover(shop.tools, RecoverMission(shop.place, shop.checks, shop.policy, shop.rules))
        assert (report.undo, report.undone_to.version, int(report.status)) == ("verified", "v1", 1)
        assert not any("nothing had been written" in text for text in report.remarks)
    assert shop.ledger().intent is None
    assert status(shop.tools, shop.place).now.version == "v1"


def test_what_an_undo_that_failed_could_not_leave_is_still_a_way_back(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.policy, patient = replace(shop.policy, timeout=5.0), shop.policy
    shop.cluster.ready_after = 50.0
    assert go_back(shop).undo == "failed"
    shop.cluster.ready_after, shop.policy = 1.0, patient
    assert shop.deploy("crash").undone_to.version == "v3", "its pods serve all the time"


def test_an_undo_that_failed_and_was_rolled_out_later_serves_after_all(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.policy = replace(shop.policy, timeout=5.0)
    shop.cluster.ready_after = 50.0
    assert go_back(shop).undo == "failed"
    shop.cluster.settle(60.0)
    assert status(shop.tools, shop.place).now.version == "v1"
    assert history(shop.tools, shop.place)[1] == 1
    assert go_back(shop).undo == "no-target", "v3 was left in the end"
    shop.cluster.ready_after, shop.policy = 1.0, replace(shop.policy, timeout=60.0)
    assert shop.deploy("crash").undone_to.version == "v1"


def meanwhile(shop, action):
    """Somebody does it just after the next write of the workload."""

    def meddle(verb, target):
        if target == WORKLOAD:
            shop.cluster.after_write = None
            shop.cluster.clock.at(0.3, action)

    shop.cluster.after_write = meddle


def test_an_undo_that_somebody_superseded_leaves_what_it_left_a_way_back(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    meanwhile(shop, lambda: _set_image(shop, "v5"))
    assert go_back(shop).verdict == "superseded"
    assert not shop.ledger().release(2).withdrawn
    assert verdict(shop.ledger().release(2)) == "good"


def test_an_undo_whose_workload_is_deleted_meanwhile_is_gone(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    meanwhile(shop, lambda: shop.cluster.delete(WORKLOAD))
    report = go_back(shop)
    assert (report.verdict, report.undo, int(report.status)) == ("gone", "none", 7)


def test_an_undo_brings_back_a_workload_that_somebody_has_deleted(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.cluster.delete(WORKLOAD)
    with pytest.raises(NotFoundError) as missed:
        status(shop.tools, shop.place)
    assert "somebody has deleted it since; `headway undo` puts release 2 (v3) back" in missed.value.hint
    report = go_back(shop)
    assert (report.undo, report.undone_to.version, int(report.status)) == ("verified", "v3", 0)
    assert live_image(shop) == f"{REPOSITORY}:v3"
    shop.cluster.delete(WORKLOAD)
    assert go_back(shop, release=1).undone_to.version == "v1"


def test_the_status_tells_what_somebody_has_changed_or_deleted_and_naming_the_release_puts_it_back(shop):
    shop.deploy("v1")
    assert status(shop.tools, shop.place).drift == ()
    shop.cluster.delete(Ref("v1", "Service", "shop", "web"))
    settings = Ref("v1", "ConfigMap", "shop", "settings")
    shop.cluster.patch(settings, {"data": {"colour": "red"}}, content_type="application/merge-patch+json")
    found = status(shop.tools, shop.place)
    assert found.drift == ("service/web is not there", "configmap/settings data.colour: red -> blue")
    said = "\n".join(lines(found))
    assert "  drift     service/web is not there\n            configmap/settings data.colour: red -> blue" in said
    assert "`headway undo --to-release 1` puts it back" in said
    go_back(shop, release=1)
    assert status(shop.tools, shop.place).drift == ()


def test_what_a_bad_release_has_lost_is_no_drift(shop):
    shop.deploy("crash")
    assert status(shop.tools, shop.place).drift == (), "it was scaled to zero on purpose"


def test_drift_that_can_not_be_told_hides_nothing_else(shop):
    shop.deploy("v1")
    settings = Ref("v1", "ConfigMap", "shop", "settings")
    shop.cluster.patch(settings, {"data": {"colour": "red"}}, content_type="application/merge-patch+json")
    shop.cluster.refuse[settings] = ForbiddenError("not on fridays")
    found = status(shop.tools, shop.place)
    assert (found.drift, found.untold) == ((), "the cluster would not take configmap/settings: not on fridays")
    assert found.complete
    assert not any("puts it back" in line for line in lines(found))


@pytest.mark.parametrize(
    ("part", "field", "value", "said"),
    [("metadata", "deletionTimestamp", "2026-01-01T00:00:00Z", "being deleted"), ("spec", "paused", True, "paused")],
)
def test_what_would_get_no_new_pods_is_not_restarted(shop, part, field, value, said):
    shop.deploy("v1")
    shop.cluster.objects[WORKLOAD][part][field] = value
    before = shop.cluster.writes()
    with pytest.raises(RefusedError, match=f"nothing was changed: deployment/web is {said}"):
        restart(shop.tools, RestartMission(shop.place))
    assert shop.cluster.writes() == before


def test_an_undo_of_what_was_never_there_changes_nothing(shop):
    with pytest.raises(NotFoundError) as missed:
        go_back(shop)
    assert "the first deploy makes it" in missed.value.hint
    assert shop.cluster.things() == {}


def test_the_history_marks_what_is_there_whoever_put_it_there(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    assert history(shop.tools, shop.place)[1] == 2
    _set_image(shop, "v1")  # what `kubectl rollout undo` does
    assert history(shop.tools, shop.place)[1] == 1
    _set_image(shop, "v5")
    assert history(shop.tools, shop.place)[1] == 0
    shop.cluster.delete(WORKLOAD)
    assert history(shop.tools, shop.place)[1] == 0


def test_a_release_left_on_purpose_is_no_target_of_a_later_undo(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    go_back(shop)
    report = shop.deploy("v2")
    assert report.undone_to.version == "v1"


def test_what_somebody_else_made_can_be_left_and_gone_back_to(shop):
    shop.deploy("v1")
    live = shop.cluster.objects[WORKLOAD]
    box = {**live["spec"]["template"]["spec"]["containers"][0], "image": f"{REPOSITORY}:v5"}
    patch = {"spec": {"template": {"spec": {"containers": [box]}}}}
    shop.cluster.patch(WORKLOAD, patch, content_type="application/merge-patch+json")
    shop.cluster.settle()
    report = go_back(shop)
    assert (report.undo, live_image(shop)) == ("verified", f"{REPOSITORY}:v1")
    external = shop.ledger().release(2)
    assert (external.origin, external.version, external.withdrawn) == ("external", "v5", True)
    assert go_back(shop, release=2).undo == "verified"
    assert live_image(shop) == f"{REPOSITORY}:v5"


def test_a_release_can_be_named(shop):
    for tag in ("v1", "v3", "v4"):
        shop.deploy(tag)
    assert go_back(shop, release=1).undone_to.version == "v1"
    assert go_back(shop, revision=3).undone_to.version == "v4"
    assert go_back(shop, image=f"{REPOSITORY}:v3").undone_to.version == "v3"
    with pytest.raises(UsageError, match="no release 17"):
        go_back(shop, release=17)


def test_the_checks_of_the_target_are_asked_even_without_a_spec(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    bare = Place("web", "", "shop", WORKLOAD)
    report = undo(shop.tools, UndoMission(bare))
    assert report.undo == "verified"
    assert [check.name for check in report.smoke] == ["healthy", "version", "orders"]


def test_a_one_way_migration_refuses_unless_a_release_is_named(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.rules = UndoRules(one_way=True)
    with pytest.raises(RefusedError, match="can't be taken back"):
        go_back(shop)
    assert go_back(shop, release=1).undo == "verified"


def test_an_undo_that_the_server_refuses_changes_nothing(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.cluster.refuse[WORKLOAD] = ForbiddenError("no")
    with pytest.raises(ForbiddenError, match="nothing was changed"):
        go_back(shop)
    assert live_image(shop) == f"{REPOSITORY}:v3"
    assert shop.ledger().intent is None
    del shop.cluster.refuse[WORKLOAD]
    shop.cluster.objects[WORKLOAD]["metadata"]["labels"] = {"argocd.argoproj.io/instance": "x"}
    with pytest.raises(RefusedError, match="Argo CD"):
        go_back(shop)


def test_a_rehearsed_undo_changes_nothing(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    before = len(shop.cluster.writes())
    report = undo(shop.tools, UndoMission(shop.place, dry_run=True))
    assert int(report.status) == 0
    assert len(shop.cluster.writes()) == before
    assert any("v3 -> " in line for touched in report.objects for line in touched.changes)


def test_foreign_fields_survive_a_deploy_and_its_undo(shop):
    shop.deploy("v1")
    live = shop.cluster.objects[WORKLOAD]
    live["metadata"]["annotations"] = {**live["metadata"].get("annotations", {}), "ci/build": "77"}
    live["spec"]["invented"] = {"by": "nobody"}
    live["spec"]["template"]["spec"]["invented"] = True
    shop.deploy("v2")
    live = shop.cluster.objects[WORKLOAD]
    assert live["metadata"]["annotations"]["ci/build"] == "77"
    assert live["spec"]["invented"] == {"by": "nobody"}
    assert live["spec"]["template"]["spec"]["invented"] is True


def test_an_undo_that_changes_one_object_takes_three_requests_and_a_look_at_each_other_object(shop):
    """Lock, ledger, smoke and the watches apart; somebody may have changed or deleted the others meanwhile."""
    shop.checks = ()
    shop.deploy("v1")
    shop.deploy("v3")
    shop.cluster.log.clear()
    assert go_back(shop).undo == "verified"
    own = [(verb, str(target)) for verb, target, _ in shop.cluster.log if not target.name.startswith("headway.")]
    assert len(own) == 3 + 2, own


def test_an_undo_takes_back_everything_that_the_release_changed(shop):
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace("blue", "green")
    shop.deploy("v3")
    go_back(shop)
    assert shop.cluster.objects[Ref("v1", "ConfigMap", "shop", "settings")]["data"] == {"colour": "blue"}


def test_a_restart_makes_new_pods_of_the_same_release(shop):
    shop.deploy("v1")
    before = set(shop.cluster.pods_of("v1"))
    report = restart(shop.tools, RestartMission(shop.place, shop.checks, shop.policy))
    assert (report.verdict, int(report.status), report.release) == ("complete", 0, 1)
    assert not before & set(shop.cluster.pods_of("v1"))
    assert shop.ledger().intent is None
    assert status(shop.tools, shop.place).known.number == 1


def test_a_deploy_after_a_restart_changes_nothing(shop):
    shop.deploy("v1")
    restart(shop.tools, RestartMission(shop.place, shop.checks, shop.policy))
    pods = set(shop.cluster.pods_of("v1"))
    assert not shop.deploy("v1").changed
    assert set(shop.cluster.pods_of("v1")) == pods


def test_a_restart_that_fails_needs_a_person(shop):
    shop.deploy("v1")
    shop.checks = (replace(shop.checks[0], path="/api", status=201),)
    report = restart(shop.tools, RestartMission(shop.place, shop.checks, shop.policy))
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "none", 5)


def lose_the_answer(shop):
    def lose(_, target):
        if target == WORKLOAD:
            shop.cluster.after_write = None
            raise UnreachableError("deployment/web was not patched: the answer was lost")

    shop.cluster.after_write = lose


def test_a_restart_whose_answer_is_lost_is_followed_all_the_same(shop):
    shop.deploy("v1")
    lose_the_answer(shop)
    report = restart(shop.tools, RestartMission(shop.place, shop.checks, shop.policy))
    assert (report.verdict, report.changed) == ("complete", True)


def test_a_restart_of_which_nobody_knows_is_not_called_undone(shop, monkeypatch):
    shop.deploy("v1")
    lose_the_answer(shop)
    answers = shop.cluster.get

    def vanished(target):
        if target == WORKLOAD and shop.cluster.after_write is None:
            raise UnreachableError("deployment/web was not read: connection refused")
        return answers(target)

    monkeypatch.setattr(shop.cluster, "get", vanished)
    with pytest.raises(UnreachableError, match=r"^a restart of deployment/web was sent"):
        restart(shop.tools, RestartMission(shop.place, shop.checks, shop.policy))


def test_a_rehearsed_restart_changes_nothing(shop):
    shop.deploy("v1")
    before = shop.cluster.objects[WORKLOAD]
    assert int(restart(shop.tools, RestartMission(shop.place, dry_run=True)).status) == 0
    assert shop.cluster.objects[WORKLOAD] == before


def test_nothing_is_restarted_that_a_gitops_tool_keeps(shop):
    shop.deploy("v1")
    shop.cluster.objects[WORKLOAD]["metadata"]["labels"] = {"argocd.argoproj.io/instance": "x"}
    with pytest.raises(RefusedError, match="Argo CD"):
        restart(shop.tools, RestartMission(shop.place))


def test_frozen_means_no_deploy_but_an_undo(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    freeze(shop.tools, shop.place, "black friday")
    with pytest.raises(RefusedError, match="frozen by build/7: black friday"):
        shop.deploy("v4")
    assert go_back(shop).undo == "verified"
    assert status(shop.tools, shop.place).freeze == "black friday (by build/7)"
    assert thaw(shop.tools, shop.place).reason == "black friday"
    assert thaw(shop.tools, shop.place) is None
    assert shop.deploy("v4").verdict == "complete"


def test_a_freeze_ends_by_itself(shop):
    shop.deploy("v1")
    until = "2026-01-01T10:05:00Z"
    freeze(shop.tools, shop.place, "lunch", until)
    with pytest.raises(RefusedError, match="until 2026-01-01T10:05:00Z"):
        shop.deploy("v3")
    assert status(shop.tools, shop.place).freeze == f"lunch (by build/7, until {until})"
    shop.cluster.clock.sleep(400)
    assert status(shop.tools, shop.place).freeze == ""
    assert shop.deploy("v3").verdict == "complete"


def test_a_failure_can_freeze(shop):
    shop.deploy("v1")
    shop.rules = UndoRules(then="freeze")
    shop.deploy("v2")
    with pytest.raises(RefusedError, match="release 2 failed and was undone"):
        shop.deploy("v3")


def test_only_what_is_there_can_be_frozen(shop):
    with pytest.raises(NotFoundError, match="nothing was frozen"):
        freeze(shop.tools, shop.place, "x")
    assert shop.cluster.objects == {}


def test_status_shows_the_way_back(shop):
    shop.deploy("v1")
    assert status(shop.tools, shop.place).back is None
    shop.deploy("v3")
    found = status(shop.tools, shop.place)
    assert (found.back.number, found.clean, found.complete, found.replicas) == (1, True, True, (3, 3, 3))
    shop.cluster.refuse[WORKLOAD] = ForbiddenError("no")
    blocked = status(shop.tools, shop.place)
    assert not blocked.clean
    assert "no" in blocked.reason


SETTINGS = Ref("v1", "ConfigMap", "shop", "settings")


@pytest.mark.parametrize("harm", ["deleted", "changed"])
def test_configuration_that_both_releases_share_comes_back_too(shop, harm):
    """Somebody has deleted or edited it since: the release that is gone back to had it as it was."""
    shop.deploy("v1")
    shop.deploy("v3")
    if harm == "deleted":
        del shop.cluster.objects[SETTINGS]
    else:
        shop.cluster.objects[SETTINGS]["data"] = {"colour": "pink", "theirs": "kept"}
    report = go_back(shop)
    assert report.undo == "verified"
    data = shop.cluster.objects[SETTINGS]["data"]
    assert data == ({"colour": "blue"} if harm == "deleted" else {"colour": "blue", "theirs": "kept"})


def migrating(shop):
    shop.rules = UndoRules(one_way=True)
    report = shop.deploy("v3")
    shop.rules = UndoRules()
    return report


def test_a_migration_is_remembered_by_the_ledger_so_no_spec_is_needed_to_refuse(shop):
    shop.deploy("v1")
    migrating(shop)
    with pytest.raises(RefusedError, match="a database migration of release 2 can't be taken back"):
        go_back(shop)
    found = status(shop.tools, shop.place)
    assert (found.clean, found.reason) == (False, "a database migration of release 2 can't be taken back")
    assert go_back(shop, release=1).undo == "verified", "named, it is gone to all the same"


def test_nothing_is_undone_beyond_an_earlier_migration(shop):
    """v3 migrated and failed, and stays; v2 after it migrates nothing, and fails too: v1 is no target for it either."""
    shop.deploy("v1")
    shop.rules = UndoRules(one_way=True)
    assert shop.deploy("crash").undo == "none"
    shop.rules = UndoRules()
    report = shop.deploy("v2")
    assert (report.undo, int(report.status)) == ("none", 5)
    assert any("not undone: a database migration of release 2" in text for text in report.remarks)
    assert any("no way back: a database migration of release 2" in text for text in report.remarks)
    assert live_image(shop) == f"{REPOSITORY}:v2"


def test_an_undo_between_releases_that_came_after_a_migration_is_free(shop):
    shop.deploy("v1")
    migrating(shop)
    shop.deploy("v4")
    assert go_back(shop).undone_to.version == "v3"


def test_recover_takes_no_migration_back(shop):
    shop.deploy("v1")
    shop.rules = UndoRules(one_way=True)

    def killed(verb, target):
        if target == WORKLOAD:
            raise SystemExit

    shop.cluster.after_write = killed
    with pytest.raises(SystemExit):
        shop.deploy("crash")
    shop.cluster.after_write = None
    report = recover(shop.tools, RecoverMission(shop.place, shop.checks, shop.policy, shop.rules))
    assert (report.undo, int(report.status)) == ("none", 5)
    assert live_image(shop) == f"{REPOSITORY}:crash"
    assert shop.ledger().intent is None


def test_a_release_that_never_was_has_migrated_nothing(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.rules = UndoRules(one_way=True)
    shop.manifest = shop.manifest.replace("blue", "green")
    tools = shop.tools

    def refused(verb, target):
        if target == SETTINGS and verb == "apply":
            raise ForbiddenError("no")

    shop.cluster.before_write = refused
    with pytest.raises(ForbiddenError):
        shop.deploy("v4")
    shop.cluster.before_write = None
    shop.rules = UndoRules()
    assert undo(tools, UndoMission(shop.place, shop.checks, shop.policy)).undo == "verified"


def test_what_can_never_be_what_it_was_again_is_said_beforehand(shop):
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace("data: {colour: blue}", "immutable: true\ndata: {colour: green}")
    with pytest.raises(RefusedError, match="configmap/settings becomes immutable"):
        shop.deploy("v3", require_undo=True)
    report = shop.deploy("v3")
    assert "no way back: configmap/settings becomes immutable, and can't be what it was again" in report.remarks


@pytest.mark.parametrize(
    ("before", "after", "said"), [("1Gi", "2Gi", True), ("1Gi", "1024Mi", False), ("x", "2Gi", False)]
)
def test_a_claim_that_grows_is_said_beforehand(before, after, said):
    def claim(size):
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop"},
                "spec": {"resources": {"requests": {"storage": size}}}}  # fmt: skip

    assert bool(no_return([claim(after)], [claim(before)])) is said


def test_a_release_that_leaves_no_room_for_the_one_before_it_is_said_beforehand(shop):
    import base64
    import random

    def big(seed):
        return base64.b64encode(random.Random(seed).randbytes(400_000)).decode()

    shop.deploy("v1")
    plain = shop.manifest
    shop.manifest = plain.replace("{colour: blue}", f"{{colour: {big(1)}}}")
    shop.deploy("v3")
    shop.manifest = plain.replace("{colour: blue}", f"{{colour: {big(2)}}}")
    with pytest.raises(RefusedError, match="find no room in the ledger beside those of this release"):
        shop.deploy("v4", require_undo=True)
    shop.deploy("v4")
    found = status(shop.tools, shop.place)
    assert found.back is None or found.back.number == 1
    assert "first release" not in found.reason


def no_green(shop):
    """The server takes settings in green no more (a quota, a webhook, an immutable field)."""

    def refuse(thing, **how):
        if thing.get("kind") == "ConfigMap" and (thing.get("data") or {}).get("colour") == "green":
            raise InvalidObjectError("green is out")
        return apply(thing, **how)

    apply = shop.cluster.apply
    shop.cluster.apply = refuse


def three_colours(shop):
    shop.deploy("v1")
    for tag, before, after in (("v3", "blue", "green"), ("v4", "green", "red")):
        shop.manifest = shop.manifest.replace(before, after)
        shop.deploy(tag)


def test_an_older_good_release_stands_in_for_one_that_can_not_be_applied_any_more(shop):
    three_colours(shop)
    no_green(shop)
    found = status(shop.tools, shop.place)
    assert (found.back.number, found.clean) == (1, True)
    report = go_back(shop)
    assert (report.undo, report.release, live_image(shop)) == ("verified", 1, f"{REPOSITORY}:v1")
    assert any("release 2 (v3) can't be applied any more" in text for text in report.remarks)
    assert shop.ledger().serving.number == 1


def test_one_that_was_named_is_gone_to_or_nothing(shop):
    three_colours(shop)
    no_green(shop)
    with pytest.raises(InvalidObjectError, match="green is out"):
        go_back(shop, release=2)
    assert live_image(shop) == f"{REPOSITORY}:v4"


def test_a_deploy_is_undone_to_the_newest_that_can_still_be_applied_and_says_so_beforehand(shop):
    three_colours(shop)
    go_back(shop)
    assert live_image(shop) == f"{REPOSITORY}:v3"
    no_green(shop)
    shop.manifest = shop.manifest.replace("red", "white")
    report = shop.deploy("v2")
    assert (report.undo, report.undone_to.release) == ("verified", 1)
    assert any("release 2 (v3) is no way back" in text for text in report.remarks)
    rehearsed = [event for event in shop.events if isinstance(event, Rehearsed)][-1]
    assert (rehearsed.target, rehearsed.possible) == ("release 1 (v1)", True)


class Registry:
    """Answers as a test says."""

    def __init__(self, state, digest=""):
        self.answer = ImageAnswer(state, "so it says", digest)
        self.asked = []

    def find(self, image):
        self.asked.append(image.text)
        return self.answer


def with_digest(shop, digest):
    """As if the pods of release 1 had told their image's digest."""
    book = Book(shop.cluster, WORKLOAD)
    book.write(lambda ledger: ledger.changed(1, image_digest=f"{REPOSITORY}@{digest}"))


@pytest.mark.parametrize(
    ("state", "now", "shown"),
    [
        ("there", "", "there"),
        ("there", "sha256:aa", "there"),
        ("there", "sha256:bb", "moved"),
        ("gone", "", "gone"),
        ("unknown", "", "unknown"),
    ],
)
def test_status_asks_whether_the_way_back_is_still_in_the_registry(shop, state, now, shown):
    shop.deploy("v1")
    shop.deploy("v3")
    with_digest(shop, "sha256:aa")
    registry = Registry(state, now)
    found = status(shop.tools, shop.place, registry)
    assert registry.asked == [f"{REPOSITORY}:v1"]
    assert found.image.state == shown
    assert found.to_dict()["way_back"]["registry"]["state"] == shown
    (line,) = [line for line in lines(found) if line.startswith("  registry  ")]
    words = {"there": "so it says", "moved": "MOVED: tag v1 names sha256:bb now, and sha256:aa ran then"}
    words |= {"gone": "GONE: so it says", "unknown": "could not be asked: so it says"}
    assert words[shown] in line


def test_status_asks_no_registry_without_a_way_back_or_without_being_asked(shop):
    shop.deploy("v1")
    registry = Registry("there")
    assert status(shop.tools, shop.place, registry).image is None
    assert registry.asked == []
    shop.deploy("v3")
    assert status(shop.tools, shop.place).to_dict()["way_back"]["registry"]["state"] == "not-asked"


def test_status_names_the_secrets_that_have_changed_since(shop):
    secret = Ref("v1", "Secret", "shop", "db")
    shop.manifest = shop.manifest.replace("- {name: server,", "- {name: server, envFrom: [{secretRef: {name: db}}],")
    thing = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}}
    shop.cluster.create({**thing, "data": {"password": "aHVudGVyMg=="}})
    shop.deploy("v1")
    shop.deploy("v3")
    assert status(shop.tools, shop.place).secrets == ()
    shop.cluster.objects[secret]["data"] = {"password": "aHVudGVyMw=="}
    found = status(shop.tools, shop.place)
    assert found.secrets == ("db",)
    assert found.to_dict()["way_back"]["secrets_changed"] == ["db"]
    assert "  secrets   CHANGED since: db; an undo writes no Secrets" in lines(found)


@pytest.mark.parametrize("look", [history, status, thaw, lambda tools, place: freeze(tools, place, "x")])
def test_a_namespace_that_is_not_there_is_said(shop, look):
    place = replace(shop.place, namespace="nowhere", workload=replace(WORKLOAD, namespace="nowhere"))
    with pytest.raises(NotFoundError) as problem:
        look(shop.tools, place)
    assert "there is no namespace 'nowhere' in fake" in problem.value.message
    assert problem.value.message.startswith("nothing was ")


def test_where_the_namespace_may_not_be_looked_at_there_is_no_release_yet(shop, monkeypatch):
    get = shop.cluster.get

    def guarded(target):
        if target.kind == "Namespace":
            raise ForbiddenError("no")
        return get(target)

    monkeypatch.setattr(shop.cluster, "get", guarded)
    assert history(shop.tools, shop.place) == ((), 0)


def test_history_is_newest_first(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    releases, current = history(shop.tools, shop.place)
    assert [each.number for each in releases] == [2, 1]
    assert current == 2


COMMAND = SmokeCheck("an order", "command", command="./smoke/order.sh", within=5)


def test_a_command_is_run_from_a_spec_and_never_from_the_ledger(shop):
    """Whoever may edit the ledger gets no shell where Headway runs."""
    shop.checks = (COMMAND,)
    shop.deploy("v1")
    shop.checks = (replace(COMMAND, command="./smoke/orders.sh --all"),)
    shop.deploy("v3")
    shop.prober.commands.clear()
    assert go_back(shop).undo == "verified"
    assert {command for command, _ in shop.prober.commands} == {"./smoke/orders.sh --all"}


def test_an_undo_without_a_spec_says_which_command_was_not_asked(shop):
    shop.checks = (COMMAND, SmokeCheck("healthy", "pod", "/healthz", within=10))
    shop.deploy("v1")
    shop.deploy("v3")
    shop.prober.commands.clear()
    shop.checks = ()
    report = go_back(shop)
    assert (report.undo, int(report.status)) == ("unverified", 5)
    assert "an order is not asked: its command stands in the ledger alone, and is run from a spec only" in shop.noted()
    assert [check.name for check in report.smoke] == ["healthy"]
    assert shop.prober.commands == []


def test_a_command_that_the_spec_has_no_more_is_said_and_holds_nothing_up(shop):
    shop.checks = (COMMAND,)
    shop.deploy("v1")
    shop.checks = (SmokeCheck("healthy", "pod", "/healthz", within=10),)
    shop.deploy("v3")
    assert go_back(shop).undo == "verified"
    assert any(text.startswith("an order is not asked") for text in shop.noted())
