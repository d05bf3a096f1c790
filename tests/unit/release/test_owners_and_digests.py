"""Who else has a say, what counts as a change, and what never counts."""

from __future__ import annotations

import copy

from agent.release import diff, digest, owners


def live(**fields):
    return {
        "kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "9", "generation": 2,
                     "annotations": {"deployment.kubernetes.io/revision": "3", "team": "a"}, **fields},
        "spec": {"replicas": 3, "template": {"metadata": {"labels": {"app": "web"}},
                                             "spec": {"containers": [{"name": "c", "image": "web:v1"}]}}},
        "status": {"replicas": 3},
    }  # fmt: skip


def managed(manager, *fields, subresource=""):
    return {"manager": manager, "subresource": subresource, "fieldsV1": {"f:spec": {f"f:{one}": {} for one in fields}}}


def test_gitops_owners_are_seen():
    assert owners.gitops_owner(live(labels={"argocd.argoproj.io/instance": "x"})) == "Argo CD"
    assert owners.gitops_owner(live(managedFields=[managed("kustomize-controller")])) == "Flux"
    assert owners.gitops_owner(live(labels={"app.kubernetes.io/instance": "x"})) == ""
    assert owners.gitops_owner(live(managedFields=[managed("kubectl-client-side-apply")])) == ""


def test_replicas_are_an_autoscalers():
    hpa = {"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}}
    scaled = owners.scaled([hpa])
    wanted = live()
    assert "replicas" not in owners.with_replicas(wanted, live(), owners.Autoscaled(scaled))["spec"]
    assert owners.with_replicas(wanted, live(), owners.Autoscaled())["spec"]["replicas"] == 3


def test_replicas_that_only_we_own_are_handed_over_as_they_are():
    now = live(managedFields=[managed("headway", "replicas")])
    now["spec"]["replicas"] = 7
    result = owners.with_replicas(live(), now, owners.Autoscaled(frozenset({("Deployment", "web")})))
    assert result["spec"]["replicas"] == 7


def test_an_autoscaler_that_we_cannot_see_leaves_its_trace():
    now = live(managedFields=[managed("kube-controller-manager", "replicas", subresource="scale")])
    assert "replicas" not in owners.with_replicas(live(), now, owners.Autoscaled())["spec"]
    freed = owners.Autoscaled(freed=frozenset({("Deployment", "web")}))
    assert owners.with_replicas(live(), now, freed)["spec"]["replicas"] == 3


def test_a_template_is_the_same_whatever_controllers_and_restarts_add():
    one, other = live(), live()
    meta = other["spec"]["template"]["metadata"]
    meta["labels"]["pod-template-hash"] = "abc"
    meta["annotations"] = {"kubectl.kubernetes.io/restartedAt": "now"}
    meta["creationTimestamp"] = None
    assert digest.of_template(one) == digest.of_template(other)
    other["spec"]["template"]["spec"]["invented"] = True
    assert digest.of_template(one) != digest.of_template(other)


def test_a_secrets_hash_tells_a_change_and_nothing_else():
    secret = {"kind": "Secret", "data": {"password": "c2VjcmV0"}}
    same = {"kind": "Secret", "stringData": {"password": "secret"}, "type": "Opaque"}
    assert digest.of_secret(secret, "salt") == digest.of_secret(same, "salt")
    assert digest.of_secret(secret, "salt") != digest.of_secret(secret, "other")
    assert "secret" not in digest.of_secret(secret, "salt")


def test_secrets_are_kept_by_reference_only():
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop"},
        "data": {"a": "c2VjcmV0"},
    }
    assert "c2VjcmV0" not in str(digest.without_secrets([secret]))


def test_only_what_counts_is_a_change():
    after = copy.deepcopy(live(resourceVersion="10", generation=3))
    after["status"] = {}
    assert digest.same_but_for_the_server(live(), after)
    after["metadata"]["managedFields"] = [managed("headway", "template")]
    assert not digest.same_but_for_the_server(live(), after)


def test_changes_are_readable():
    after = live()
    after["spec"]["template"]["spec"]["containers"][0]["image"] = "web:v2"
    after["spec"]["replicas"] = 5
    assert diff.changes(live(), after) == (
        "spec.replicas: 3 -> 5",
        "spec.template.spec.containers[c].image: web:v1 -> web:v2",
    )


def test_a_secrets_values_are_never_shown():
    before = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "b2xk"}}
    after = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "bmV3"}}
    assert diff.changes(before, after) == ("data.password: changed",)


def test_an_object_that_is_a_name_alone_has_no_manager_and_is_still_ours():
    assert owners.is_ours(live())
    assert owners.is_ours(live(managedFields=[managed("headway"), managed("kubectl-edit")]))
    assert not owners.is_ours(live(managedFields=[managed("helm")]))
