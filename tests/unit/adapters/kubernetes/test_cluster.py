"""The verbs: which request each becomes, and what each answer means."""

from __future__ import annotations

import json

import pytest

from agent.adapters.kubernetes.cluster import KubernetesCluster
from agent.adapters.kubernetes.errors import NoAnswerError
from agent.errors import (
    FieldConflictError,
    ForbiddenError,
    NotFoundError,
    StaleWriteError,
    UnreachableError,
    UsageError,
)
from agent.objects import Object, Ref
from tests.fakes.api_transport import HandClock, Scripted, ok, status

WEB = Ref("apps/v1", "Deployment", "shop", "web")
THING: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}}
GONE = status(404, 'deployments.apps "web" not found', "NotFound", name="web", kind="deployments")
PATH = "/apis/apps/v1/namespaces/shop/deployments"


def cluster(*answers):
    transport = Scripted(*answers)
    return KubernetesCluster("here", "shop", transport, HandClock()), transport


def test_get_reads_one_object():
    api, transport = cluster(ok(THING))
    assert api.get(WEB) == THING
    assert (transport.requests[0].method, transport.requests[0].target) == ("GET", f"{PATH}/web")


def test_get_of_nothing_is_none_but_of_a_kind_that_is_not_served_an_error():
    assert cluster(GONE)[0].get(WEB) is None
    with pytest.raises(NotFoundError, match="deployment/web was not read: the cluster does not serve this kind"):
        cluster(status(404, "the server could not find the requested resource"))[0].get(WEB)


def test_list_fills_in_what_items_leave_out():
    api, transport = cluster(ok({"kind": "PodList", "metadata": {}, "items": [{"metadata": {"name": "a"}}]}))
    found = api.list("v1", "Pod", "shop", labels="app=web", fields="status.phase=Running")
    assert found == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}]
    assert transport.requests[0].query["labelSelector"] == "app=web"
    assert transport.requests[0].query["fieldSelector"] == "status.phase=Running"


def test_unknown_fields_survive_reading():
    thing = THING | {"spec": {"inventedIn": {"2031": [1, None]}}}
    assert cluster(ok(thing))[0].get(WEB) == thing


def test_apply_is_server_side_as_headway():
    api, transport = cluster(ok(THING))
    assert api.apply(THING) == THING
    request = transport.requests[0]
    assert (request.method, request.path) == ("PATCH", f"{PATH}/web")
    assert request.query == {"fieldManager": "headway", "force": "false"}
    assert request.content_type == "application/apply-patch+yaml"
    assert json.loads(request.body or b"") == THING


def test_apply_dry_and_by_force():
    api, transport = cluster(ok(THING))
    api.apply(THING, dry_run=True, force=True)
    assert transport.requests[0].query == {"fieldManager": "headway", "force": "true", "dryRun": "All"}


def test_apply_without_a_namespace_goes_to_the_contexts():
    api, transport = cluster(ok(THING))
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    assert transport.requests[0].path == "/api/v1/namespaces/shop/configmaps/a"


def test_apply_is_repeated_after_a_lost_answer_unless_it_has_a_precondition():
    lost = NoAnswerError("broke the connection", sent=True)
    api, transport = cluster(lost, ok(THING))
    api.apply(THING)
    assert len(transport.requests) == 2
    pinned = THING | {"metadata": {**THING["metadata"], "resourceVersion": "5"}}
    api, transport = cluster(lost, ok(THING))
    with pytest.raises(UnreachableError, match="not known"):
        api.apply(pinned)
    assert len(transport.requests) == 1


def test_conflicts_of_apply():
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "hpa"', "field": ".spec.replicas"}]
    with pytest.raises(FieldConflictError) as caught:
        cluster(status(409, "conflict", "Conflict", causes=causes))[0].apply(THING)
    assert caught.value.conflicts == (("hpa", ".spec.replicas"),)
    with pytest.raises(StaleWriteError, match="deployment/web was not applied: the object has been modified"):
        cluster(status(409, "the object has been modified", "Conflict"))[0].apply(THING)


def test_a_namespace_that_is_not_there_is_named():
    answer = status(404, 'namespaces "shop" not found', "NotFound", name="shop", kind="namespaces")
    for verb in ("apply", "create", "replace"):
        with pytest.raises(NotFoundError, match="there is no namespace 'shop'"):
            getattr(cluster(answer)[0], verb)(THING)


def test_create_replace_and_patch():
    api, transport = cluster(ok(THING, 201))
    api.create(THING, dry_run=True)
    api.replace(THING)
    api.patch(WEB, {"spec": {"replicas": 0}}, content_type="application/merge-patch+json")
    assert [(request.method, request.path) for request in transport.requests] == [
        ("POST", PATH), ("PUT", f"{PATH}/web"), ("PATCH", f"{PATH}/web"),
    ]  # fmt: skip
    assert transport.requests[0].query["dryRun"] == "All"
    assert transport.requests[2].content_type == "application/merge-patch+json"


def test_what_exists_or_is_gone_is_a_stale_write():
    with pytest.raises(StaleWriteError, match="was not created: already exists"):
        cluster(status(409, "already exists", "AlreadyExists"))[0].create(THING)
    with pytest.raises(StaleWriteError, match="was not replaced: it is gone"):
        cluster(GONE)[0].replace(THING)


def test_delete_in_the_background_with_the_uid_as_precondition():
    api, transport = cluster(ok({"kind": "Status", "status": "Success"}))
    api.delete(WEB, uid="u-1")
    assert json.loads(transport.requests[0].body or b"") == {
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background", "preconditions": {"uid": "u-1"},
    }  # fmt: skip


def test_a_dry_run_of_a_delete_stands_in_the_body_which_alone_is_read():
    api, transport = cluster(ok({"kind": "Status", "status": "Success"}))
    api.delete(WEB, dry_run=True)
    assert json.loads(transport.requests[0].body or b"")["dryRun"] == ["All"]


def test_delete_of_what_is_gone_is_no_error_and_of_another_uid_is_one():
    cluster(GONE)[0].delete(WEB)
    with pytest.raises(StaleWriteError):
        cluster(status(409, "the UID in the precondition does not match", "Conflict"))[0].delete(WEB, uid="old")


def test_kinds_that_the_table_does_not_know_are_discovered_once():
    kinds = {"resources": [
        {"name": "widgets", "kind": "Widget", "namespaced": True}, {"name": "widgets/status", "kind": "Widget"},
        {"name": "racks", "kind": "Rack", "namespaced": False},
    ]}  # fmt: skip
    api, transport = cluster(ok(kinds), ok({}))
    api.get(Ref("example.com/v1", "Widget", "shop", "w"))
    api.get(Ref("example.com/v1", "Rack", "shop", "r"))
    assert [request.path for request in transport.requests] == [
        "/apis/example.com/v1", "/apis/example.com/v1/namespaces/shop/widgets/w", "/apis/example.com/v1/racks/r",
    ]  # fmt: skip


def test_a_kind_that_nobody_serves_is_named():
    api, _ = cluster(status(404, "the server could not find the requested resource"))
    with pytest.raises(NotFoundError, match=r"does not serve the kind Widget of example\.com/v1") as caught:
        api.get(Ref("example.com/v1", "Widget", "shop", "w"))
    assert "CustomResourceDefinition" in caught.value.hint


@pytest.mark.parametrize(
    "target",
    [
        Ref("v1", "Pod", "shop", ""),
        Ref("v1", "Pod", "shop", ".."),
        Ref("v1", "Pod", "", "web"),
        Ref("v1", "Pod", "..", "web"),
        Ref("", "Pod", "shop", "web"),
        Ref("v1", "", "shop", "web"),
        Ref("../v1", "Pod", "shop", "web"),
        Ref("apps/v1/../..", "Pod", "shop", "web"),
    ],
)
def test_no_name_climbs_out_of_its_path(target):
    api, transport = cluster(ok({}))
    with pytest.raises(UsageError):
        api.get(target)
    assert transport.requests == []


def test_strange_names_are_escaped():
    api, transport = cluster(ok({}))
    api.get(Ref("v1", "Pod", "shop", "a/../../secrets/b?x#y"))
    assert transport.requests[0].path == "/api/v1/namespaces/shop/pods/a%2F..%2F..%2Fsecrets%2Fb%3Fx%23y"


def test_warnings_of_the_connection_come_once_with_those_of_the_server():
    api = KubernetesCluster("here", "shop", Scripted(ok({}, warning='299 - "old"')), HandClock(), worries=("unsafe",))
    api.get(WEB)
    assert api.warnings() == ("unsafe", "old")
    assert api.warnings() == ()


def test_only_workloads_can_be_followed():
    api, _ = cluster(ok({}))
    with pytest.raises(UsageError, match="service/web can't be followed"):
        api.follow(Ref("v1", "Service", "shop", "web"), "app=web")


def test_an_empty_selector_would_follow_the_whole_namespace():
    with pytest.raises(UsageError, match="deployment/web can't be followed: it has no label selector"):
        cluster(ok({}))[0].follow(WEB, "")


def test_missing_rights_are_forbidden():
    with pytest.raises(ForbiddenError, match="the pods of shop were not listed"):
        cluster(status(403, "no", "Forbidden"))[0].list("v1", "Pod", "shop")
