"""A service without manifests: what is made from `run`."""

from __future__ import annotations

from agent.release.content import from_run
from agent.spec.deploying import Run


def made(**run):
    content = from_run(
        Run.model_validate(run), service="web", namespace="shop", workload="web", container="", image="web:v1"
    )
    return {thing["kind"]: thing for thing in content.objects}, content


def test_the_whole_of_it():
    things, content = made(
        replicas=3, port=8080, env={"A": "1", "P": {"secret": "db", "key": "p"}, "C": {"config": "c", "key": "k"}},
        env_from=[{"config": "settings"}, {"secret": "db"}], service_account="web",
        resources={"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
        probes={"readiness": "/healthz", "liveness": "/livez"},
    )  # fmt: skip
    assert list(things) == ["Service", "Deployment", "PodDisruptionBudget"]
    spec = things["Deployment"]["spec"]
    box = spec["template"]["spec"]["containers"][0]
    assert spec["replicas"] == 3
    assert spec["template"]["spec"]["serviceAccountName"] == "web"
    assert box["image"] == "web:v1"
    assert box["env"][1] == {"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}
    assert box["envFrom"] == [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "db"}}]
    assert box["readinessProbe"] == {"httpGet": {"path": "/healthz", "port": "http"}}
    assert things["Service"]["spec"]["ports"][0]["port"] == 8080
    assert content.container == "web"
    assert all(thing["metadata"]["namespace"] == "shop" for thing in content.objects)


def test_an_autoscaler_owns_the_replicas():
    things, _ = made(replicas=3, autoscale={"min": 2, "max": 5, "cpu": 70}, resources={"requests": {"cpu": "100m"}})
    assert "replicas" not in things["Deployment"]["spec"]
    assert things["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == 2


def test_one_pod_has_no_disruption_budget_and_no_port_no_service():
    things, _ = made(replicas=1)
    assert list(things) == ["Deployment"]
