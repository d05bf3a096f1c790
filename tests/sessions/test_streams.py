"""Where words go: full and closed pipes, terminals of any width, odd locales, folders nobody may use."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.sessions.stage import IMAGE, ROOT, Process, one_message

CLOSED = (">&-", "2>&-", ">&- 2>&- <&-")


@pytest.mark.parametrize("streams", CLOSED)
@pytest.mark.parametrize(
    ("words", "status"), [("check .", 0), ("--help", 0), ("replay nothing-here", 2), ("deploi", 2)]
)
def test_closed_streams_change_no_status(shop, words, status, streams):
    done = Process(shell=f"headway {words} {streams}", cwd=shop.folder).end()
    assert done.status == status, done.err
    assert "Traceback" not in done.err + done.out
    assert "bug in Headway" not in done.err + done.out


@pytest.mark.parametrize("streams", [*CLOSED, "| head -1 >&2; exit ${PIPESTATUS[0]}", ">/dev/full 2>/dev/full"])
def test_a_deploy_goes_on_when_nobody_listens(shop, streams):
    done = Process(shell=f"headway {' '.join(shop.deploy('v1'))} {streams}", cwd=shop.folder).end()
    assert done.status == 0, done.err
    assert shop.serving == "v1"
    assert shop.writes[-1] == ("PUT", "configmaps")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("words", ["schema", "--help", "deploy --help", "sandbox scenes"])
def test_data_that_finds_no_room_is_said(tmp_path, words):
    done = Process(shell=f"headway {words} >/dev/full", cwd=tmp_path).end()
    assert done.status == 4
    assert one_message(done.err) == "error: the output could not be written: No space left on device\n"


@pytest.mark.parametrize("words", ["status . --env staging --no-registry", "history . --env staging"])
def test_what_a_person_asked_for_and_that_finds_no_room_is_said(shop, words):
    assert Process(shell=f"headway {' '.join(shop.deploy('v1'))}", cwd=shop.folder).end().status == 0
    done = Process(shell=f"headway {words} >/dev/full", cwd=shop.folder).end()
    assert done.status == 4
    assert one_message(done.err) == "error: the output could not be written: No space left on device\n"


@pytest.mark.parametrize("words", ["schema", "--help", "sandbox scenes"])
def test_a_reader_that_has_enough_is_no_failure(tmp_path, words):
    done = Process(shell=f"headway {words} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}", cwd=tmp_path).end()
    assert (done.status, done.out, done.err) == (0, "", "")


def test_talk_that_finds_no_room_costs_no_data(tmp_path):
    done = Process(shell="headway schema 2>/dev/full", cwd=tmp_path).end()
    assert done.status == 0
    assert done.out.startswith("{")


def test_what_a_smoke_command_prints_never_reaches_a_socket(running):
    """With stdout closed, the first connection would be file 1, which every child inherits."""
    running.spec(("get: /api, within: 600ms", "run: 'echo GET / HTTP/1.1; test ! -S /dev/fd/1', within: 600ms"))
    done = Process(shell=f"headway {' '.join(running.deploy('v3'))} >&-", cwd=running.folder).end()
    assert done.status == 0, done.err
    assert running.serving == "v3"


class Screen:
    """A pseudo-terminal of some width, and what a command drew on it."""

    def __init__(self, width: int) -> None:
        self.keeper, self.side = pty.openpty()
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))

    def run(self, *words: str, cwd, **environment: str) -> tuple[int, str]:
        """(status, everything that was drawn)."""
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}}
        kept |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"} | environment
        child = subprocess.Popen(
            [sys.executable, "-m", "agent", *words],
            cwd=cwd,
            env=kept,
            stdin=self.side,
            stdout=self.side,
            stderr=self.side,
        )
        os.close(self.side)
        drawn = b""
        while True:
            try:
                part = os.read(self.keeper, 65536)
            except OSError:
                break
            if not part:
                break
            drawn += part
        os.close(self.keeper)
        return child.wait(timeout=10), drawn.decode("utf-8")


COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


def lines(drawn: str) -> list[str]:
    """What is left to read in the end, line by line: cursor up, erase line and carriage return are carried out."""
    shown, row = [""], 0
    for found in PIECE.finditer(drawn):
        count, letter, back, down, text = found.groups()
        if letter == "A":
            row = max(row - int(count or 1), 0)
        elif letter == "K" or back:
            shown[row] = "" if letter else shown[row]
        elif down:
            row += 1
            shown += [""] * (row == len(shown))
        elif text:
            shown[row] = f"{shown[row]}{text}"
    return [line for line in shown if line.strip()]


@pytest.mark.parametrize("width", [80, 200])
def test_no_step_of_a_deploy_wraps(shop, width):
    status, drawn = Screen(width).run(*shop.deploy("v1"), cwd=shop.folder)
    assert status == 0, drawn
    assert max(map(len, lines(drawn))) < width, drawn
    assert COLOUR.search(drawn)


def test_a_moving_line_leaves_nothing_behind(shop):
    """What a person sees in a terminal at the end are the lines that a pipe gets."""
    _, drawn = Screen(100).run(*shop.deploy("v1"), cwd=shop.folder)
    assert [line.split()[0] for line in lines(drawn)] == ["web", "apply", "rollout", "smoke", "COMPLETE:"], drawn


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_none_is_wanted(shop, environment):
    status, drawn = Screen(100).run(*shop.deploy("v1"), cwd=shop.folder, **environment)
    assert status == 0
    assert not COLOUR.search(drawn), drawn


def test_a_pipe_gets_neither_colour_nor_movement(running):
    done = Process(*running.deploy("v2"), cwd=running.folder).end()
    assert done.status == 1
    assert "\x1b" not in done.out + done.err
    assert "\r" not in done.out + done.err


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "-"},
        {"HOME": "/nonexistent"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
        {"PATH": "/nonexistent"},
    ],
)
def test_an_odd_environment_is_no_obstacle(shop, environment):
    """`-` stands for a variable that is not set."""
    shop.spec(("service: web", "description: Läuft über Köln, 日本\nservice: web"))
    done = Process(*shop.deploy("v1"), cwd=shop.folder, **environment).end()
    assert done.status == 0, done.err
    assert "COMPLETE: v1 serves" in done.out


def test_problems_of_a_spec_survive_an_ascii_terminal(shop):
    shop.spec(("service: web", "service: wéb"))
    done = Process("check", ".", cwd=shop.folder, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0").end()
    assert done.status == 2
    assert "service.yaml:1:10" in done.out
    assert "Traceback" not in done.err


@pytest.mark.parametrize("name", ["my service", "sérvice 日本", "$(touch pwned)", "a'b\"c", "%s", "new\nline", "-dash"])
def test_a_spec_may_lie_anywhere(shop, headway, name):
    folder = shop.folder / name
    folder.mkdir()
    for file in ("service.yaml", "web.yaml"):
        (shop.folder / file).rename(folder / file)
    assert headway("check", "--", name).status == 0
    assert headway("status", "--env", "staging", "--", name).status == 4
    done = headway("deploy", "--env", "staging", "--image", f"{IMAGE}:v1", "--", name)
    assert done.status == 0, done.err
    assert not (shop.folder / "pwned").exists()


def test_a_leading_dash_is_taken_for_an_option(shop, headway):
    done = headway("check", "-service")
    assert done.status == 2
    assert "No such option" in one_message(done.err)


def test_a_folder_that_nobody_can_write_to_is_a_fine_place_to_stand(shop):
    done = Process(*("deploy", str(shop.folder), *shop.deploy("v1")[2:]), cwd=Path("/proc/self")).end()
    assert done.status == 0, done.err


@pytest.mark.parametrize("report", ["closed/report", "web.yaml", "web.yaml/report", "/proc/report"])
def test_a_report_folder_that_cannot_be_used_is_found_before_anything_is_sent(shop, headway, report):
    (shop.folder / "closed").write_text("a file")
    done = headway(*shop.deploy("v1"), "--report", report)
    assert done.status == 2, done.err
    one_message(done.err)
    assert shop.writes == []


def test_a_disk_that_fills_up_costs_the_report_and_not_the_deploy(shop, headway):
    folder = shop.folder / "report"
    folder.mkdir()
    (folder / "events.ndjson").symlink_to("/dev/full")
    (folder / "report.json").mkdir()
    done = headway(*shop.deploy("v1"), "--report", "report")
    assert done.status in {0, 2}, done.err
    assert shop.writes == [] or shop.serving == "v1"
    assert "bug in Headway" not in done.err
