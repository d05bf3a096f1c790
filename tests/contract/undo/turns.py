"""Two builds at once, one step at a time: threads that hand a baton over at every request, under one manual clock.

Which build goes on is drawn from a seed, so every interleaving can be had again. A build may also stall (a machine that
swaps, a stopped process: its heartbeat stalls too) or die where it stands.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agent.objects import Object, Ref, ref
from agent.operations.lease import API
from agent.operations.superseding import ASKED
from tests.fakes.cluster import FakeCluster, FakeFeed


class Dead(BaseException):
    """SIGKILL: nothing of the build runs any more."""


@dataclass(frozen=True)
class Write:
    """One accepted write of what the lock protects: by whom, and who held the lease when the server took it."""

    build: str
    holder: str
    target: Ref
    stalled: bool


class Build:
    """One build's thread, its place in the order, and what it may suffer."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.name = name
        self.work = work
        self.turn = threading.Event()
        self.until = 0.0
        self.stalls: dict[int, float] = {}
        self.stalled_writes: dict[int, float] = {}
        self.writes = 0
        self.dies_at = 0
        self.points = 0
        self.ended = False
        self.beating = False
        self.dead = False
        self.result: object = None
        self.thread: threading.Thread | None = None


class Turns:
    """The baton.

    Args:
        cluster: the one that all share; its clock is theirs.
        seed: of the order.
    """

    def __init__(self, cluster: FakeCluster, seed: int) -> None:
        self.cluster = cluster
        self.random = random.Random(seed)
        self.builds: list[Build] = []
        self.writes: list[Write] = []
        self.asked: dict[str, tuple[str, str, int]] = {}
        self._over = threading.Event()

    def run(self) -> None:
        """Runs all builds to their ends, in an order that the seed says."""
        for build in self.builds:
            build.thread = threading.Thread(target=self._live, args=(build,), name=build.name, daemon=True)
            build.thread.start()
        self._next()
        if not self._over.wait(60):
            raise AssertionError("the builds block each other")

    def _live(self, build: Build) -> None:
        build.turn.wait()
        build.turn.clear()
        try:
            build.result = build.work()
        except Dead:
            build.dead = True
        except Exception as problem:  # noqa: BLE001 - the test looks at it
            build.result = problem
        build.ended = True
        self._next()

    def _next(self) -> None:
        """Hands the baton to one that can go on; where all stall, time goes on instead."""
        waiting = [build for build in self.builds if not build.ended]
        if not waiting:
            self._over.set()
            return
        clock = self.cluster.clock
        able = [build for build in waiting if build.until <= clock.now]
        while not able:
            clock.advance(min(build.until for build in waiting))
            able = [build for build in waiting if build.until <= clock.now]
        self.random.choice(able).turn.set()

    def point(self, build: Build) -> None:
        """Where another one may go on; called by the build's own thread only."""
        if threading.current_thread() is not build.thread or any(each.beating for each in self.builds):
            return  # a heartbeat, or last words: they don't wait for a turn
        if build.dead:
            raise Dead
        build.points += 1
        if build.dies_at == build.points:
            raise Dead
        if build.points in build.stalls:
            self.stall(build, build.stalls[build.points])
        self._next()
        build.turn.wait()
        build.turn.clear()

    def noticed(self, build: Build, lease: Object) -> None:
        """A lease was written: perhaps somebody was asked to give way."""
        asked = (lease["metadata"].get("annotations") or {}).get(ASKED)
        if asked:
            self.asked.setdefault(str(asked), (build.name, str(lease["spec"]["holderIdentity"]), len(self.writes)))

    def stall(self, build: Build, seconds: float) -> None:
        """The build does nothing for so long, from its next point on; its heartbeat neither."""
        build.until = self.cluster.clock.now + seconds

    def heartbeat(self, build: Build) -> Callable[[float, Callable[[], float]], Any]:
        """Beats on the manual clock while the build lives and doesn't stall."""

        @contextlib.contextmanager
        def beating(seconds: float, beat: Callable[[], float]) -> Iterator[None]:
            over: list[bool] = []
            clock = self.cluster.clock

            def due() -> None:
                if over or build.dead or (build.dies_at and build.points >= build.dies_at):
                    return
                wait = seconds
                if build.until <= clock.now:
                    build.beating = True
                    wait = beat()
                    build.beating = False
                clock.at(wait, due)

            clock.at(seconds, due)
            try:
                yield
            finally:
                over.append(True)

        return beating


class Through:
    """A cluster as one build sees it: every request is a point where another build may go on.

    Args:
        turns: the baton.
        build: whose requests these are.
        in_flight: whether a build may stall between its last look at the lock and the write that follows.
    """

    def __init__(self, turns: Turns, build: Build, *, in_flight: bool) -> None:
        self._turns, self._build, self._cluster = turns, build, turns.cluster
        self._in_flight = in_flight
        self.label, self.namespace = self._cluster.label, self._cluster.namespace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def get(self, target: Ref) -> Object | None:
        self._turns.point(self._build)
        found = self._cluster.get(target)
        if target.api_version == API:
            self._turns.point(self._build)  # somebody else may take it between our look and our write
        return found

    def list(self, *arguments: Any, **named: Any) -> Any:
        self._turns.point(self._build)
        return self._cluster.list(*arguments, **named)

    def probe(self, *arguments: Any, **named: Any) -> Any:
        self._turns.point(self._build)
        return self._cluster.probe(*arguments, **named)

    def apply(self, thing: Object, *, dry_run: bool = False, force: bool = False) -> Object:
        return self._written(ref(thing), dry_run, lambda: self._cluster.apply(thing, dry_run=dry_run, force=force))

    def create(self, thing: Object, *, dry_run: bool = False) -> Object:
        return self._written(ref(thing), dry_run, lambda: self._cluster.create(thing, dry_run=dry_run))

    def replace(self, thing: Object, *, dry_run: bool = False) -> Object:
        return self._written(ref(thing), dry_run, lambda: self._cluster.replace(thing, dry_run=dry_run))

    def delete(self, target: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        self._written(target, dry_run, lambda: self._cluster.delete(target, uid=uid, dry_run=dry_run))

    def _written(self, target: Ref, dry_run: bool, write: Callable[[], Any]) -> Any:
        if target.api_version == API:
            answer = write()
            self._turns.noticed(self._build, answer)
            return answer  # a renewal holds the lock's own mutex: nobody may wait for a turn in it
        build, before = self._build, self._cluster.clock.now
        stall = 0.0
        if not dry_run:
            build.writes += 1
            stall = build.stalled_writes.get(build.writes, 0.0)
        if stall and self._in_flight:
            self._turns.stall(build, stall)
        if dry_run or self._in_flight:
            self._turns.point(build)
        late = self._cluster.clock.now - before >= 30
        try:
            answer = write()
            if not dry_run:
                self._turns.writes.append(Write(build.name, self._holder(), target, late))
        finally:
            if stall and not self._in_flight:
                self._turns.stall(build, stall)
            self._turns.point(build)
        return answer

    def _holder(self) -> str:
        leases = [thing for key, thing in self._cluster.objects.items() if key.api_version == API]
        return str(leases[0]["spec"].get("holderIdentity")) if leases else ""

    @contextlib.contextmanager
    def follow(self, workload: Ref, selector: str) -> Iterator[_Feed]:
        with self._cluster.follow(workload, selector) as feed:
            yield _Feed(feed, self._turns, self._build)


class _Feed:
    def __init__(self, feed: FakeFeed, turns: Turns, build: Build) -> None:
        self._feed, self._turns, self._build = feed, turns, build

    def next(self, timeout: float) -> Any:
        self._turns.point(self._build)
        return self._feed.next(timeout)
