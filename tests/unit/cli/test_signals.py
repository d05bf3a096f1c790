"""A signal is raised where the main thread stands, unless that would leave a lock held that nobody gives back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BEGINNING = """
import os, queue, signal, threading, time
from agent.cli import signals

signals.listen()

class Interrupted:
    '''A lock whose taker is interrupted as soon as it has it.'''

    def __init__(self):
        self.real = threading.Lock()
        self.acquire, self.release = self.real.acquire, self.real.release

    def __enter__(self):
        self.real.acquire()
        os.kill(os.getpid(), signal.{number})

    def __exit__(self, *_):
        self.real.release()

lock = Interrupted()
"""
ENDINGS = {
    "a condition": "with threading.Condition(lock): pass",
    "a queue": "it = queue.Queue(); it.not_full = it.not_empty = threading.Condition(lock); it.put(1)",
    "an event": "it = threading.Event(); it._cond = threading.Condition(lock); it.set()",
}


def said(script: str, number: str = "SIGTERM") -> str:
    """What a process says that runs it; it is to end by itself."""
    done = subprocess.run(
        [sys.executable, "-c", BEGINNING.replace("{number}", number) + script],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_no_lock_of_the_standard_library_stays_held(ending, number):
    script = f"""
try:
    {ENDINGS[ending]}
    time.sleep(30)
except KeyboardInterrupt as heard:
    print(type(heard).__name__, "held" if lock.real.locked() else "free")
"""
    assert said(script, number) == {"SIGTERM": "Terminated free", "SIGINT": "KeyboardInterrupt free"}[number]


FINALIZERS = {
    "a file": (
        "class Ends(io.IOBase):\n    def close(self): os.kill(os.getpid(), signal.SIGTERM); super().close()\nEnds()"
    ),
    "a property of a file": (
        "class Ends(io.IOBase):\n    done = False\n    @property\n    def closed(self):\n"
        "        self.done or os.kill(os.getpid(), signal.SIGTERM); self.done = True; return True\nEnds()"
    ),
    "an object": "class Ends:\n    def __del__(self): os.kill(os.getpid(), signal.SIGTERM)\nEnds()",
    "a weak reference": (
        "class Ends(set): pass\nends = Ends()\nweakref.finalize(ends, os.kill, os.getpid(), signal.SIGTERM)\ndel ends"
    ),
}


@pytest.mark.parametrize("ending", FINALIZERS)
def test_a_finalizer_swallows_no_signal(ending):
    """What is raised in one is dropped, silently where it closes a file: that is how responses of HTTP end."""
    lines = "".join(f"    {line}\n" for line in FINALIZERS[ending].splitlines())
    script = f"""
import io, weakref
try:
{lines}    time.sleep(5)
    print("swallowed")
except signals.Terminated:
    print("heard")
"""
    assert said(script) == "heard"


def test_whoever_waits_in_there_is_interrupted_all_the_same():
    script = """
began = time.monotonic()
threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
try:
    threading.Event().wait(30)
except signals.Terminated:
    print("heard" if time.monotonic() - began < 10 else "late")
"""
    assert said(script) == "heard"


def test_what_is_due_is_raised_once_and_what_comes_later_is_not():
    script = """
hear, heard = signal.getsignal(signal.SIGTERM), []
for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
    try:
        hear(number, None)
    except KeyboardInterrupt as raised:
        heard.append(type(raised).__name__)
print(*heard)
"""
    assert said(script) == "Terminated"


def test_another_thread_may_run_a_command_line():
    script = """
thread = threading.Thread(target=signals.listen)
thread.start()
thread.join()
print("fine")
"""
    assert said(script) == "fine"
