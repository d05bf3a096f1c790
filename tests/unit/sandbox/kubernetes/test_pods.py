"""Pods on the node: images and their fates, probes, restarts, references, the end; and what they answer."""

from __future__ import annotations

import pytest

from agent.sandbox.kubernetes.images import InvalidImageError, NotPulled, Registry, parse
from tests.unit.sandbox.kubernetes.world import container, image, told, workload

PODS = "/api/v1/namespaces/shop/pods"


def pod(cluster, name="pod", policy="Always", **spec):
    about = {"name": name, "namespace": "shop", "labels": {"app": name}}
    whole = {"restartPolicy": policy, "terminationGracePeriodSeconds": 5, "containers": [container()]} | spec
    thing = {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": whole}
    return cluster.create(thing)


def status(cluster, name="pod"):
    return cluster["Pod", "shop", name]["status"]


def state(cluster, name="pod", section="containerStatuses"):
    return status(cluster, name)[section][0]["state"]


def reasons(cluster, name="pod"):
    return [item["reason"] for item in cluster.objects("Event", "shop") if item["involvedObject"]["name"] == name]


@pytest.mark.parametrize("tag", ["v1", "v3", "latest", "alpine", "1.2.3", "v17", "2.0-rc1"])
def test_good_tags(cluster, tag):
    pod(cluster, containers=[container(tag)])
    cluster.advance(5)
    assert told(cluster["Pod", "shop", "pod"], "Ready")["status"] == "True"


def test_any_repository_will_do_and_any_other_word_does_not_exist(cluster):
    pod(cluster, "a", containers=[container() | {"image": "registry.example.com/shop/checkout:v1"}])
    pod(cluster, "b", containers=[container() | {"image": "redis:nope"}])
    cluster.advance(5)
    assert "running" in state(cluster, "a")
    waiting = state(cluster, "b")["waiting"]
    assert waiting["reason"] in {"ErrImagePull", "ImagePullBackOff"}
    assert waiting["message"].endswith("docker.io/library/redis:nope: not found")


def test_a_digest_has_the_fate_of_its_tag(cluster, client):
    digest = cluster.registry.digest("app", "v2")
    pod(cluster, containers=[container() | {"image": f"localhost:5000/app@{digest}"}])
    pod(cluster, "lost", containers=[container() | {"image": f"localhost:5000/app@sha256:{'0' * 64}"}])
    cluster.advance(5)
    assert client.call("GET", f"{PODS}/pod:8080/proxy/api")[0] == 500
    assert client.ok("GET", f"{PODS}/pod:8080/proxy/version") == {"version": "v2"}
    assert "not found" in state(cluster, "lost")["waiting"]["message"]


def test_digests_are_the_same_in_every_registry():
    one, other = Registry(), Registry()
    assert one.digest("shop/app", "v1") == other.digest("shop/app", "v1") != one.digest("shop/app", "v2")
    assert other.tag_of("shop/app", one.digest("shop/app", "crash")) == "crash"
    assert other.tag_of("shop/other", one.digest("shop/app", "crash")) == ""


@pytest.mark.parametrize("text", ["App:v1", "a b", "app:", "app:-x", "app@sha256:12", "", "a//b"])
def test_invalid_references(text):
    with pytest.raises(InvalidImageError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("localhost:5000/deny/app:v1", "401 Unauthorized"),
        ("localhost:5000/err/app:v1", "500 Internal Server Error"),
        ("registry.invalid/x:v1", "lookup registry.invalid"),
        ("localhost:5000/hang/app:v1", "DeadlineExceeded"),
        ("localhost:5000/app:nope", "code = NotFound"),
    ],
)
def test_registries_that_refuse(text, said):
    outcome = Registry().pull(parse(text))
    assert isinstance(outcome, NotPulled)
    assert said in outcome.error


def test_a_hanging_pull_holds_up_the_others_on_the_node(cluster):
    pod(cluster, "a", containers=[container() | {"image": "localhost:5000/hang/app:v1"}])
    cluster.advance(1)
    pod(cluster, "b")
    cluster.advance(20)
    assert state(cluster, "b")["waiting"]["reason"] == "ContainerCreating"
    cluster.advance(20)
    assert "running" in state(cluster, "b")


def test_pulled_images_stay_on_the_node_and_latest_is_asked_for_again(cluster):
    pod(cluster, "a")
    cluster.advance(5)
    pod(cluster, "b")
    pod(cluster, "c", containers=[container("latest")])
    cluster.advance(5)
    assert reasons(cluster, "b").count("Pulling") == 0
    assert reasons(cluster, "c").count("Pulling") == 1
    pod(cluster, "never", containers=[container("v5", imagePullPolicy="Never")])
    cluster.advance(5)
    assert state(cluster, "never")["waiting"]["reason"] == "ErrImageNeverPull"


def test_environment_of_the_container_overrides_the_image(cluster, client):
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": "shop"},
            "data": {"VERSION": "from-map"},
        }
    )
    env = [{"name": "PORT", "value": "9000"}, {"name": "API_STATUS", "value": "418"},
           {"name": "VERSION", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "VERSION"}}}]  # fmt: skip
    probe = {"httpGet": {"path": "/healthz", "port": "web"}}
    pod(
        cluster,
        containers=[container("v2", env=env, ports=[{"name": "web", "containerPort": 9000}], readinessProbe=probe)],
    )
    cluster.advance(12)
    assert client.ok("GET", f"{PODS}/pod:9000/proxy/version") == {"version": "from-map"}
    assert client.call("GET", f"{PODS}/http:pod:9000/proxy/api")[0] == 418
    client.refused(503, "GET", f"{PODS}/pod:8080/proxy/healthz")


@pytest.mark.parametrize(
    ("path", "code", "body"),
    [
        ("healthz", 200, "ok\n"),
        ("livez", 200, "ok\n"),
        ("hostname", 200, "pod\n"),
        ("", 200, "app v1\n"),
        ("nothing", 404, "not found\n"),
    ],
)
def test_what_the_app_answers(cluster, client, path, code, body):
    pod(cluster)
    cluster.advance(5)
    assert client.call("GET", f"{PODS}/pod:8080/proxy/{path}") == (code, body)


def test_metrics_count_requests(cluster, client):
    pod(cluster)
    cluster.advance(5)
    client.ok("GET", f"{PODS}/pod:8080/proxy/api")
    assert 'http_requests_total{version="v1",path="/api",code="200"} 1' in client.ok(
        "GET", f"{PODS}/pod:8080/proxy/metrics"
    )


def test_pods_that_do_not_run_answer_nothing(cluster, client):
    pod(cluster, containers=[container("crash")])
    client.refused(404, "GET", f"{PODS}/none:8080/proxy/")
    assert client.call("GET", f"{PODS}/pod:8080/proxy/")[0] == 500
    cluster.advance(6)
    refused = client.refused(503, "GET", f"{PODS}/pod:8080/proxy/")
    assert "connection refused" in refused["message"]


def test_a_service_leads_to_ready_pods_only(cluster, client):
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    spec = {"selector": {"app": "web"}, "ports": ports}
    about = {"name": "web", "namespace": "shop"}
    cluster.create({"apiVersion": "v1", "kind": "Service", "metadata": about, "spec": spec})
    path = "/api/v1/namespaces/shop/services"
    assert "no endpoints available" in client.refused(503, "GET", f"{path}/web:80/proxy/")["message"]
    cluster.create(workload())
    cluster.advance(10)
    for name in ("web", "web:80", "web:http", "http:web:80"):
        assert client.ok("GET", f"{path}/{name}/proxy/version") == {"version": "v1"}
    client.refused(503, "GET", f"{path}/web:81/proxy/")


def test_restarts_wait_ten_twenty_forty_seconds(cluster):
    pod(cluster, containers=[container("crash")])
    cluster.advance(4)
    seen = []
    for _ in range(100):
        cluster.advance(1)
        waiting = state(cluster).get("waiting")
        if waiting and waiting["message"].partition(" restarting")[0] not in seen:
            seen.append(waiting["message"].partition(" restarting")[0])
    assert seen == ["back-off 10s", "back-off 20s", "back-off 40s", "back-off 1m20s"]


def test_startup_probes_hold_the_others_off(cluster):
    probes = {
        "startupProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5, "failureThreshold": 6},
        "livenessProbe": {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1},
    }
    pod(cluster, containers=[container("slow", **probes)])
    cluster.advance(15)
    assert status(cluster)["containerStatuses"][0]["started"] is False
    assert status(cluster)["containerStatuses"][0]["restartCount"] == 0
    cluster.advance(20)
    assert status(cluster)["containerStatuses"][0]["ready"] is True


def test_a_startup_probe_that_never_succeeds_restarts(cluster):
    probe = {"httpGet": {"path": "/nope", "port": 8080}, "periodSeconds": 2, "failureThreshold": 2}
    pod(cluster, containers=[container(startupProbe=probe)])
    cluster.advance(15)
    assert status(cluster)["containerStatuses"][0]["restartCount"] >= 1
    messages = {item["message"] for item in cluster.objects("Event", "shop")}
    assert "Container app failed startup probe, will be restarted" in messages


@pytest.mark.parametrize(
    ("probe", "good"),
    [
        ({"tcpSocket": {"port": 8080}}, True),
        ({"tcpSocket": {"port": 8081}}, False),
        ({"grpc": {"port": 8080}}, True),
        ({"exec": {"command": ["true"]}}, True),
        ({"exec": {"command": ["false"]}}, False),
    ],
)
def test_other_kinds_of_probe(cluster, probe, good):
    pod(cluster, containers=[container(readinessProbe=probe | {"periodSeconds": 1})])
    cluster.advance(5)
    assert status(cluster)["containerStatuses"][0]["ready"] is good


def test_init_containers_run_one_after_the_other_and_sidecars_stay(cluster):
    inits = [
        {"name": "first", "image": "busybox", "command": ["sh", "-c", "sleep 3"]},
        {
            "name": "side",
            "image": "localhost:5000/app:v1",
            "restartPolicy": "Always",
            "env": [{"name": "PORT", "value": "9090"}],
        },
        {"name": "last", "image": "busybox", "command": ["true"]},
    ]
    pod(cluster, initContainers=inits)
    cluster.advance(3)
    assert (
        told(cluster["Pod", "shop", "pod"], "Initialized")["message"]
        == "containers with incomplete status: [first side last]"
    )
    assert state(cluster)["waiting"]["reason"] == "PodInitializing"
    cluster.advance(10)
    first, side, last = status(cluster)["initContainerStatuses"]
    assert first["state"]["terminated"]["exitCode"] == last["state"]["terminated"]["exitCode"] == 0
    assert "running" in side["state"]
    assert told(cluster["Pod", "shop", "pod"], "Ready")["status"] == "True"


def test_a_missing_secret_that_comes_lets_the_pod_go_on(cluster):
    pod(cluster, volumes=[{"name": "v", "secret": {"secretName": "late"}}])
    cluster.advance(5)
    assert "FailedMount" in reasons(cluster)
    cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "late", "namespace": "shop"},
            "stringData": {"a": "b"},
        }
    )
    cluster.advance(10)
    assert told(cluster["Pod", "shop", "pod"], "Ready")["status"] == "True"


def test_a_missing_key_is_a_config_error_and_optional_ones_are_none(cluster):
    cluster.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop"}, "data": {}}
    )
    source = {"configMapKeyRef": {"name": "c", "key": "k"}}
    pod(cluster, containers=[container(env=[{"name": "A", "valueFrom": source}])])
    optional = {"secretKeyRef": {"name": "none", "key": "k", "optional": True}}
    pod(cluster, "fine", containers=[container(env=[{"name": "A", "valueFrom": optional}])])
    cluster.advance(5)
    assert state(cluster)["waiting"] == {
        "reason": "CreateContainerConfigError",
        "message": "couldn't find key k in ConfigMap shop/c",
    }
    assert "running" in state(cluster, "fine")


def test_commands(cluster):
    for name, command in {
        "gone": ["/nope"],
        "path": ["nope"],
        "app": ["/app"],
        "shell": ["/bin/sh", "-c", "exit 4"],
    }.items():
        pod(cluster, name, policy="Never", containers=[container(command=command)])
    cluster.advance(6)
    assert status(cluster, "gone")["phase"] == "Failed"
    terminated = (
        status(cluster, "gone")["containerStatuses"][0]["lastState"].get("terminated")
        or state(cluster, "gone")["terminated"]
    )
    assert (terminated["reason"], terminated["exitCode"]) == ("StartError", 128)
    assert "executable file not found in $PATH" in str(status(cluster, "path"))
    assert "running" in state(cluster, "app")
    assert state(cluster, "shell")["terminated"]["exitCode"] == 4


def test_deleting_waits_for_the_grace_period_and_then_kills(cluster, client):
    pod(cluster, containers=[container("slowstop")])
    pod(cluster, "quick")
    cluster.advance(5)
    for name in ("pod", "quick"):
        client.ok("DELETE", f"{PODS}/{name}")
    assert cluster["Pod", "shop", "pod"]["metadata"]["deletionGracePeriodSeconds"] == 5
    cluster.advance(3)
    assert ("Pod", "shop", "quick") not in cluster
    assert "running" in state(cluster)
    cluster.advance(4)
    assert ("Pod", "shop", "pod") not in cluster
    last = [change.object for change in cluster.store.since("Pod", 0) if change.type == "DELETED"]
    codes = {
        item["metadata"]["name"]: item["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"]
        for item in last
    }
    assert codes == {"quick": 0, "pod": 137}
    assert {item["metadata"]["name"]: item["status"]["phase"] for item in last} == {
        "quick": "Succeeded",
        "pod": "Failed",
    }


def test_a_grace_of_zero_removes_at_once(cluster, client):
    pod(cluster)
    cluster.advance(5)
    client.ok("DELETE", f"{PODS}/pod", {"gracePeriodSeconds": 0})
    assert ("Pod", "shop", "pod") not in cluster


def test_logs(cluster, client):
    pod(cluster, containers=[container("crash")])
    assert client.refused(400, "GET", f"{PODS}/pod/log")["message"].endswith("is waiting to start: ContainerCreating")
    cluster.advance(8)
    text = client.ok("GET", f"{PODS}/pod/log", previous="true")
    assert text == "app version=crash starting\nfatal: configured to crash\n"
    assert client.ok("GET", f"{PODS}/pod/log", tailLines="1") == "fatal: configured to crash\n"
    assert client.ok("GET", f"{PODS}/pod/log", limitBytes="3") == "app"
    client.refused(400, "GET", f"{PODS}/pod/log", container="none")
    client.refused(404, "GET", f"{PODS}/none/log")
    pod(cluster, "fresh")
    cluster.advance(4)
    client.refused(400, "GET", f"{PODS}/fresh/log", previous="true")


def test_node_selectors_and_room_on_the_node(cluster):
    pod(cluster, "a", nodeSelector={"gpu": "yes"})
    pod(cluster, "b", containers=[container(resources={"requests": {"cpu": "30"}})])
    cluster.advance(1)
    pod(cluster, "c", containers=[container(resources={"requests": {"cpu": "3"}})])
    cluster.advance(5)
    assert (
        "node(s) didn't match Pod's node affinity/selector"
        in told(cluster["Pod", "shop", "a"], "PodScheduled")["message"]
    )
    assert "Insufficient cpu" in told(cluster["Pod", "shop", "c"], "PodScheduled")["message"]
    cluster.delete("Pod", "shop", "b")
    with cluster.edit("Node", "", "node1") as node:
        node["metadata"]["labels"]["gpu"] = "yes"
    cluster.advance(10)
    assert status(cluster, "a")["phase"] == status(cluster, "c")["phase"] == "Running"


def test_a_change_of_image_in_a_template_reaches_the_version(cluster, client):
    cluster.create(workload(replicas=1))
    cluster.advance(5)
    cluster.change("Deployment", "shop", "web", image("v5"))
    cluster.advance(10)
    (name,) = cluster.names("Pod", "shop")
    assert client.ok("GET", f"{PODS}/{name}:8080/proxy/version") == {"version": "v5"}
