"""This process by name, whether another one of this machine is gone, and a heartbeat on a thread of its own."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FIELDS_AFTER_NAME = 19  # of /proc/PID/stat: starttime is the 22nd field, counted behind the name in parentheses


def own() -> str:
    """`host boot pid start`: tells this process from every other, on this machine and elsewhere."""
    pid = os.getpid()
    return f"{socket.gethostname()} {_boot()} {pid} {_start(pid)}"


def known_dead(process: str) -> bool:
    """Whether a process named by `own` is certainly gone.

    Only this machine's processes can be known to be; of another host, or from before the last boot of a host that may
    only have the same name, nothing is known.
    """
    parts = process.split(" ")
    if len(parts) != 4 or not parts[2].isdigit():  # noqa: PLR2004  the parts of `own`
        return False
    host, boot, pid, start = parts
    if host != socket.gethostname() or boot != _boot() or boot == "unknown":
        return False
    return _start(int(pid)) != start


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip() + _namespace()
    return "unknown"


def _namespace() -> str:
    """Process numbers mean something only within their PID namespace: two containers of one host differ here."""
    with suppress(OSError):
        return "/" + Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    return ""


def _start(pid: int) -> str:
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()
        return "gone" if fields[0] == "Z" else fields[_FIELDS_AFTER_NAME]
    return "gone"


@contextmanager
def heartbeat(seconds: float, beat: Callable[[], float]) -> Iterator[None]:
    """Calls `beat` after so many seconds, then after as many as it answers, until the block is left.

    The thread never keeps the process alive.
    """
    over = threading.Event()

    def run() -> None:
        pause = seconds
        while not over.wait(pause):
            pause = beat()

    thread = threading.Thread(target=run, name="headway:heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=0.5)
