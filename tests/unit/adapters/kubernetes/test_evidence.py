"""What is ours among a namespace's events, and what is left out of what is followed."""

from __future__ import annotations

from agent.adapters.kubernetes import projection
from agent.adapters.kubernetes.evidence import EVENT_SELECTOR, Own
from agent.objects import Ref
from agent.rollout.feed import Changed, Listed
from agent.rollout.snapshot import REASONS

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
OWN = Ref("apps/v1", "Deployment", "shop", "web")


def event(kind, name, uid="u", **more):
    return {"involvedObject": {"kind": kind, "name": name, "uid": uid}, "metadata": {"managedFields": []}, **more}


def pod(name, ready="True", claim="", **metadata):
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", **metadata},
        "spec": {"volumes": volumes},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }


def test_no_reason_that_the_judge_asks_about_is_excluded_at_the_server():
    excluded = {part.partition("!=")[2] for part in EVENT_SELECTOR.split(",") if part.startswith("reason")}
    assert excluded
    assert not excluded & REASONS


def test_events_of_known_objects_and_of_those_that_bear_the_name():
    own = Own(OWN)
    assert own.event(event("Pod", "other", "uid-other")) is None
    own.learn(Listed(0.0, "pods", (pod("other"),)))
    assert own.event(event("Pod", "other", "uid-other")) is not None
    assert own.event(event("Pod", "web-5-x", "not heard of yet")) is not None
    assert own.event(event("Deployment", "web")) is not None
    assert own.event(event("Deployment", "web-2")) is None
    assert own.event(event("Service", "web")) is None


def test_the_pods_of_a_long_name_bear_only_its_beginning():
    own = Own(Ref("apps/v1", "Deployment", "shop", "w" * 63))
    assert own.event(event("Pod", "w" * 58 + "abcde")) is not None


def test_events_of_claims_that_our_pods_mount():
    own = Own(OWN)
    assert own.event(event("PersistentVolumeClaim", "data-web-0")) is None
    own.learn(Changed(0.0, "pods", "ADDED", pod("web-0", claim="data-web-0")))
    assert own.event(event("PersistentVolumeClaim", "data-web-0")) is not None


def test_managed_fields_of_events_are_dropped():
    kept = Own(OWN).event(event("Pod", "web-1"))
    assert kept is not None
    assert kept["metadata"] == {}


def test_unready_pods_and_refused_replica_sets_are_worth_a_request():
    own = Own(OWN)
    failing = {"type": "ReplicaFailure", "status": "True"}
    own.learn(
        Listed(0.0, "replicasets", ({"metadata": {"name": "a", "uid": "rs"}, "status": {"conditions": [failing]}},))
    )
    own.learn(Listed(0.0, "pods", (pod("ok"), pod("bad", "False"), pod("going", "False", deletionTimestamp="now"))))
    assert own.unready() == ("rs", "uid-bad")
    own.learn(Changed(1.0, "pods", "MODIFIED", pod("bad")))
    assert own.unready() == ("rs",)
    for number in range(9):
        own.learn(Changed(2.0, "pods", "ADDED", pod(f"p{number}", "False")))
    assert len(own.unready()) == 4
    own.learn(Changed(3.0, "pods", "DELETED", pod("p8", "False")))
    assert "uid-p8" not in own.unready()


def test_a_pod_is_kept_but_for_what_no_judgement_needs():
    thing = {
        "metadata": {"name": "a", "managedFields": [1], "annotations": {LAST_APPLIED: "{}", "b": "c"}},
        "spec": {
            "nodeName": "n",
            "tolerations": [1],
            "volumes": [{"name": "kube-api-access-x"}, {"name": "data"}],
            "containers": [{"name": "c", "image": "i", "env": [{"name": "PASSWORD", "value": "x"}], "invented": 1}],
            "inventedIn2031": {"x": 1},
        },
        "status": {"phase": "Running", "invented": 2},
    }  # fmt: skip
    assert projection.pod(thing) == {
        "metadata": {"name": "a", "annotations": {"b": "c"}},
        "spec": {
            "nodeName": "n",
            "volumes": [{"name": "data"}],
            "containers": [{"name": "c", "image": "i", "invented": 1}],
            "inventedIn2031": {"x": 1},
        },
        "status": {"phase": "Running", "invented": 2},
    }


def test_strange_objects_do_no_harm():
    for thing in ({}, {"metadata": None}, {"spec": None}, {"spec": {"containers": None, "volumes": None}}):
        projection.pod(dict(thing))
        Own(OWN).event(dict(thing))
