"""A deploy on a fake cluster, to every ending that it can have."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from agent.errors import ForbiddenError, InvalidObjectError, NotFoundError, RefusedError, UnreachableError, UsageError
from agent.objects import Ref
from agent.operations.account import smoke_causes
from agent.operations.mission import UndoRules
from agent.ports import HttpAnswer
from agent.release import storage
from agent.release.ledger import Ledger
from agent.reports.deploy import SmokeReport
from agent.reports.events import Applied, Judged, Opened, Progressed, Rehearsed, Smoked
from tests.unit.operations.conftest import REPOSITORY, WORKLOAD


def test_a_good_release(shop):
    report = shop.deploy("v1")
    assert (report.verdict, report.undo, int(report.status)) == ("complete", "none", 0)
    assert report.release == 1
    assert [check.detail for check in report.smoke] == ["200 from 3 pods"] * 3
    release = shop.ledger().release(1)
    assert (release.judgement, release.smoke, release.rollout) == ("good", "passed", "complete")
    assert release.revision == 1
    assert release.replica_set
    assert release.image_digest.startswith("registry.example.com/shop/web@sha256:")
    assert release.build == "build/7"
    assert shop.ledger().intent is None


def test_configuration_is_written_before_pods(shop):
    shop.deploy("v1")
    assert [target.kind for _, target in shop.cluster.writes()] == ["ConfigMap", "Service", "Deployment"]


def test_a_failed_smoke_check_is_undone_and_verified(shop):
    shop.deploy("v1")
    report = shop.deploy("v2")
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "verified", 1)
    assert report.diagnosis[0].diagnosis.code == "smoke-failed"
    assert report.diagnosis[0].log == '{"ok":false,"version":"v2"}'
    assert report.undone_to.version == "v1"
    assert len(shop.cluster.pods_of("v1")) == 3
    assert shop.cluster.pods_of("v2") == []
    ledger = shop.ledger()
    assert ledger.current == 1
    assert ledger.release(2).judgement == "bad"
    assert ledger.release(2).undone.result == "verified"
    assert report.live_seconds > 1


@pytest.mark.parametrize(
    ("tag", "verdict", "status", "code"),
    [
        ("crash", "failed", 1, "crash-loop"),
        ("missing", "failed", 1, "image-pull-failed"),
        ("unready", "timed-out", 6, None),
    ],
)
def test_a_failed_rollout_is_undone_and_verified(shop, tag, verdict, status, code):
    shop.deploy("v1")
    report = shop.deploy(tag)
    assert (report.verdict, report.undo, int(report.status)) == (verdict, "verified", status)
    if code:
        assert report.diagnosis[0].diagnosis.code == code
    assert shop.ledger().current == 1


def test_a_crash_brings_its_log(shop):
    shop.deploy("v1")
    assert shop.deploy("crash").diagnosis[0].log == "boom: no such table\n"


def test_only_what_was_itself_at_fault_is_known_bad(shop):
    shop.deploy("v1")
    shop.deploy("missing")
    assert not shop.ledger().release(2).to_blame
    shop.deploy("missing")
    shop.deploy("crash")
    with pytest.raises(RefusedError, match="known to be bad since release 4"):
        shop.deploy("crash")
    assert shop.deploy("crash", allow_known_bad=True).undo == "verified"


def test_other_configuration_is_another_pair(shop):
    shop.deploy("v1")
    shop.deploy("crash")
    shop.manifest = shop.manifest.replace("blue", "green")
    assert shop.deploy("crash").verdict == "failed"


def test_configuration_comes_back_with_an_undo(shop):
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace("blue", "green") + (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n"
    )
    report = shop.deploy("v2")
    assert report.undo == "verified"
    settings = shop.cluster.objects[Ref("v1", "ConfigMap", "shop", "settings")]
    assert settings["data"] == {"colour": "blue"}
    assert Ref("v1", "ConfigMap", "shop", "extra") not in shop.cluster.objects


def test_two_bad_releases_in_a_row_lead_to_the_last_good_one(shop):
    shop.deploy("v1")
    shop.deploy("v3")
    shop.deploy("crash")
    report = shop.deploy("v2")
    assert report.undone_to.version == "v3"


def test_a_first_release_that_fails_has_no_target(shop):
    report = shop.deploy("crash")
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "no-target", 5)
    shop.cluster.settle()
    assert shop.cluster.objects[WORKLOAD]["spec"]["replicas"] == 0
    assert shop.cluster.pods_of("crash") == []


def test_a_first_release_that_fails_can_be_deleted(shop):
    shop.rules = UndoRules(first="delete")
    report = shop.deploy("crash")
    assert (report.undo, int(report.status)) == ("no-target", 5)
    assert shop.cluster.things() == {}


def test_a_first_release_that_fails_can_be_left(shop):
    shop.rules = UndoRules(first="leave")
    assert shop.deploy("crash").undo == "no-target"
    assert shop.cluster.objects[WORKLOAD]["spec"]["replicas"] == 3


@pytest.mark.parametrize(("first", "left"), [("scale-to-zero", 0), ("delete", None), ("leave", 3)])
def test_a_second_release_that_fails_before_any_was_good_is_treated_like_the_first(shop, first, left):
    shop.deploy("crash")
    shop.rules = UndoRules(first=first)
    report = shop.deploy("v2")
    assert (report.undo, int(report.status)) == ("no-target", 5)
    live = shop.cluster.objects.get(WORKLOAD)
    assert (live["spec"]["replicas"] if live else None) == left


def test_a_release_that_fails_after_a_good_one_that_was_deleted_is_not_taken_for_the_first(shop):
    shop.deploy("v1")
    shop.cluster.delete(WORKLOAD)
    assert shop.deploy("crash").undone_to.version == "v1"
    assert shop.cluster.objects[WORKLOAD]["spec"]["replicas"] == 3


@pytest.mark.parametrize(("before", "status", "serves"), [("v1", 1, "v1"), ("", 5, "")])
def test_a_ledger_that_is_refused_in_the_middle_of_a_bad_deploy_prevents_no_undo(shop, before, status, serves):
    if before:
        shop.deploy(before)

    def lock_out(verb, target):
        if target == WORKLOAD:
            shop.cluster.refuse[storage.place(WORKLOAD)] = ForbiddenError("no configmaps today")

    shop.cluster.before_write = lock_out
    report = shop.deploy("v2")
    assert int(report.status) == status
    assert any("the ledger could not be written" in text for text in report.remarks)
    shop.cluster.settle()
    assert not shop.cluster.pods_of("v2")
    assert not serves or shop.cluster.pods_of(serves)
    shop.cluster.refuse.clear()
    shop.cluster.before_write = None
    assert shop.ledger().intent is not None
    assert shop.deploy("v3").verdict == "complete", "the next deploy closes what is open"
    assert shop.ledger().intent is None


@pytest.mark.parametrize(
    ("tag", "undone_to", "judgements"), [("v2", "v3", ["good", "good", "bad"]), ("v4", "", ["good"] * 3)]
)
def test_a_ledger_that_is_deleted_while_we_are_at_work_is_put_back(shop, tag, undone_to, judgements):
    shop.deploy("v1")
    shop.deploy("v3")

    def lose(verb, target):
        if target == WORKLOAD:
            shop.cluster.objects.pop(storage.place(WORKLOAD), None)

    shop.cluster.after_write = lose
    report = shop.deploy(tag)
    assert (report.undone_to.version if report.undone_to else "") == undone_to
    assert [each.judgement for each in shop.ledger().releases] == judgements


def test_a_bad_deploy_whose_ledger_was_replaced_by_another_says_so(shop):
    shop.deploy("v1")
    other = copy.deepcopy(shop.cluster.objects[storage.place(WORKLOAD)])
    shop.cluster.delete(WORKLOAD)
    shop.cluster.objects.pop(storage.place(WORKLOAD))

    def swap(verb, target):
        if target == WORKLOAD:
            empty = storage.encode(Ledger(WORKLOAD, salt="salt"))
            empty["metadata"]["resourceVersion"] = "9999"
            shop.cluster.objects[storage.place(WORKLOAD)] = {**other, **empty}

    shop.cluster.after_write = swap
    report = shop.deploy("crash")
    assert (report.undo, int(report.status)) == ("no-target", 5)
    assert any("somebody has put another ledger in place" in text for text in report.remarks)


@pytest.mark.parametrize(
    ("detail", "said"), [("500 from /api", 'check "x" got 500 from /api'), ("did not end", 'check "x": did not end')]
)
def test_a_failed_smoke_check_is_told_as_a_sentence(detail, said):
    (cause,) = smoke_causes(
        [SmokeReport("x", "deploy", passed=False, detail=detail, tries=1, seconds=1.0)], "server", 0.0
    )
    assert cause.diagnosis.message == f"smoke {said}"


def test_undo_only_when_the_spec_says_so(shop):
    shop.deploy("v1")
    shop.rules = UndoRules(when=frozenset({"smoke-failed"}))
    report = shop.deploy("crash")
    assert (report.undo, int(report.status)) == ("none", 5)
    assert "not undone: deploy.undo.when does not have rollout-failed" in report.remarks


def test_a_one_way_migration_is_never_undone(shop):
    shop.deploy("v1")
    shop.rules = UndoRules(one_way=True)
    report = shop.deploy("crash")
    assert (report.undo, int(report.status)) == ("none", 5)


def test_an_undo_that_fails_needs_a_person(shop):
    shop.deploy("v1")

    def refuse(verb, target):
        if target == WORKLOAD and shop.cluster.pods_of("crash"):
            raise ForbiddenError("quota of patience exceeded")

    shop.cluster.before_write = refuse
    report = shop.deploy("crash")
    assert (report.undo, int(report.status)) == ("failed", 5)


def test_an_undo_whose_smoke_checks_fail_is_unverified(shop):
    shop.deploy("v1")

    def broken_since(verb, target):
        if target == WORKLOAD:
            shop.cluster.probe = lambda *_, **__: HttpAnswer(503, "down")

    shop.cluster.after_write = broken_since
    report = shop.deploy("crash")
    assert (report.undo, int(report.status)) == ("unverified", 5)
    assert report.undone_to.version == "v1"
    assert report.undo_diagnosis[0].diagnosis.code == "smoke-failed"


def test_somebody_elses_change_while_following_is_superseded(shop):
    shop.deploy("v1")

    def meddle(verb, target):
        if target == WORKLOAD and not meddle.done:
            meddle.done = True
            shop.cluster.clock.at(0.3, lambda: _set_image(shop, "v5"))

    meddle.done = False
    shop.cluster.after_write = meddle
    report = shop.deploy("v3")
    assert (report.verdict, report.undo, int(report.status)) == ("superseded", "none", 7)
    assert f"deployment/web wants {REPOSITORY}:v5 now; what becomes of that is not judged here" in report.remarks
    shop.cluster.settle()
    assert shop.cluster.pods_of("v5")


def test_somebody_elses_change_before_the_undo_is_left_alone(shop):
    shop.deploy("v1")
    probe = shop.cluster.probe

    def meddle(*arguments, **named):
        answer = probe(*arguments, **named)
        meddle.seen += answer.status == 500
        if meddle.seen == 5:
            _set_image(shop, "v5")
        return answer

    meddle.seen = 0
    shop.cluster.probe = meddle
    report = shop.deploy("v2")
    assert (report.verdict, report.undo, int(report.status)) == ("superseded", "none", 7)
    shop.cluster.settle()
    assert shop.cluster.pods_of("v5")
    assert not shop.cluster.pods_of("v1")


def test_a_workload_that_is_deleted_meanwhile_is_gone(shop):
    shop.deploy("v1")

    def meddle(verb, target):
        if target == WORKLOAD:
            shop.cluster.clock.at(
                0.3, lambda: shop.cluster.objects.pop(WORKLOAD, None) and shop.cluster._tell("DELETED", gone)
            )

    gone = dict(shop.cluster.objects[WORKLOAD])
    shop.cluster.after_write = meddle
    report = shop.deploy("v3")
    assert (report.verdict, int(report.status)) == ("gone", 7)


def test_what_was_there_before_becomes_a_release_of_its_own(shop):
    shop.deploy("v1")
    for key in [key for key in shop.cluster.objects if key.name.startswith("headway.")]:
        del shop.cluster.objects[key]
    report = shop.deploy("v2")
    assert report.undo == "verified"
    external = shop.ledger().release(1)
    assert (external.origin, external.version, external.judgement) == ("external", "v1", "good")
    assert shop.ledger().current == 1


def test_a_change_by_hand_since_becomes_a_release_of_its_own(shop):
    shop.deploy("v1")
    _set_image(shop, "v3")
    shop.cluster.settle()
    report = shop.deploy("v2")
    assert report.undone_to.version == "v3"


def test_what_somebody_has_put_back_since_is_what_a_bad_deploy_is_taken_back_to(shop):
    """After a `kubectl rollout undo` in the night, for a reason that no smoke check knows."""
    shop.deploy("v1")
    shop.deploy("v3")
    _set_image(shop, "v1")
    shop.cluster.settle()
    report = shop.deploy("v2")
    assert (report.before.version, report.undone_to.version) == ("v1", "v1")
    assert Rehearsed in {type(event) for event in shop.events}
    said = [event.target for event in shop.events if isinstance(event, Rehearsed)]
    assert said[-1] == "release 1 (v1)"


def test_a_second_deploy_of_the_same_changes_nothing(shop):
    shop.deploy("v1")
    before = len(shop.cluster.writes())
    ledger = shop.ledger()
    report = shop.deploy("v1")
    assert report.verdict == "complete"
    assert not report.changed
    assert report.release == 1
    assert len(shop.cluster.writes()) == before
    assert shop.ledger() == ledger


def test_a_check_that_failed_before_causes_no_undo(shop):
    shop.checks = ()
    shop.deploy("v2")
    shop.checks = (type(CHECK)("orders", "pod", "/api", within=5),)
    shop.manifest = shop.manifest.replace("blue", "green")
    report = shop.deploy("v2")
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "none", 5)
    assert any(check.phase == "baseline" and not check.passed for check in report.smoke)


def test_one_blip_of_the_release_before_excuses_no_check(shop):
    shop.deploy("v1")
    probe, answers = shop.cluster.probe, [HttpAnswer(503, "busy")]
    shop.cluster.probe = lambda *words, **more: answers.pop() if answers else probe(*words, **more)
    report = shop.deploy("v2")
    assert not any(check.phase == "baseline" for check in report.smoke)
    assert (report.verdict, report.undo) == ("failed", "verified")


def test_a_dry_run_writes_nothing(shop):
    shop.deploy("v1")
    before = len(shop.cluster.writes())
    report = shop.deploy("v3", dry_run=True)
    assert report.rehearsal
    assert len(shop.cluster.writes()) == before
    changed = {touched.object: touched for touched in report.objects}
    assert changed["deployment/web"].action == "change"
    assert any("v1 -> " in line and line.endswith(":v3") for line in changed["deployment/web"].changes)


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        (InvalidObjectError("spec.replicas: must be positive"), InvalidObjectError),
        (ForbiddenError("admission webhook denied it"), ForbiddenError),
        (UnreachableError("connection refused"), UnreachableError),
    ],
)
def test_what_the_server_refuses_beforehand_leaves_nothing_half_applied(shop, problem, error):
    shop.cluster.refuse[WORKLOAD] = problem
    with pytest.raises(error) as caught:
        shop.deploy("v1")
    assert "nothing was changed" in caught.value.message or error is UnreachableError
    assert shop.cluster.writes() == []
    assert shop.cluster.things() == {}


def test_a_missing_namespace_is_never_made(shop):
    shop.cluster.namespaces = ()
    with pytest.raises(NotFoundError, match="nothing was changed") as caught:
        shop.deploy("v1")
    assert "never creates namespaces" in caught.value.hint


def test_what_the_server_refuses_half_way_is_taken_back(shop):
    shop.deploy("v1")

    def refuse(verb, target):
        if target == WORKLOAD and not refuse.done:
            refuse.done = True
            raise ForbiddenError("not now")

    refuse.done = False
    shop.cluster.before_write = refuse
    shop.manifest = shop.manifest.replace("blue", "green")
    report = shop.deploy("v3")
    assert (report.verdict, report.undo) == ("failed", "verified")
    assert shop.cluster.objects[Ref("v1", "ConfigMap", "shop", "settings")]["data"] == {"colour": "blue"}


def test_a_write_whose_answer_is_lost_for_good_is_left_open_and_never_called_undone(shop):
    shop.deploy("v1")
    answers = shop.cluster.get

    def lose(verb, target):
        if target == WORKLOAD:
            shop.cluster.get = vanished
            raise UnreachableError("the answer was lost")

    def vanished(target):
        if target == WORKLOAD:
            raise UnreachableError("connection refused")
        return answers(target)

    shop.cluster.before_write = lose
    with pytest.raises(UnreachableError, match="deployment/web was sent, and what became of it is not known"):
        shop.deploy("v3")
    shop.cluster.get = answers
    assert shop.ledger().release(2).judgement == "open"
    assert shop.ledger().intent is not None


def test_a_service_whose_answer_was_lost_is_known_by_what_it_holds(shop):
    """The server gives it another address than it did when it was tried."""
    service = Ref("v1", "Service", "shop", "web")

    def lose(_, target):
        if target == service:
            shop.cluster.after_write = None
            shop.cluster.objects[service]["spec"]["clusterIP"] = "10.0.0.7"
            raise UnreachableError("the answer was lost")

    shop.cluster.after_write = lose
    assert shop.deploy("v1").verdict == "complete"


def test_a_first_write_of_which_nobody_knows_is_left_open(shop):
    settings = Ref("v1", "ConfigMap", "shop", "settings")
    shop.deploy("v1")

    def lose(_, target):
        if target == settings:
            shop.cluster.objects[settings]["data"] = {"colour": "somebody else's"}
            raise UnreachableError("the answer was lost")

    shop.cluster.after_write = lose
    shop.manifest = shop.manifest.replace("blue", "green")
    with pytest.raises(UnreachableError, match=r"^configmap/settings was sent"):
        shop.deploy("v3")
    assert shop.ledger().intent is not None


def test_what_somebody_creates_just_before_our_write_is_left_alone(shop):
    def create(verb, target):
        if (verb, target) == ("apply", WORKLOAD):
            shop.cluster.before_write = None
            shop.cluster.conflicts[WORKLOAD] = (("kubectl", ".spec.replicas"),)
            shop.cluster._put(WORKLOAD, {**live, "metadata": {"name": "web", "namespace": "shop"}})

    live = shop.mission("v5").content.followed
    shop.cluster.before_write = create
    report = shop.deploy("v1")
    assert (report.verdict, report.undo, int(report.status)) == ("superseded", "none", 7)
    assert "web:v5" in str(shop.cluster.objects[WORKLOAD])


def test_a_first_write_that_fails_leaves_the_history_as_it_was(shop):
    shop.deploy("v1")

    def refuse(verb, target):
        if target == WORKLOAD:
            raise ForbiddenError("not now")

    shop.cluster.before_write = refuse
    with pytest.raises(ForbiddenError):
        shop.deploy("v3")
    assert shop.ledger().current == 1
    assert shop.ledger().intent is None


def test_a_gitops_owner_is_not_fought(shop):
    shop.deploy("v1")
    shop.cluster.objects[WORKLOAD]["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "shop"}
    with pytest.raises(RefusedError, match="Flux keeps deployment/web"):
        shop.deploy("v3")


def test_a_field_of_another_manager_is_taken(shop):
    shop.deploy("v1")
    shop.cluster.conflicts[WORKLOAD] = (("kubectl-client-side-apply", ".spec.template"),)
    assert shop.deploy("v3").verdict == "complete"


def test_a_field_of_a_gitops_manager_is_not_taken(shop):
    shop.deploy("v1")
    shop.cluster.conflicts[WORKLOAD] = (("argocd-controller", ".spec.template"),)
    with pytest.raises(RefusedError, match=r"Argo CD holds \.spec\.template"):
        shop.deploy("v3")


def test_replicas_of_an_autoscaler_are_left_alone(shop):
    shop.deploy("v1")
    shop.cluster.apply({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 9},
    })  # fmt: skip
    thing = shop.cluster.objects[WORKLOAD]
    thing["spec"]["replicas"] = 5
    thing["metadata"]["managedFields"].append({"manager": "kube-controller-manager", "subresource": "scale",
                                               "fieldsV1": {"f:spec": {"f:replicas": {}}}})  # fmt: skip
    report = shop.deploy("v3")
    assert report.verdict == "complete"
    assert shop.cluster.objects[WORKLOAD]["spec"].get("replicas", 5) == 5


def test_a_paused_workload_is_refused(shop):
    shop.deploy("v1")
    shop.cluster.objects[WORKLOAD]["spec"]["paused"] = True
    with pytest.raises(RefusedError, match="is paused"):
        shop.deploy("v3")


def test_a_manifest_that_pauses_its_own_rollout_is_refused_before_anything_is_asked(shop):
    shop.manifest = shop.manifest.replace("  replicas: 3", "  replicas: 3\n  paused: true")
    with pytest.raises(UsageError, match="nothing was changed: the manifest of deployment/web has paused: true"):
        shop.deploy("v1")
    assert shop.cluster.writes() == []


def test_a_second_deployment_that_somebody_has_paused_is_refused_too(shop):
    document = shop.manifest.partition("---")[0]
    shop.manifest += "---" + document.replace("name: web}", "name: worker}").replace("app: web", "app: worker")
    shop.deploy("v1")
    shop.cluster.objects[replace(WORKLOAD, name="worker")]["spec"]["paused"] = True
    with pytest.raises(RefusedError, match="deployment/worker is paused by somebody"):
        shop.deploy("v3")


def test_an_error_before_the_first_write_opens_with_what_was_not_done(shop):
    shop.deploy("v1")
    get = shop.cluster.get

    def away(target):
        if target.kind == "ConfigMap" and target.name.startswith("headway."):
            raise UnreachableError("configmap/headway.deployment.web was not read: no connection")
        return get(target)

    shop.cluster.get = away
    with pytest.raises(UnreachableError) as problem:
        shop.deploy("v3")
    assert problem.value.message.startswith("nothing was changed: configmap/headway.deployment.web was not read")


def test_a_deploy_of_what_serves_closes_what_an_earlier_one_left_open(shop):
    """Killed before its first write, it had made itself the serving release; nothing changes, and yet it is closed."""
    shop.deploy("v1")

    def killed(verb, target):
        if target.name == "settings":
            raise SystemExit

    shop.cluster.before_write = killed
    shop.manifest = shop.manifest.replace("blue", "green")
    with pytest.raises(SystemExit):
        shop.deploy("v3")
    shop.cluster.before_write = None
    assert shop.ledger().intent is not None
    shop.manifest = shop.manifest.replace("green", "blue")
    assert shop.deploy("v1").verdict == "complete"
    ledger = shop.ledger()
    assert ledger.intent is None
    assert (ledger.serving.version, ledger.serving.judgement) == ("v1", "good")


def test_require_undo_refuses_where_there_is_no_way_back(shop):
    with pytest.raises(RefusedError, match="no way back"):
        shop.deploy("v1", require_undo=True)
    shop.deploy("v1")
    assert shop.deploy("v3", require_undo=True).verdict == "complete"


class Terminated(KeyboardInterrupt):
    """As agent.cli.main raises it."""


@pytest.mark.parametrize(("signal", "status"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_an_interruption_is_recorded(shop, signal, status):
    shop.deploy("v1")

    def interrupt(verb, target):
        if target == WORKLOAD:
            raise signal

    shop.cluster.after_write = interrupt
    report = shop.deploy("v3")
    shop.cluster.after_write = None
    assert (report.verdict, int(report.status)) == ("interrupted", status)
    ledger = shop.ledger()
    assert ledger.intent.step == "interrupted"
    assert ledger.release(2).judgement == "unjudged"
    assert any("release 1 (v1)" in remark for remark in report.remarks)


def test_an_interruption_before_the_first_write_changes_nothing(shop):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    shop.cluster.list = interrupt
    report = shop.deploy("v1")
    assert report.verdict == "interrupted"
    assert "nothing was changed" in report.remarks
    assert shop.cluster.things() == {}


def test_the_story_is_told_as_it_happens(shop):
    shop.deploy("v1")
    kinds = [type(event) for event in shop.events]
    order = [Opened, Applied, Progressed, Judged, Smoked]
    places = [kinds.index(kind) for kind in order]
    assert places == sorted(places)


def test_the_report_has_a_picture(shop):
    shop.deploy("v1")
    timeline = shop.deploy("v2").to_dict()["timeline"]
    assert {sample["new"] for sample in timeline["replicas"]} == {True, False}
    assert any(pod["states"][-1]["state"] == "ready" for pod in timeline["pods"])
    assert any(mark["text"].startswith("undo to release 1") for mark in timeline["marks"])


from tests.unit.operations.conftest import CHECKS  # noqa: E402

CHECK = CHECKS[0]


def _set_image(shop, tag):
    """What `kubectl set image` does."""
    live = shop.cluster.objects[WORKLOAD]
    template = {**live["spec"]["template"]}
    box = {**template["spec"]["containers"][0], "image": f"{REPOSITORY}:{tag}"}
    template = {**template, "spec": {**template["spec"], "containers": [box]}}
    shop.cluster.patch(WORKLOAD, {"spec": {"template": template}}, content_type="application/merge-patch+json")
