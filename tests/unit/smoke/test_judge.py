"""Answers judged against what was expected."""

from __future__ import annotations

import pytest

from agent.smoke import judge
from agent.smoke.check import SmokeCheck, filled, from_spec, pod_port, service_port, serving_service
from agent.spec.deploying import SmokeCheck as Written


@pytest.mark.parametrize(
    ("expected", "answer", "problem"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}, ""),
        ({"a": 1}, {}, "no a (expected 1)"),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, '"y" for a.b (expected "x")'),
        ({"a": [1]}, {"a": [1, 2]}, "[1, 2] for a (expected 1 items)"),
        ({"a": 1}, [1], "[1] for it (expected an object)"),
        ({"a": True}, {"a": 1}, "1 for a (expected true)"),
        ({"a": 1.0}, {"a": 1}, ""),
        ({"a": None}, {"a": None}, ""),
        ({"a": None}, {}, "no a (expected null)"),
    ],
)
def test_a_subset(expected, answer, problem):
    assert judge.missing(expected, answer) == problem


@pytest.mark.parametrize(
    ("status", "body", "error", "problem"),
    [
        (200, '{"version": "v2"}', "", ""),
        (500, "", "", "500 from /version (expected 200)"),
        (0, "", "connection refused", "no answer from /version: connection refused"),
        (200, "<html>", "", "/version did not answer JSON"),
        (200, '{"version": "v1"}', "", '/version answered "v1" for version (expected "v2")'),
    ],
)
def test_http(status, body, error, problem):
    check = SmokeCheck("x", "pod", "/version", json={"version": "v2"})
    assert judge.http(check, status, body, error) == problem


def test_commands():
    assert judge.command(0, 5) == ""
    assert judge.command(3, 5) == "ended with status 3 (expected 0)"
    assert judge.command(None, 5) == "did not end within 5 s"


def test_pauses_grow_and_are_bounded():
    assert [judge.pause(tries) for tries in (1, 2, 3, 4, 5, 50)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_placeholders_are_filled_but_never_in_commands():
    words = {"version": "v2", "namespace": "shop"}
    check = SmokeCheck(
        "x", "pod", "/v/{{ version }}", json={"a": ["{{version}}", "{{ other }}"]}, command="echo {{ version }}"
    )
    found = filled(check, words)
    assert (found.path, found.json, found.command) == ("/v/v2", {"a": ["v2", "{{ other }}"]}, "echo {{ version }}")


def test_from_a_spec_and_through_the_ledger():
    written = Written.model_validate(
        {"name": "v", "get": "/v", "port": "http", "expect": {"json": {"a": 1}}, "within": "5s"}
    )
    check = from_spec(written)
    assert check == SmokeCheck("v", "pod", "/v", "http", "", 200, {"a": 1}, 5.0)
    assert SmokeCheck.from_dict(check.to_dict()) == check
    assert from_spec(Written(name="c", run="./x")).via == "command"
    with pytest.raises(ValueError, match="not a smoke check"):
        SmokeCheck.from_dict({"name": "x", "via": "carrier pigeon"})


def test_ports():
    pod = {"spec": {"containers": [
        {"name": "a", "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}]},
        {"name": "b", "ports": [{"containerPort": 1}]},
    ]}}  # fmt: skip
    assert pod_port(pod, "a", "") == "8080"
    assert pod_port(pod, "a", "metrics") == "9090"
    assert pod_port(pod, "a", "7") == "7"
    assert pod_port(pod, "b", "") == "1"
    assert pod_port(pod, "b", "http") == ""
    assert service_port({"spec": {"ports": [{"port": 80}]}}, "") == "80"


def test_the_service_is_the_one_that_selects_the_pods():
    workload = {"spec": {"template": {"metadata": {"labels": {"app": "web", "x": "y"}}}}}
    services = (
        {"kind": "Service", "metadata": {"name": "other"}, "spec": {"selector": {"app": "db"}}},
        {"kind": "Service", "metadata": {"name": "headless"}, "spec": {}},
        {"kind": "Service", "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}},
    )
    assert serving_service(services, workload) == "web"
