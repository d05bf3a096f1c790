"""What every `ports.Cluster` must do, held against the sandbox and, marked live, against a real API server.

Where the two differ, the real one is right. On a real cluster everything happens in one namespace, `hw-adapter-...`,
one a worker.
"""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes import kinds
from agent.adapters.kubernetes.cluster import KubernetesCluster
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.transport import HttpTransport
from agent.errors import FieldConflictError, InvalidObjectError, NotFoundError, StaleWriteError
from agent.objects import Ref, name, ref
from agent.rollout.feed import Applied, Changed, Listed
from agent.rollout.policy import Policy
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import Complete, Failed, Progressing, judge
from agent.sandbox.kubernetes import SandboxCluster

NAMESPACE = f"hw-adapter-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


@pytest.fixture(scope="module", params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def door(request, tmp_path_factory):
    """(cluster, its transport); the namespace exists."""
    sandbox = None
    if request.param == "sandbox":
        sandbox = SandboxCluster(speed=5.0, namespaces=["default"]).start()
        path = tmp_path_factory.mktemp("sandbox") / "kubeconfig"
        path.write_text(sandbox.kubeconfig(NAMESPACE))
    else:
        path = request.config.getoption("--kubeconfig")
        if not path:
            pytest.skip("needs --kubeconfig")
    connection = Connection(None, {"KUBECONFIG": str(path)})
    transport = HttpTransport(connection)
    cluster = KubernetesCluster(connection.label, NAMESPACE, transport, SystemClock())
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}, force=True
    )
    account = Ref("v1", "ServiceAccount", NAMESPACE, "default")
    until = time.monotonic() + 20
    while cluster.get(account) is None and time.monotonic() < until:
        cluster.list("v1", "ServiceAccount", NAMESPACE)
    yield cluster, transport
    for kind, version in (("Deployment", "apps/v1"), ("Service", "v1"), ("ConfigMap", "v1")):
        for thing in cluster.list(version, kind, NAMESPACE, labels="made-by=contract"):
            cluster.delete(ref(thing))
    cluster.close()
    if sandbox is not None:
        sandbox.stop()


@pytest.fixture
def cluster(door):
    return door[0]


@pytest.fixture
def new():
    """A name that nothing has yet."""
    return f"t{uuid.uuid4().hex[:8]}"


def config(called, **data):
    about = {"name": called, "namespace": NAMESPACE, "labels": {"made-by": "contract"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}


def deployment(called, tag, replicas=2):
    marks = {"app": called, "made-by": "contract"}
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    container = {"name": "server", "image": f"localhost:5000/app:{tag}", "readinessProbe": probe}
    template = {"metadata": {"labels": marks}, "spec": {"containers": [container], "terminationGracePeriodSeconds": 1}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": called}}, "template": template}
    about = {"name": called, "namespace": NAMESPACE, "labels": marks}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": spec}


def service(called):
    about = {"name": called, "namespace": NAMESPACE, "labels": {"made-by": "contract"}}
    spec = {"selector": {"app": called}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec}


def test_what_is_not_there_is_none(cluster, new):
    assert cluster.get(ref(config(new))) is None


def test_what_was_created_can_be_read_listed_and_deleted(cluster, new):
    made = cluster.create(config(new, a="1"))
    found = cluster.get(ref(made))
    assert found is not None
    assert found["data"] == {"a": "1"}
    assert new in {name(item) for item in cluster.list("v1", "ConfigMap", NAMESPACE, labels="made-by=contract")}
    (listed,) = cluster.list("v1", "ConfigMap", NAMESPACE, fields=f"metadata.name={new}")
    assert ref(listed) == ref(made)
    cluster.delete(ref(made), uid=made["metadata"]["uid"])
    assert cluster.get(ref(made)) is None
    cluster.delete(ref(made))


def test_creating_twice_is_a_stale_write(cluster, new):
    cluster.create(config(new))
    with pytest.raises(StaleWriteError, match="already exists"):
        cluster.create(config(new))


def test_deleting_another_uid_is_a_stale_write(cluster, new):
    made = cluster.create(config(new))
    with pytest.raises(StaleWriteError):
        cluster.delete(ref(made), uid="00000000-0000-0000-0000-000000000000")
    assert cluster.get(ref(made)) is not None


def test_applying_twice_changes_nothing_the_second_time(cluster, new):
    first = cluster.apply(config(new, a="1"))
    second = cluster.apply(config(new, a="1"))
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    managers = [item for item in second["metadata"]["managedFields"] if item["operation"] == "Apply"]
    assert [item["manager"] for item in managers] == ["headway"]


def test_fields_that_are_applied_no_more_go_away_and_others_stay(cluster, new):
    made = cluster.apply(config(new, a="1", b="2"))
    cluster.patch(ref(made), {"data": {"theirs": "x"}}, content_type="application/merge-patch+json")
    assert cluster.apply(config(new, a="1"))["data"] == {"a": "1", "theirs": "x"}


def test_a_field_that_somebody_else_holds_is_a_conflict_unless_forced(cluster, new):
    cluster.create(config(new, a="theirs"))
    with pytest.raises(FieldConflictError) as caught:
        cluster.apply(config(new, a="ours"))
    ((_, field),) = caught.value.conflicts
    assert field == ".data.a"
    assert cluster.apply(config(new, a="ours"), force=True)["data"] == {"a": "ours"}


def test_a_resource_version_in_what_is_applied_is_a_precondition(cluster, new):
    first = cluster.apply(config(new, a="1"))
    cluster.apply(config(new, a="2"))
    stale = config(new, a="3")
    stale["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"]
    with pytest.raises(StaleWriteError):
        cluster.apply(stale)
    found = cluster.get(ref(stale))
    assert found is not None
    assert found["data"] == {"a": "2"}


def test_replacing_needs_the_newest_version(cluster, new):
    first = cluster.create(config(new, a="1"))
    second = cluster.replace(first | {"data": {"a": "2"}})
    assert second["data"] == {"a": "2"}
    with pytest.raises(StaleWriteError):
        cluster.replace(first | {"data": {"a": "3"}})
    cluster.delete(ref(first))
    with pytest.raises((StaleWriteError, NotFoundError)):
        cluster.replace(second | {"data": {"a": "4"}})


def test_dry_runs_write_nothing(cluster, new):
    assert cluster.apply(config(new, a="1"), dry_run=True)["data"] == {"a": "1"}
    assert cluster.create(config(new, a="1"), dry_run=True)["data"] == {"a": "1"}
    assert cluster.get(ref(config(new))) is None
    made = cluster.create(config(new, a="1"))
    cluster.delete(ref(made), dry_run=True)
    assert cluster.get(ref(made)) is not None, "a server reads no query beside a body"
    cluster.patch(ref(made), {"data": {"a": "9"}}, content_type="application/merge-patch+json", dry_run=True)
    found = cluster.get(ref(made))
    assert found is not None
    assert found["data"] == {"a": "1"}


def test_patches_of_each_type(cluster, new):
    made = cluster.create(config(new, a="1", b="2"))
    merged = cluster.patch(ref(made), {"data": {"a": None}}, content_type="application/merge-patch+json")
    assert merged["data"] == {"b": "2"}
    steps = [{"op": "test", "path": "/data/b", "value": "2"}, {"op": "replace", "path": "/data/b", "value": "3"}]
    assert cluster.patch(ref(made), steps, content_type="application/json-patch+json")["data"] == {"b": "3"}
    with pytest.raises(InvalidObjectError):
        cluster.patch(ref(made), steps, content_type="application/json-patch+json")


def test_an_invalid_object_is_refused_with_its_field(cluster, new):
    wrong = deployment(new, "v1")
    wrong["spec"]["replicas"] = -1
    with pytest.raises(InvalidObjectError, match=r"spec\.replicas"):
        cluster.apply(wrong)
    wrong = deployment(new, "v1")
    wrong["spec"]["selector"] = {"matchLabels": {"app": "another"}}
    with pytest.raises(InvalidObjectError, match="selector"):
        cluster.create(wrong)


def test_unknown_namespaces_and_kinds_are_told_apart(cluster, new):
    lost = config(new)
    lost["metadata"]["namespace"] = f"no-{new}"
    with pytest.raises(NotFoundError, match=f"there is no namespace 'no-{new}'"):
        cluster.create(lost)
    with pytest.raises(NotFoundError, match="does not serve the kind Widget"):
        cluster.get(Ref("example.invalid/v1", "Widget", NAMESPACE, "x"))
    with pytest.raises(NotFoundError, match="does not serve the kind Widget"):
        cluster.list("apps/v1", "Widget", NAMESPACE)


def test_kinds_outside_the_table_are_discovered(door, monkeypatch):
    monkeypatch.setattr(kinds, "table", dict)
    stranger = KubernetesCluster("stranger", NAMESPACE, door[1], SystemClock())
    assert stranger.get(Ref("v1", "Namespace", "", NAMESPACE)) is not None
    assert stranger.list("apps/v1", "StatefulSet", NAMESPACE) == []


def test_warnings_of_admission_are_collected(cluster, new):
    if cluster.label == "sandbox":
        pytest.skip("the sandbox sends no Warning headers")
    cluster.warnings()
    cluster.apply(deployment(new, "v1"), dry_run=True)
    assert any("would violate PodSecurity" in text for text in cluster.warnings())


def watched(cluster, thing, seconds=60.0):
    """Applies a workload while it is followed; (verdict, what was heard)."""
    target, heard = ref(thing), []
    shot, clock = Snapshot(target), SystemClock()
    selector = ",".join(f"{key}={value}" for key, value in thing["spec"]["selector"]["matchLabels"].items())
    with cluster.follow(target, selector) as feed:
        missing = {"deployments", "replicasets", "pods", "events"}
        while missing:
            event = feed.next(10.0)
            assert isinstance(event, Listed)
            missing.discard(event.resource)
            shot.fold(event)
        at = clock.monotonic()
        shot.fold(Applied(at, cluster.apply(thing), created=True))
        until = at + seconds
        while (
            isinstance(verdict := judge(shot, clock.monotonic(), Policy()), Progressing) and clock.monotonic() < until
        ):
            event = feed.next(0.2)
            if event is not None:
                heard.append(event)
                shot.fold(event)
    return verdict, heard


def test_a_rollout_is_followed_to_its_end_within_the_budget_g6(door, new):
    cluster, transport = door
    before, opened = transport.traffic.requests, transport.traffic.opened
    verdict, heard = watched(cluster, deployment(new, "v1"))
    assert isinstance(verdict, Complete)
    assert transport.traffic.opened - opened == 4
    assert transport.traffic.requests - before <= 4 + 4 + 1 + 3, "lists, watches, the apply; one check in 15 s"
    assert {event.resource for event in heard if isinstance(event, Changed)} >= {"deployments", "replicasets", "pods"}
    assert all("managedFields" not in event.object["metadata"] for event in heard if isinstance(event, Changed))


def test_a_missing_image_is_heard_of_and_neighbours_are_not(cluster, new):
    other = f"{new}x"[::-1]
    cluster.apply(deployment(other, "no-such-tag", replicas=1))
    verdict, heard = watched(cluster, deployment(new, "no-such-tag", replicas=1))
    assert isinstance(verdict, Failed)
    assert verdict.diagnosis[0].code.value == "image-pull-failed"
    events = [event.object for event in heard if isinstance(event, Changed) and event.resource == "events"]
    said = [
        str(event.object.get("status")) for event in heard if isinstance(event, Changed) and event.resource == "pods"
    ]
    # Whichever comes first is enough for the verdict, and ends the listening.
    assert any(event["reason"] == "Failed" for event in events) or any("ErrImagePull" in status for status in said)
    assert all(event["involvedObject"]["name"].startswith(new) for event in events)
    assert all(
        name(event.object).startswith(new) for event in heard if isinstance(event, Changed) and event.resource == "pods"
    )


def test_events_from_before_the_watch_are_there_for_pods_that_are_not_ready(cluster, new):
    watched(cluster, deployment(new, "no-such-tag", replicas=1))
    with cluster.follow(ref(deployment(new, "x")), f"app={new}") as feed:
        listed = [feed.next(10.0) for _ in range(4)]
    (events,) = [event for event in listed if isinstance(event, Listed) and event.resource == "events"]
    assert any(item["reason"] == "Failed" for item in events.items)


@pytest.fixture(scope="module")
def serving(door):
    """A Deployment v2 and a Service that serve; (cluster, name, a pod's name)."""
    cluster = door[0]
    called = f"s{uuid.uuid4().hex[:8]}"
    cluster.apply(service(called))
    verdict, _ = watched(cluster, deployment(called, "v2", replicas=1))
    assert isinstance(verdict, Complete)
    (pod,) = cluster.list("v1", "Pod", NAMESPACE, labels=f"app={called}")
    return cluster, called, name(pod)


def test_pods_answer_through_the_api_server(serving):
    cluster, _, pod = serving
    healthy = cluster.probe("pods", NAMESPACE, pod, "8080", "/healthz", timeout=5.0)
    assert (healthy.status, healthy.error) == (200, "")
    failing = cluster.probe("pods", NAMESPACE, pod, "8080", "/api?x=1", timeout=5.0)
    assert failing.status == 500
    assert '"version"' in failing.body


def test_services_answer_by_port_name_and_number(serving):
    cluster, called, _ = serving
    until = time.monotonic() + 15
    while (answer := cluster.probe("services", NAMESPACE, called, "http", "/version", timeout=5.0)).status == 0:
        assert time.monotonic() < until, answer.error
    assert answer.status == 200
    assert cluster.probe("services", NAMESPACE, called, "80", "/version", timeout=5.0).status == 200


def test_what_can_not_be_reached_is_told_from_what_answers_503(serving, cluster, new):
    _, _, pod = serving
    closed = cluster.probe("pods", NAMESPACE, pod, "9", "/", timeout=5.0)
    assert (closed.status, "refused" in closed.error) == (0, True)
    missing = cluster.probe("pods", NAMESPACE, f"{new}-none", "8080", "/", timeout=5.0)
    assert (missing.status, "not found" in missing.error) == (0, True)
    cluster.apply(service(new))
    empty = cluster.probe("services", NAMESPACE, new, "http", "/", timeout=5.0)
    assert empty.status == 0
    assert "endpoints" in empty.error or "not found" in empty.error, "the proxy hears of a new Service a little later"


@pytest.mark.live
@pytest.mark.parametrize("door", ["live"], indirect=True)
def test_the_rights_of_a_namespace_suffice_g16(door, new):
    """A Role without anything of the cluster's; the script that makes it stands beside the repository."""
    script = Path(__file__).resolve().parents[4] / "shared" / "kubernetes" / "cluster"
    if not script.exists():
        pytest.skip("the script that makes the Role is not here")
    made = subprocess.run([script, "kubeconfig", NAMESPACE], check=True, capture_output=True, text=True)
    connection = Connection(None, {"KUBECONFIG": made.stdout.strip()})
    cluster = KubernetesCluster.over(connection, HttpTransport(connection), SystemClock())
    assert cluster.namespace == NAMESPACE
    verdict, _ = watched(cluster, deployment(new, "v1", replicas=1))
    assert isinstance(verdict, Complete)
    (pod,) = cluster.list("v1", "Pod", NAMESPACE, labels=f"app={new}")
    assert cluster.probe("pods", NAMESPACE, name(pod), "8080", "/healthz", timeout=5.0).status == 200
    assert cluster.logs(NAMESPACE, name(pod), "server")
    cluster.delete(ref(deployment(new, "v1")))


def test_logs_of_a_container(serving):
    cluster, _, pod = serving
    assert cluster.logs(NAMESPACE, pod, "server", lines=5)
    assert cluster.logs(NAMESPACE, pod, "server", previous=True) == ""
    assert cluster.logs(NAMESPACE, pod, "none-such") == ""
    assert cluster.logs(NAMESPACE, f"{pod}-none", "server") == ""
