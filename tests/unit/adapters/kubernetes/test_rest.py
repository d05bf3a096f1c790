"""What is tried again and what is not, lists in chunks, warnings, and bodies that are not what they should be."""

from __future__ import annotations

import pytest

from agent.adapters.kubernetes.errors import Answer, NoAnswerError
from agent.adapters.kubernetes.rest import Repeat, Rest, warning_texts
from agent.adapters.kubernetes.transport import Request
from agent.errors import UnauthorizedError
from tests.fakes.api_transport import HandClock, Scripted, ok, status

GET = Request("GET", "/x")
WRITE = Request("PATCH", "/x", body=b"{}")
LOST = NoAnswerError("https://api broke the connection", sent=True)
REFUSED = NoAnswerError("https://api can't be connected: connection refused", sent=False)
HOOK = status(500, 'failed calling webhook "policy.example": connection refused')


def rest(*answers):
    transport, clock = Scripted(*answers), HandClock()
    return Rest(transport, clock, dice=lambda: 0.0), transport, clock


def test_reads_are_tried_again_with_growing_waits():
    api, transport, clock = rest(REFUSED, LOST, status(503), ok({"a": 1}))
    assert api.call(GET, "x was not read") == {"a": 1}
    assert len(transport.requests) == 4
    assert clock.slept == [1.0, 2.0, 4.0]


def test_after_five_tries_it_is_enough_and_the_message_says_what_was_not_done():
    api, transport, clock = rest(REFUSED)
    with pytest.raises(NoAnswerError) as caught:
        api.call(GET, "x was not read")
    assert caught.value.message == "x was not read: https://api can't be connected: connection refused"
    assert len(transport.requests) == 5
    assert sum(clock.slept) == 12.0


def test_retry_after_is_honoured():
    busy = status(429)
    api, _, clock = rest(Answer(429, {**busy.headers, "retry-after": "9"}, busy.body), ok({}))
    api.call(GET, "x was not read")
    assert clock.slept == [9.0]


@pytest.mark.parametrize("first", [REFUSED, status(429), HOOK])
def test_a_write_that_was_not_carried_out_is_tried_again_p23(first):
    api, transport, _ = rest(first, ok({"done": 1}))
    assert api.call(WRITE, "x was not applied", Repeat.UNSENT) == {"done": 1}
    assert len(transport.requests) == 2


@pytest.mark.parametrize("first", [LOST, status(500, "etcdserver: request timed out"), status(504)])
def test_a_write_that_may_have_happened_is_not_repeated_and_that_is_said(first):
    api, transport, _ = rest(first, ok({"done": 1}))
    with pytest.raises(NoAnswerError, match="whether the cluster carried it out is not known"):
        api.call(WRITE, "x was not applied", Repeat.UNSENT)
    assert len(transport.requests) == 1


def test_a_dry_run_leaves_no_doubt():
    api, _, _ = rest(LOST)
    with pytest.raises(NoAnswerError) as caught:
        api.call(Request("PATCH", "/x", {"dryRun": "All"}, b"{}"), "x was not applied", Repeat.UNSENT)
    assert "not known" not in caught.value.message


@pytest.mark.parametrize("body", [b"", b'{"a": ', b"[1]", b"null", b"\xff", b"[" * 100_000])
def test_a_success_that_is_no_object_is_tried_again_then_an_error(body):
    api, transport, _ = rest(Answer(200, {"content-type": "application/json"}, body))
    with pytest.raises(NoAnswerError, match="x was not read: the answer is cut short or is no JSON"):
        api.call(GET, "x was not read")
    assert len(transport.requests) == 5


def test_a_login_page_is_not_tried_again():
    api, transport, _ = rest(Answer(200, {"content-type": "text/html"}, b"<html>log in"))
    with pytest.raises(UnauthorizedError, match="a web page or a redirect came instead"):
        api.call(GET, "x was not read")
    assert len(transport.requests) == 1


def page(names, token="", version="7", kind="PodList"):
    about = {"resourceVersion": version} | ({"continue": token} if token else {})
    return ok(
        {"kind": kind, "apiVersion": "v1", "metadata": about, "items": [{"metadata": {"name": n}} for n in names]}
    )


def test_lists_are_read_in_chunks_and_items_say_what_they_are():
    api, transport, _ = rest(page(["a", "b"], "more"), page(["c"]))
    items, version = api.items("/pods", {"labelSelector": "x=y", "resourceVersion": "0"}, "pods were not listed")
    assert [item["metadata"]["name"] for item in items] == ["a", "b", "c"]
    assert items[0]["kind"] == "Pod"
    assert version == "7"
    first, second = (request.query for request in transport.requests)
    assert first == {"limit": "500", "labelSelector": "x=y", "resourceVersion": "0"}
    assert second == {"limit": "500", "labelSelector": "x=y", "continue": "more"}, "no resourceVersion beside a token"


def test_a_token_that_expires_begins_the_list_anew():
    api, transport, _ = rest(page(["a"], "more"), status(410, "expired", "Expired"), page(["a", "b"]))
    items, _ = api.items("/pods", {}, "pods were not listed")
    assert len(items) == 2
    assert "continue" not in transport.requests[2].query


def test_warnings_of_the_server_are_collected_once():
    header = '299 - "would violate PodSecurity \\"restricted:latest\\"", 299 - "policy/v1beta1 is deprecated"'
    api, _, _ = rest(ok({}, warning=header))
    api.call(GET, "x was not read")
    api.call(GET, "x was not read")
    assert api.warnings() == ('would violate PodSecurity "restricted:latest"', "policy/v1beta1 is deprecated")
    assert api.warnings() == ()


@pytest.mark.parametrize("header", ["", "299 -", '299 - "', '299 - "\\', '""', '299 - "a\x1b[31mb"'])
def test_strange_warnings_do_no_harm(header):
    assert all(text.isprintable() for text in warning_texts(header))
