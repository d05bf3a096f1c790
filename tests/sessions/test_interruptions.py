"""Ctrl-C and SIGTERM at every phase of a deploy: what was left is said, recorded, and nothing is half sent."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.sessions.stage import Process, until

TERM, INT = signal.SIGTERM, signal.SIGINT
STATUS = {TERM: 143, INT: 130}
RECORDED = 4.0
"""Seconds (contract section 7); a process that was asked to end gets that long to record, and 15 to be gone."""


def asked(shop):
    return shop.cluster.requests


def dry(shop):
    return [seen for seen in asked(shop) if seen.dry_run]


def questions(shop):
    return [seen for seen in asked(shop) if seen.resource == "pods/proxy"]


def writes(shop, resource):
    return [seen for seen in shop.cluster.writes_seen() if seen.resource == resource]


PHASES = {
    "connecting": asked,
    "rehearsing": dry,
    "asking what serves now": questions,
    "recording": lambda shop: writes(shop, "configmaps"),
    "rolling out": lambda shop: writes(shop, "deployments"),
    "asking what is new": lambda shop: [seen for seen in questions(shop) if seen.status == 500],
    "undoing": lambda shop: len(writes(shop, "deployments")) > 1,
}
TAGS = {"rolling out": "unready", "asking what is new": "v2", "undoing": "v2"}
BEFORE = ("connecting", "rehearsing", "asking what serves now")


def ended(process, numbers) -> tuple[float, object]:
    began = time.monotonic()
    for number in numbers:
        process.send(number)
        time.sleep(0.05)  # as Jenkins does: the shell's children first, then the shell's own
    done = process.end(15)
    return time.monotonic() - began, done


CASES = [
    *((phase, (TERM,)) for phase in PHASES),
    ("recording", (INT,)),
    ("undoing", (INT, TERM)),
    *(
        pytest.param(phase, numbers, marks=pytest.mark.soak)
        for phase in ("rolling out", "undoing")
        for numbers in ((INT, INT), (TERM, TERM))
    ),
]


@pytest.mark.parametrize(("phase", "numbers"), CASES)
def test_an_interruption_is_said_and_recorded(running, headway, phase, numbers):
    running.spec(("within: 600ms", "within: 2500ms"))
    running.cluster.fault("slow", resource="pods/proxy", delay=0.05)
    process = Process(*running.deploy(TAGS.get(phase, "v3")), cwd=running.folder)
    until(lambda: PHASES[phase](running))
    seconds, done = ended(process, numbers)
    words = done.out + done.err
    assert done.status == STATUS[numbers[0]], words
    assert seconds < RECORDED + 4, words  # a loaded machine is slow to end a process
    assert "Traceback" not in words
    assert "bug in Headway" not in words
    assert words.count("INTERRUPTED by") == 1 or words.count("interrupted:") == 1, words
    assert words.count("nothing was changed") <= 1
    assert words.count("`headway undo` would go back to") <= 1, words
    if phase in BEFORE:
        assert running.writes == []
        assert "nothing was changed" in words or "nothing more was done" in words
        assert running.serving == "v1"
    history = headway("history", ".", "--env", "staging").out
    if phase in {"rolling out", "asking what is new"}:
        assert "interrupted" in history, history
    if phase == "recording":  # heard before the answer was, the intent stands in the ledger as it was written
        assert "interrupted" in history or "open" in history, history
    running.cluster.faults.clear()
    again = headway(*running.deploy("v4"))
    assert again.status == 0, again.out + again.err


def test_commands_that_only_read_answer_a_signal_too(running):
    silence = running.cluster.fault("silence", resource="deployments", times=1)
    process = Process("status", ".", "--env", "staging", cwd=running.folder)
    began = time.monotonic()
    until(lambda: silence.hits)
    process.send(TERM)
    done = process.end(10)
    running.cluster.faults.clear()
    assert time.monotonic() - began < 10
    assert done.status == 143
    assert done.err == "error: interrupted: nothing more was done\n"


def test_an_interrupted_undo_is_recorded(running, headway):
    assert headway(*running.deploy("v3")).status == 0
    running.cluster.forget_requests()
    running.cluster.freeze_controllers()
    process = Process("undo", ".", "--env", "staging", cwd=running.folder)
    until(lambda: writes(running, "deployments"))
    _, done = ended(process, (TERM, TERM))
    assert done.status == 143, done.out + done.err
    assert "INTERRUPTED by SIGTERM" in done.out
    running.cluster.freeze_controllers(frozen=False)
    assert "open" in headway("status", ".", "--env", "staging").out


def test_an_api_server_that_is_silent_delays_no_ending(running):
    """The last words have no reader: they are given up after their time, and the process ends."""
    process = Process(*running.deploy("unready"), cwd=running.folder)
    until(lambda: writes(running, "deployments"))
    running.cluster.refuse_connections()
    seconds, done = ended(process, (TERM, TERM))
    assert done.status == 143, done.out + done.err
    assert seconds < 15
    assert "the ledger still holds what was written before the change" in done.out


@pytest.mark.parametrize("shell", ["headway {words}; exit $?", 'exec "$PYTHON" -m agent {words}'])
def test_jenkins_aborts_a_step(running, shell):
    """SIGTERM to the child, then to the shell of the step; both within moments, then nothing more for 20 s."""
    words = " ".join(running.deploy("unready"))
    process = Process(shell=shell.format(words=words), cwd=running.folder)
    until(lambda: writes(running, "deployments"))
    found = subprocess.run(["pgrep", "-P", str(process.child.pid)], capture_output=True, text=True, check=False)
    began = time.monotonic()
    for child in found.stdout.split():
        subprocess.run(["kill", "-TERM", child], check=False)
    process.send(TERM)
    until(lambda: len(writes(running, "configmaps")) >= 2)
    assert time.monotonic() - began < RECORDED + 2
    process.end(15)
    assert time.monotonic() - began < 15
