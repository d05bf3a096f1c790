"""Server-side apply: who owns what, conflicts, removal, and applies that change nothing."""

from __future__ import annotations

import yaml

from tests.unit.sandbox.kubernetes.world import APPLY, DEPLOYMENTS, MAPS, MERGE, STRATEGIC, WEB, config, image, workload

HPA = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"


def apply(client, path, thing, manager="headway", **query):
    return client.ok("PATCH", path, yaml.safe_dump(thing).encode(), APPLY, fieldManager=manager, **query)


def conflict(client, path, thing, manager="headway"):
    return client.refused(409, "PATCH", path, yaml.safe_dump(thing).encode(), APPLY, fieldManager=manager)


def owners(thing):
    return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in thing["metadata"]["managedFields"]}


def test_an_apply_creates_and_owns_what_it_sets(client):
    made = apply(client, WEB, workload())
    assert made["metadata"]["generation"] == 1
    owned = owners(made)["headway", "Apply"]
    assert owned["f:spec"]["f:replicas"] == {}
    item = owned["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"app"}']
    assert item["."] == {}
    assert item["f:ports"] == {'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}}
    assert "f:imagePullPolicy" not in item, "a default is nobody's"
    assert "f:progressDeadlineSeconds" not in owned["f:spec"]


def test_an_apply_that_changes_nothing_makes_no_version(web, client):
    first = apply(client, WEB, workload(), force="true")
    web.advance(5)
    web.advance(5)
    settled = client.ok("GET", WEB)["metadata"]["resourceVersion"]
    again = apply(client, WEB, workload())
    assert again["metadata"]["resourceVersion"] == settled
    assert again["metadata"]["generation"] == first["metadata"]["generation"]


def test_a_conflict_names_manager_and_field(client):
    client.ok("POST", DEPLOYMENTS, workload(), headers={"user-agent": "kubectl/v1.34"})
    refused = conflict(client, WEB, workload(tag="v2"))
    path = '.spec.template.spec.containers[name="app"].image'
    assert refused["message"] == f'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: {path}'
    assert refused["reason"] == "Conflict"
    assert refused["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using apps/v1', "field": path}
    ]
    assert client.ok("GET", WEB)["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v1")


def test_several_conflicts_are_listed_by_manager(client):
    client.ok("POST", MAPS, config(a="1", b="1"), headers={"user-agent": "kubectl/v1"})
    apply(client, f"{MAPS}/settings", config(a="1"), manager="argocd")
    refused = conflict(client, f"{MAPS}/settings", config(a="2", b="2"))
    assert refused["message"] == (
        'Apply failed with 3 conflicts: conflicts with "argocd":\n- .data.a\n'
        'conflicts with "kubectl" using v1:\n- .data.a\n- .data.b'
    )


def test_equal_values_are_shared_and_not_a_conflict(client):
    client.ok("POST", MAPS, config(a="1"), headers={"user-agent": "kubectl/v1"})
    shared = apply(client, f"{MAPS}/settings", config(a="1"))
    assert {("kubectl", "Update"), ("headway", "Apply")} <= owners(shared).keys()


def test_force_takes_the_field_over(client):
    client.ok("POST", MAPS, config(a="1", b="1"), headers={"user-agent": "kubectl/v1"})
    taken = apply(client, f"{MAPS}/settings", config(a="2"), force="true")
    assert taken["data"] == {"a": "2", "b": "1"}
    assert owners(taken)["kubectl", "Update"] == {"f:data": {"f:b": {}}}


def test_what_is_applied_no_more_goes_unless_somebody_else_holds_it(client):
    apply(client, f"{MAPS}/settings", config(a="1", b="1", c="1"))
    apply(client, f"{MAPS}/settings", config(b="1"), manager="other")
    after = apply(client, f"{MAPS}/settings", config(c="1"))
    assert after["data"] == {"b": "1", "c": "1"}


def test_a_container_that_is_applied_no_more_goes(client):
    two = workload()
    two["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "localhost:5000/app:v1"})
    apply(client, WEB, two)
    after = apply(client, WEB, workload())
    assert [item["name"] for item in after["spec"]["template"]["spec"]["containers"]] == ["app"]


def test_variables_and_mounts_go_by_their_keys(client):
    first = workload()
    pod = first["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "v", "emptyDir": {}}]
    pod["containers"][0] |= {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
                             "volumeMounts": [{"name": "v", "mountPath": "/v"}]}  # fmt: skip
    apply(client, WEB, first)
    pod["containers"][0]["env"] = [{"name": "B", "value": "2"}]
    del pod["containers"][0]["volumeMounts"], pod["volumes"]
    after = apply(client, WEB, first)["spec"]["template"]["spec"]
    assert after["containers"][0]["env"] == [{"name": "B", "value": "2"}]
    assert "volumeMounts" not in after["containers"][0]
    assert "volumes" not in after


def test_an_update_takes_ownership_from_an_apply(client):
    apply(client, WEB, workload())
    client.ok("PATCH", WEB, image("v3"), STRATEGIC, headers={"user-agent": "kubectl/v1"})
    refused = conflict(client, WEB, workload())
    assert [cause["message"] for cause in refused["details"]["causes"]] == ['conflict with "kubectl" using apps/v1']


def test_replicas_that_the_autoscaler_holds_are_left_alone(web, client):
    client.ok(
        "PATCH", f"{WEB}/scale", {"spec": {"replicas": 5}}, MERGE, headers={"user-agent": "kube-controller-manager/v1"}
    )
    refused = conflict(client, WEB, workload(replicas=3))
    assert {cause["field"] for cause in refused["details"]["causes"]} == {".spec.replicas"}
    assert 'with subresource "scale"' in refused["details"]["causes"][0]["message"]
    without = workload(tag="v3")
    del without["spec"]["replicas"]
    after = apply(client, WEB, without, force="true")
    assert after["spec"]["replicas"] == 5


def test_giving_replicas_up_does_not_reset_them(client):
    """The hand-over of replicas to an HPA: apply without them while another manager holds them."""
    apply(client, WEB, workload(replicas=3))
    client.ok("PATCH", f"{WEB}/scale", {"spec": {"replicas": 6}}, MERGE, headers={"user-agent": "hpa/v1"})
    without = workload()
    del without["spec"]["replicas"]
    assert apply(client, WEB, without)["spec"]["replicas"] == 6


def test_foreign_annotations_stay(client):
    apply(client, WEB, workload())
    client.ok("PATCH", WEB, {"metadata": {"annotations": {"foreign": "1"}}}, MERGE, headers={"user-agent": "other/1"})
    ours = workload()
    ours["metadata"]["annotations"] = {"ours": "1"}
    assert apply(client, WEB, ours)["metadata"]["annotations"] == {"foreign": "1", "ours": "1"}
    assert apply(client, WEB, workload())["metadata"]["annotations"] == {"foreign": "1"}


def test_a_selector_is_one_value(client):
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
               "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}  # fmt: skip
    path = "/api/v1/namespaces/shop/services/web"
    address = apply(client, path, service)["spec"]["clusterIP"]
    service["spec"]["selector"] = {"app": "other"}
    after = apply(client, path, service)
    assert after["spec"]["selector"] == {"app": "other"}
    assert after["spec"]["clusterIP"] == address


def test_dry_run_of_an_apply(web, client):
    version = web.store.version
    answer = apply(client, WEB, workload(tag="v3"), dryRun="All", force="true")
    assert answer["metadata"]["generation"] == 2
    assert web.store.version == version


def test_a_precondition_of_an_apply(client):
    first = apply(client, f"{MAPS}/settings", config(a="1"))
    version = first["metadata"]["resourceVersion"]
    fenced = config(a="2")
    fenced["metadata"]["resourceVersion"] = version
    apply(client, f"{MAPS}/settings", fenced)
    fenced["data"]["a"] = "3"
    refused = conflict(client, f"{MAPS}/settings", fenced)
    assert "the object has been modified" in refused["message"]
    assert "causes" not in refused.get("details", {}), "a stale version is no conflict of field managers"


def test_applies_that_are_refused(client):
    client.refused(422, "PATCH", WEB, yaml.safe_dump(workload()).encode(), APPLY)
    client.refused(400, "PATCH", WEB, b"[1]", APPLY, fieldManager="x")
    client.refused(422, "PATCH", WEB, yaml.safe_dump(workload(replicas=-1)).encode(), APPLY, fieldManager="x")


def test_limits_become_requests_of_pods_and_not_of_templates(web, client):
    """As SetDefaults_Pod does: else a limit that is applied and taken back would leave a request in the template."""
    limited = workload()
    limited["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "128Mi"}}
    made = apply(client, WEB, limited, force="true")
    assert made["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"memory": "128Mi"}}
    web.advance(5)
    newest = [pod["spec"]["containers"][0]["resources"] for pod in web.pods("shop")]
    assert {"limits": {"memory": "128Mi"}, "requests": {"memory": "128Mi"}} in newest
    del limited["spec"]["template"]["spec"]["containers"][0]["resources"]
    back = apply(client, WEB, limited, force="true")
    assert back["spec"]["template"]["spec"]["containers"][0]["resources"] == {}
