"""The verbs of the API: objects in, objects out, refusals in the API server's words."""

from __future__ import annotations

import json

from tests.unit.sandbox.kubernetes.world import DEPLOYMENTS, JSON, MAPS, MERGE, STRATEGIC, WEB, config, workload


def test_create_fills_in_what_the_server_fills_in(client):
    made = client.ok("POST", DEPLOYMENTS, workload())
    assert made["metadata"]["uid"]
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["creationTimestamp"].endswith("Z")
    assert made["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }
    assert made["spec"]["progressDeadlineSeconds"] == 600
    assert made["spec"]["revisionHistoryLimit"] == 10
    pod = made["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Always"
    assert pod["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert pod["containers"][0]["readinessProbe"] == {
        "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
        "timeoutSeconds": 1, "periodSeconds": 2, "successThreshold": 1, "failureThreshold": 3,
    }  # fmt: skip
    assert made["metadata"]["managedFields"][0]["manager"] == "tests"


def test_unknown_fields_are_kept(client):
    thing = workload()
    thing["spec"]["template"]["spec"]["containers"][0]["fromTheFuture"] = {"a": [1]}
    client.ok("POST", DEPLOYMENTS, thing)
    assert client.ok("GET", WEB)["spec"]["template"]["spec"]["containers"][0]["fromTheFuture"] == {"a": [1]}


def test_what_is_not_there_and_what_is_there_already(client):
    missing = client.refused(404, "GET", WEB)
    assert missing["message"] == 'deployments.apps "web" not found'
    assert missing["details"] == {"name": "web", "group": "apps", "kind": "deployments"}
    client.ok("POST", DEPLOYMENTS, workload())
    assert client.refused(409, "POST", DEPLOYMENTS, workload())["reason"] == "AlreadyExists"
    assert client.refused(404, "GET", "/apis/nothing/v1/things")["reason"] == "NotFound"
    assert (
        client.refused(404, "POST", "/api/v1/namespaces/nowhere/configmaps", config())["message"]
        == 'namespaces "nowhere" not found'
    )


def test_put_with_an_old_version_is_a_conflict(client):
    first = client.ok("POST", MAPS, config(a="1"))
    client.ok("PUT", f"{MAPS}/settings", first | {"data": {"a": "2"}})
    refused = client.refused(409, "PUT", f"{MAPS}/settings", first | {"data": {"a": "3"}})
    assert refused["reason"] == "Conflict"
    assert "the object has been modified" in refused["message"]
    assert client.ok("GET", f"{MAPS}/settings")["data"] == {"a": "2"}


def test_a_patch_may_carry_a_precondition(client):
    first = client.ok("POST", MAPS, config(a="1"))
    version = first["metadata"]["resourceVersion"]
    client.ok("PATCH", f"{MAPS}/settings", {"metadata": {"resourceVersion": version}, "data": {"a": "2"}}, MERGE)
    client.refused(
        409, "PATCH", f"{MAPS}/settings", {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}, MERGE
    )


def test_a_write_that_changes_nothing_makes_no_version(client):
    first = client.ok("POST", MAPS, config(a="1"))
    again = client.ok("PATCH", f"{MAPS}/settings", {"data": {"a": "1"}}, MERGE)
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_generation_counts_changes_of_the_spec_only(web, client):
    before = client.ok("GET", WEB)["metadata"]["generation"]
    client.ok("PATCH", WEB, {"metadata": {"labels": {"x": "y"}}}, MERGE)
    client.ok("PATCH", f"{WEB}/status", {"status": {"replicas": 7}}, MERGE)
    assert client.ok("GET", WEB)["metadata"]["generation"] == before
    client.ok("PATCH", WEB, {"spec": {"replicas": 4}}, MERGE)
    assert client.ok("GET", WEB)["metadata"]["generation"] == before + 1


def test_status_and_spec_are_written_apart(web, client):
    client.ok("PATCH", WEB, {"status": {"replicas": 99}}, MERGE)
    assert client.ok("GET", WEB)["status"]["replicas"] == 3
    client.ok("PATCH", f"{WEB}/status", {"spec": {"replicas": 99}, "status": {"replicas": 98}}, MERGE)
    after = client.ok("GET", WEB)
    assert (after["spec"]["replicas"], after["status"]["replicas"]) == (3, 98)


def test_dry_run_answers_and_stores_nothing(web, client):
    version = web.store.version
    answer = client.ok("PATCH", WEB, {"spec": {"replicas": 9}}, MERGE, dryRun="All")
    assert answer["spec"]["replicas"] == 9
    assert client.ok("POST", MAPS, config(), dryRun="All")["metadata"]["uid"]
    client.ok("DELETE", WEB, dryRun="All")
    assert web.store.version == version
    assert ("ConfigMap", "shop", "settings") not in web
    assert client.refused(422, "POST", MAPS, config(), dryRun="Some")


def test_lists_come_in_chunks_and_a_compacted_rest_is_gone(cluster, client):
    for number in range(5):
        client.ok("POST", MAPS, config(f"map-{number}", a="1"))
    first = client.ok("GET", MAPS, limit="4")
    assert first["metadata"]["remainingItemCount"] == 2
    token = first["metadata"]["continue"]
    rest = client.ok("GET", MAPS, **{"limit": "4", "continue": token})
    names = [item["metadata"]["name"] for item in first["items"] + rest["items"]]
    assert names == ["kube-root-ca.crt", *[f"map-{number}" for number in range(5)]]
    assert "kind" not in first["items"][0], "items of a list carry no kind, as in the real API"
    client.ok("POST", MAPS, config("more"))
    cluster.compact()
    assert client.refused(410, "GET", MAPS, **{"continue": token})["reason"] == "Expired"


def test_selectors(web, client):
    pods = "/api/v1/namespaces/shop/pods"
    everything = client.ok("GET", pods)["items"]
    assert len(everything) == 3
    name = everything[0]["metadata"]["name"]
    assert len(client.ok("GET", pods, labelSelector="app=web,pod-template-hash")["items"]) == 3
    assert client.ok("GET", pods, labelSelector="app in (a, b)")["items"] == []
    assert len(client.ok("GET", pods, labelSelector="app notin (a),!other")["items"]) == 3
    assert [
        item["metadata"]["name"] for item in client.ok("GET", pods, fieldSelector=f"metadata.name={name}")["items"]
    ] == [name]
    assert len(client.ok("GET", pods, fieldSelector="status.phase=Running,spec.nodeName=node1")["items"]) == 3
    events = client.ok(
        "GET", "/api/v1/namespaces/shop/events", fieldSelector="involvedObject.kind=Deployment,type!=Warning"
    )
    assert {item["reason"] for item in events["items"]} == {"ScalingReplicaSet"}
    client.refused(400, "GET", pods, fieldSelector="spec.unknown=1")
    client.refused(400, "GET", pods, labelSelector="a=b=c=")


def test_delete_with_preconditions(web, client):
    uid = client.ok("GET", WEB)["metadata"]["uid"]
    refused = client.refused(409, "DELETE", WEB, {"preconditions": {"uid": "other"}})
    assert "Precondition failed: UID in precondition: other" in refused["message"]
    done = client.ok("DELETE", WEB, {"preconditions": {"uid": uid}})
    assert done["status"] == "Success"
    assert done["details"] == {"name": "web", "group": "apps", "kind": "deployments", "uid": uid}


def test_delete_collection_by_label(cluster, client):
    for name in ("a", "b"):
        client.ok("POST", MAPS, config(name) | {"metadata": {"name": name, "labels": {"app": name}}})
    client.ok("DELETE", MAPS, labelSelector="app=a")
    assert cluster.names("ConfigMap", "shop") == ["b", "kube-root-ca.crt"]


def test_bodies_that_make_no_sense(client):
    assert client.refused(400, "POST", DEPLOYMENTS, b"{not json")["reason"] == "BadRequest"
    client.refused(400, "POST", DEPLOYMENTS, [1])
    client.refused(400, "POST", DEPLOYMENTS, config())
    client.refused(400, "POST", DEPLOYMENTS, workload() | {"metadata": {"name": "web", "namespace": "other"}})
    client.refused(415, "POST", DEPLOYMENTS, b"\x00", "application/vnd.kubernetes.protobuf")
    client.ok("POST", MAPS, config())
    client.refused(415, "PATCH", f"{MAPS}/settings", {}, "application/json")
    client.refused(400, "PATCH", f"{MAPS}/settings", {"op": "add"}, JSON)
    client.refused(405, "POST", f"{MAPS}/settings", config())


def test_scale_is_a_view_of_the_size(web, client):
    assert client.ok("GET", f"{WEB}/scale")["spec"] == {"replicas": 3}
    scaled = client.ok("PATCH", f"{WEB}/scale", {"spec": {"replicas": 5}}, MERGE)
    assert scaled["kind"] == "Scale"
    assert client.ok("GET", WEB)["spec"]["replicas"] == 5
    client.refused(422, "PATCH", f"{WEB}/scale", {"spec": {"replicas": -1}}, MERGE)


def test_generate_name(client):
    made = client.ok("POST", MAPS, {"metadata": {"generateName": "x-"}})
    assert made["metadata"]["name"].startswith("x-")
    assert len(made["metadata"]["name"]) == 7


def test_strategic_merge_goes_by_name(web, client):
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "value": "1"}]}]}}}}
    client.ok("PATCH", WEB, patch, STRATEGIC)
    container = client.ok("GET", WEB)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "localhost:5000/app:v1"
    assert container["env"] == [{"name": "A", "value": "1"}]


def test_requests_are_recorded(cluster, client):
    client.ok("GET", "/api/v1/namespaces/shop/pods", labelSelector="a=b")
    client.call("DELETE", WEB)
    last = cluster.requests[-2:]
    assert [(entry.verb, entry.resource, entry.status) for entry in last] == [
        ("list", "pods", 200),
        ("delete", "deployments", 404),
    ]
    assert last[0].user_agent == "tests/1.0"
    assert last[0].query == "labelSelector=a%3Db"
    assert [entry.method for entry in cluster.writes_seen()] == ["DELETE"]


def test_a_bug_of_ours_is_an_internal_error_and_not_a_cut_line(cluster, client, monkeypatch):
    monkeypatch.setattr(cluster.api.verbs, "get", lambda route: 1 / 0)
    assert "ZeroDivisionError" in client.refused(500, "GET", WEB)["message"]


def test_json_is_utf8_and_not_escaped(client):
    client.ok("POST", MAPS, config(a="grün"))
    response = client.cluster.api.handle(
        __import__("agent.sandbox.http", fromlist=["Request"]).Request("GET", f"{MAPS}/settings")
    )
    assert json.loads(response.body)["data"] == {"a": "grün"}
    assert "grün".encode() in response.body
