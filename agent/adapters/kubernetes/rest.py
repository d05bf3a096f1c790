"""Calls of the Kubernetes API in JSON: what is tried again and what is not, lists in chunks, answers checked.

Reads are tried again while there is no answer. A write is tried again only where it can't have happened (the
connection was never made, 429, a webhook that could not be asked) or where doing it twice is the same as once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from agent.adapters.kubernetes.errors import Answer, ExpiredError, NoAnswerError, is_webhook_down, refusal, unreadable
from agent.adapters.kubernetes.pacing import Backoff, Dice
from agent.adapters.kubernetes.transport import Request, Transport
from agent.objects import Object
from agent.ports import Clock

CHUNK = 500
_BAD = 300


class Repeat(Enum):
    """When a request may be sent again."""

    ALWAYS = "reads, and writes that change nothing the second time"
    UNSENT = "only where it can't have been carried out"
    NEVER = "one try"


class Rest:
    """JSON calls over a transport.

    Args:
        transport: sends.
        clock: for waiting between tries.
        dice: jitter.
        tries: how often a call is made at most (P23: the waits between them are 1, 2, 4, 5 seconds and jitter).
    """

    def __init__(self, transport: Transport, clock: Clock, *, dice: Dice | None = None, tries: int = 5) -> None:
        self.transport = transport
        self._clock = clock
        self._dice = dice
        self._tries = tries
        self._warnings: dict[str, None] = {}

    def call(self, request: Request, doing: str, repeat: Repeat = Repeat.ALWAYS) -> Object:
        """One object of JSON.

        Args:
            request: what to send.
            doing: the start of the message when it fails.
            repeat: when it may be sent again.
        """
        answer = self.answer(request, doing, repeat)
        if answer.status >= _BAD:
            raise refusal(answer, doing)
        return decoded(answer, doing)

    def answer(self, request: Request, doing: str, repeat: Repeat = Repeat.ALWAYS) -> Answer:
        """One answer of whatever status, except those that are worth another try and stay that way.

        Raises:
            NoAnswerError: also after the last try.
        """
        backoff = Backoff(first=1.0, most=5.0, **({"dice": self._dice} if self._dice else {}))
        for left in range(self._tries - 1, -1, -1):
            try:
                answer = self._once(request, doing)
            except NoAnswerError as problem:
                worth = repeat is Repeat.ALWAYS or (repeat is Repeat.UNSENT and not problem.sent)
                if not left or not worth:
                    raise _told(problem, doing, request) from None
                self._clock.sleep(backoff.wait(problem.retry_after))
            else:
                return answer
        raise AssertionError("range() ended early")

    def items(self, path: str, query: Mapping[str, str], doing: str) -> tuple[list[Object], str]:
        """(items, resourceVersion) of a collection, chunk by chunk; begun anew once if a chunk's token expires."""
        try:
            return self._chunks(path, query, doing)
        except ExpiredError:
            return self._chunks(path, query, doing)

    def warnings(self) -> tuple[str, ...]:
        """The server's Warning texts since the last call, each once."""
        texts = tuple(self._warnings)
        self._warnings.clear()
        return texts

    def _chunks(self, path: str, query: Mapping[str, str], doing: str) -> tuple[list[Object], str]:
        """All chunks of one list."""
        items: list[Object] = []
        wanted = {"limit": str(CHUNK), **query}
        while True:
            page = self.call(Request("GET", path, wanted), doing)
            items += filled(page)
            about = page.get("metadata") or {}
            if not about.get("continue") or "limit" in query:
                return items, str(about.get("resourceVersion") or "")
            wanted = {key: value for key, value in wanted.items() if not key.startswith("resourceVersion")}
            wanted["continue"] = str(about["continue"])

    def _once(self, request: Request, doing: str) -> Answer:
        """One try; what may be better the next time comes as NoAnswerError."""
        answer = self.transport.send(request)
        for text in warning_texts(answer.headers.get("warning", "")):
            self._warnings[text] = None
        if answer.status == 429 or answer.status >= 500 or is_webhook_down(answer):  # noqa: PLR2004
            raise refusal(answer, doing)
        if answer.status < _BAD and not request.total:
            decoded(answer, doing)
        return answer


_ESCAPED = re.compile("[\x7f-\uffff]")


def decoded(answer: Answer, doing: str) -> Object:
    """The body as an object of JSON."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise unreadable(answer, doing) from None
    if not isinstance(found, dict):
        raise unreadable(answer, doing)
    return found


def filled(page: Object) -> Iterator[Object]:
    """The items of a list, each with its apiVersion and kind, which servers leave out."""
    kind = str(page.get("kind", "")).removesuffix("List")
    for item in page.get("items") or ():
        yield {"apiVersion": item.get("apiVersion") or page.get("apiVersion"), "kind": item.get("kind") or kind} | item


def encoded(thing: Any) -> bytes:
    """JSON without spaces that is YAML as well, which a server-side apply is read as.

    An escaped surrogate pair is no character to YAML (the server answers 400), a raw one is; all others may be escaped,
    and some must.
    """
    text = json.dumps(thing, separators=(",", ":"), ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def warning_texts(header: str) -> Iterator[str]:
    """The texts of a Warning header: `299 - "would violate PodSecurity"`, several joined by commas."""
    from agent.adapters.kubernetes.errors import clean

    rest = header
    while '"' in rest:
        rest = rest.partition('"')[2]
        text, end = "", 0
        while end < len(rest) and rest[end] != '"':
            end += rest[end] == "\\"
            text += rest[end : end + 1]
            end += 1
        rest = rest[end + 1 :]
        if text:
            yield clean(text)


def _told(problem: NoAnswerError, doing: str, request: Request) -> NoAnswerError:
    """The problem, opened with what was not done, and honest about what is not known."""
    message = problem.message if problem.message.startswith(doing) else f"{doing}: {problem.message}"
    if problem.sent and request.method != "GET" and request.query.get("dryRun") != "All":
        message += "; whether the cluster carried it out is not known"
    return NoAnswerError(message, sent=problem.sent, retry_after=problem.retry_after, hint=problem.hint)
