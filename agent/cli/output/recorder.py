"""`--report DIR`: events.ndjson as things happen, the report in every form at the end.

What is written while a deploy runs must never stop it: a full disk costs the recording (said once), not the release.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO

from agent.cli.console import Console, clean
from agent.errors import UsageError
from agent.objects import Ref
from agent.reports import html, junit
from agent.reports.events import Event, Heard, Opened
from agent.rollout import recording
from agent.rollout.policy import Policy


class Recorder:
    """Writes one folder.

    Args:
        folder: made if it isn't there; empty: nothing is written.
        policy: goes into the recording's header.
        console: for the one warning.

    Raises:
        UsageError: the folder can't be made.
    """

    def __init__(self, folder: str, policy: Policy, console: Console) -> None:
        self.folder = Path(folder) if folder else None
        self._policy = policy
        self._console = console
        self._streams: dict[Ref, IO[str]] = {}
        self._workload: Ref | None = None
        self._broken = False
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in ("report.json", "junit.xml", "report.html"):
                (self.folder / old).unlink(missing_ok=True)
            for stale in self.folder.glob("events*.ndjson"):
                stale.unlink()
        except OSError as problem:
            raise UsageError(
                f"nothing was done: the folder {folder} can't be used for reports: {problem.strerror or problem}"
            ) from problem

    def emit(self, event: Event) -> None:
        """Takes one event; what was heard of a workload is written and flushed at once."""
        if self.folder is None or self._broken:
            return
        if isinstance(event, Opened):
            self._workload = event.workload
        if isinstance(event, Heard):
            self._try(lambda: self._line(event))

    def close(self, report: dict[str, object]) -> str:
        """Writes the report in every form.

        Returns:
            Where report.html lies; empty if nothing could be written.
        """
        for stream in self._streams.values():
            self._try(stream.close)
        if self.folder is None:
            return ""
        self._try(lambda: self._whole("report.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n"))
        self._try(lambda: self._whole("junit.xml", junit.render(report)))
        self._try(lambda: self._whole("report.html", html.render(report)))
        return "" if self._broken else str(self.folder / "report.html")

    def _line(self, event: Heard) -> None:
        stream = self._streams.get(event.workload) or self._open(event.workload)
        stream.write(json.dumps(recording.encode(event.event), separators=(",", ":"), ensure_ascii=False) + "\n")
        stream.flush()

    def _open(self, workload: Ref) -> IO[str]:
        """A recording a workload: that of the service's own is `events.ndjson`."""
        assert self.folder is not None
        own = workload == self._workload
        name = "events.ndjson" if own else f"events-{workload.kind.lower()}-{workload.name}.ndjson"
        stream = (self.folder / name).open("w", encoding="utf-8")
        stream.write(json.dumps(recording.header(workload, self._policy)) + "\n")
        self._streams[workload] = stream
        return stream

    def _whole(self, name: str, text: str) -> None:
        assert self.folder is not None
        (self.folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as problem:
            if not self._broken:
                self._console.warn(f"the report could not be written: {clean(problem.strerror or str(problem))}")
            self._broken = True
