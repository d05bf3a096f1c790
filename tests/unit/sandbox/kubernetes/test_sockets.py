"""What only real sockets show: keep-alive, chunks, cuts, silence; the side doors; discovery; clocks."""

from __future__ import annotations

import http.client
import json
import threading

import pytest
import yaml

from agent.sandbox.clock import Clock, from_rfc3339, rfc3339, rfc3339_micro
from agent.sandbox.kubernetes import SandboxCluster
from tests.unit.sandbox.kubernetes.world import image, workload

PODS = "/api/v1/namespaces/shop/pods"


OPEN: list[http.client.HTTPConnection] = []


@pytest.fixture(autouse=True)
def _closed():
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture
def served():
    with SandboxCluster(speed=None) as cluster:
        yield cluster


def connect(cluster):
    OPEN.append(http.client.HTTPConnection(cluster.registry_host, timeout=10))
    return OPEN[-1]


def ask(cluster, method, path, body=None, connection=None, **headers):
    connection = connection or connect(cluster)
    connection.request(
        method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"} | headers
    )
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None, dict(answer.getheaders())


def test_one_connection_serves_many_requests(served):
    connection = connect(served)
    for _ in range(3):
        assert ask(served, "GET", PODS, connection=connection)[0] == 200
    assert connection.sock is not None


def test_a_watch_is_streamed_while_it_happens(served):
    connection = connect(served)
    connection.request("GET", f"{PODS}?watch=1&resourceVersion={served.store.version}")
    answer = connection.getresponse()
    assert answer.getheader("Transfer-Encoding") == "chunked"
    served.create(workload(replicas=1))
    served.advance(5)
    assert json.loads(answer.readline())["type"] == "ADDED"
    served.fault("cut")
    rest = answer.read().splitlines()
    assert all(json.loads(line)["type"] == "MODIFIED" for line in rest)


def test_refused_connections_and_the_way_back_on_the_same_port(served):
    url = served.url
    served.refuse_connections()
    with pytest.raises(ConnectionRefusedError):
        ask(served, "GET", PODS)
    served.refuse_connections(False)
    assert served.url == url
    assert ask(served, "GET", PODS)[0] == 200


def test_truncated_and_dropped_answers(served):
    served.fault("truncate", times=1)
    with pytest.raises(http.client.IncompleteRead):
        ask(served, "GET", PODS)
    served.fault("drop", times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(served, "GET", PODS)


def test_silence_holds_a_request_until_it_ends(served):
    fault = served.fault("silence")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask(served, "GET", PODS)[0]))
    thread.start()
    thread.join(timeout=0.15)
    assert answers == []
    fault.cancel()
    thread.join(timeout=5)
    assert answers == [200]


def test_bodies_too_large_are_refused_and_chunked_ones_read(served):
    connection = connect(served)
    connection.putrequest("POST", "/api/v1/namespaces/shop/configmaps")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()
    assert connection.getresponse().status == 413
    chunks = iter([b'{"metadata":', b'{"name":"x"}}'])
    connection = connect(served)
    connection.request(
        "POST", "/api/v1/namespaces/shop/configmaps", chunks, {"Content-Type": "application/json"}, encode_chunked=True
    )
    assert connection.getresponse().status == 201


def test_the_side_doors(served):
    assert "POST /_sandbox/faults" in ask(served, "GET", "/_sandbox/")[1]["doors"]
    assert ask(served, "POST", "/_sandbox/faults", {"kind": "unavailable", "times": 1})[0] == 200
    assert ask(served, "GET", PODS)[0] == 503
    assert ask(served, "POST", "/_sandbox/faults", {"kind": "nonsense"})[0] == 400
    assert ask(served, "POST", "/_sandbox/compact")[1]["compacted"] == served.store.version
    before = ask(served, "GET", "/_sandbox/clock")[1]["now"]
    assert ask(served, "POST", "/_sandbox/advance", {"seconds": 60})[1]["now"] == before + 60
    assert ask(served, "POST", "/_sandbox/freeze", {"frozen": True})[1] == {"ok": True}
    served.create(workload())
    served.advance(5)
    assert served.objects("Pod") == []
    ask(served, "POST", "/_sandbox/freeze", {"frozen": False})
    served.advance(5)
    assert len(served.objects("Pod")) == 3
    assert [entry["path"] for entry in ask(served, "GET", "/_sandbox/requests")[1]] == [PODS]
    assert ask(served, "DELETE", "/_sandbox/tokens", {"token": served.token})[0] == 200
    assert ask(served, "GET", PODS, Authorization=f"Bearer {served.token}")[0] == 401
    assert ask(served, "GET", "/_sandbox/nothing")[0] == 404


def test_the_registry_tells_digests(served):
    assert ask(served, "GET", "/v2/")[0] == 200
    status, document, headers = ask(served, "GET", "/v2/shop/app/manifests/v1")
    digest = headers["Docker-Content-Digest"]
    assert (status, document["config"]["digest"]) == (200, digest)
    assert ask(served, "GET", f"/v2/shop/app/manifests/{digest}")[0] == 200
    assert ask(served, "GET", "/v2/shop/app/manifests/nope")[1]["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert ask(served, "GET", "/v2/deny/app/manifests/v1")[0] == 401


def test_the_kubeconfig_leads_here(served):
    document = yaml.safe_load(served.kubeconfig("shop"))
    assert document["clusters"][0]["cluster"]["server"] == served.url
    assert document["contexts"][0]["context"]["namespace"] == "shop"
    assert document["users"][0]["user"]["token"] == served.token


def test_discovery_in_both_forms(served):
    assert ask(served, "GET", "/version")[1]["gitVersion"].startswith("v1.34")
    groups = {group["name"] for group in ask(served, "GET", "/apis")[1]["groups"]}
    assert {"apps", "batch", "autoscaling", "policy", "coordination.k8s.io"} <= groups
    resources = {item["name"]: item for item in ask(served, "GET", "/apis/apps/v1")[1]["resources"]}
    assert resources["deployments"]["shortNames"] == ["deploy"]
    assert resources["deployments/scale"]["kind"] == "Scale"
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    _, document, headers = ask(served, "GET", "/apis", Accept=accept)
    assert headers["Content-Type"] == accept
    apps = next(item for item in document["items"] if item["metadata"]["name"] == "apps")
    assert {item["resource"] for item in apps["versions"][0]["resources"]} >= {"deployments", "replicasets"}
    assert ask(served, "GET", "/api", Accept=accept)[1]["items"][0]["versions"][0]["version"] == "v1"
    assert ask(served, "GET", "/apis/nothing.example.com")[0] == 404
    assert "apis/apps/v1" in ask(served, "GET", "/openapi/v3")[1]["paths"]


def test_a_running_clock_moves_the_world_without_being_told():
    with SandboxCluster(speed=50) as cluster:
        done = threading.Event()
        cluster.store.subscribe(
            lambda change: (
                done.set() if change.kind == "Pod" and "running" in str(change.object.get("status")) else None
            )
        )
        cluster.create(workload(replicas=1))
        cluster.change("Deployment", "shop", "web", image("v3"))
        assert done.wait(timeout=20)
        with pytest.raises(RuntimeError, match="only a manual one"):
            cluster.advance(1)


def test_clocks():
    clock = Clock(start=1000.0)
    clock.move_to(1010)
    clock.move_to(1005)
    assert clock.now() == 1010
    assert clock.wall_seconds(5) == 0
    assert Clock(speed=10).wall_seconds(5) == 0.5
    with pytest.raises(ValueError, match="can't run at speed"):
        Clock(speed=0)
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
    assert rfc3339_micro(0.5) == "1970-01-01T00:00:00.500000Z"
    assert from_rfc3339("1970-01-01T00:00:10Z") == 10


def test_the_same_seed_makes_the_same_world():
    worlds = []
    for _ in range(2):
        cluster = SandboxCluster(speed=None, seed=7)
        cluster.create(workload())
        cluster.advance(10)
        worlds.append(cluster.names("Pod", "shop"))
    assert worlds[0] == worlds[1]
