"""Following one workload: a few watches, one thread, and the question whether we see at all.

`Engine` is the thread's mind: turn by turn it opens what is due, checks what was quiet, and says Blind and Sighted; it
knows no thread and no wall clock, so tests drive it by hand. `feed.Following` is its body.

A closed watch is no blindness. Blind is said when something failed and a plain GET of the workload brings nothing
either, or when a watch could not be had for 20 s (P31); since when: from the last moment that anything was heard.
While blind, the GET is repeated with growing waits; when it answers, everything is listed anew, and only then Sighted
is said. Where the server gives lists but no watches, this comes down to asking every 20 s.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from agent.adapters.kubernetes.errors import NoAnswerError, names_object, refusal
from agent.adapters.kubernetes.evidence import Own
from agent.adapters.kubernetes.pacing import Backoff, Budget, Dice
from agent.adapters.kubernetes.rest import decoded
from agent.adapters.kubernetes.transport import Request, Transport
from agent.adapters.kubernetes.watch import QUIET, Subject, Watch
from agent.errors import ForbiddenError, HeadwayError
from agent.objects import Object
from agent.ports import Clock
from agent.rollout.feed import Blind, Changed, Event, Listed, Sighted

CHECK_SECONDS = 4.0
LOST_SECONDS = 20.0
_BAD = 300
_NOT_FOUND = 404
_AGAIN = 1.0


class Engine:
    """The watches of one workload.

    Args:
        transport: sends.
        clock: time.
        subjects: what is watched; the workload itself first, events last.
        own: tells our events from others'.
        item: the path of the workload, for the dead-man check.
        dice: jitter.
    """

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        subjects: tuple[Subject, ...],
        own: Own,
        item: str,
        *,
        dice: Dice = random.random,
    ) -> None:
        self._transport = transport
        self._now = clock.monotonic
        self._own = own
        self._item = item
        self._blind = ""
        self._probe_at = 0.0
        self._backoff = Backoff(dice=dice)
        self._budget = Budget()
        self.watches = [Watch(subject, dice) for subject in subjects]

    def begin(self, listed: Callable[[Watch], Listed]) -> Iterator[Event]:
        """The first lists, then the first watches.

        Args:
            listed: lists one watch's subject, patiently.

        Raises:
            HeadwayError: a list could not be had, or a watch is not allowed.
        """
        for watch in list(self.watches):
            try:
                found = listed(watch)
            except ForbiddenError:
                if not _is_events(watch):
                    raise
                self.watches.remove(watch)  # a Role without events: the judge has less to go by, and still judges
                found = Listed(self._now(), "events", ())
            yield from self._learnt(self._with_evidence(found) if found.resource == "events" else found)
        for watch in list(self.watches):
            try:
                watch.open(self._transport, self._now)
            except NoAnswerError:
                continue  # it is due again soon
            except ForbiddenError:
                if not _is_events(watch):
                    raise
                self.watches.remove(watch)

    def turn(self) -> Iterator[Event]:
        """What is due now: reads, checks, opens."""
        if self._blind:
            if self._now() >= self._probe_at:
                yield from self._look_again()
            return
        for watch in self.watches:
            for change in watch.read(self._now):
                yield from self._learnt(change)
        try:
            yield from self._check_quiet()
            for watch in self.watches:
                if not self._blind and watch.stream is None and self._now() >= watch.due:
                    yield from self._reopen(watch)
        except HeadwayError as problem:
            yield from self._doubt(problem)
        if not self._blind:
            yield from self._notice_lost()

    def wait(self) -> float:
        """Seconds until a turn is due, if nothing is heard before."""
        if self._blind:
            moment = self._probe_at
        else:
            moment = min(
                watch.due if watch.stream is None else watch.heard + watch.subject.quiet for watch in self.watches
            )
        return max(0.0, moment - self._now())

    def close(self) -> None:
        """Closes every connection."""
        for watch in self.watches:
            watch.close()

    def _check_quiet(self) -> Iterator[Event]:
        """The dead-man check: what was quiet for long is asked, or opened again (P30)."""
        for watch in self.watches:
            if watch.stream is None or self._now() - watch.heard < watch.subject.quiet:
                continue
            if watch is self.watches[0]:
                yield from self._check_workload(watch)
                if self._blind:
                    return
            else:
                watch.reopen(self._now())

    def _check_workload(self, watch: Watch) -> Iterator[Event]:
        """Compares what its watch said with a GET."""
        try:
            thing = self._ask()
        except HeadwayError as problem:
            if self._now() - self._heard() >= QUIET:
                yield self._blinded(self._heard(), problem.message, _wanted(problem))
            watch.heard += _AGAIN  # others were heard: ask again in a moment
            return
        watch.heard = self._now()
        for change in watch.read(self._now):  # what the answer knows may just be coming in
            yield from self._learnt(change)
        if thing is None:
            watch.forget()
        elif (missed := watch.offer(thing, self._now())) is not None:
            yield from self._learnt(missed)
            watch.reopen(self._now())

    def _ask(self) -> Object | None:
        """A cheap GET of the workload; None where it is gone.

        Raises:
            HeadwayError: no answer.
        """
        answer = self._transport.send(Request("GET", self._item, timeout=CHECK_SECONDS, total=CHECK_SECONDS))
        if answer.status == _NOT_FOUND and names_object(answer):
            return None
        doing = "the workload was not read"
        if answer.status >= _BAD:
            raise refusal(answer, doing)
        return decoded(answer, doing)

    def _reopen(self, watch: Watch) -> Iterator[Event]:
        """Opens a watch again, with a list before it where that is needed."""
        if not self._budget.take(self._now()):
            watch.due = self._now() + _AGAIN
            return
        if watch.version:
            watch.open(self._transport, self._now)
            if watch.version:
                return
            self._budget.take(self._now(), owed=True)
        if watch.due <= self._now():  # 410, or forgotten
            try:
                found = watch.relist(self._transport, self._now)
            except HeadwayError:
                watch.due = self._now() + _AGAIN
                raise
            yield from self._relisted(found)
            watch.open(self._transport, self._now)

    def _relisted(self, found: Listed) -> Iterator[Event]:
        """A list in the middle: of events, only what is worth knowing again is told, one by one.

        A `Listed` of events would say that all earlier ones are gone, and the first error text with them.
        """
        if found.resource != "events":
            yield from self._learnt(found)
            return
        for item in self._with_evidence(found).items:
            yield Changed(found.at, "events", "ADDED", item)

    def _with_evidence(self, found: Listed) -> Listed:
        """The events of our own unready objects from before the watch, by field selector, a request each."""
        events = self.watches[-1]
        items = []
        for identity in self._own.unready():
            query = {"fieldSelector": f"involvedObject.uid={identity}", "limit": "50"}
            try:
                answer = self._transport.send(Request("GET", events.subject.path, query, timeout=CHECK_SECONDS))
                page = decoded(answer, "events were not listed") if answer.status < _BAD else {}
            except HeadwayError:
                continue  # evidence is welcome, and missed by nobody who can't have it
            items += [{"apiVersion": "v1", "kind": "Event", **item} for item in page.get("items") or ()]
        kept = [item for item in map(self._own.event, items) if item is not None]
        return Listed(found.at, "events", tuple(kept))

    def _learnt(self, event: Listed | Changed) -> Iterator[Event]:
        """Passes an event on, taking note of what it says about our own objects."""
        self._own.learn(event)
        yield event

    def _doubt(self, problem: HeadwayError) -> Iterator[Event]:
        """Something failed: is it only that, or do we see nothing at all?"""
        if self._now() - self._heard() < _AGAIN:
            return
        try:
            self._ask()
        except HeadwayError as worse:
            yield self._blinded(self._heard(), worse.message, max(_wanted(worse), _wanted(problem)))
        else:
            self.watches[0].heard = self._now()

    def _notice_lost(self) -> Iterator[Event]:
        """What can't be watched any more can't be judged, even if the workload itself can be read."""
        for watch in self.watches:
            lost = watch.stream is None and self._now() - watch.seen > LOST_SECONDS and not _is_events(watch)
            if lost:
                yield self._blinded(watch.seen, watch.trouble)
                return

    def _blinded(self, since: float, reason: str, at_least: float = 0.0) -> Blind:
        """Closes everything; the next look is due after a wait."""
        for watch in self.watches:
            watch.close()
        self._blind = reason or "the cluster does not answer"
        self._probe_at = self._now() + self._backoff.wait(at_least)
        return Blind(since, self._blind)

    def _heard(self) -> float:
        """When anything was heard last."""
        return max(watch.heard for watch in self.watches)

    def _look_again(self) -> Iterator[Event]:
        """While blind: tries to list everything."""
        try:
            self._ask()
            found = [watch.relist(self._transport, self._now) for watch in self.watches if not _is_events(watch)]
        except HeadwayError as problem:
            self._probe_at = self._now() + self._backoff.wait(_wanted(problem))
            return
        self._blind = ""
        self._backoff.reset()
        for listed in found:
            yield from self._learnt(listed)
        for watch in self.watches:
            watch.due = watch.heard = watch.seen = self._now()
        yield Sighted(self._now())


def _is_events(watch: Watch) -> bool:
    """Events are not listed again after blindness: their watch goes on where it was."""
    return watch.subject.resource == "events"


def _wanted(problem: HeadwayError) -> float:
    """Retry-After of a failure."""
    return problem.retry_after if isinstance(problem, NoAnswerError) else 0.0
