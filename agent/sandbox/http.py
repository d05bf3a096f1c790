"""HTTP requests and answers as data: what a stand-in server decides on, with no socket in sight."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in.

    Attributes:
        method: in capitals.
        path: decoded no further than the client sent it, without the query.
        query: the raw query string, without the question mark.
        headers: names in lower case; of a repeated header the last value.
        body: the whole body.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def parameter(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return parse_qs(self.query, keep_blank_values=True).get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """Whether a query parameter says yes, as Go's strconv.ParseBool and client libraries spell it."""
        return self.parameter(name).lower() in {"1", "t", "true"}


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Attributes:
        status: the HTTP status.
        body: the whole body; ignored where `stream` is given.
        headers: beside Content-Length and Transfer-Encoding, which the socket edge adds.
        stream: chunks to send one by one, each as soon as it comes, until the iterator ends.
        truncate: cut the connection after this many bytes of the body (a scripted fault).
        drop: close the connection without any answer (a scripted fault).
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None
    truncate: int | None = None
    drop: bool = False


Handler: TypeAlias = Callable[[Request], Response]


def json_response(status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer whose body is JSON."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(status, body, {"Content-Type": "application/json"} | dict(headers or {}))


def text_response(status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> Response:
    """An answer whose body is text."""
    return Response(status, text.encode(), {"Content-Type": content_type})
