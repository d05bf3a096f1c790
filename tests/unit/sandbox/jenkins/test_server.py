"""The socket edge: real connections on loopback."""

import http.client
import json
import socket
import time

import pytest
import requests

from agent.sandbox.jenkins import SandboxJenkins

FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"
MARKED = (
    "<flow-definition><description>Team shop.\n&lt;!-- headway owner=shop/specs spec=services/a.yaml "
    "spec-sha256=0123456789abcdef config-sha256=0123456789abcdef --&gt;</description></flow-definition>"
)


@pytest.fixture
def running():
    with SandboxJenkins() as sandbox:
        yield sandbox


@pytest.fixture
def session(running):
    with requests.Session() as made:
        made.auth = (running.user, running.token)
        yield made


def test_a_connection_is_kept(running):
    connection = http.client.HTTPConnection("127.0.0.1", int(running.url.rpartition(":")[2]), timeout=10)
    ports = []
    for _ in range(3):
        connection.request("GET", "/login")
        connection.getresponse().read()
        ports.append(connection.sock.getsockname()[1])
    connection.close()
    assert len(set(ports)) == 1


def test_a_chunked_body(running, session):
    answer = session.post(
        f"{running.url}/createItem?name=a",
        data=iter([b"<project>", b"</project>"]),
        headers={"Content-Type": "text/xml"},
    )
    assert answer.status_code == 200
    assert running.items["a"].config == '<?xml version="1.0" encoding="UTF-8"?><project/>'


def test_head_has_no_body_but_its_length(running, session):
    answer = session.head(f"{running.url}/login")
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 0


def test_deleted_has_no_length(running, session):
    running.create("a", "<project/>")
    answer = session.delete(f"{running.url}/job/a/")
    assert answer.status_code == 204
    assert "Content-Length" not in answer.headers


def test_a_reset(running, session):
    running.fault("reset", times=1)
    with pytest.raises(requests.ConnectionError):
        session.get(f"{running.url}/api/json")
    assert session.get(f"{running.url}/api/json").status_code == 200


def test_a_cut_answer(running, session):
    running.fault("cut", times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        session.get(f"{running.url}/api/json")
    running.fault("cut", times=1)
    with pytest.raises(requests.ConnectionError):
        session.post(f"{running.url}/createItem?name=a", data=b"<project/>", headers={"Content-Type": "text/xml"})
    assert "a" in running.items


def test_a_slow_body_arrives_whole(running, session):
    running.fault("slow", times=1, pace=0.001)
    assert session.get(f"{running.url}/api/json").json()["_class"] == "hudson.model.Hudson"


def test_a_redirect_to_the_login_page_is_followed_to_html(running, session):
    running.stand_behind_login_page()
    answer = session.post(f"{running.url}/createItem?name=a", data=b"<project/>")
    assert [hop.status_code for hop in answer.history] == [302]
    assert answer.status_code == 200
    assert "Sign in" in answer.text


def test_after_stop_nobody_answers_and_nobody_hangs(running):
    port = int(running.url.rpartition(":")[2])
    idle = socket.create_connection(("127.0.0.1", port), timeout=10)
    idle.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
    assert idle.recv(20).startswith(b"HTTP/1.1 200")
    running.stop()
    while idle.recv(65536):
        pass
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    running.stop()


def test_its_own_surface(running):
    about = json.loads(requests.get(f"{running.url}/_sandbox/", timeout=10).text)
    assert about["token"] == running.token


def test_ten_thousand_jobs_are_listed_in_a_third_of_a_second(running, session):
    for folder in range(10):
        running.create(f"f{folder}", FOLDER)
        for job in range(1000):
            running.create(f"f{folder}/j{job:04d}", MARKED)
    url = f"{running.url}/api/json?tree=jobs[fullName,description,_class,jobs[fullName,description,_class]]"
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        body = session.get(url).content
        spent.append(time.perf_counter() - began)
    listed = json.loads(body)["jobs"]
    assert sum(len(folder["jobs"]) for folder in listed) == 10_000
    assert "headway owner=shop/specs" in listed[9]["jobs"][999]["description"]
    assert min(spent) <= 0.3
