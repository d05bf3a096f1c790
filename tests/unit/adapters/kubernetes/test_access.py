"""Logs are bounded and never an error of their own; a probe tells the application's words from the proxy's."""

from __future__ import annotations

import json

import pytest

from agent.adapters.kubernetes import access
from agent.adapters.kubernetes.access import Backend
from agent.adapters.kubernetes.errors import Answer, NoAnswerError
from agent.errors import ForbiddenError, UnauthorizedError, UsageError
from tests.fakes.api_transport import HandClock, Scripted, status

POD = Backend("pods", "shop", "web-1", "8080", "/healthz")


def ask(*answers, where=POD):
    transport = Scripted(*answers)
    return access.probe(transport, HandClock(), where, timeout=2.0), transport.requests[0]


def test_the_path_through_the_proxy():
    _, request = ask(Answer(200, {}, b"ok"), where=Backend("services", "shop", "web", "http", "/a b?q=1&r=%20#x"))
    assert request.target == "/api/v1/namespaces/shop/services/web:http/proxy/a%20b?q=1&r=%20%23x"
    assert (request.timeout, request.total, request.most) == (2.0, 2.0, 64 * 1024)
    tls = Backend("pods", "shop", "web-1", "https:8443", "/")
    assert tls.url_path == "/api/v1/namespaces/shop/pods/https:web-1:8443/proxy/"


@pytest.mark.parametrize("path", ["/../../secrets", "/a/%2e%2e/b", "/./a", ".."])
def test_no_path_climbs_out_of_the_application(path):
    with pytest.raises(UsageError, match="climbs out"):
        _ = Backend("pods", "shop", "web-1", "80", path).url_path


def test_other_kinds_are_not_asked():
    with pytest.raises(UsageError, match="only pods and services"):
        _ = Backend("nodes", "shop", "a", "80", "/").url_path


@pytest.mark.parametrize("code", [200, 302, 404, 500, 502, 503])
def test_the_applications_own_words_are_answers(code):
    answer, _ = ask(Answer(code, {"content-type": "text/plain"}, b"mine \xff"))
    assert (answer.status, answer.body, answer.error) == (code, "mine \ufffd", "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(503, "error trying to reach service: dial tcp 10.0.0.7:8080: connect: connection refused"), "refused"),
        (status(503, 'no endpoints available for service "web"'), "no endpoints"),
        (status(404, 'pods "web-1" not found', name="web-1"), "not found"),
        (status(500, "etcdserver: request timed out"), "timed out"),
        (Answer(503, {}, b"Error trying to reach service: 'EOF'"), "EOF"),
        (NoAnswerError("https://api did not answer in time", sent=True), "did not answer in time"),
    ],
)
def test_the_proxys_words_are_no_answer(answer, words):
    found, _ = ask(answer)
    assert found.status == 0
    assert words in found.error


def test_json_of_the_application_is_not_mistaken_for_the_proxys():
    body = json.dumps({"status": "Failure", "message": "mine"}).encode()
    assert ask(Answer(503, {}, body))[0].status == 503


def test_missing_rights_are_errors_but_the_applications_403_is_an_answer():
    with pytest.raises(ForbiddenError, match="pod/web-1 port 8080 was not asked"):
        ask(status(403, 'cannot get resource "pods/proxy"', "Forbidden"))
    with pytest.raises(UnauthorizedError):
        ask(status(401, "Unauthorized", "Unauthorized"))
    assert ask(Answer(403, {}, b"mine"))[0].status == 403


def read(answer, previous=False):
    transport = Scripted(answer)
    return access.logs(transport, "shop", "web-1", "server", previous=previous, lines=50), transport.requests[0]


def test_logs_are_bounded():
    text, request = read(Answer(200, {}, b"one\ntwo\n"), previous=True)
    assert text == "one\ntwo\n"
    assert request.path == "/api/v1/namespaces/shop/pods/web-1/log"
    assert request.query == {"container": "server", "tailLines": "50", "limitBytes": "262144", "previous": "true"}
    assert (request.total, request.most) == (3.0, 262144)


@pytest.mark.parametrize(
    "answer",
    [
        status(400, "previous terminated container not found"),
        status(404, "not found"),
        status(500, "dial tcp 10.0.0.1:10250: i/o timeout"),
        NoAnswerError("did not answer in time", sent=True),
    ],
)
def test_no_log_is_empty(answer):
    assert read(answer)[0] == ""


def test_logs_that_may_not_be_read_are_an_error():
    with pytest.raises(ForbiddenError, match="the log of pod/web-1 was not read"):
        read(status(403, "cannot get pods/log", "Forbidden"))
