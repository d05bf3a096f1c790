"""Manifest files become the objects of a release, or one complaint with its place."""

from __future__ import annotations

import pytest

from agent.errors import UsageError
from agent.release.manifests import ManifestFile, named, read

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: []}}}
"""


def objects(*texts):
    return read([ManifestFile(f"{number}.yaml", text) for number, text in enumerate(texts)], "shop")


def test_objects_stand_in_the_order_of_their_needs():
    text = DEPLOYMENT + "".join(
        f"---\napiVersion: v1\nkind: {kind}\nmetadata: {{name: web}}\n"
        for kind in ("Service", "ServiceAccount", "Secret", "ConfigMap", "HorizontalPodAutoscaler", "Gadget")
    )
    assert [thing["kind"] for thing in objects(text)] == [
        "ServiceAccount", "Secret", "ConfigMap", "Gadget", "Service", "Deployment", "HorizontalPodAutoscaler",
    ]  # fmt: skip


def test_the_namespace_is_filled_in():
    assert objects(DEPLOYMENT)[0]["metadata"] == {"name": "web", "namespace": "shop"}


def test_lists_are_flattened_and_empty_documents_ignored():
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    text = f"---\n---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {item}\n"
    assert [thing["metadata"]["name"] for thing in objects(text)] == ["a"]


def test_what_the_server_writes_is_left_out():
    text = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a, uid: x, resourceVersion: "3", generation: 4, creationTimestamp: null, managedFields: []}
status: {phase: x}
"""
    assert objects(text)[0] == {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"},
    }  # fmt: skip


def test_values_stay_what_kubectl_would_send():
    text = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {day: 2026-01-01, time: 12:30, mode: 0644, yes_word: "yes", big: 1e3}
1: one
"""
    thing = objects(text)[0]
    assert thing["data"] == {"day": "2026-01-01", "time": "12:30", "mode": 420, "yes_word": "yes", "big": 1000.0}
    assert thing["1"] == "one"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1", r"0.yaml:1.*not YAML"),
        ("just text", "an object was expected|Kubernetes object was expected, this is text"),
        ("- 1", "this is a list"),
        ("kind: ConfigMap\nmetadata: {name: a}", "needs apiVersion and kind"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}", "no metadata.name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}", "generateName"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../a}", "is no name that a ConfigMap can have"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}", "for namespace 'other'"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}", "belongs to no namespace"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: 1}}", "not text"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 4711}", "stringData.pin .* a number"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: [{pin: b2xk}]", "data of secret/a is a list"),
        ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: 5", "spec of deployment/a is a number"),
        ("a: 1\na: 2", "stands here twice"),
        ("a: &a [*a]", "refers to itself"),
        ("a: !!binary aGVsbG8=", "has no place|not YAML"),
        ("a: !!python/object:os.system x", "not YAML"),
        ("", "no object in"),
    ],
)
def test_complaints_name_the_file(text, complaint):
    with pytest.raises(UsageError, match=complaint) as caught:
        objects(text)
    assert "0.yaml" in caught.value.message
    assert "nothing was sent" in caught.value.message


def test_aliases_that_multiply_are_stopped_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(UsageError, match="aliases"):
        objects("\n".join(lines))


def test_an_object_may_stand_once_only():
    with pytest.raises(UsageError, match=r"deployment/web stands in 0.yaml:2 already"):
        objects(DEPLOYMENT, DEPLOYMENT)


def test_the_workload_must_be_there():
    with pytest.raises(UsageError, match="no Deployment") as caught:
        named(objects(DEPLOYMENT), "wbe")
    assert "web" in caught.value.hint


def test_a_secrets_value_is_in_no_complaint():
    with pytest.raises(UsageError) as caught:
        objects("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 4711}")
    assert "4711" not in caught.value.message + caught.value.hint
