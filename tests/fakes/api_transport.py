"""An API server as a `Transport`, in memory, under a clock that a test owns: lists, watches, and every way they fail.

No socket, no thread: what a test does to the server happens between two turns of the follower.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from agent.adapters.kubernetes.errors import Answer, NoAnswerError
from agent.adapters.kubernetes.transport import Request
from agent.objects import Object

JSON = {"content-type": "application/json"}
PLURALS = {"Deployment": "deployments", "ReplicaSet": "replicasets", "Pod": "pods", "Event": "events"}


class HandClock:
    """Stands still until it is told to move."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> str:
        return "2026-01-01T00:00:00Z"

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def status(code: int, message: str = "no", reason: str = "", **details) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    body |= {"reason": reason, "details": details}
    return Answer(code, JSON, json.dumps(body).encode())


def ok(thing: object, code: int = 200, **headers: str) -> Answer:
    return Answer(code, JSON | headers, json.dumps(thing).encode())


class Scripted:
    """A Transport loaded with answers (or errors to raise), given in order; the last one again and again."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def open(self, request: Request):
        return self.send(request)

    def close(self) -> None:
        pass


class ScriptedStream:
    """A watch's connection, held in the test's hand."""

    def __init__(self, server: Server, plural: str, matches: Callable[[Object], bool]) -> None:
        self.server = server
        self.plural = plural
        self.matches = matches
        self.pending: list[bytes] = []
        self.fate: Exception | None = None
        self.closed = False
        self.deaf = False

    def fileno(self) -> int:
        return -1

    def lines(self) -> list[bytes]:
        if self.closed:
            raise OSError("closed")
        if self.server.frozen or self.deaf:
            return []
        lines, self.pending = self.pending, []
        if not lines and self.fate is not None:
            raise self.fate
        return lines

    def close(self) -> None:
        self.closed = True
        if self in self.server.streams:
            self.server.streams.remove(self)

    def say(self, kind: str, thing: Object) -> None:
        self.pending.append(json.dumps({"type": kind, "object": thing}).encode())


@dataclass
class Server:
    """Objects with resourceVersions and a history; faults are attributes.

    Attributes:
        down: connections are refused.
        frozen: connections are taken and nothing is ever answered.
        refuse: the answer to everything.
        refuse_watches: the answer to watches alone.
        short: watches end as soon as they were opened.
        expired_as: how a resourceVersion that is too old is told: `status` or `event`.
        hide: plurals that may not be read (403).
    """

    clock: HandClock
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    history: list[tuple[int, str, str, Object]] = field(default_factory=list)
    version: int = 100
    oldest: int = 0
    streams: list[ScriptedStream] = field(default_factory=list)
    log: list[tuple[float, str, Request]] = field(default_factory=list)
    down: bool = False
    frozen: bool = False
    refuse: Answer | None = None
    refuse_watches: Answer | None = None
    short: bool = False
    expired_as: str = "status"
    hide: tuple[str, ...] = ()

    # -- what a test does ---------------------------------------------------------------------------------------

    def put(self, kind: str, name: str, **more) -> Object:
        """Creates or changes an object."""
        plural = PLURALS[kind]
        self.version += 1
        known = self.objects.get((plural, name))
        thing = {"apiVersion": "v1", "kind": kind, **more}
        thing["metadata"] = {"uid": f"uid-{name}", "labels": {"app": "web"}, **more.get("metadata", {})}
        thing["metadata"] |= {"name": name, "resourceVersion": str(self.version)}
        self.objects[plural, name] = thing
        self._tell("MODIFIED" if known else "ADDED", plural, thing)
        return thing

    def remove(self, kind: str, name: str) -> None:
        plural = PLURALS[kind]
        thing = self.objects.pop((plural, name))
        self.version += 1
        thing = thing | {"metadata": thing["metadata"] | {"resourceVersion": str(self.version)}}
        self._tell("DELETED", plural, thing)

    def compact(self) -> None:
        """Everything up to now can't be resumed from any more."""
        self.version += 1
        self.oldest = self.version

    def end_watches(self, fate: Exception | None = None) -> None:
        for stream in list(self.streams):
            stream.fate = fate or EOFError()
        self.streams.clear()

    def bookmark(self) -> None:
        self.version += 1
        for stream in self.streams:
            stream.say("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}})

    def asked(self, what: str) -> list[float]:
        """When requests of a sort came: `list`, `watch`, `get`."""
        return [at for at, sort, _ in self.log if sort == what]

    # -- Transport ----------------------------------------------------------------------------------------------

    def send(self, request: Request) -> Answer:
        plural, name = self._place(request)
        self.log.append((self.clock.now, "get" if name else "list", request))
        refused = self._trouble(request, plural)
        if refused is not None:
            return refused
        if name:
            found = self.objects.get((plural, name))
            return ok(found) if found else status(404, f'{plural} "{name}" not found', "NotFound", name=name)
        matches = self._selected(request)
        items = [thing for (kind, _), thing in self.objects.items() if kind == plural and matches(thing)]
        if "limit" in request.query:
            items = items[: int(request.query["limit"])]
        copies = json.loads(json.dumps(items))
        return ok({"kind": "List", "metadata": {"resourceVersion": str(self.version)}, "items": copies})

    def open(self, request: Request) -> ScriptedStream | Answer:
        plural, _ = self._place(request)
        self.log.append((self.clock.now, "watch", request))
        refused = self._trouble(request, plural) or self.refuse_watches
        if refused is not None:
            return refused
        since = int(request.query["resourceVersion"])
        matches = self._selected(request)
        stream = ScriptedStream(self, plural, matches)
        if since < self.oldest:
            if self.expired_as == "status":
                return status(410, "too old resource version", "Expired")
            stream.say("ERROR", json.loads(status(410, "too old resource version", "Expired").body))
            stream.fate = EOFError()
            return stream
        for number, what, kind, thing in self.history:
            if number > since and kind == plural and matches(thing):
                stream.say(what, thing)
        if self.short:
            stream.fate = EOFError()
        else:
            self.streams.append(stream)
        return stream

    def close(self) -> None:
        pass

    # -- inside -------------------------------------------------------------------------------------------------

    def _tell(self, what: str, plural: str, thing: Object) -> None:
        self.history.append((self.version, what, plural, thing))
        for stream in self.streams:
            if stream.plural == plural and stream.matches(thing):
                stream.say(what, thing)

    def _trouble(self, request: Request, plural: str) -> Answer | None:
        if self.down:
            raise NoAnswerError("http://api can't be connected: connection refused", sent=False)
        if self.frozen:
            self.clock.now += request.timeout
            raise NoAnswerError("http://api did not answer in time", sent=True)
        if plural in self.hide:
            return status(403, "you cannot list resource", "Forbidden")
        return self.refuse

    @staticmethod
    def _place(request: Request) -> tuple[str, str]:
        parts = request.path.strip("/").split("/")
        rest = parts[parts.index("namespaces") + 2 :]
        return rest[0], rest[1] if len(rest) > 1 else ""

    @staticmethod
    def _selected(request: Request) -> Callable[[Object], bool]:
        """`metadata.name=`, `involvedObject.uid=` and inequalities (which match all that tests use) are understood."""
        wanted = dict(
            parse_qsl(
                request.query.get("fieldSelector", "").replace("!=", "~").replace(",", "&"), keep_blank_values=True
            )
        )

        def matches(thing: Object) -> bool:
            about = {"metadata.name": thing["metadata"]["name"]}
            about["involvedObject.uid"] = thing.get("involvedObject", {}).get("uid", "")
            return all(about[key] == value for key, value in wanted.items() if "~" not in key)

        return matches
