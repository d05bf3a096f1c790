"""Misbehaviour by script, credentials, and worlds that can't be."""

from __future__ import annotations

import json
import threading
import time

import pytest

from agent.sandbox.http import Request
from tests.unit.sandbox.kubernetes.world import MAPS, MERGE, WEB, config

PODS = "/api/v1/namespaces/shop/pods"


def test_unavailable_for_a_while(cluster, client):
    cluster.fault("unavailable", seconds=5)
    client.refused(503, "GET", PODS)
    cluster.advance(6)
    client.ok("GET", PODS)


def test_throttled_so_many_times(cluster, client):
    fault = cluster.fault("throttle", times=2, retry_after=3)
    response = cluster.api.handle(Request("GET", PODS))
    assert (response.status, response.headers["Retry-After"]) == (429, "3")
    client.refused(429, "GET", PODS)
    client.ok("GET", PODS)
    assert fault.hits == 2


def test_a_storm_of_conflicts_meets_writes_only(cluster, client):
    client.ok("POST", MAPS, config(a="1"))
    cluster.fault("conflict", resource="configmaps", times=2)
    client.ok("GET", f"{MAPS}/settings")
    for _ in range(2):
        assert (
            "the object has been modified"
            in client.refused(409, "PATCH", f"{MAPS}/settings", {"data": {"a": "2"}}, MERGE)["message"]
        )
    client.ok("PATCH", f"{MAPS}/settings", {"data": {"a": "2"}}, MERGE)


def test_forbidden_for_a_verb_and_a_resource(cluster, client):
    cluster.fault("forbidden", verb="patch", resource="deployments")
    refused = client.refused(403, "PATCH", WEB, {}, MERGE)
    assert refused["message"] == (
        'deployments.apps "web" is forbidden: User "system:serviceaccount:default:sandbox" cannot patch resource '
        '"deployments" in API group "apps" in the namespace "shop"'
    )
    client.refused(404, "GET", WEB)
    review = {
        "spec": {
            "resourceAttributes": {"verb": "patch", "resource": "deployments", "group": "apps", "namespace": "shop"}
        }
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert client.ok("POST", path, review)["status"]["allowed"] is False
    review["spec"]["resourceAttributes"]["verb"] = "get"
    assert client.ok("POST", path, review)["status"]["allowed"] is True
    assert [entry for entry in cluster.writes_seen() if "reviews" in entry.path] == []


def test_gone_in_both_shapes(cluster, client):
    cluster.fault("gone", times=2)
    assert client.refused(410, "GET", PODS)["reason"] == "Expired"
    _, stream = client.call("GET", PODS, watch="1")
    (line,) = list(stream)
    assert json.loads(line)["object"]["code"] == 410


def test_truncated_dropped_and_broken_answers(cluster, client):
    cluster.fault("truncate", times=1)
    response = cluster.api.handle(Request("GET", PODS))
    assert response.truncate == len(response.body) // 2
    cluster.fault("drop", times=1)
    assert cluster.api.handle(Request("GET", PODS)).drop
    cluster.fault("error", times=1)
    client.refused(500, "GET", PODS)
    assert [entry.status for entry in cluster.requests[-3:]] == [200, 0, 500]


def test_silence_ends_with_its_seconds_and_slow_with_its_delay(cluster, client):
    cluster.fault("silence", seconds=5, times=1)
    mover = threading.Timer(0.05, lambda: cluster.advance(6))
    mover.start()
    client.ok("GET", PODS)
    mover.join()
    assert cluster.requests[-1].status == 200
    cluster.fault("slow", delay=0.05, times=1)
    begun = time.monotonic()
    client.ok("GET", PODS)
    assert time.monotonic() - begun >= 0.05


def test_tokens(cluster, client):
    ours = {"authorization": f"Bearer {cluster.token}"}
    client.ok("GET", PODS, headers=ours)
    client.ok("GET", PODS)
    client.refused(401, "GET", PODS, headers={"authorization": "Bearer wrong"})
    cluster.expire_token()
    assert client.refused(401, "GET", PODS, headers=ours)["reason"] == "Unauthorized"
    cluster.add_token("fresh")
    client.ok("GET", PODS, headers={"authorization": "Bearer fresh"})
    cluster.require_token()
    client.refused(401, "GET", PODS)


def test_faults_can_be_cancelled_and_cleared_and_must_exist(cluster, client):
    cluster.fault("unavailable").cancel()
    client.ok("GET", PODS)
    cluster.fault("unavailable", path="/api/v1/*")
    client.refused(503, "GET", PODS)
    client.call("GET", WEB)
    cluster.faults.clear()
    client.ok("GET", PODS)
    with pytest.raises(ValueError, match="no fault is called 'nonsense'"):
        cluster.fault("nonsense")


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("Deployment", lambda thing: thing["status"].update(observedGeneration=9), "ahead of generation"),
        ("Deployment", lambda thing: thing["status"].update(readyReplicas=9), "9 of 3 replicas are ready"),
        ("Pod", lambda thing: thing["metadata"]["ownerReferences"][0].update(uid="x"), "does not exist"),
        ("Pod", lambda thing: thing["status"]["containerStatuses"][0].update(name="other"), "none of its containers"),
        ("Pod", lambda thing: thing["status"]["containerStatuses"][0].update(state={"waiting": {}}), "does not run"),
    ],
)
def test_impossible_worlds_are_refused(web, kind, change, said):
    name = web.names(kind, "shop")[0]
    thing = web[kind, "shop", name]
    change(thing)
    with pytest.raises(ValueError, match=said):
        web[kind, "shop", name] = thing


def test_state_is_data(web):
    with web.edit("Deployment", "shop", "web") as thing:
        thing["metadata"]["annotations"]["edited"] = "yes"
    assert web["Deployment", "shop", "web"]["metadata"]["annotations"]["edited"] == "yes"
    web["Deployment", "shop", "web"]["spec"]["replicas"] = 99
    assert web["Deployment", "shop", "web"]["spec"]["replicas"] == 3, "what is read is a copy"
    del web["Deployment", "shop", "web"]
    assert ("Deployment", "shop", "web") not in web
    for missing in (
        lambda: web["Pod", "shop", "none"],
        lambda: web.delete("Pod", "shop", "none"),
        lambda: web.change("Pod", "shop", "none", {}),
    ):
        with pytest.raises(KeyError):
            missing()
