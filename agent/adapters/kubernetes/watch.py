"""One watch: list, open, read, and what to do when it ends. Decides nothing about the others (see `follower`).

The rules, with the pitfalls of the rollout anchors that they answer:

1. The first list may come from the server's cache (resourceVersion=0), every later one is a consistent read (P28, P32).
2. A watch resumes from the last resourceVersion that was heard, bookmarks included (P29, P30).
3. 410, as HTTP status or as an ERROR event, also the first one, means list again; every other ERROR means reopen (P28).
4. The end of a watch is never a fact about the rollout (P29). A line that is no JSON ends it.
5. An object older than the one known, or the same again, is not passed on.
6. A watch that ends before it said anything waits: 1, 2, 4, 5, 5 s and jitter, never less than Retry-After; no watch is
   opened twice within a second but for a list after a 410 (G10).
7. A watch that was quiet for as long as bookmarks may be apart is opened again: it may be half-open (P30).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from agent.adapters.kubernetes.errors import Answer, ExpiredError, NoAnswerError, clean, refusal, unreadable
from agent.adapters.kubernetes.pacing import Backoff, Dice
from agent.adapters.kubernetes.rest import CHUNK, decoded, filled
from agent.adapters.kubernetes.stream import Stream, StreamError
from agent.adapters.kubernetes.transport import Request, Transport
from agent.errors import HeadwayError
from agent.objects import Object, metadata, uid
from agent.rollout.feed import Changed, Listed

LIST_SECONDS = 10.0
OPEN_SECONDS = 4.0
QUIET = 15.0
BOOKMARKS = 75.0
_GROWN_UP = 5.0
_APART = 1.0
_BAD = 300
_GONE = 410
_KEEP_ALL: Callable[[Object], Object | None] = lambda thing: thing  # noqa: E731


@dataclass(frozen=True, slots=True)
class Subject:
    """What is watched.

    Attributes:
        resource: plural, as in `agent.rollout.feed.Listed`.
        api_version: of its objects.
        kind: of its objects.
        path: of the collection.
        selector: label or field selector, as query parameters.
        quiet: seconds of silence after which the watch is opened again.
        keep: what is passed on of an object; None: nothing.
        take: how many are listed at most; 0: all. Only for subjects whose past does not matter.
    """

    resource: str
    api_version: str
    kind: str
    path: str
    selector: Mapping[str, str]
    quiet: float = BOOKMARKS
    keep: Callable[[Object], Object | None] = _KEEP_ALL
    take: int = 0


@dataclass
class Watch:
    """The state of one watch.

    Attributes:
        subject: what is watched.
        dice: jitter.
        version: the last resourceVersion heard; empty: a list is due.
        stream: the open connection, if there is one.
        due: when to open it again, if there is none.
        heard: when the server last said something about it, a bookmark or the opening included.
        seen: the same, but for the watch or a list alone.
        trouble: why it is closed; empty when it ended in the usual way.
    """

    subject: Subject
    dice: Dice
    version: str = ""
    stream: Stream | None = None
    due: float = 0.0
    heard: float = 0.0
    seen: float = 0.0
    trouble: str = ""
    _newest: dict[str, int] = field(default_factory=dict)
    _opened: float = 0.0
    _spoke: bool = False
    _backoff: Backoff = field(init=False)

    def __post_init__(self) -> None:
        self._backoff = Backoff(dice=self.dice)

    def offer(self, thing: Object, at: float) -> Changed | None:
        """An object that was read beside the watch: news that the watch did not bring, or None."""
        known = self._newest.get(uid(thing))
        return None if known == _number(thing) else self._news("MODIFIED" if known else "ADDED", thing, at)

    def relist(self, transport: Transport, now: Callable[[], float], *, cached: bool = False) -> Listed:
        """Lists everything; the watch goes on from there.

        Raises:
            HeadwayError: it could not be listed.
        """
        doing = f"the {self.subject.resource} were not listed"
        query: dict[str, str] = dict(self.subject.selector)
        query |= {"resourceVersion": "0"} if cached else {"limit": str(self.subject.take or CHUNK)}
        items: list[Object] = []
        newest: dict[str, int] = {}
        while True:
            page = _asked(transport, Request("GET", self.subject.path, query, timeout=LIST_SECONDS), doing)
            for item in filled(page):
                newest[uid(item)] = _number(item)
                kept = self.subject.keep(item)
                if kept is not None:
                    items.append(kept)
            about = page.get("metadata") or {}
            if not about.get("continue") or self.subject.take:
                break
            query["continue"] = str(about["continue"])
        self.version = str(about.get("resourceVersion") or "")
        self._newest = newest
        self.heard = self.seen = now()
        return Listed(self.heard, self.subject.resource, tuple(items))

    def open(self, transport: Transport, now: Callable[[], float]) -> None:
        """Opens the watch at the last version; `version` is empty afterwards if that is too old.

        Raises:
            HeadwayError: it could not be opened; `due` says when to try again.
        """
        query = {
            **self.subject.selector,
            "watch": "true",
            "resourceVersion": self.version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(240 + int(self.dice() * 60)),
        }
        try:
            opened = transport.open(Request("GET", self.subject.path, query, timeout=OPEN_SECONDS))
            if isinstance(opened, Answer):
                raise _not_opened(opened, f"the {self.subject.resource} are not watched")
        except HeadwayError as problem:
            self._end(now(), problem.message, expired=isinstance(problem, ExpiredError), retry_after=_wanted(problem))
            if not isinstance(problem, ExpiredError):
                raise
            return
        self.stream, self.trouble, self._spoke = opened, "", False
        self.heard = self.seen = self._opened = now()

    def read(self, now: Callable[[], float]) -> list[Changed]:
        """What arrived. The watch may be closed afterwards; then `due` says when to open it again."""
        changes: list[Changed] = []
        if self.stream is None:
            return changes
        try:
            lines = self.stream.lines()
            at = now()
            for line in lines:
                change = self._understood(json.loads(line), at)
                if change is not None:
                    changes.append(change)
            if lines:
                self.heard = self.seen = at
        except EOFError:
            self._end(now())
        except ExpiredError as problem:
            self._end(now(), problem.message, expired=True)
        except (NoAnswerError, StreamError, OSError) as problem:
            self._end(now(), f"the watch of {self.subject.resource} broke: {clean(str(problem))}")
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            self._end(now(), f"the watch of {self.subject.resource} sent what is no JSON")
        return changes

    def reopen(self, at: float) -> None:
        """Closes it and makes it due: it may be half-open."""
        self.close()
        self.due = at

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None

    def forget(self) -> None:
        """A list is due before the watch can go on."""
        self.close()
        self.version = ""

    def _end(self, at: float, trouble: str = "", *, expired: bool = False, retry_after: float = 0.0) -> None:
        """The watch is closed; when it is due again depends on whether it was of any use."""
        lived = self.stream is not None and (self._spoke or at - self._opened >= _GROWN_UP)
        fresh = expired and self.version != ""
        self.close()
        self.trouble = trouble
        if expired:
            self.version = ""
        if lived:
            self._backoff.reset()
        if (lived and not retry_after) or (fresh and self._backoff.untried):
            self._backoff.wait() if fresh else None
            self.due = at if fresh else max(at, self._opened + _APART)
        else:
            self.due = at + self._backoff.wait(retry_after)

    def _understood(self, line: Object, at: float) -> Changed | None:
        """One line of the watch; None for what is not news."""
        thing = line["object"]
        match line["type"]:
            case "ADDED" | "MODIFIED" | "DELETED" as kind:
                self._spoke = True
                self._advance(str(metadata(thing).get("resourceVersion") or ""))
                return self._news(kind, thing, at)
            case "BOOKMARK":
                self._spoke = True
                self._advance(str(metadata(thing).get("resourceVersion") or ""))
            case "ERROR":
                code, why = int(thing.get("code") or 0), clean(str(thing.get("message") or "an error"))
                if code == _GONE or thing.get("reason") in {"Expired", "Gone"}:
                    raise ExpiredError(why)
                raise NoAnswerError(why, sent=True)
        return None

    def _news(self, kind: Literal["ADDED", "MODIFIED", "DELETED"], thing: Object, at: float) -> Changed | None:
        """A change, unless it is older than what is known."""
        identity, number = uid(thing), _number(thing)
        known = self._newest.get(identity, -1)
        if number and (number < known or (number == known and kind != "DELETED")):
            return None
        kept = self.subject.keep(thing)
        if kept is None:
            return None
        self._newest[identity] = number
        kept.setdefault("apiVersion", self.subject.api_version)
        kept.setdefault("kind", self.subject.kind)
        return Changed(at, self.subject.resource, kind, kept)

    def _advance(self, version: str) -> None:
        """Resume from here; numbers go forward only, anything else is taken as it comes."""
        if version.isdecimal() and self.version.isdecimal() and int(version) < int(self.version):
            return
        self.version = version or self.version


def _asked(transport: Transport, request: Request, doing: str) -> Object:
    """One try of a read."""
    answer = transport.send(request)
    if answer.status >= _BAD:
        raise refusal(answer, doing)
    return decoded(answer, doing)


def _not_opened(answer: Answer, doing: str) -> HeadwayError:
    """Why a watch got an answer instead of a stream."""
    return refusal(answer, doing) if answer.status >= _BAD else unreadable(answer, doing)


def _wanted(problem: HeadwayError) -> float:
    """Retry-After of a failure."""
    return problem.retry_after if isinstance(problem, NoAnswerError) else 0.0


def _number(thing: Object) -> int:
    """The resourceVersion as a number; 0 where it is none (then nothing is known about the order)."""
    version = str(metadata(thing).get("resourceVersion") or "")
    return int(version) if version.isdecimal() else 0
