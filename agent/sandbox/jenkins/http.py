"""Requests and answers as values: no socket is opened here, so every endpoint can be called straight from a test."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2.504.3"
"""The Jenkins that was recorded, and that `X-Jenkins` names."""


XML_TYPES = {"text/xml", "application/xml"}
"""The content types that are taken for a config.xml."""


class Delivery(Enum):
    """How an answer goes over the wire."""

    WHOLE = "whole"
    SLOW = "slow"
    CUT = "cut"
    RESET = "reset"


@dataclass(frozen=True)
class Request:
    """One request, as it came.

    Args:
        method: in upper case.
        target: path and query, still percent-encoded.
        headers: names in lower case; of repeated ones the last.
        body: undecoded.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return urlsplit(self.target).path if "?" in self.target or "#" in self.target else self.target

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The decoded parts of the path; empty ones left out, as Stapler does."""
        return tuple(unquote(part) for part in self.path.split("/") if part)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters, the first of each name."""
        return _first(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The body's fields, URL-encoded or multipart; empty for any other content."""
        kind = self.content_type
        if kind == "application/x-www-form-urlencoded":
            return _first(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        if kind == "multipart/form-data":
            return _multipart(self.headers["content-type"], self.body)
        return {}

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in lower case; empty when there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The declared charset, or Latin-1: what this controller fell back to (XML without one became mojibake)."""
        _, _, declared = self.headers.get("content-type", "").lower().partition("charset=")
        return declared.partition(";")[0].strip(" \"'") or "iso-8859-1"

    @property
    def parameters(self) -> dict[str, str]:
        """Query and form together, as a servlet's `getParameter` sees them."""
        return {**self.form, **self.query}


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Args:
        status: the HTTP status.
        body: the whole of it.
        headers: without Content-Length, which the socket edge adds.
        delivery: how it is put on the wire.
        pace: seconds between the pieces of a slow delivery.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = Delivery.WHOLE
    pace: float = 0.0


def empty(status: int = 200, **headers: str) -> Response:
    """An answer without a body; `_` in a header's name stands for `-`."""
    return Response(status, b"", {name.replace("_", "-"): value for name, value in headers.items()})


def json_answer(document: object) -> Response:
    """JSON as Stapler's remote API sends it, with the version in X-Jenkins."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(200, text.encode(), {"X-Jenkins": VERSION, "Content-Type": "application/json;charset=utf-8"})


def plain_json(document: object) -> Response:
    """JSON of a plugin's own endpoint: the same, without X-Jenkins."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(200, text.encode(), {"Content-Type": "application/json;charset=utf-8"})


def text_answer(text: str, **headers: str) -> Response:
    """Plain text; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(200, text.encode(), {"Content-Type": "text/plain;charset=utf-8", **named})


def xml_answer(text: str) -> Response:
    """A config.xml."""
    return Response(200, text.encode(), {"Content-Type": "application/xml"})


def redirect(location: str) -> Response:
    """302; whether anybody follows it is the client's affair."""
    return empty(302, Location=location)


def _first(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    found: dict[str, str] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found.setdefault(name, content.decode("utf-8", "replace"))
    return found
