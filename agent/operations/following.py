"""Follows every workload of a release to one verdict: folds what is heard, judges on every event and when it is time.

The feeds are opened, and their first lists folded, before anything is written: what was broken before our write is
known to have been (P2, P26). Nothing here polls: one workload blocks on its feed; several share the wait in slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from agent.errors import ForbiddenError, InvalidObjectError, StaleWriteError, UnreachableError
from agent.objects import Object, Ref, ref
from agent.operations.mission import Tools
from agent.ports import Feed
from agent.release.content import selector
from agent.reports.events import Heard, Judged, Noted, Progressed
from agent.rollout import feed
from agent.rollout.diagnosis import Code, Diagnosis
from agent.rollout.policy import Policy
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import Complete, Failed, Gone, Progressing, Superseded, TimedOut, Verdict, judge, word
from agent.rollout.workload import stuck_pod

SLICE = 0.2
"""Seconds that several feeds share in one round of waiting."""
FIRST_LISTS = 15.0
"""Seconds within which the state before the write should be known; after that the write goes ahead without it."""
HEED = 2.0
"""Seconds between two questions whether we should go on: this process' own business, no request."""
FREED = 60.0
"""Seconds within which a pod that was deleted must be seen to go; then the set hangs for good."""
BATCH = 500
"""Events folded between two judgements, at most: a burst is judged once."""
_FINAL_BAD = (Failed, Superseded, Gone, TimedOut)


@dataclass(frozen=True, slots=True)
class Ending:
    """How one workload's rollout ended."""

    workload: Ref
    verdict: Verdict
    text: str
    seconds: float

    @property
    def word(self) -> str:
        """As reports write it."""
        return word(self.verdict)


class Following:
    """The feeds and snapshots of a release's workloads; a context manager.

    Args:
        tools: the doors to the outside.
        workloads: objects with a selector; those that are followed.
        step: `rollout` or `undo`, for events.
        free: asked before a StatefulSet's pod that hangs is deleted, so that the update goes on (P49); None: none is.
        heed: asked while we wait: raises where we should not go on.
    """

    def __init__(
        self,
        tools: Tools,
        workloads: Iterable[Object],
        step: str = "rollout",
        *,
        free: Callable[[], None] | None = None,
        heed: Callable[[], None] | None = None,
    ) -> None:
        self._tools = tools
        self._step = step
        self._workloads = tuple(workloads)
        self._feeds: dict[Ref, Feed] = {}
        self._stack = ExitStack()
        self._said: dict[Ref, str] = {}
        self._free = free
        self._heed = heed
        self._freed: dict[str, float] = {}
        self.snapshots: dict[Ref, Snapshot] = {}

    def __enter__(self) -> Self:
        for thing in self._workloads:
            target = ref(thing)
            self.snapshots[target] = Snapshot(target)
            self._feeds[target] = self._stack.enter_context(self._tools.cluster.follow(target, selector(thing)))
        for target in self._feeds:
            self._first_lists(target)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, problem, trace)

    def applied(self, answer: Object, at: float, *, created: bool = False) -> None:
        """Our own write to a workload, with the server's answer."""
        if ref(answer) in self.snapshots:
            self._fold(ref(answer), feed.Applied(at, answer, created))

    def run(self, policy: Policy, hold: float = 0.0) -> tuple[Ending, ...]:
        """Until every workload is complete, or one of them never will be.

        Args:
            policy: how they are judged.
            hold: seconds from now for which they are watched all the same: complete is what they are at the end.

        Returns:
            The endings: of all workloads, or of those that ended the wait, the root cause first.

        Raises:
            UnreachableError: the cluster could not be seen for a whole timeout; nothing follows from that (R29).
        """
        clock = self._tools.clock
        began = {target: shot.write.at if shot.write else clock.monotonic() for target, shot in self.snapshots.items()}
        done: dict[Ref, Ending] = {}
        until = clock.monotonic() + hold
        while True:
            if self._heed is not None:
                self._heed()
            for target in self._feeds:  # a process that was stopped for longer than its deadline listens first
                self._drain(target, 0.0)
            now = clock.monotonic()
            verdicts = {target: judge(shot, now, policy) for target, shot in self.snapshots.items()}
            for target, verdict in verdicts.items():
                if self._goes_on(target, verdict) or (now < until and isinstance(verdict, Complete)):
                    continue
                if target not in done and not isinstance(verdict, Progressing):
                    done[target] = self._ended(target, verdict, now - began[target])
                elif target in done and not isinstance(verdict, type(done[target].verdict)):
                    del done[target]  # complete a moment ago, while another was awaited
                self._progress(target, verdict, now)
            bad = [ending for ending in done.values() if isinstance(ending.verdict, _FINAL_BAD)]
            if bad or len(done) == len(self.snapshots):
                return self._closed(bad or list(done.values()))
            self._give_up(now, policy)
            self._wait(now, verdicts, until)

    def _goes_on(self, target: Ref, verdict: Verdict) -> bool:
        """Whether a StatefulSet that hangs is helped: the one pod that stops it is deleted, and never a good one."""
        stuck = isinstance(verdict, Failed) and verdict.diagnosis[0].code is Code.STATEFULSET_STUCK
        pod = stuck_pod(self.snapshots[target]) if stuck and self._free else None
        if pod is None or self._free is None:
            return False
        now = self._tools.clock.monotonic()
        if pod.uid in self._freed:
            return now < self._freed[pod.uid] + FREED
        self._freed[pod.uid] = now
        self._free()
        said = f"deleted pod {pod.name}, which stopped the update of {target}"
        try:
            self._tools.cluster.delete(Ref("v1", "Pod", target.namespace, pod.name), uid=pod.uid)
        except StaleWriteError:
            return True  # somebody has replaced it already
        except (ForbiddenError, InvalidObjectError) as problem:
            said, pod = f"pod {pod.name} stops the update of {target}, and was not deleted: {problem.message}", None
        self._tools.emit(Noted(now, self._step, said))
        return pod is not None

    def _give_up(self, now: float, policy: Policy) -> None:
        for target, shot in self.snapshots.items():
            since = shot.sight.blind_since
            if since is not None and shot.write is not None and now - max(since, shot.write.at) > policy.timeout:
                raise UnreachableError(
                    f"{target} was written, and what became of it is not known: the cluster could not be seen for "
                    f"{now - since:.0f} s: {shot.sight.reason}",
                    hint="nothing was undone; `headway status` shows what runs, `headway undo` goes back",
                )

    def _closed(self, endings: Sequence[Ending]) -> tuple[Ending, ...]:
        for ending in endings:
            self._tools.emit(
                Judged(
                    self._tools.clock.monotonic(), ending.workload, ending.word, ending.text, ending.seconds, self._step
                )
            )
        return tuple(sorted(endings, key=lambda one: _FINAL_BAD.index(type(one.verdict)) if _is_bad(one) else 9))

    def _ended(self, target: Ref, verdict: Verdict, seconds: float) -> Ending:
        done = target.kind == "Job" and isinstance(verdict, Complete)
        return Ending(target, verdict, "succeeded" if done else describe(verdict), seconds)

    def _progress(self, target: Ref, verdict: Verdict, now: float) -> None:
        text = describe(verdict)
        if isinstance(verdict, Progressing) and self._said.get(target) != text:
            self._said[target] = text
            self._tools.emit(Progressed(now, target, text))

    def _wait(self, now: float, verdicts: Mapping[Ref, Verdict], until: float) -> None:
        wakes = [verdict.wake_at for verdict in verdicts.values() if isinstance(verdict, Progressing)]
        if until > now:
            wakes.append(until)
        left = min((wake - now for wake in wakes if wake is not None), default=5.0)
        left = min(max(left, 0.001), 30.0 if self._heed is None else HEED)
        if len(self._feeds) == 1:
            self._drain(next(iter(self._feeds)), left)
            return
        until = now + left
        while not any(self._drain(target, 0.0) for target in self._feeds):
            remaining = until - self._tools.clock.monotonic()
            if remaining <= 0:
                return
            if self._drain(self._busiest(verdicts), min(SLICE, remaining)):
                return

    def _busiest(self, verdicts: Mapping[Ref, Verdict]) -> Ref:
        """The feed to block on: one that is still open."""
        return next((target for target, one in verdicts.items() if isinstance(one, Progressing)), next(iter(verdicts)))

    def _drain(self, target: Ref, timeout: float) -> bool:
        """Folds what has arrived, after waiting for a first event; whether there was any."""
        event = self._feeds[target].next(timeout)
        if event is None:
            return False
        for _ in range(BATCH):
            self._fold(target, event)
            event = self._feeds[target].next(0.0)
            if event is None:
                break
        else:
            if event is not None:
                self._fold(target, event)
        return True

    def _first_lists(self, target: Ref) -> None:
        """Folds until workload and pods were listed once."""
        clock = self._tools.clock
        until = clock.monotonic() + FIRST_LISTS
        missing = {self.snapshots[target].resource, "pods"}
        while missing and clock.monotonic() < until:
            event = self._feeds[target].next(until - clock.monotonic())
            if event is None:
                break
            self._fold(target, event)
            if isinstance(event, feed.Listed):
                missing.discard(event.resource)

    def _fold(self, target: Ref, event: feed.Event) -> None:
        self.snapshots[target].fold(event)
        self._tools.emit(Heard(target, event))


def _is_bad(ending: Ending) -> bool:
    return isinstance(ending.verdict, _FINAL_BAD)


def describe(verdict: Verdict) -> str:
    """The verdict as the line of its step, without a final full stop."""
    match verdict:
        case Progressing():
            reason = f"; can't see the cluster: {verdict.blind}" if verdict.blind else ""
            hint = f"; {verdict.suspicions[0].sentence}" if verdict.suspicions and not reason else ""
            return f"{verdict.counts}{reason}{hint}"
        case Complete():
            return "nothing to run: no replicas are wanted" if "zero" in verdict.notes else str(verdict.counts)
        case Failed():
            return f"FAILED  {_briefly(verdict.diagnosis)}; {verdict.counts}"
        case TimedOut():
            return f"TIMED OUT  {_briefly(verdict.diagnosis)}; {verdict.counts}"
        case Superseded():
            return f"SUPERSEDED  {verdict.why}"
        case Gone():
            return f"GONE  {verdict.why}"


def _briefly(found: tuple[Diagnosis, ...]) -> str:
    """The root cause in a few words; its whole text comes as the cause."""
    if not found:
        return "for reasons unknown"
    first = found[0]
    more = f" on {first.count} pods" if first.count > 1 else f" on {first.object}"
    return f"{str(first.code).replace('-', ' ')}{more}"
