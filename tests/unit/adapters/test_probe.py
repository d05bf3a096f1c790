"""Smoke checks from here: bounded, without credentials, and nothing left running."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path

import pytest

from agent.adapters.probe import SystemProber
from agent.errors import UsageError
from tests.fakes.loopback import serving


@pytest.fixture
def prober(tmp_path):
    return SystemProber(tmp_path)


def test_an_answer_is_an_answer_whatever_its_status(prober):
    with serving(lambda heard, wire: wire.answer(b"\xffno", 500, "text/plain")) as server:
        answer = prober.get(f"{server.url}/api", timeout=2)
    assert (answer.status, answer.body, answer.error) == (500, "\ufffdno", "")
    assert 0 < answer.seconds < 2


def test_redirects_are_followed(prober):
    def handler(heard, wire):
        if heard.target == "/":
            wire.answer(b"", 302, Location="/there")
        else:
            wire.answer(heard.target.encode())

    with serving(handler) as server:
        assert prober.get(f"{server.url}/", timeout=2).body == "/there"


def test_a_circle_of_redirects_is_no_answer(prober):
    with serving(lambda heard, wire: wire.answer(b"", 302, Location="/")) as server:
        answer = prober.get(f"{server.url}/", timeout=5)
    assert (answer.status, answer.error) == (0, "redirected in a circle")


def test_the_body_is_cut_at_64_kib(prober):
    with serving(lambda heard, wire: wire.answer(b"x" * 1_000_000)) as server:
        assert len(prober.get(server.url, timeout=5).body) == 65536


def test_a_body_that_drips_is_cut_at_the_limit(prober):
    def handler(heard, wire):
        wire.begin_stream()
        while not wire.stop.wait(0.02):
            wire.chunk(b"drip")

    with serving(handler) as server:
        began = time.monotonic()
        answer = prober.get(server.url, timeout=0.3)
    assert time.monotonic() - began < 3
    assert (answer.status, answer.error) == (0, "no answer within 0.3 s")


def test_silence_is_no_answer(prober):
    with serving(lambda heard, wire: wire.stop.wait(10)) as server:
        answer = prober.get(server.url, timeout=0.2)
    assert (answer.status, answer.error) == (0, "no answer within 0.2 s")


def test_a_refused_connection_and_an_unknown_name_are_told(prober):
    assert "refused" in prober.get("http://127.0.0.1:9/", timeout=2).error.lower()
    assert prober.get("http://no-such-host.invalid/", timeout=2).status == 0


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "/healthz", ""])
def test_other_schemes_are_refused(prober, url):
    with pytest.raises(UsageError, match="must begin with http"):
        prober.get(url, timeout=1)


def test_no_credential_goes_along(tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    def handler(heard, wire):
        if heard.target == "/":
            wire.answer(b"", 302, Location="/there")
        else:
            wire.json({})

    with serving(handler) as server:
        SystemProber(tmp_path).get(f"{server.url}/", timeout=2)
        assert len(server.heard) == 2
        for heard in server.heard:
            assert not {"authorization", "cookie"} & set(heard.headers)


def test_a_command_runs_in_the_specs_folder_with_what_it_was_given(tmp_path):
    prober = SystemProber(tmp_path, {"PATH": os.environ["PATH"], "HOME": "/home/me", "JENKINS_API_TOKEN": "secret"})
    answer = prober.run("pwd; env | sort", environment={"URL": "https://x", "VERSION": "v2"}, timeout=10)
    lines = answer.output.splitlines()
    assert answer.status == 0
    assert lines[0] == str(tmp_path)
    assert {"HOME=/home/me", "URL=https://x", "VERSION=v2"} <= set(lines)
    assert "secret" not in answer.output


@pytest.mark.parametrize("name", ["KUBECONFIG", "JENKINS_API_TOKEN", "AWS_SECRET_ACCESS_KEY", "BUILD_URL"])
def test_nothing_else_of_our_environment_is_passed_on(tmp_path, name):
    prober = SystemProber(tmp_path, {"PATH": os.environ["PATH"], name: "leaked"})
    assert "leaked" not in prober.run("env", environment={}, timeout=10).output


def test_the_exit_status_and_both_outputs_come_back(prober):
    answer = prober.run("echo out; echo err >&2; exit 3", environment={}, timeout=10)
    assert (answer.status, answer.output) == (3, "out\nerr\n")


def test_the_end_of_a_long_output_is_kept(prober):
    answer = prober.run("yes | head -c 500000; echo; echo last", environment={}, timeout=20)
    assert len(answer.output) == 65536
    assert answer.output.endswith("last\n")


def test_tokens_in_the_output_are_scrubbed(prober):
    assert prober.run("echo 'Authorization: Bearer abcdefgh123456'", environment={}, timeout=10).output == (
        "Authorization: Bearer ***\n"
    )


def gone(pid: int) -> bool:
    """Whether the process ends soon: SIGKILL takes the kernel a moment (a zombie has ended, too)."""
    process = Path(f"/proc/{pid}/stat")
    for _ in range(200):
        try:
            if process.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        select.select([], [], [], 0.01)
    return False


def test_at_the_limit_the_whole_group_is_killed(prober, tmp_path):
    began = time.monotonic()
    answer = prober.run("sleep 60 & echo $! > child; echo begun; wait", environment={}, timeout=0.5)
    assert (answer.status, answer.output) == (None, "begun\n")
    assert time.monotonic() - began < 5
    assert gone(int((tmp_path / "child").read_text()))


def test_a_command_that_ignores_sigterm_is_killed_too(prober):
    began = time.monotonic()
    answer = prober.run("trap '' TERM; while :; do sleep 0.1; done", environment={}, timeout=0.3)
    assert answer.status is None
    assert time.monotonic() - began < 5


def test_what_a_command_left_running_is_not_waited_for_and_killed(prober, tmp_path):
    began = time.monotonic()
    answer = prober.run("sleep 60 & echo $! > child; echo done", environment={}, timeout=30)
    assert (answer.status, answer.output) == (0, "done\n")
    assert time.monotonic() - began < 5
    assert gone(int((tmp_path / "child").read_text()))


def test_a_command_that_closes_its_output_is_still_waited_for(prober):
    assert prober.run("exec >&- 2>&-; sleep 0.2; exit 4", environment={}, timeout=10).status == 4


def test_a_folder_that_is_not_there_is_told(tmp_path):
    answer = SystemProber(tmp_path / "missing").run("true", environment={}, timeout=5)
    assert answer.status == 127
    assert "the command was not started" in answer.output
