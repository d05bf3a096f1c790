"""The queue and the builds: WaitingItem in the quiet period, then LeftItem with a build that runs and ends.

A build executes nothing. It ends at once with a console as recorded, or as the `run_build` hook says (in a thread of
its own, running until the hook returns), or, while `hold` is set, when somebody calls `finish`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.sandbox.jenkins import consoles, tracker
from agent.sandbox.jenkins.store import Build, Item

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    RunBuild = Callable[[Item, Mapping[str, str]], tuple[str, str]]

_TAIL = "Finished: "
_REMEMBERED = 5 * 60 * 1000


@dataclass(eq=False, slots=True)
class QueueItem:
    """A build that somebody asked for.

    Args:
        id: counts through the whole controller.
        item: the job.
        user: who asked.
        parameters: as given, defaults included.
        since: milliseconds since 1970.
        due: when the quiet period ends.
        build: set when it has left the queue for an executor.
        cancelled: it never will.
    """

    id: int
    item: Item
    user: str
    parameters: Mapping[str, str]
    since: int
    due: int
    build: Build | None = None
    cancelled: bool = False

    @property
    def waiting(self) -> bool:
        """It is still in the quiet period."""
        return self.build is None and not self.cancelled

    @property
    def url(self) -> str:
        """Its path, without the leading slash, as the API says it."""
        return f"queue/item/{self.id}/"


@dataclass(slots=True)
class Executors:
    """The queue, and what runs what leaves it.

    Args:
        lock: the controller's; held by whoever calls in here.
        now: seconds since 1970.
        versions: the active plugins, for what a declarative build writes into its job.
        run_build: see the module.
        hold: builds stay running until `finish`.
        quiet_period: seconds.
    """

    lock: threading.RLock
    now: Callable[[], float]
    versions: Callable[[], Mapping[str, str]]
    run_build: RunBuild | None = None
    hold: bool = False
    quiet_period: float = 0.0
    queue: dict[int, QueueItem] = field(default_factory=dict)
    waiting: list[QueueItem] = field(default_factory=list)
    last_id: int = 0

    def schedule(self, item: Item, user: str, parameters: Mapping[str, str], delay: float | None = None) -> QueueItem:
        """Queues a build; one that waits already with the same parameters is the answer instead."""
        for known in self.waiting:
            if known.item is item and known.parameters == parameters:
                return known
        self.last_id += 1
        since = self._milliseconds()
        self._forget_old(since)
        quiet = self.quiet_period if delay is None else delay
        queued = QueueItem(self.last_id, item, user, parameters, since, since + int(quiet * 1000))
        self.queue[queued.id] = queued
        self.waiting.append(queued)
        self.start_due()
        return queued

    def start_due(self) -> None:
        """Starts what has waited out its quiet period; called before every request is answered."""
        if not self.waiting:
            return
        now = self._milliseconds()
        due = [queued for queued in self.waiting if queued.due <= now]
        self.waiting = [queued for queued in self.waiting if queued.due > now]
        for queued in due:
            self._start(queued)

    def cancel(self, queued: QueueItem) -> None:
        """Takes an item out of the queue, if it still waits."""
        if queued.waiting:
            queued.cancelled = True
            self.waiting.remove(queued)

    def forget(self) -> None:
        """What a restart does: waiting items stay, those that left are gone, what ran is aborted."""
        for queued in list(self.queue.values()):
            if queued.build is not None and queued.build.building:
                self.finish(queued.build, "ABORTED")
            if not queued.waiting:
                del self.queue[queued.id]

    def finish(self, build: Build, result: str, console: str = "") -> None:
        """Ends a running build; one that has ended stays as it is."""
        if not build.building:
            return
        text = build.console + console
        if not text.rstrip("\n").rpartition("\n")[2].startswith(_TAIL):
            text += ("" if not text or text.endswith("\n") else "\n") + f"{_TAIL}{result}\n"
        build.console = text
        build.result = result
        build.duration = max(0, self._milliseconds() - build.started)

    def stop(self, build: Build) -> None:
        """What POST stop does: the build is ABORTED; a hook that still runs is not listened to any more."""
        if build.building:
            build.console += f"Aborted by {build.user}\n"
            self.finish(build, "ABORTED")

    def _forget_old(self, now: int) -> None:
        """An item that left the queue can be asked for during five minutes."""
        for queued in list(self.queue.values()):
            if queued.waiting or now - queued.due < _REMEMBERED:
                return
            del self.queue[queued.id]

    def _start(self, queued: QueueItem) -> None:
        item = queued.item
        build = Build(item, item.next_number, queued.user, queued.id, queued.parameters, self._milliseconds())
        item.next_number += 1
        item.builds.append(build)
        queued.build = build
        environment = {**queued.parameters}
        tracker.build_declarative(item, self.versions())
        build.console = consoles.beginning(build.user)
        if self.hold:
            return
        if self.run_build is None:
            result, console = consoles.played(item)
            self.finish(build, result, console)
            return
        threading.Thread(target=self._run, args=(build, environment), name=f"build {item.path}", daemon=True).start()

    def _run(self, build: Build, parameters: Mapping[str, str]) -> None:
        if self.run_build is None:
            return
        try:
            console, result = self.run_build(build.item, parameters)
        except Exception as wrong:  # noqa: BLE001 - whatever the hook does wrong is a failed build, as a script's would be
            console, result = f"{type(wrong).__name__}: {wrong}\n", "FAILURE"
        with self.lock:
            self.finish(build, result, console)

    def _milliseconds(self) -> int:
        return int(self.now() * 1000)
