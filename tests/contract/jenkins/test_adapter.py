"""The adapter against a Jenkins over real HTTP: answers into errors, retries, crumbs, and what never gets out."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agent.adapters.jenkins import Connection, JenkinsServer
from agent.adapters.jenkins.pace import Pace
from agent.errors import (
    ForbiddenError,
    InvalidObjectError,
    NotFoundError,
    RemoteError,
    StaleWriteError,
    UnauthorizedError,
    UnreachableError,
    UsageError,
)
from agent.jobs.configxml import write
from agent.jobs.definition import marked
from agent.jobs.marker import Marker
from agent.jobs.shapes import Folder, Git, InlineJob, MultibranchJob
from agent.sandbox.jenkins import SandboxJenkins

FOLDER = write(Folder(""))
JOB = write(InlineJob('Ünïcode & "quotes" 日本', "pipeline { agent none }\n"))


@pytest.fixture
def sandbox():
    with SandboxJenkins() as running:
        yield running


def server(sandbox, *, secret=None, user=None, url=None, notice=None):
    connection = Connection.to(
        url or sandbox.url,
        user=sandbox.user if user is None else user,
        secret=sandbox.token if secret is None else secret,
    )
    return JenkinsServer(connection, pause=lambda _seconds: None, notice=notice)


@contextmanager
def serving(body: bytes, status: int = 200, headers: dict[str, str] | None = None, method: str = "GET"):
    """A server that always gives the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            return

    setattr(Handler, f"do_{method}", Handler.answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def sent(sandbox):
    return [(seen.method, seen.path, seen.status) for seen in sandbox.requests if seen.method != "GET"]


def test_no_more_requests_a_second_than_asked_for(sandbox):
    waited: list[float] = []
    connection = replace(Connection.to(sandbox.url, user=sandbox.user, secret=sandbox.token), max_rps=0.001)
    jenkins = JenkinsServer(connection, pause=waited.append)
    for _ in range(5):
        jenkins.inventory(1)
    assert len(waited) == 4
    assert waited[-1] > 3000, "the fifth has to wait for the four before it"


def test_the_pace_is_one_for_all_threads_and_idleness_is_not_saved_up():
    now, waited = [0.0], []
    pace = Pace(2.0, lambda: now[0], waited.append)
    for _ in range(3):
        pace.turn()
    assert waited == [0.5, 1.0]
    now[0] = 60.0
    pace.turn()
    pace.turn()
    assert waited == [0.5, 1.0, 0.5]


def test_create_read_update_delete(sandbox):
    jenkins = server(sandbox)
    jenkins.create("a b", FOLDER)
    jenkins.create("a b/é'x", JOB)
    assert 'Ünïcode &amp; "quotes" 日本' in (jenkins.read("a b/é'x") or "")
    jenkins.update("a b/é'x", JOB.replace("none", "any"))
    assert "agent any" in (jenkins.read("a b/é'x") or "")
    jenkins.delete("a b/é'x")
    assert jenkins.read("a b/é'x") is None
    jenkins.delete("a b/é'x")
    assert [status for _, _, status in sent(sandbox)] == [200, 200, 200, 204, 404]


def test_a_token_needs_no_crumb_and_one_request_a_write(sandbox):
    server(sandbox).create("x", FOLDER)
    assert [(seen.method, seen.path) for seen in sandbox.requests] == [("POST", "/createItem")]


def test_the_inventory_is_one_request_with_markers_and_without_branches(sandbox):
    jenkins = server(sandbox)
    marker = Marker("shop", "f/g/web", "web/service.yaml", "t", "a", "b")
    jenkins.create("f", FOLDER)
    jenkins.create("f/g", FOLDER)
    jenkins.create("f/g/web", marked(JOB, marker))
    jenkins.create("f/mb", write(MultibranchJob("", Git("https://x/y"), "id")))
    sandbox.requests.clear()
    found = jenkins.inventory(3)
    assert sorted(found.items) == ["f", "f/g", "f/g/web", "f/mb"]
    assert found.items["f/g/web"].marker == marker
    assert found.items["f"].takes_items
    assert not found.items["f/mb"].takes_items
    assert len(sandbox.requests) == 1
    assert "color" not in str(sandbox.requests[0].query)
    assert sorted(jenkins.inventory(1).items) == ["f"]


def test_a_job_is_moved_and_renamed_by_jenkins_with_its_builds(sandbox):
    jenkins = server(sandbox)
    for name in ("old", "new"):
        jenkins.create(name, FOLDER)
    jenkins.create("old/a", JOB)
    jenkins.move("old/a", "new")
    jenkins.rename("new/a", "b")
    assert jenkins.read("old/a") is None
    assert jenkins.read("new/b")
    jenkins.move("new/b", "")
    assert jenkins.read("b")


class TestRefusals:
    def test_exists_already(self, sandbox):
        jenkins = server(sandbox)
        jenkins.create("x", FOLDER)
        with pytest.raises(StaleWriteError, match="'x' not created: A job already exists with the name"):
            jenkins.create("x", FOLDER)

    def test_no_such_folder(self, sandbox):
        with pytest.raises(NotFoundError, match="'nowhere/x' not created"):
            server(sandbox).create("nowhere/x", JOB)

    def test_no_such_job(self, sandbox):
        with pytest.raises(NotFoundError, match="'x' not updated"):
            server(sandbox).update("x", JOB)

    def test_what_jenkins_cannot_read(self, sandbox):
        with pytest.raises(InvalidObjectError, match=r"Jenkins can't read this config.xml") as refused:
            server(sandbox).create("x", "<wibble/>")
        assert "<" not in refused.value.message

    def test_another_type(self, sandbox):
        jenkins = server(sandbox)
        jenkins.create("x", FOLDER)
        with pytest.raises(InvalidObjectError):
            jenkins.update("x", JOB)

    @pytest.mark.parametrize("name", ["a/../b", "/a", "a/", "a?b", "a\nb", "..", "a//b", "a%2fb"])
    def test_a_name_that_jenkins_refuses_is_not_even_sent(self, sandbox, name):
        jenkins = server(sandbox)
        with pytest.raises(UsageError, match="nothing was sent: Jenkins refuses the name"):
            jenkins.create(name, JOB)
        with pytest.raises(UsageError, match="nothing was sent: Jenkins refuses the name"):
            jenkins.read(name)
        assert sandbox.requests == []

    def test_wrong_token(self, sandbox):
        with pytest.raises(UnauthorizedError, match="does not accept the credentials of user 'admin'") as refused:
            server(sandbox, secret="wrong-secret").inventory(1)
        assert "wrong-secret" not in repr(refused.value) + str(refused.value.__cause__) + refused.value.hint

    def test_nobody(self, sandbox):
        with pytest.raises(UnauthorizedError, match="wants a login"):
            server(sandbox, user="", secret="").inventory(1)

    def test_no_permission(self):
        from agent.sandbox.jenkins import Account

        reader = Account(password="p", token="t", may_write=False)
        users = {"reader": reader}
        with SandboxJenkins(users) as sandbox, pytest.raises(ForbiddenError, match="user 'reader' may not do that"):
            server(sandbox).create("x", FOLDER)

    @pytest.mark.parametrize("call", ["inventory", "read", "create", "update", "delete", "rename"])
    def test_a_login_page_is_never_a_success(self, sandbox, call):
        jenkins = server(sandbox)
        jenkins.create("x", JOB)
        sandbox.stand_behind_login_page()
        arguments = {"inventory": (1,), "read": ("x",), "create": ("y", JOB), "update": ("x", JOB), "delete": ("x",)}
        with pytest.raises(UnauthorizedError, match="login page"):
            getattr(jenkins, call)(*arguments.get(call, ("x", "y")))
        sandbox.stand_behind_login_page(hidden=False)
        assert list(sandbox.items) == ["x"]

    def test_connection_refused(self, sandbox):
        sandbox.stop()
        with pytest.raises(UnreachableError, match=r"no answer from http://127.0.0.1:.*: connection refused"):
            server(sandbox).inventory(1)

    def test_an_unknown_name(self):
        jenkins = JenkinsServer(Connection.to("http://nowhere.invalid"), pause=lambda _seconds: None)
        with pytest.raises(UnreachableError, match=r"no answer from http://nowhere.invalid"):
            jenkins.inventory(1)

    def test_something_that_is_no_jenkins(self, sandbox):
        with pytest.raises(RemoteError):
            server(sandbox, url=sandbox.url + "/job").inventory(1)


class TestPatience:
    def test_unavailable_is_asked_again_and_told_of(self, sandbox):
        heard: list[int] = []
        sandbox.fault("status", status=503, times=3)
        server(sandbox, notice=heard.append).create("x", FOLDER)
        assert heard == [503, 503, 503]
        assert list(sandbox.items) == ["x"]

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_each_passing_trouble(self, sandbox, status):
        sandbox.fault("status", status=status, times=1)
        assert server(sandbox).inventory(1).items == {}

    def test_retry_after_is_honoured(self, sandbox):
        waited: list[float] = []
        sandbox.fault("status", status=503, times=1, retry_after=7)
        connection = Connection.to(sandbox.url, user=sandbox.user, secret=sandbox.token)
        jenkins = JenkinsServer(connection, pause=waited.append)
        jenkins.inventory(1)
        assert waited == [7]

    def test_a_reset_after_the_fact_is_seen_as_what_it_is(self, sandbox):
        sandbox.fault("reset", after=True, times=1, method="POST")
        with pytest.raises(StaleWriteError):
            server(sandbox).create("x", FOLDER)
        assert list(sandbox.items) == ["x"]

    @pytest.mark.parametrize("kind", ["reset", "cut", "slow"])
    def test_a_broken_line_loses_nothing(self, sandbox, kind):
        jenkins = server(sandbox)
        jenkins.create("x", JOB)
        sandbox.fault(kind, times=1)
        assert jenkins.read("x")

    def test_trouble_that_stays_is_an_error_after_a_while(self, sandbox):
        sandbox.fault("status", status=503)
        with pytest.raises(UnreachableError, match="Jenkins answers 503"):
            server(sandbox).inventory(1)
        assert len(sandbox.requests) == 8

    def test_no_retry_hides_a_refusal(self, sandbox):
        sandbox.fault("status", status=500)
        with pytest.raises(RemoteError):
            server(sandbox).create("x", JOB)
        assert len(sandbox.requests) == 1

    def test_pauses_end_when_the_process_was_told_to_stop(self, sandbox):
        sandbox.fault("status", status=503, retry_after=100)
        jenkins = JenkinsServer(Connection.to(sandbox.url, user=sandbox.user, secret=sandbox.token))
        threading.Timer(0.05, jenkins.hurry).start()
        with pytest.raises(UnreachableError):
            jenkins.inventory(1)


class TestCrumbs:
    def test_a_password_gets_a_crumb_and_a_fresh_one_when_it_changes(self, sandbox):
        jenkins = server(sandbox, secret=sandbox.password)
        jenkins.create("x", FOLDER)
        jenkins.create("y", FOLDER)
        sandbox.change_crumbs()
        jenkins.create("z", FOLDER)
        assert sorted(sandbox.items) == ["x", "y", "z"]
        assert sum(seen.path == "/crumbIssuer/api/json" for seen in sandbox.requests) == 2

    def test_a_restart_in_the_middle_is_survived(self, sandbox):
        jenkins = server(sandbox, secret=sandbox.password)
        jenkins.create("x", FOLDER)
        sandbox.fault("restart", times=3)
        jenkins.create("y", FOLDER)
        assert sorted(sandbox.items) == ["x", "y"]

    def test_many_threads_share_one_crumb(self, sandbox):
        jenkins = server(sandbox, secret=sandbox.password)
        jenkins.create("f", FOLDER)
        sandbox.change_crumbs()
        threads = [threading.Thread(target=jenkins.create, args=(f"f/{number}", JOB)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(sandbox.items) == 9
        assert sum(seen.path == "/crumbIssuer/api/json" for seen in sandbox.requests) == 2


class TestSecrets:
    def test_extra_headers_are_sent_and_never_logged(self, sandbox, monkeypatch, caplog):
        monkeypatch.setenv("JENKINS_API_EXTRA_HEADERS", "X-Gateway: planted-secret")
        with caplog.at_level(logging.DEBUG):
            connection = Connection.to(sandbox.url, user=sandbox.user, secret=sandbox.token)
            jenkins = JenkinsServer(connection.headers_from("X-Gateway: planted-secret"))
            jenkins.inventory(1)
        assert "planted-secret" not in caplog.text
        assert "planted-secret" not in repr(jenkins._connection)

    def test_the_token_is_in_no_text(self, sandbox, caplog):
        connection = Connection.to(sandbox.url, user=sandbox.user, secret="planted-token")
        assert "planted-token" not in repr(connection)
        with caplog.at_level(logging.DEBUG), pytest.raises(UnauthorizedError) as refused:
            JenkinsServer(connection).inventory(1)
        assert "planted-token" not in caplog.text + str(refused.value) + refused.value.hint

    @pytest.mark.parametrize(
        "url",
        ["", "jenkins", "ftp://x", "http://", "http://a b", "http://[::1", "file:///etc/passwd", "http://me:pw@host"],
    )
    def test_a_url_that_is_none_or_holds_a_password_is_refused(self, url):
        with pytest.raises(UsageError, match="nothing was sent") as refused:
            Connection.to(url)
        assert "pw" not in refused.value.message

    def test_certificates_are_checked_whatever_the_environment_says(self, monkeypatch):
        monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
        jenkins = JenkinsServer(Connection.to("https://127.0.0.1:1"))
        assert jenkins._transport._client._session.verify is True


def test_a_context_path_is_part_of_the_url():
    assert Connection.to("https://ci.example.com/jenkins/").url == "https://ci.example.com/jenkins"


@pytest.mark.parametrize(
    "answer",
    [
        b'{"jobs": 7}',
        b'{"jobs": [1, null, "x", {"fullName": null}]}',
        b"[]",
        b"{" * 100_000,
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
        b"null",
        b"<html>hello</html>",
    ],
)
def test_an_answer_of_any_nonsense_is_an_error_or_an_empty_list(answer):
    with serving(answer) as url:
        jenkins = JenkinsServer(Connection.to(url), pause=lambda _seconds: None)
        with suppress(RemoteError):
            assert set(jenkins.inventory(1).items) <= {""}


@pytest.mark.parametrize("value", ["soon", "-1", "99999999999999999999", "Wed, 21 Oct 2015 07:28:00 GMT", ""])
def test_a_retry_after_of_any_nonsense_is_survived(value):
    waited: list[float] = []
    with serving(b"{}", status=503, headers={"Retry-After": value}) as url:
        jenkins = JenkinsServer(Connection.to(url), pause=waited.append)
        with pytest.raises(UnreachableError):
            jenkins.inventory(1)
    assert all(seconds <= 120 for seconds in waited)


@pytest.mark.parametrize(
    ("location", "is_done"),
    [
        ("/job/b/", True),
        ("https://ci.example.com/jenkins/job/b/", True),
        ("/login?from=%2Fjob%2Fa", False),
        ("https://sso.example.com/authorize?client=jenkins", False),
        ("https://sso.example.com/oauth2/authorize?next=/job/b/", False),
        ("/securityRealm/commenceLogin", False),
        ("", False),
    ],
)
def test_only_a_redirect_to_the_item_is_a_success(location, is_done):
    with serving(b"", status=302, headers={"Location": location}, method="POST") as url:
        jenkins = JenkinsServer(Connection.to(url), pause=lambda _seconds: None)
        if is_done:
            jenkins.rename("a", "b")
        else:
            with pytest.raises(RemoteError, match="'a' not renamed to 'b'"):
                jenkins.rename("a", "b")
