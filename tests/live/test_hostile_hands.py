"""What a person or another tool does to a service behind Headway's back, on a real cluster, and the way back after it.

Each test needs less than a minute and has a namespace of its own.
"""

from __future__ import annotations

import json
import time

import pytest
import yaml

from agent.objects import Ref
from tests.live.test_by_hand import named
from tests.live.test_undo import Step, builds, tag

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

MERGE = "application/merge-patch+json"
ZOO = """
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: extra}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: extra}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: extra}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: extra}
subjects: [{kind: ServiceAccount, name: extra}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: extra}
spec:
  schedule: "0 0 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: x, image: busybox}]}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: extra}
spec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: extra}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{}]}
"""


@pytest.fixture
def fresh(live_world, tmp_path):
    """Nothing is there yet."""
    return Step(live_world, tmp_path / "build")


@pytest.fixture
def step(fresh):
    """v3 serves, and v1 is the way back."""
    for number, good in enumerate(("v1", "v3"), 1):
        status, out = fresh.run(f"build/{number}", *fresh.deploy(good))
        assert status == 0, out
    return fresh


def at(step: Step, kind: str, name: str, api: str = "v1") -> Ref:
    return Ref(api, kind, step.world.namespace, name)


def web(step: Step) -> Ref:
    return at(step, "Deployment", "web", "apps/v1")


def ledger(step: Step) -> Ref:
    return at(step, "ConfigMap", "headway.deployment.web")


def lease(step: Step) -> Ref:
    return at(step, "Lease", "headway.deployment.web", "coordination.k8s.io/v1")


def until(step: Step, wanted: str) -> None:
    """The template names that tag."""
    deadline = time.monotonic() + 30
    while tag(builds(step.world)) != wanted:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def serving(step: Step) -> str:
    """The version whose pods serve, as `history` marks it."""
    status, out = step.run("night/1", "history", ".", "-o", "json")
    assert status == 0, out
    found = json.loads(out)
    return next((each["version"] for each in found["releases"] if each["release"] == found["current"]), "")


def rule(step: Step, **deploy: object) -> None:
    """Settings of `deploy` in the spec."""
    spec = yaml.safe_load((step.folder / "service.yaml").read_text())
    spec["deploy"] |= deploy
    (step.folder / "service.yaml").write_text(yaml.safe_dump(spec))


def test_a_workload_that_somebody_deleted_comes_back_with_all_its_objects(step):
    cluster = builds(step.world).cluster
    for thing in (web(step), at(step, "Service", "web"), at(step, "ConfigMap", "settings")):
        cluster.delete(thing)
    status, out = named(step, "status")
    assert (status, "`headway undo` puts release 2 (v3) back" in out) == (4, True), out
    status, out = named(step, "undo")
    assert (status, "UNDONE and verified: v3 serves" in out) == (0, True), out
    assert cluster.get(at(step, "Service", "web"))
    assert cluster.get(at(step, "ConfigMap", "settings"))["data"] == {"colour": "blue"}


def test_an_undo_of_a_paused_workload_waits_for_nothing(step):
    cluster = builds(step.world).cluster
    cluster.patch(web(step), {"spec": {"paused": True}}, content_type=MERGE)
    began = time.monotonic()
    status, out = step.run("build/3", "undo", ".")
    assert (status, "is paused by somebody" in out, "kubectl rollout resume" in out) == (9, True, True), out
    assert time.monotonic() - began < 20, "the rollout's 30 s were not waited for"
    assert tag(builds(step.world)) == "v3"
    cluster.patch(web(step), {"spec": {"paused": None}}, content_type=MERGE)
    status, out = step.run("build/3", "undo", ".")
    assert status == 0, out
    assert tag(builds(step.world)) == "v1"


def test_lease_and_ledger_deleted_in_the_middle_of_a_bad_deploy(step):
    cluster = builds(step.world).cluster
    rule(step, timeout="12s")
    process = step.start("build/3", *step.deploy("unready"))
    until(step, "unready")
    cluster.delete(lease(step))
    cluster.delete(ledger(step))
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, "v3 serves again" in out) == (6, True), out
    assert tag(builds(step.world)) == serving(step) == "v3"
    rule(step, timeout="30s")
    cluster.delete(lease(step))  # its fencing tokens count from 1 again, and lock nobody out
    status, out = step.run("build/4", *step.deploy("v4"))
    assert status == 0, out
    status, out = step.run("build/4", "history", ".")
    assert "timed-out, undone to 2" in out, "nothing was forgotten"


def test_an_undo_that_a_quota_stopped_is_tried_again(fresh):
    text = (fresh.folder / "web.yaml").read_text()
    careful = "  replicas: 2\n  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}\n"
    (fresh.folder / "web.yaml").write_text(text.replace("  replicas: 2\n", careful))
    rule(fresh, patience={"quota": "3s"})
    for number, good in enumerate(("v1", "v3"), 1):
        assert fresh.run(f"build/{number}", *fresh.deploy(good))[0] == 0
    cluster = builds(fresh.world).cluster
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "2"}}}
    cluster.create({**quota, "metadata": {"name": "full", "namespace": fresh.world.namespace}})
    status, out = fresh.run("build/3", "undo", ".")
    assert (status, "a ResourceQuota is full" in out) == (5, True), out
    assert serving(fresh) == "v3", "its pods are all there is"
    cluster.delete(at(fresh, "ResourceQuota", "full"))
    rule(fresh, patience={"quota": "50s"}, timeout="60s")  # the ReplicaSet tries again ever more rarely
    status, out = fresh.run("build/3", "undo", ".")
    assert (status, "UNDONE and verified: v1 serves" in out) == (0, True), out
    assert serving(fresh) == "v1"


def test_whatever_only_the_bad_release_had_goes_with_it_a_bare_account_too(step):
    step.write("blue", ZOO)
    status, out = step.run("build/3", *step.deploy("v2"))
    assert (status, "v3 serves again" in out) == (1, True), out
    cluster = builds(step.world).cluster
    kinds = {
        "ServiceAccount": "v1",
        "Role": "rbac.authorization.k8s.io/v1",
        "RoleBinding": "rbac.authorization.k8s.io/v1",
        "CronJob": "batch/v1",
        "PodDisruptionBudget": "policy/v1",
        "NetworkPolicy": "networking.k8s.io/v1",
    }
    assert [kind for kind, api in kinds.items() if cluster.get(at(step, kind, "extra", api))] == []


def test_what_somebody_changed_is_told_and_put_back(step):
    cluster = builds(step.world).cluster
    cluster.delete(at(step, "Service", "web"))
    cluster.patch(at(step, "ConfigMap", "settings"), {"data": {"colour": "hacked"}}, content_type=MERGE)
    status, out = step.run("build/3", "status", ".")
    assert status == 0, out
    assert "drift     service/web is not there" in out
    assert "configmap/settings data.colour: hacked -> blue" in out
    status, out = step.run("build/3", "undo", ".", "--to-release", "2")
    assert status == 0, out
    status, out = step.run("build/3", "status", ".")
    assert "drift" not in out, out


def test_a_second_release_that_fails_after_a_failed_first_one_does_not_stay(fresh):
    for number, bad in enumerate(("crash", "v2"), 1):
        status, out = fresh.run(f"build/{number}", *fresh.deploy(bad))
        assert (status, "scaled to zero: deployment/web" in out) == (5, True), out
    live = builds(fresh.world).cluster.get(web(fresh))
    assert live["spec"]["replicas"] == 0


def test_a_kubectl_rollout_undo_in_the_middle_is_told_with_what_it_put_there(step):
    process = step.start("build/3", *step.deploy("unready"))
    until(step, "unready")
    box = [{"name": "server", "image": "localhost:5000/app:v1"}]
    patch = {"spec": {"template": {"spec": {"containers": box}}}}
    cluster = builds(step.world).cluster
    cluster.patch(web(step), patch, content_type="application/strategic-merge-patch+json")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 7, out
    assert "deployment/web wants localhost:5000/app:v1 now" in out
    assert serving(step) == "v1"
