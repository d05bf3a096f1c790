"""Deployments, ReplicaSets and their revisions beyond what the recordings show."""

from __future__ import annotations

from tests.unit.sandbox.kubernetes.world import MERGE, WEB, image, told, workload

REVISION = "deployment.kubernetes.io/revision"


def deployment(cluster):
    return cluster["Deployment", "shop", "web"]


def sets(cluster):
    return {int(item["metadata"]["annotations"][REVISION]): item for item in cluster.objects("ReplicaSet", "shop")}


def roll(cluster, tag, seconds=20):
    cluster.change("Deployment", "shop", "web", image(tag))
    cluster.advance(seconds)


def steps(cluster, since):
    """(wanted pods, available pods) of every state since."""
    found = []
    for change in cluster.store.since("Deployment", since):
        status = change.object["status"]
        found.append((status.get("replicas", 0), status.get("availableReplicas", 0)))
    return found


def test_nothing_happens_until_time_moves(cluster):
    cluster.create(workload())
    assert cluster.objects("Pod", "shop") == []
    cluster.advance(0.1)
    assert len(cluster.objects("Pod", "shop")) == 3


def test_surge_and_unavailability_stay_within_their_limits(cluster):
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}
    cluster.create(workload(replicas=4, strategy=rolling))
    cluster.advance(10)
    since = cluster.store.version
    roll(cluster, "v3")
    seen = steps(cluster, since)
    assert max(total for total, _ in seen) == 6
    assert min(available for _, available in seen) == 4
    assert deployment(cluster)["status"]["updatedReplicas"] == 4


def test_no_surge_and_no_unavailability_would_stand_still_so_one_may_go(cluster):
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "0%"}}
    cluster.create(workload(replicas=3, strategy=rolling))
    cluster.advance(10)
    roll(cluster, "v3")
    assert deployment(cluster)["status"].get("availableReplicas") == 3
    assert all(pod["spec"]["containers"][0]["image"].endswith(":v3") for pod in cluster.pods("shop"))


def test_going_back_uses_the_old_replica_set_again_with_a_new_revision(web):
    first = sets(web)[1]["metadata"]["name"]
    roll(web, "v3")
    roll(web, "v1")
    assert sets(web).keys() == {2, 3}
    again = sets(web)[3]["metadata"]
    assert again["name"] == first
    assert again["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert deployment(web)["metadata"]["annotations"][REVISION] == "3"


def test_old_replica_sets_are_kept_up_to_the_limit(cluster):
    cluster.create(workload(revisionHistoryLimit=1))
    cluster.advance(10)
    for tag in ("v3", "v4", "v5"):
        roll(cluster, tag)
    assert sets(cluster).keys() == {3, 4}


def test_a_paused_deployment_scales_and_does_not_roll(web):
    web.change("Deployment", "shop", "web", {"spec": {"paused": True}})
    web.change("Deployment", "shop", "web", image("v3"))
    web.change("Deployment", "shop", "web", {"spec": {"replicas": 5}})
    web.advance(20)
    assert told(deployment(web), "Progressing")["reason"] == "DeploymentPaused"
    assert len(sets(web)) == 1
    assert deployment(web)["status"]["availableReplicas"] == 5
    web.change("Deployment", "shop", "web", {"spec": {"paused": False}})
    web.advance(30)
    assert told(deployment(web), "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert deployment(web)["status"]["updatedReplicas"] == 5


def test_the_deadline_is_ten_minutes_unless_said(web):
    roll(web, "unready", 590)
    assert told(deployment(web), "Progressing")["status"] == "True"
    web.advance(20)
    late = told(deployment(web), "Progressing")
    assert (late["status"], late["reason"]) == ("False", "ProgressDeadlineExceeded")


def test_leftover_pods_of_a_failed_rollout_go_first(web):
    roll(web, "nope", 5)
    roll(web, "v3", 20)
    assert deployment(web)["status"].get("availableReplicas") == 3
    assert [item["spec"]["replicas"] for _, item in sorted(sets(web).items())] == [0, 0, 3]


def test_scaling_in_the_middle_of_a_rollout_is_shared_out(cluster):
    cluster.create(workload(replicas=10, tag="v1"))
    cluster.advance(20)
    cluster.change("Deployment", "shop", "web", image("slow"))
    cluster.advance(5)
    cluster.change("Deployment", "shop", "web", {"spec": {"replicas": 20}})
    cluster.advance(1)
    sizes = sorted(item["spec"]["replicas"] for item in cluster.objects("ReplicaSet", "shop"))
    assert sum(sizes) == 25
    assert min(sizes) > 3, "both revisions grow"
    cluster.advance(300)
    assert deployment(cluster)["status"]["updatedReplicas"] == 20


def test_min_ready_seconds_delay_availability(cluster):
    cluster.create(workload(minReadySeconds=10))
    cluster.advance(6)
    assert deployment(cluster)["status"].get("readyReplicas") == 3
    assert "availableReplicas" not in deployment(cluster)["status"]
    cluster.advance(10)
    assert deployment(cluster)["status"]["availableReplicas"] == 3


def test_the_first_answer_still_has_the_old_status(web, client):
    answer = client.ok("PATCH", WEB, {"spec": {"template": {"metadata": {"labels": {"new": "1"}}}}}, MERGE)
    assert answer["metadata"]["generation"] == 2
    assert answer["status"]["observedGeneration"] == 1
    assert answer["status"]["availableReplicas"] == 3


def test_frozen_controllers_do_nothing_and_catch_up(web):
    web.freeze_controllers()
    roll(web, "v3")
    assert deployment(web)["status"]["observedGeneration"] == 1
    assert len(sets(web)) == 1
    web.freeze_controllers(False)
    web.advance(20)
    assert deployment(web)["status"]["observedGeneration"] == 2
    assert deployment(web)["status"]["updatedReplicas"] == 3


def test_deletion_takes_replica_sets_and_pods_along(web):
    web.delete("Deployment", "shop", "web")
    web.advance(10)
    assert web.objects("ReplicaSet", "shop") == []
    assert web.objects("Pod", "shop") == []


def test_orphans_stay(web, client):
    client.ok("DELETE", WEB, {"propagationPolicy": "Orphan"})
    web.advance(10)
    assert ("Deployment", "shop", "web") not in web
    (left,) = web.objects("ReplicaSet", "shop")
    assert "ownerReferences" not in left["metadata"]
    assert len(web.objects("Pod", "shop")) == 3


def test_foreground_deletion_waits_for_the_pods(web, client):
    client.ok("DELETE", WEB, {"propagationPolicy": "Foreground"})
    web.advance(0.05)
    assert deployment(web)["metadata"]["finalizers"] == ["foregroundDeletion"]
    web.advance(10)
    assert ("Deployment", "shop", "web") not in web
    assert web.objects("Pod", "shop") == []


def test_events_are_counted_and_end_after_an_hour(web):
    roll(web, "unready", 30)
    (event,) = [item for item in web.objects("Event", "shop") if item["reason"] == "Unhealthy"]
    assert event["count"] > 5
    assert event["type"] == "Warning"
    web.advance(3700)
    assert all(item["reason"] != "ScalingReplicaSet" for item in web.objects("Event", "shop"))


def test_an_object_gets_25_events_from_one_source_and_then_few(web):
    roll(web, "unready", 120)
    pod = next(pod for pod in web.pods("shop") if pod["spec"]["containers"][0]["image"].endswith("unready"))
    events = [
        item for item in web.objects("Event", "shop")
        if item["involvedObject"]["uid"] == pod["metadata"]["uid"] and item["source"].get("component") == "kubelet"
    ]  # fmt: skip
    assert sum(item["count"] for item in events) == 25
