"""Configuration as part of a release: restart_on, before Jobs, prune, Secrets by reference."""

from __future__ import annotations

import pytest

from agent.cli.output.ending import headline
from agent.errors import InvalidObjectError, RefusedError, UnreachableError, UsageError
from agent.objects import Ref
from agent.operations.going_back import UndoMission, undo
from agent.operations.mission import UndoRules
from agent.release import beforehand
from agent.release.manifests import ManifestFile
from agent.release.references import ANNOTATION, configuration
from tests.unit.operations.conftest import REPOSITORY, WORKLOAD

JOB = f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: migrate}}
spec:
  template: {{spec: {{restartPolicy: Never, containers: [{{name: m, image: {REPOSITORY}, command: [./migrate]}}]}}}}
"""
EXTRA = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n"


def with_env(shop, *sources):
    shop.manifest = shop.manifest.replace(
        "ports: [{containerPort: 8080}]", f"ports: [{{containerPort: 8080}}], envFrom: [{', '.join(sources)}]"
    )


def put(shop, kind, name, **content):
    thing = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **content}
    shop.cluster._put(Ref("v1", kind, "shop", name), thing)


def jobs(shop, text=JOB, tag="v1"):
    return beforehand.from_manifests([ManifestFile("jobs.yaml", text)], "shop", REPOSITORY, f"{REPOSITORY}:{tag}")


def hash_of(shop):
    return (shop.cluster.objects[WORKLOAD]["spec"]["template"]["metadata"].get("annotations") or {}).get(ANNOTATION)


def test_every_reference_is_found():
    spec = {
        "initContainers": [{"envFrom": [{"configMapRef": {"name": "a"}}]}],
        "containers": [
            {
                "env": [
                    {"name": "X", "valueFrom": {"secretKeyRef": {"name": "b", "key": "k"}}},
                    {"name": "Y", "value": "z"},
                ]
            },
            {"env": [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]},
        ],
        "volumes": [
            {"name": "v", "configMap": {"name": "d"}},
            {"name": "w", "secret": {"secretName": "e"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "f"}}, {"secret": {"name": "g"}}]}},
            {"name": "x", "emptyDir": {}},
        ],
        "imagePullSecrets": [{"name": "pull"}],
    }
    assert configuration(spec) == (
        ("ConfigMap", "a"), ("ConfigMap", "c"), ("ConfigMap", "d"), ("ConfigMap", "f"),
        ("Secret", "b"), ("Secret", "e"), ("Secret", "g"),
    )  # fmt: skip


def test_changed_configuration_restarts_the_pods_where_that_is_asked_for(shop):
    with_env(shop, "{configMapRef: {name: settings}}")
    shop.deploy("v1", restart_on_config=True)
    before, first = set(shop.cluster.pods_of("v1")), hash_of(shop)
    shop.manifest = shop.manifest.replace("blue", "green")
    shop.deploy("v1", restart_on_config=True)
    assert hash_of(shop) != first
    assert not before & set(shop.cluster.pods_of("v1"))


def test_it_does_not_where_that_is_not_asked_for(shop):
    with_env(shop, "{configMapRef: {name: settings}}")
    shop.deploy("v1")
    before = set(shop.cluster.pods_of("v1"))
    shop.manifest = shop.manifest.replace("blue", "green")
    shop.deploy("v1")
    assert hash_of(shop) is None
    assert before == set(shop.cluster.pods_of("v1"))


def test_configuration_from_elsewhere_counts_and_what_may_not_be_read_does_not(shop):
    with_env(shop, "{configMapRef: {name: foreign}}", "{secretRef: {name: db}}", "{secretRef: {name: gone}}")
    put(shop, "ConfigMap", "foreign", data={"a": "1"})
    put(shop, "Secret", "db", data={"password": "b2xk"})
    shop.deploy("v1", restart_on_config=True)
    first = hash_of(shop)
    put(shop, "Secret", "db", data={"password": "bmV3"})
    shop.deploy("v1", restart_on_config=True)
    assert first != hash_of(shop)


def test_an_undo_brings_the_old_hash_back(shop):
    with_env(shop, "{configMapRef: {name: settings}}")
    shop.deploy("v1", restart_on_config=True)
    first = hash_of(shop)
    shop.manifest = shop.manifest.replace("blue", "green")
    shop.deploy("v2", restart_on_config=True)
    assert hash_of(shop) == first


def test_a_secret_that_has_changed_since_is_named(shop):
    with_env(shop, "{secretRef: {name: db}}")
    put(shop, "Secret", "db", data={"password": "b2xk"})
    shop.deploy("v1")
    put(shop, "Secret", "db", data={"password": "bmV3"})
    report = shop.deploy("v3")
    assert any("Secret db has changed since release 1" in remark for remark in report.remarks)
    assert not any("Secret db" in remark for remark in shop.deploy("v4").remarks if "release 1" in remark)


def test_a_secret_that_a_release_changes_itself_is_named_beforehand_and_by_the_undo(shop):
    with_env(shop, "{secretRef: {name: db}}")
    shop.manifest += "---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n"
    shop.deploy("v1")
    assert not any("Secret db" in remark for remark in shop.deploy("v3").remarks)
    shop.manifest = shop.manifest.replace("hunter2", "hunter3")
    said = "Secret db has changed since release 2 (v3); an undo writes no Secrets"
    assert said in shop.deploy("v4", dry_run=True).remarks
    assert said in shop.deploy("v4").remarks
    assert said in undo(shop.tools, UndoMission(shop.place, dry_run=True)).remarks
    report = undo(shop.tools, UndoMission(shop.place))
    assert (report.undo, said in report.remarks) == ("verified", True)


def test_who_mends_a_secret_has_made_another_pair(shop):
    with_env(shop, "{secretRef: {name: db}}")
    put(shop, "Secret", "db", data={"password": "d3Jvbmc="})
    assert shop.deploy("v1").verdict == "complete"
    assert shop.deploy("crash").undo == "verified"
    with pytest.raises(RefusedError, match="known to be bad"):
        shop.deploy("crash")
    put(shop, "Secret", "db", data={"password": "cmlnaHQ="})
    assert shop.deploy("crash").undo == "verified", "it was tried again"


def test_a_secrets_value_is_never_in_the_ledger_nor_written_by_an_undo(shop):
    shop.manifest += "---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n"
    shop.deploy("v1")
    ledger = shop.ledger()
    assert "hunter2" not in str(ledger)
    shop.manifest = shop.manifest.replace("hunter2", "hunter3")
    shop.deploy("v2")
    secret = shop.cluster.objects[Ref("v1", "Secret", "shop", "db")]
    assert secret["stringData"] == {"password": "hunter3"}


def test_jobs_run_before_a_workload_is_touched(shop):
    report = shop.deploy("v1", before=jobs(shop))
    assert report.verdict == "complete"
    order = [(target.kind, target.name) for _, target in shop.cluster.writes()]
    assert order.index(("Job", "migrate-r1")) < order.index(("Deployment", "web"))
    assert order.index(("ConfigMap", "settings")) < order.index(("Job", "migrate-r1"))
    job = shop.cluster.objects[Ref("batch/v1", "Job", "shop", "migrate-r1")]
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == f"{REPOSITORY}:v1"
    assert any("job/migrate will run first" in remark for remark in report.remarks)
    told = [(each.workload, each.text) for each in report.workloads if each.workload.startswith("job/")]
    assert told == [("job/migrate-r1", "succeeded")]


def test_an_interruption_is_told_without_what_was_remarked_before(shop):
    def interrupt(verb, target):
        if target == WORKLOAD:
            raise KeyboardInterrupt

    shop.cluster.after_write = interrupt
    report = shop.deploy("v1", before=jobs(shop))
    assert any("job/migrate will run first" in text for text in report.remarks)
    assert headline(report) == "INTERRUPTED by SIGINT: the deploy may be half done; recorded in the ledger."


def test_each_release_has_its_own_job_and_no_change_has_none(shop):
    shop.deploy("v1", before=jobs(shop))
    shop.deploy("v3", before=jobs(shop, tag="v3"))
    shop.deploy("v3", before=jobs(shop, tag="v3"))
    names = {key.name for key in shop.cluster.objects if key.kind == "Job"}
    assert names == {"migrate-r1", "migrate-r2"}


def test_a_job_that_fails_stops_the_deploy_before_any_workload(shop):
    shop.deploy("v1")
    pods = set(shop.cluster.pods_of("v1"))
    shop.manifest = shop.manifest.replace("blue", "green")
    report = shop.deploy("v3", before=jobs(shop, JOB.replace("./migrate", "crash")))
    assert (report.verdict, report.undo, int(report.status)) == ("failed", "verified", 1)
    assert report.diagnosis[0].diagnosis.code == "job-failed"
    assert set(shop.cluster.pods_of("v1")) == pods
    assert shop.cluster.objects[Ref("v1", "ConfigMap", "shop", "settings")]["data"] == {"colour": "blue"}
    assert not shop.ledger().release(2).to_blame


def test_a_job_that_the_server_refuses_changes_nothing(shop):
    shop.cluster.refuse[Ref("batch/v1", "Job", "shop", "migrate-r1")] = InvalidObjectError("no")
    with pytest.raises(InvalidObjectError, match="nothing was changed"):
        shop.deploy("v1", before=jobs(shop))
    assert shop.cluster.things() == {}


def test_a_command_runs_as_the_container_would(shop):
    content = shop.mission("v1").content
    job = beforehand.from_command("./migrate --all", 1, content.followed, "server")
    box = job["spec"]["template"]["spec"]["containers"][0]
    assert box["command"] == ["sh", "-c", "./migrate --all"]
    assert box["image"] == f"{REPOSITORY}:v1"
    assert "ports" not in box
    assert shop.deploy("v1", before=(job,)).verdict == "complete"
    assert Ref("batch/v1", "Job", "shop", "web-before-1-r1") in shop.cluster.objects


def test_only_jobs_go_before(shop):
    with pytest.raises(UsageError, match=r"deploy\.before holds configmap/extra"):
        jobs(shop, JOB + EXTRA)


def test_long_names_are_cut_to_what_the_api_takes():
    long = [{"metadata": {"name": f"{'m' * 60}-before-{place}"}, "spec": {}} for place in (1, 2)]
    names = [job["metadata"]["name"] for job in beforehand.numbered(long, 12345)]
    assert all(each.startswith("m" * 40) and each.endswith("-r12345") and len(each) <= 63 for each in names)
    assert len(set(names)) == 2


def lose_the_answer(shop, *, for_good):
    """The Job is made, and nobody hears of it."""
    answers = shop.cluster.get

    def vanished(target):
        if target.kind == "Job":
            raise UnreachableError("connection refused")
        return answers(target)

    def lose(_, target):
        if target.kind == "Job":
            shop.cluster.get = vanished if for_good else answers
            raise UnreachableError("the answer was lost")

    shop.cluster.after_write = lose
    return answers


def test_a_job_whose_answer_is_lost_is_found_and_awaited(shop):
    shop.deploy("v1")
    lose_the_answer(shop, for_good=False)
    assert shop.deploy("v3", before=jobs(shop)).verdict == "complete"
    assert len([key for key in shop.cluster.objects if key.kind == "Job"]) == 1


def test_a_migration_that_may_run_is_not_forgotten(shop):
    """As long as nobody knows whether the Job was started, the database may be migrated."""
    shop.deploy("v1")
    answers = lose_the_answer(shop, for_good=True)
    with pytest.raises(UnreachableError, match=r"^job/migrate-r2 was sent, and whether it runs is not known"):
        shop.deploy("v3", before=jobs(shop), undo=UndoRules(one_way=True))
    shop.cluster.get, shop.cluster.after_write = answers, None
    assert shop.ledger().migrated == 2
    assert shop.ledger().intent is not None


def orphaned(shop, prune):
    shop.manifest += EXTRA
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace(EXTRA, "")
    report = shop.deploy("v3", prune=prune)
    return report, Ref("v1", "ConfigMap", "shop", "extra") in shop.cluster.objects


def test_what_is_no_longer_named_is_reported(shop):
    report, there = orphaned(shop, "report")
    assert there
    assert any("no manifest names configmap/extra any more; kept" in remark for remark in report.remarks)


def test_of_many_that_are_no_longer_named_a_few_are_named(shop):
    more = "".join(EXTRA.replace("extra", f"extra{number}") for number in range(10))
    shop.manifest += more
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace(more, "")
    report = shop.deploy("v3", prune="delete")
    (deleted,) = [text for text in report.remarks if text.startswith("deleted ")]
    assert deleted.endswith("configmap/extra7 and 2 more")
    assert not [key for key in shop.cluster.objects if key.name.startswith("extra")]


def test_what_is_no_longer_named_is_deleted_once_the_release_is_good(shop):
    report, there = orphaned(shop, "delete")
    assert not there
    assert "deleted configmap/extra" in report.remarks
    undone = undo(shop.tools, UndoMission(shop.place))
    assert undone.undo == "verified"
    assert Ref("v1", "ConfigMap", "shop", "extra") in shop.cluster.objects


def test_a_secret_that_would_be_pruned_is_said_not_to_come_back(shop):
    secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n"
    shop.manifest += secret + EXTRA
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace(secret, "").replace(EXTRA, "")
    said = "an undo writes no Secrets: it would not bring secret/db back"
    assert said in shop.deploy("v3", prune="delete", dry_run=True).remarks
    assert said not in shop.deploy("v3", prune="report", dry_run=True).remarks


def test_nothing_is_pruned_by_a_release_that_fails(shop):
    shop.manifest += EXTRA
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace(EXTRA, "")
    shop.deploy("v2", prune="delete")
    assert Ref("v1", "ConfigMap", "shop", "extra") in shop.cluster.objects


def test_what_is_no_longer_named_is_left(shop):
    report, there = orphaned(shop, "leave")
    assert there
    assert not any("extra" in remark for remark in report.remarks)


def test_data_and_what_others_made_is_never_pruned(shop):
    claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {}\n"
    put(shop, "ConfigMap", "extra", data={"somebody": "else"})
    shop.manifest += EXTRA + claim
    shop.deploy("v1")
    shop.manifest = shop.manifest.replace(EXTRA, "").replace(claim, "")
    shop.deploy("v3", prune="delete")
    assert Ref("v1", "ConfigMap", "shop", "extra") in shop.cluster.objects
    assert Ref("v1", "PersistentVolumeClaim", "shop", "data") in shop.cluster.objects
