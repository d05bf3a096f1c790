"""Watches: from a version, from now, filtered, bookmarked, ended, and 410 in both shapes."""

from __future__ import annotations

import json

import pytest

from agent.sandbox.kubernetes import watch
from tests.unit.sandbox.kubernetes.world import MAPS, MERGE, config

PODS = "/api/v1/namespaces/shop/pods"


def stream(client, path, **query):
    status, chunks = client.call("GET", path, watch="1", **query)
    assert status == 200
    return lines(chunks)


def lines(chunks):
    for chunk in chunks:
        for line in chunk.splitlines():
            yield json.loads(line)


def told(event):
    return event["type"], event["object"]["metadata"].get("name")


def test_a_watch_from_a_version_tells_what_came_after(client):
    version = client.ok("GET", MAPS)["metadata"]["resourceVersion"]
    client.ok("POST", MAPS, config(a="1"))
    client.ok("PATCH", f"{MAPS}/settings", {"data": {"a": "2"}}, MERGE)
    client.ok("DELETE", f"{MAPS}/settings")
    events = stream(client, MAPS, resourceVersion=version)
    seen = [next(events) for _ in range(3)]
    assert [told(event) for event in seen] == [("ADDED", "settings"), ("MODIFIED", "settings"), ("DELETED", "settings")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
    assert versions == sorted(set(versions))
    assert seen[0]["object"]["kind"] == "ConfigMap"


@pytest.mark.parametrize("version", [{}, {"resourceVersion": "0"}])
def test_a_watch_without_a_version_begins_with_what_is_there(client, version):
    client.ok("POST", MAPS, config(a="1"))
    events = stream(client, MAPS, **version)
    assert [told(next(events)) for _ in range(2)] == [("ADDED", "kube-root-ca.crt"), ("ADDED", "settings")]
    client.ok("DELETE", f"{MAPS}/settings")
    assert told(next(events)) == ("DELETED", "settings")


def test_initial_events_end_with_a_bookmark(client):
    events = stream(
        client, MAPS, sendInitialEvents="true", allowWatchBookmarks="true", resourceVersionMatch="NotOlderThan"
    )
    assert told(next(events)) == ("ADDED", "kube-root-ca.crt")
    last = next(events)
    assert last["type"] == "BOOKMARK"
    assert last["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_what_leaves_a_selection_is_deleted_for_its_watcher(client):
    version = client.ok("GET", MAPS)["metadata"]["resourceVersion"]
    labelled = config("a") | {"metadata": {"name": "a", "labels": {"in": "yes"}}}
    client.ok("POST", MAPS, labelled)
    client.ok("POST", MAPS, config("b"))
    client.ok("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"in": "no"}}}, MERGE)
    client.ok("PATCH", f"{MAPS}/b", {"metadata": {"labels": {"in": "yes"}}}, MERGE)
    events = stream(client, MAPS, resourceVersion=version, labelSelector="in=yes")
    assert [told(next(events)) for _ in range(3)] == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "b")]


def test_an_old_version_is_an_error_event_under_http_200(cluster, client):
    client.ok("POST", MAPS, config(a="1"))
    cluster.compact()
    client.ok("PATCH", f"{MAPS}/settings", {"data": {"a": "2"}}, MERGE)
    (event,) = list(stream(client, MAPS, resourceVersion="1001"))
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 1001 (")


def test_a_watch_ends_after_its_seconds_without_an_error(client):
    assert list(stream(client, MAPS, resourceVersion=str(client.cluster.store.version), timeoutSeconds="0")) == []


def test_bookmarks_carry_the_version_alone(cluster, client, monkeypatch):
    monkeypatch.setattr(watch, "BOOKMARK_EVERY", 0.0)
    version = str(cluster.store.version)
    event = next(stream(client, PODS, resourceVersion=version, allowWatchBookmarks="true"))
    assert event == {
        "type": "BOOKMARK",
        "object": {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": version}},
    }


def test_one_object_can_be_watched_by_field(web, client):
    name = web.names("Pod", "shop")[0]
    version = client.ok("GET", PODS)["metadata"]["resourceVersion"]
    for other in web.names("Pod", "shop"):
        client.ok("PATCH", f"{PODS}/{other}", {"metadata": {"labels": {"touched": "yes"}}}, MERGE)
    events = stream(client, PODS, resourceVersion=version, fieldSelector=f"metadata.name={name}", timeoutSeconds="0.1")
    assert [told(event) for event in events] == [("MODIFIED", name)]


def test_a_cut_ends_open_watches(cluster, client):
    events = stream(client, MAPS, resourceVersion=str(cluster.store.version))
    client.ok("POST", MAPS, config(a="1"))
    assert told(next(events)) == ("ADDED", "settings")
    cluster.fault("cut", times=1)
    assert list(events) == []
