"""Admission of pods: ServiceAccounts, LimitRanges, ResourceQuotas, PodSecurity."""

from __future__ import annotations

import json

from agent.sandbox.http import Request
from tests.unit.sandbox.kubernetes.world import container, workload

PODS = "/api/v1/namespaces/shop/pods"


def pod(name="pod", **fields):
    return {"metadata": {"name": name}, "spec": {"containers": [container(**fields)]}}


def policy(cluster, kind, spec):
    cluster.create({"apiVersion": "v1", "kind": kind, "metadata": {"name": "p", "namespace": "shop"}, "spec": spec})


def test_pods_get_the_default_account_its_token_and_tolerations(client):
    made = client.ok("POST", PODS, pod())["spec"]
    assert made["serviceAccountName"] == "default"
    assert made["containers"][0]["volumeMounts"][0]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert [item["key"] for item in made["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]


def test_a_limit_range_limits_and_fills_in(cluster, client):
    limits = {
        "type": "Container",
        "max": {"memory": "128Mi"},
        "default": {"memory": "64Mi"},
        "defaultRequest": {"memory": "32Mi"},
    }
    policy(cluster, "LimitRange", {"limits": [limits]})
    refused = client.refused(403, "POST", PODS, pod(resources={"limits": {"memory": "1Gi"}}))
    assert (
        refused["message"] == 'pods "pod" is forbidden: maximum memory usage per Container is 128Mi, but limit is 1Gi'
    )
    assert client.ok("POST", PODS, pod())["spec"]["containers"][0]["resources"] == {
        "limits": {"memory": "64Mi"},
        "requests": {"memory": "32Mi"},
    }


def test_a_quota_counts_pods_and_resources(cluster, client):
    policy(cluster, "ResourceQuota", {"hard": {"pods": "2", "requests.cpu": "1"}})
    assert "must specify requests.cpu for: app" in client.refused(403, "POST", PODS, pod())["message"]
    client.ok("POST", PODS, pod("a", resources={"requests": {"cpu": "600m"}}))
    refused = client.refused(403, "POST", PODS, pod("b", resources={"requests": {"cpu": "500m"}}))
    assert refused["message"].endswith(
        "exceeded quota: p, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    )
    cluster.advance(1)
    assert cluster["ResourceQuota", "shop", "p"]["status"]["used"] == {"pods": "1", "requests.cpu": "600m"}


def test_restricted_pods_pass_and_others_say_all_that_is_wrong(cluster, client):
    cluster.change(
        "Namespace", "", "shop", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    message = client.refused(403, "POST", PODS, pod())["message"]
    assert 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "app"' in message
    assert message.count("must set") == 4
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
               "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip
    client.ok("POST", PODS, pod(securityContext=context))


def test_who_writes_a_workload_is_warned_of_its_pods(cluster):
    path = "/apis/apps/v1/namespaces/shop/deployments"
    body = json.dumps(workload()).encode()

    def written():
        return cluster.api.handle(Request("POST", path, "dryRun=All", {"content-type": "application/json"}, body))

    assert "Warning" not in written().headers
    cluster.change("Namespace", "", "shop", {"metadata": {"labels": {"pod-security.kubernetes.io/warn": "restricted"}}})
    answer = written()
    assert answer.status == 201
    assert answer.headers["Warning"].startswith('299 - "would violate PodSecurity \\"restricted:latest\\": allowPriv')


def test_baseline_forbids_privileges_only(cluster, client):
    cluster.change(
        "Namespace", "", "shop", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}
    )
    client.ok("POST", PODS, pod("fine"))
    assert (
        "privileged (container"
        in client.refused(403, "POST", PODS, pod(securityContext={"privileged": True}))["message"]
    )


def test_a_workload_is_accepted_although_its_pods_are_not(cluster, client):
    client.ok("POST", "/apis/apps/v1/namespaces/shop/deployments", workload(pod={"serviceAccountName": "ghost"}))
    cluster.advance(1)
    conditions = {item["type"]: item for item in cluster["Deployment", "shop", "web"]["status"]["conditions"]}
    assert conditions["ReplicaFailure"]["reason"] == "FailedCreate"
    cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ghost", "namespace": "shop"}})
    cluster.advance(10)
    assert "ReplicaFailure" not in {
        item["type"] for item in cluster["Deployment", "shop", "web"]["status"]["conditions"]
    }
    assert cluster["Deployment", "shop", "web"]["status"]["availableReplicas"] == 3


def test_a_priority_class_must_be_there(cluster, client):
    asking = pod()
    asking["spec"]["priorityClassName"] = "urgent"
    refused = client.refused(403, "POST", PODS, asking)
    assert refused["message"] == 'pods "pod" is forbidden: no PriorityClass with name urgent was found'
    cluster.create(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "urgent"},
            "value": 1000,
        }
    )
    assert client.ok("POST", PODS, asking)["spec"]["priority"] == 1000


def test_who_must_not_be_root_is_not_started_as_root(cluster, client):
    made = client.ok("POST", PODS, pod(securityContext={"runAsNonRoot": True, "runAsUser": 0}))
    cluster.advance(5)
    waiting = cluster["Pod", "shop", "pod"]["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    who = f"pod_shop({made['metadata']['uid']})"
    assert waiting["message"] == f'container\'s runAsUser breaks non-root policy (pod: "{who}", container: app)'


def test_a_claim_without_a_storage_class_says_so_every_15_seconds(cluster):
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "shop"},
            "spec": spec,
        }
    )
    cluster.advance(32)
    (event,) = [item for item in cluster.objects("Event", "shop") if item["reason"] == "ProvisioningFailed"]
    assert event["message"] == 'storageclass.storage.k8s.io "none" not found'
    assert event["count"] == 3
    cluster.change("PersistentVolumeClaim", "shop", "data", {"spec": {"storageClassName": "standard"}})
    cluster.advance(1)
    assert cluster["PersistentVolumeClaim", "shop", "data"]["status"]["phase"] == "Bound"
