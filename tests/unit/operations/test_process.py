"""This process by name, and whether others are known to be gone."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from agent.adapters import process


def test_this_process_lives():
    assert not process.known_dead(process.own())


def test_a_process_that_ended_is_known_to_be_dead():
    code = "from agent.adapters import process; print(process.own())"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert process.known_dead(done.stdout.strip())


def test_nothing_is_known_of_other_machines():
    host, boot, pid, start = process.own().split(" ")
    assert not process.known_dead(f"other {boot} {pid} 1")
    assert not process.known_dead(f"{host} other {pid} 1")
    assert not process.known_dead("")
    assert not process.known_dead("a b c d")
    assert process.known_dead(f"{host} {boot} {pid} {start}0")


def test_the_heartbeat_beats_and_ends():
    beats, beaten = [], threading.Event()

    def beat():
        beats.append(len(beats))
        if len(beats) == 2:
            beaten.set()
        return 0.01 if len(beats) < 2 else 3600.0  # after as many seconds as it answered

    with process.heartbeat(0.01, beat):
        assert beaten.wait(5)
    assert not [one for one in threading.enumerate() if one.name == "headway:heartbeat" and one.is_alive()]
