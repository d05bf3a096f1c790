"""StatefulSets, DaemonSets, Jobs, Services and what else is controlled."""

from __future__ import annotations

from tests.unit.sandbox.kubernetes.world import image, told, workload


def stateful(cluster):
    return cluster["StatefulSet", "shop", "web"]


def images(cluster):
    return {
        pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"].rpartition(":")[2]
        for pod in cluster.objects("Pod", "shop")
    }


def test_a_stateful_set_starts_in_order(cluster):
    cluster.create(workload("StatefulSet"))
    cluster.advance(1)
    assert cluster.names("Pod", "shop") == ["web-0"]
    cluster.advance(10)
    assert cluster.names("Pod", "shop") == ["web-0", "web-1", "web-2"]
    assert stateful(cluster)["status"]["currentRevision"] == stateful(cluster)["status"]["updateRevision"]


def test_parallel_pods_start_together(cluster):
    cluster.create(workload("StatefulSet", podManagementPolicy="Parallel"))
    cluster.advance(1)
    assert len(cluster.names("Pod", "shop")) == 3


def test_a_partition_keeps_the_first_pods(cluster):
    cluster.create(workload("StatefulSet", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}))
    cluster.advance(15)
    cluster.change("StatefulSet", "shop", "web", image("v3"))
    cluster.advance(20)
    assert images(cluster) == {"web-0": "v1", "web-1": "v1", "web-2": "v3"}
    assert stateful(cluster)["status"]["updatedReplicas"] == 1
    assert stateful(cluster)["status"]["currentRevision"] != stateful(cluster)["status"]["updateRevision"]


def test_on_delete_waits_for_a_person(cluster):
    cluster.create(workload("StatefulSet", updateStrategy={"type": "OnDelete"}))
    cluster.advance(15)
    cluster.change("StatefulSet", "shop", "web", image("v3"))
    cluster.advance(20)
    assert set(images(cluster).values()) == {"v1"}
    cluster.delete("Pod", "shop", "web-1")
    cluster.advance(20)
    assert images(cluster) == {"web-0": "v1", "web-1": "v3", "web-2": "v1"}


def test_a_broken_pod_stays_when_the_template_is_put_back_until_it_is_deleted(cluster):
    cluster.create(workload("StatefulSet"))
    cluster.advance(15)
    cluster.change("StatefulSet", "shop", "web", image("nope"))
    cluster.advance(10)
    cluster.change("StatefulSet", "shop", "web", image("v1"))
    cluster.advance(120)
    assert images(cluster)["web-2"] == "nope"
    cluster.delete("Pod", "shop", "web-2")
    cluster.advance(20)
    assert images(cluster)["web-2"] == "v1"


def test_claims_are_made_bound_and_kept(cluster):
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    cluster.create(workload("StatefulSet", replicas=1, volumeClaimTemplates=[claim]))
    cluster.advance(10)
    assert cluster["PersistentVolumeClaim", "shop", "data-web-0"]["status"]["phase"] == "Bound"
    assert cluster["Pod", "shop", "web-0"]["status"]["phase"] == "Running"
    cluster.delete("StatefulSet", "shop", "web")
    cluster.advance(20)
    assert cluster.names("Pod", "shop") == []
    assert ("PersistentVolumeClaim", "shop", "data-web-0") in cluster


def test_a_daemon_set_runs_once_a_node_even_on_a_cordoned_one(cluster):
    with cluster.edit("Node", "", "node1") as node:
        node["spec"]["unschedulable"] = True
    cluster.create(workload("DaemonSet"))
    cluster.create(workload(name="other", replicas=1))
    cluster.advance(10)
    status = cluster["DaemonSet", "shop", "web"]["status"]
    assert (status["desiredNumberScheduled"], status["numberAvailable"]) == (1, 1)
    (pending,) = list(cluster.pods("shop", app="other"))
    assert "node(s) were unschedulable" in told(pending, "PodScheduled")["message"]
    with cluster.edit("Node", "", "node1") as node:
        del node["spec"]["unschedulable"]
    cluster.advance(10)
    assert cluster["Deployment", "shop", "other"]["status"]["availableReplicas"] == 1


def job(command=("sh", "-c", "echo hello; sleep 2"), **spec):
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox", "command": list(command)}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "job", "namespace": "shop"},
        "spec": {"template": {"spec": pod}} | spec,
    }


def test_a_job_that_succeeds(cluster, client):
    cluster.create(job())
    cluster.advance(2)
    assert cluster["Job", "shop", "job"]["status"]["active"] == 1
    cluster.advance(8)
    status = cluster["Job", "shop", "job"]["status"]
    assert status["succeeded"] == 1
    assert [item["type"] for item in status["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    (pod,) = cluster.objects("Pod", "shop")
    assert pod["status"]["phase"] == "Succeeded"
    _, log = client.call("GET", f"/api/v1/namespaces/shop/pods/{pod['metadata']['name']}/log")
    assert log == "hello\n"


def test_a_job_that_fails_tries_as_often_as_it_may(cluster):
    cluster.create(job(("sh", "-c", "exit 3"), backoffLimit=1))
    cluster.advance(60)
    status = cluster["Job", "shop", "job"]["status"]
    assert status["failed"] == 2
    assert told(cluster["Job", "shop", "job"], "Failed")["reason"] == "BackoffLimitExceeded"
    codes = {
        pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
        for pod in cluster.objects("Pod", "shop")
    }
    assert codes == {3}


def test_a_job_past_its_deadline_and_one_that_is_cleaned_up(cluster):
    cluster.create(job(("sleep", "1000"), activeDeadlineSeconds=5, ttlSecondsAfterFinished=30))
    cluster.advance(15)
    assert told(cluster["Job", "shop", "job"], "Failed")["reason"] == "DeadlineExceeded"
    cluster.advance(60)
    assert ("Job", "shop", "job") not in cluster


def test_endpoints_follow_readiness(cluster):
    cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
                    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})  # fmt: skip
    cluster.create(workload(tag="flaky", replicas=2))
    cluster.advance(10)
    (subset,) = cluster["Endpoints", "shop", "web"]["subsets"]
    assert len(subset["addresses"]) == 2
    assert subset["ports"] == [{"port": 8080, "protocol": "TCP"}]
    cluster.advance(30)
    (subset,) = cluster["Endpoints", "shop", "web"]["subsets"]
    assert "addresses" not in subset
    assert len(subset["notReadyAddresses"]) == 2
    (piece,) = cluster.objects("EndpointSlice", "shop")
    assert {item["conditions"]["ready"] for item in piece["endpoints"]} == {False}


def test_a_new_namespace_is_furnished_and_a_deleted_one_emptied(cluster, client):
    client.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "fresh"}})
    cluster.advance(1)
    assert ("ServiceAccount", "fresh", "default") in cluster
    client.ok("POST", "/api/v1/namespaces/fresh/configmaps", {"metadata": {"name": "x"}})
    client.ok("DELETE", "/api/v1/namespaces/fresh")
    refused = client.refused(403, "POST", "/api/v1/namespaces/fresh/configmaps", {"metadata": {"name": "y"}})
    assert refused["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    cluster.advance(2)
    assert ("Namespace", "", "fresh") not in cluster
    assert cluster.names("ConfigMap", "fresh") == []


def test_a_replica_set_takes_young_and_unready_pods_first(cluster):
    cluster.create(workload(replicas=2))
    cluster.advance(10)
    old = set(cluster.names("Pod", "shop"))
    cluster.change("Deployment", "shop", "web", {"spec": {"replicas": 4}})
    cluster.advance(0.5)
    cluster.change("Deployment", "shop", "web", {"spec": {"replicas": 2}})
    cluster.advance(10)
    assert set(cluster.names("Pod", "shop")) == old
