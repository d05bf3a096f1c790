"""Lists in chunks, and watches with bookmarks, 410 in both shapes, and an end."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.sandbox.http import Request, Response, json_response
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.kinds import Kind
from agent.sandbox.kubernetes.objects import Obj, key_of, meta
from agent.sandbox.kubernetes.selectors import Test, both, field_test, in_namespace, label_test
from agent.sandbox.kubernetes.store import Change, Store

BOOKMARK_EVERY = 59.0
"""Seconds on the wall between bookmarks; the real ones come once a minute."""
LONGEST = 1800.0
_NOT_LISTED = ("kind", "apiVersion")


def wanted(request: Request, kind: Kind, namespace: str) -> Test:
    """The objects that a request is about."""
    tests = [in_namespace(namespace)]
    if text := request.parameter("labelSelector"):
        tests.append(label_test(text))
    if text := request.parameter("fieldSelector"):
        tests.append(field_test(text, kind.kind))
    return both(*tests)


def collect(store: Store, request: Request, kind: Kind, namespace: str) -> Response:
    """A list; `limit` and `continue` as the API server does them.

    Raises:
        ApiError: 410 when the list to continue is compacted away, 400 for a token that is none.
    """
    test = wanted(request, kind, namespace)
    limit = int(request.parameter("limit") or 0)
    after, version = ("", ""), 0
    if token := request.parameter("continue"):
        after, version = _resume(store, kind, token)
    elif (asked := request.parameter("resourceVersion")).isdigit() and int(asked) > store.version:
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise ApiError(504, f"Timeout: Too large resource version: {asked}, current: {store.version}", reason="Timeout",
                       details={"causes": [cause], "retryAfterSeconds": 1})  # fmt: skip
    version = version or store.version
    found = [thing for thing in store.listed(kind.kind, namespace) if test(thing) and key_of(thing) > after]
    about: Obj = {"resourceVersion": str(version)}
    if limit and len(found) > limit:
        last = key_of(found[limit - 1])
        about["continue"] = base64.urlsafe_b64encode(json.dumps([*last, version]).encode()).decode()
        if not request.parameter("labelSelector") and not request.parameter("fieldSelector"):
            about["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    items = [{name: value for name, value in thing.items() if name not in _NOT_LISTED} for thing in found]
    document = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": about, "items": items}
    return json_response(200, document)


def _resume(store: Store, kind: Kind, token: str) -> tuple[tuple[str, str], int]:
    try:
        namespace, name, version = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        raise ApiError(400, "continue key is not valid: illegal base64 data") from None
    if store.is_too_old(kind.kind, int(version)):
        raise ApiError(
            410,
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            "without the continue parameter, or use the continue token in this response to retrieve the remainder of "
            "the results. Continuing with the provided token results in an inconsistent list - objects that were "
            "created, modified, or deleted between the time the first chunk was returned and now may show up in the "
            "list.",
        )
    return (str(namespace), str(name)), int(version)


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch to be streamed.

    Attributes:
        store: what is watched.
        kind: the kind.
        test: which objects.
        request: the parameters.
        is_cut: whether the stream is to end now (a scripted fault, or the server stops).
        is_silent: whether nothing is to be sent now (a scripted fault).
    """

    store: Store
    kind: Kind
    test: Test
    request: Request
    is_cut: Callable[[], bool]
    is_silent: Callable[[], bool]

    def response(self) -> Response:
        """The streaming answer."""
        return Response(200, headers={"Content-Type": "application/json"}, stream=self._stream())

    def _stream(self) -> Iterator[bytes]:
        asked = self.request.parameter("resourceVersion")
        seconds = float(self.request.parameter("timeoutSeconds") or LONGEST)
        end = time.monotonic() + min(seconds, LONGEST)
        with self.store.lock:
            version = int(asked) if asked.isdigit() else 0
            first: list[bytes] = []
            if version and self.store.is_too_old(self.kind.kind, version):
                text = f"too old resource version: {version} ({self.store.compacted})"
                yield _line("ERROR", ApiError(410, text).status())
                return
            if not version or self.request.flag("sendInitialEvents"):
                listed = [thing for thing in self.store.listed(self.kind.kind) if self.test(thing)]
                first = [_line("ADDED", thing) for thing in listed]
                version = self.store.version
                if self.request.flag("sendInitialEvents"):
                    first.append(self._bookmark(version, initial=True))
        yield b"".join(first)
        yield from self._follow(version, end)

    def _follow(self, version: int, end: float) -> Iterator[bytes]:
        bookmarks = self.request.flag("allowWatchBookmarks")
        bookmark = time.monotonic() + BOOKMARK_EVERY
        while (now := time.monotonic()) < end and not self.is_cut():
            lines: list[bytes] = []
            with self.store.changed:
                if self.store.version <= version or self.is_silent():
                    self.store.changed.wait(min(max(end - now, 0.0), 0.25))
                if not self.is_silent():
                    seen = (self._seen(change) for change in self.store.since(self.kind.kind, version))
                    lines.extend(line for line in seen if line is not None)
                    version = self.store.version
            if bookmarks and time.monotonic() >= bookmark and not self.is_silent():
                lines.append(self._bookmark(version))
                bookmark = time.monotonic() + BOOKMARK_EVERY
            if self.is_cut():
                return
            if lines:
                yield b"".join(lines)

    def _seen(self, change: Change) -> bytes | None:
        """A change as this watch sees it: one that leaves the selection is a DELETED, one that enters an ADDED."""
        was = change.before is not None and self.test(change.before)
        if change.type == "DELETED":
            return _line("DELETED", change.object) if was else None
        if self.test(change.object):
            return _line("MODIFIED" if was else "ADDED", change.object)
        if was and change.before is not None:
            about = meta(change.before) | {"resourceVersion": str(change.version)}
            return _line("DELETED", change.before | {"metadata": about})
        return None

    def _bookmark(self, version: int, *, initial: bool = False) -> bytes:
        about: Obj = {"resourceVersion": str(version)}
        if initial:
            about["annotations"] = {"k8s.io/initial-events-end": "true"}
        return _line("BOOKMARK", {"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": about})


def _line(verb: str, thing: Obj) -> bytes:
    return json.dumps({"type": verb, "object": thing}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
