"""JSON patch, merge patch and strategic merge patch, by themselves."""

from __future__ import annotations

import pytest

from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.patches import json_patch, merge_patch, strategic_merge


def test_merge_patch_follows_rfc_7386():
    assert merge_patch({"a": "b", "c": {"d": 1, "e": 2}}, {"a": None, "c": {"e": 3}, "l": [1]}) == {
        "c": {"d": 1, "e": 3},
        "l": [1],
    }
    assert merge_patch({"a": [1]}, {"a": {"x": None}}) == {"a": {}}


def test_json_patch_operations():
    start = {"a": {"b": [1, 2]}, "x/y": 0}
    changed = json_patch(
        start,
        [
            {"op": "test", "path": "/a/b/0", "value": 1},
            {"op": "add", "path": "/a/b/-", "value": 3},
            {"op": "add", "path": "/a/b/0", "value": 0},
            {"op": "remove", "path": "/a/b/1"},
            {"op": "replace", "path": "/x~1y", "value": 9},
            {"op": "copy", "from": "/a/b", "path": "/c"},
            {"op": "move", "from": "/x~1y", "path": "/z"},
        ],
    )
    assert changed == {"a": {"b": [0, 2, 3]}, "c": [0, 2, 3], "z": 9}
    assert start == {"a": {"b": [1, 2]}, "x/y": 0}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/none"},
        {"op": "replace", "path": "/none/deeper", "value": 1},
        {"op": "add", "path": "/l/9", "value": 1},
    ],
)
def test_json_patch_that_does_not_fit_is_unprocessable(operation):
    with pytest.raises(ApiError) as refused:
        json_patch({"a": 1, "l": []}, [operation])
    assert refused.value.code == 422


def test_strategic_merge_of_keyed_lists():
    live = {
        "spec": {
            "containers": [{"name": "a", "image": "1", "ports": [{"containerPort": 80, "name": "x"}]}, {"name": "b"}]
        }
    }
    patch = {
        "spec": {
            "containers": [
                {"name": "a", "ports": [{"containerPort": 81}]},
                {"name": "c"},
                {"name": "b", "$patch": "delete"},
            ]
        }
    }
    merged = strategic_merge(live, patch, "Pod")["spec"]["containers"]
    assert [item["name"] for item in merged] == ["a", "c"]
    assert merged[0]["image"] == "1"
    assert [port["containerPort"] for port in merged[0]["ports"]] == [80, 81]


def test_strategic_merge_directives():
    assert strategic_merge({"a": {"x": 1}}, {"a": {"$patch": "replace", "y": 2}}, "Pod") == {"a": {"y": 2}}
    assert strategic_merge(
        {"s": {"type": "R", "rollingUpdate": 1}}, {"s": {"$retainKeys": ["type"], "type": "Recreate"}}, "Pod"
    ) == {"s": {"type": "Recreate"}}
    live = {"metadata": {"finalizers": ["a", "b"]}}
    assert strategic_merge(live, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, "Pod")["metadata"][
        "finalizers"
    ] == ["b"]
    assert strategic_merge(live, {"metadata": {"finalizers": ["c"]}}, "Pod")["metadata"]["finalizers"] == [
        "a",
        "b",
        "c",
    ]
    ordered = strategic_merge(
        {"env": [{"name": "A"}, {"name": "B"}]},
        {"env": [{"name": "C"}], "$setElementOrder/env": [{"name": "C"}, {"name": "B"}, {"name": "A"}]},
        "Pod",
    )
    assert [item["name"] for item in ordered["env"]] == ["C", "B", "A"]


def test_lists_without_a_key_are_replaced():
    merged = strategic_merge({"args": ["a"], "tolerations": [{"key": "x"}]}, {"args": ["b"], "tolerations": []}, "Pod")
    assert merged == {"args": ["b"], "tolerations": []}
