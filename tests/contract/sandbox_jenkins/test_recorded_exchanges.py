"""The sandbox answers what a real Jenkins 2.504.3 answered: all 53 recorded exchanges, in their order.

Compared: the status, the headers shown (and that those of the same family that are not shown are absent), the keys of
JSON answers, config.xml and the validator's text letter by letter. Not compared: ids, dates, HTML, console text.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from agent.sandbox.jenkins import SandboxJenkins

RECORDING = json.loads((Path(__file__).parents[2] / "data/jenkins/exchanges.json").read_text())
EXCHANGES = RECORDING["exchanges"]
FAMILY = {"X-Jenkins", "X-Error", "Location", "WWW-Authenticate", "X-Text-Size", "X-More-Data", "Content-Type"}
VALUES = FAMILY - {"Location", "X-Text-Size"}
EXACT = {"application/xml"}
UNAUTHENTICATED = {"anonymous read is refused"}


@pytest.fixture(scope="module")
def clock() -> list[float]:
    return [1_795_400_658.398]


@pytest.fixture(scope="module")
def jenkins(clock) -> Iterator[SandboxJenkins]:
    with SandboxJenkins(quiet_period=5.0, clock=lambda: clock[0]) as sandbox:
        sandbox.create("proof", "<com.cloudbees.hudson.plugins.folder.Folder/>")
        sandbox.create("proof/hello", "<flow-definition><description>proof</description></flow-definition>")
        sandbox.controller.executors.last_id = 293
        yield sandbox


@pytest.fixture(scope="module")
def answers(jenkins) -> list[requests.Response]:
    """Every recorded request, sent in the recorded order; the quiet period passes where it did."""
    collected = []
    for exchange in EXCHANGES:
        if exchange["label"] == "queue item, left":
            jenkins.advance(5.0)
        collected.append(send(jenkins, exchange))
    return collected


def send(jenkins, exchange) -> requests.Response:
    asked = exchange["request"]
    auth: tuple[str, str] | None = (jenkins.user, jenkins.token)
    if exchange["label"].startswith("anonymous"):
        auth = None
    elif exchange["label"] == "wrong password":
        auth = (jenkins.user, "wrong")
    elif exchange["label"].startswith("password"):
        auth = (jenkins.user, jenkins.password)
    body = asked.get("body")
    return requests.request(
        asked["method"],
        jenkins.url + asked["path"],
        params=asked.get("params"),
        headers=asked.get("headers"),
        data=body.encode() if isinstance(body, str) else body,
        auth=auth,
        allow_redirects=False,
        timeout=10,
    )


def pytest_generate_tests(metafunc):
    if "number" in metafunc.fixturenames:
        names = [f"{number:02d} {exchange['label']}" for number, exchange in enumerate(EXCHANGES)]
        metafunc.parametrize("number", range(len(EXCHANGES)), ids=names)


def test_the_whole_recording_is_replayed():
    assert len(EXCHANGES) == 53


def test_status(answers, number):
    assert answers[number].status_code == EXCHANGES[number]["response"]["status"]


def test_headers(answers, number):
    shown = EXCHANGES[number]["response"]["headers"]
    given = answers[number].headers
    assert {name for name in FAMILY if name in given} == {name for name in FAMILY if name in shown}
    assert {name: given[name] for name in VALUES if name in given} == {n: shown[n] for n in VALUES if n in shown}
    if "Location" in shown:
        assert anonymised(given["Location"]) == anonymised(shown["Location"])
    assert "ETag" not in given
    assert "Last-Modified" not in given


def test_body(answers, number):
    recorded = EXCHANGES[number]["response"]
    kind = recorded["headers"].get("Content-Type", "")
    given = answers[number]
    if kind.startswith("application/json"):
        assert keys(given.json()) == keys(json.loads(complete(recorded["body"])))
    elif kind == "application/xml" or "validat" in EXCHANGES[number]["label"]:
        assert given.content.decode() == recorded["body"]
        assert given.headers["Content-Length"] == recorded["headers"]["Content-Length"]
    elif not recorded["body"]:
        assert given.content == b""


def test_validators_json_is_the_same_to_the_letter(answers):
    for number, exchange in enumerate(EXCHANGES):
        if exchange["label"].startswith("validateJenkinsfile"):
            assert answers[number].text == exchange["response"]["body"]


def test_progressive_console_has_carriage_returns(answers):
    number = next(n for n, exchange in enumerate(EXCHANGES) if exchange["label"] == "progressive console")
    plain = answers[number - 1].text if EXCHANGES[number - 1]["label"] == "console" else ""
    assert answers[number].text == plain.replace("\n", "\r\n")
    assert plain.startswith("Started by user admin\n[Pipeline] Start of Pipeline\n[Pipeline] node\n")
    assert plain.endswith("[Pipeline] End of Pipeline\nFinished: SUCCESS\n")


def anonymised(location: str) -> str:
    return re.sub(r"\d+/$", "N/", re.sub(r"^http://127\.0\.0\.1:\d+/", "http://jenkins/", location))


def complete(body: str) -> str:
    """The list of plugins was cut off in the recording, between two objects of one shape."""
    if body.endswith("characters]"):
        return body[: body.rindex(",{")] + "]}"
    return body


def keys(document, path="") -> set[str]:
    """Every path of keys in a document; the elements of a list share one."""
    if isinstance(document, dict):
        return {f"{path}.{key}" for key in document} | {
            k for key in document for k in keys(document[key], f"{path}.{key}")
        }
    if isinstance(document, list):
        return {key for element in document for key in keys(element, f"{path}[]")}
    return set()
