"""What is refused, with the causes that the real API server gives."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.kubernetes.world import DEPLOYMENTS, MERGE, WEB, config, workload


def causes(refused):
    return {cause["field"]: cause["reason"] for cause in refused["details"]["causes"]}


def broken(change):
    thing = workload()
    change(thing, thing["spec"], thing["spec"]["template"]["spec"])
    return thing


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        (lambda t, s, p: s.pop("selector"), "spec.selector", "FieldValueRequired"),
        (
            lambda t, s, p: s.update(selector={"matchLabels": {"app": "other"}}),
            "spec.template.metadata.labels",
            "FieldValueInvalid",
        ),
        (lambda t, s, p: s.update(replicas=-1), "spec.replicas", "FieldValueInvalid"),
        (lambda t, s, p: t["metadata"].update(name="Not_A_Name"), "metadata.name", "FieldValueInvalid"),
        (lambda t, s, p: t["metadata"].update(labels={"a": "no spaces"}), "metadata.labels", "FieldValueInvalid"),
        (lambda t, s, p: p.update(containers=[]), "spec.template.spec.containers", "FieldValueRequired"),
        (
            lambda t, s, p: p["containers"][0]["readinessProbe"].update(exec={"command": ["true"]}),
            "spec.template.spec.containers[0].readinessProbe.httpGet",
            "FieldValueForbidden",
        ),
        (lambda t, s, p: p.update(restartPolicy="Never"), "spec.template.spec.restartPolicy", "FieldValueNotSupported"),
        (
            lambda t, s, p: p["containers"][0].pop("image"),
            "spec.template.spec.containers[0].image",
            "FieldValueRequired",
        ),
        (
            lambda t, s, p: p["containers"].append(dict(p["containers"][0])),
            "spec.template.spec.containers[1].name",
            "FieldValueDuplicate",
        ),
        (
            lambda t, s, p: p["containers"][0].update(ports=[{"containerPort": 99999}]),
            "spec.template.spec.containers[0].ports[0].containerPort",
            "FieldValueInvalid",
        ),
        (
            lambda t, s, p: p["containers"][0].update(volumeMounts=[{"name": "none", "mountPath": "/x"}]),
            "spec.template.spec.containers[0].volumeMounts[0].name",
            "FieldValueNotFound",
        ),
        (
            lambda t, s, p: p["containers"][0].update(
                resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
            ),
            "spec.template.spec.containers[0].resources.requests",
            "FieldValueInvalid",
        ),
    ],
)
def test_one_cause(client, change, field, reason):
    refused = client.refused(422, "POST", DEPLOYMENTS, broken(change))
    assert refused["reason"] == "Invalid"
    assert refused["message"].startswith("Deployment.apps ")
    assert causes(refused)[field] == reason


def test_every_cause_at_once(client):
    refused = client.refused(
        422, "POST", DEPLOYMENTS, broken(lambda t, s, p: (s.pop("selector"), s.update(replicas=-1)))
    )
    assert causes(refused) == {"spec.selector": "FieldValueRequired", "spec.replicas": "FieldValueInvalid"}
    assert refused["message"].startswith('Deployment.apps "web" is invalid: [spec.selector: Required value, ')


@pytest.mark.parametrize(
    "change",
    [
        lambda t, s, p: s.update(replicas="three"),
        lambda t, s, p: p["containers"][0].update(resources={"limits": {"memory": "64 Megabytes"}}),
        lambda t, s, p: t["metadata"].update(labels={"a": 1}),
    ],
)
def test_what_can_not_be_decoded_is_a_bad_request(client, change):
    refused = client.refused(400, "POST", DEPLOYMENTS, broken(change))
    assert 'Deployment in version "v1" cannot be handled as a Deployment' in refused["message"]


def test_the_selector_is_immutable(web, client):
    patch = {"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}}}}
    assert causes(client.refused(422, "PATCH", WEB, patch, MERGE))["spec.selector"] == "FieldValueInvalid"


def test_an_immutable_config_map(client):
    maps = "/api/v1/namespaces/shop/configmaps"
    client.ok("POST", maps, config(a="1") | {"immutable": True})
    client.refused(422, "PATCH", f"{maps}/settings", {"data": {"a": "2"}}, MERGE)


def test_services_need_ports_and_dns_names(client):
    services = "/api/v1/namespaces/shop/services"
    refused = client.refused(422, "POST", services, {"metadata": {"name": "1web"}, "spec": {"selector": {"a": "b"}}})
    assert causes(refused) == {"metadata.name": "FieldValueInvalid", "spec.ports": "FieldValueRequired"}


def test_a_stateful_set_lets_little_be_changed(cluster, client):
    cluster.create(workload("StatefulSet"))
    path = "/apis/apps/v1/namespaces/shop/statefulsets/web"
    client.refused(422, "PATCH", path, {"spec": {"serviceName": "other"}}, MERGE)
    client.ok("PATCH", path, {"spec": {"replicas": 4}}, MERGE)


def test_the_template_of_a_job_is_immutable(cluster, client):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "j", "image": "busybox"}]}}
    jobs = "/apis/batch/v1/namespaces/shop/jobs"
    client.ok("POST", jobs, {"metadata": {"name": "j"}, "spec": {"template": template}})
    change = {"spec": {"template": {"spec": {"containers": [{"name": "j", "image": "other"}]}}}}
    assert causes(client.refused(422, "PATCH", f"{jobs}/j", change, MERGE))["spec.template"] == "FieldValueInvalid"
    template["spec"]["restartPolicy"] = "Always"
    client.refused(422, "POST", jobs, {"metadata": {"name": "k"}, "spec": {"template": template}})
