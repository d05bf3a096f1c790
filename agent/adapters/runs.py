"""Runs of `jobs apply` on disk: a backup of every config.xml before it is changed, and one line for every change.

    RUNS/20261123T224501.042Z-3f2a/audit.jsonl
    RUNS/20261123T224501.042Z-3f2a/before/<sha256>.xml

Nothing here decides anything: the next apply looks at Jenkins alone. Files are for their owner only, because config.xml
may hold encrypted secrets.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.errors import UsageError
from agent.jobs.change import Change, Conflict, Create, Delete, Keep, Move, action, full_name
from agent.jobs.rollback import Entry
from agent.reports.jobs import ItemReport

BEGUN = "begun"
"""The outcome on the line that is written before a change is sent."""


class RunFolder:
    """Where one run notes what it does; nothing is written before the first change.

    Args:
        runs: the folder of all runs.
        started: when, in UTC; names sort by it.
        context: who and from what: actor, build, git revision, Jenkins; repeated on every line.
    """

    def __init__(self, runs: Path, started: datetime, context: Mapping[str, str]) -> None:
        stamp = started.strftime("%Y%m%dT%H%M%S.%f")[:-3]
        self.name = f"{stamp}Z-{secrets.token_hex(2)}"
        self.folder = runs / self.name
        self._context = {"run": self.name, **context}
        self._lock = threading.Lock()
        self._open = False

    def before(self, change: Change, at: str) -> None:
        """Keeps what is about to be changed, and notes that it is: a run that is killed can be taken back too.

        Raises:
            UsageError: it can't be kept; the change must not be sent.
        """
        try:
            with self._lock:
                self._begin()
            for text in (_before(change), _after(change)):
                if text:
                    self._keep(text)
            self._note(change, at, BEGUN, "")
        except OSError as problem:
            raise UsageError(
                f"'{full_name(change)}' not changed: no backup can be written to {self.folder}: {problem.strerror}",
                hint="--runs DIR names another place",
            ) from problem

    def after(self, item: ItemReport, at: str) -> None:
        """Notes how a change ended; a line that can't be written is lost, the change is not."""
        try:
            self._note(item.change, at, item.outcome.value, item.message)
        except OSError:
            return

    def _note(self, change: Change, at: str, outcome: str, message: str) -> None:
        line = {
            **self._context,
            "at": at,
            "job": full_name(change),
            "action": action(change),
            "outcome": outcome,
            "reason": change.reason,
            "message": message,
            "spec": _spec(change),
            "origin": change.steps[0] if isinstance(change, Move) else "",
            "before_sha256": _sha256(_before(change)),
            "after_sha256": _sha256(_after(change)),
        }
        text = json.dumps(line, ensure_ascii=False) + "\n"
        with self._lock:
            self._begin()
            descriptor = os.open(self.folder / "audit.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(text)

    def _begin(self) -> None:
        if not self._open:
            (self.folder / "before").mkdir(mode=0o700, parents=True)
            self.folder.chmod(0o700)
            self._open = True

    def _keep(self, text: str) -> None:
        path = self.folder / "before" / f"{_sha256(text)}.xml"
        if path.exists():
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode())


def entries(runs: Path, run: str) -> tuple[Entry, ...]:
    """What a run did or was about to do, in its order.

    Args:
        runs: the folder of all runs.
        run: its name or the beginning of it; `last` is the newest one.

    Raises:
        UsageError: there is no such run, or several begin like that, or a backup is damaged.
    """
    folder = _folder(runs, run)
    found: list[Entry] = []
    for number, line in enumerate(_lines(folder), 1):
        try:
            data: dict[str, Any] = json.loads(line)
            if data["outcome"] == BEGUN:
                before, after = (_kept(folder, str(data[f"{name}_sha256"])) for name in ("before", "after"))
                found.append(Entry(str(data["job"]), str(data["action"]), str(data["origin"]), before, after))
        except (ValueError, KeyError, TypeError) as problem:
            raise UsageError(f"nothing was sent: line {number} of {folder / 'audit.jsonl'} is damaged") from problem
    return tuple(found)


def history(runs: Path, job: str) -> tuple[dict[str, str], ...]:
    """The lines of all runs about one job, the oldest first; of a moved job under either name.

    A change that was begun and has no other line was cut off: nobody knows whether Jenkins took it.

    Args:
        runs: the folder of all runs.
        job: its full name.
    """
    found: list[dict[str, str]] = []
    for folder in sorted(path for path in runs.iterdir() if (path / "audit.jsonl").is_file()) if runs.is_dir() else ():
        of_run: dict[tuple[str, str], dict[str, str]] = {}
        for line in _lines(folder):
            try:
                data = {str(name): str(value) for name, value in json.loads(line).items()}
            except (ValueError, AttributeError):
                continue  # the end of a run that was killed while it wrote
            if job in {data.get("job"), data.get("origin")}:
                of_run[data.get("job", ""), data.get("action", "")] = data
        found += of_run.values()
    return tuple(found)


def _folder(runs: Path, run: str) -> Path:
    names = sorted(path.name for path in runs.iterdir() if (path / "audit.jsonl").is_file()) if runs.is_dir() else []
    matching = names[-1:] if run == "last" else [name for name in names if name.startswith(run)] if run else []
    if len(matching) == 1:
        return runs / matching[0]
    if matching:
        raise UsageError(f"nothing was sent: several runs begin with '{run}': {', '.join(matching[:5])}")
    known = f"the newest are {', '.join(names[-3:])}" if names else f"there are none in {runs}"
    raise UsageError(f"nothing was sent: there is no run '{run}'", hint=f"{known}; --runs DIR names another place")


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as problem:
        raise UsageError(f"nothing was sent: {folder} can't be read: {problem.strerror}") from problem


def _kept(folder: Path, digest: str) -> str:
    if not digest:
        return ""
    if not digest.isalnum():
        raise ValueError(digest)
    try:
        text = (folder / "before" / f"{digest}.xml").read_bytes().decode()
    except (OSError, UnicodeError) as problem:
        raise UsageError(f"nothing was sent: the backup {digest[:12]} of {folder.name} can't be read") from problem
    if _sha256(text) != digest:
        raise UsageError(f"nothing was sent: the backup {digest[:12]} of {folder.name} is damaged")
    return text


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _before(change: Change) -> str:
    return "" if isinstance(change, Create | Keep | Conflict) else change.reading.before


def _after(change: Change) -> str:
    if isinstance(change, Create):
        return change.job.config_xml
    return "" if isinstance(change, Keep | Conflict) else change.reading.after


def _spec(change: Change) -> str:
    marker = change.item.marker if isinstance(change, Delete) else change.job.marker
    return marker.spec if marker else ""
