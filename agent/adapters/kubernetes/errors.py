"""What the API server (or something before it) refused, as one of Headway's errors.

Every status ends here, whether its body is a Status object, a line of text, or the web page of a proxy. Texts of others
are cut, cleaned of control characters and scrubbed before they go into a message (P56).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.errors import (
    FieldConflictError,
    ForbiddenError,
    HeadwayError,
    InvalidObjectError,
    NotFoundError,
    RemoteError,
    StaleWriteError,
    UnauthorizedError,
    UnreachableError,
)
from agent.objects import Object
from agent.rollout.scrub import scrub

_MOST_CHARACTERS = 256
_LONGEST_CAUSE = 200
_LONGEST_WAIT = 60.0
_MANAGER = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')
_WEBHOOK_DOWN = ("failed calling webhook", "conversion webhook for", "failed to call webhook")


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete HTTP answer.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: as sent, decompressed.
        truncated: whether more was sent than was wanted, or less than was announced.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    truncated: bool = False

    @property
    def is_json(self) -> bool:
        """Whether the server says that the body is JSON."""
        return "json" in self.headers.get("content-type", "")

    @property
    def kubernetes_status(self) -> Object:
        """The body as a Kubernetes Status object of a failure, or an empty mapping."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) and found.get("kind") == "Status" else {}

    @property
    def details(self) -> Object:
        """The details of the Status, or an empty mapping."""
        found = self.kubernetes_status.get("details")
        return found if isinstance(found, dict) else {}

    @property
    def retry_after(self) -> float:
        """Seconds that the server asks us to wait, 60 at most; 0 when it asks nothing."""
        wanted = self.headers.get("retry-after", "")
        return min(float(wanted), _LONGEST_WAIT) if wanted.isdecimal() else 0.0


class NoAnswerError(UnreachableError):
    """The request brought no usable answer.

    Args:
        message: as for every error.
        sent: whether the server may have carried the request out.
        retry_after: seconds that the server asked us to wait.
    """

    def __init__(self, message: str, *, sent: bool, retry_after: float = 0.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sent = sent
        self.retry_after = retry_after


class ExpiredError(UnreachableError):
    """410: the resourceVersion or the continue token is too old; list again (P28)."""


def clean(text: str) -> str:
    """One line of somebody else's text, scrubbed, printable characters only, at most 256 of them."""
    shown = "".join(character if character.isprintable() else " " for character in text[: 16 * _MOST_CHARACTERS])
    line = " ".join(scrub(shown).split())
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"


def cause(answer: Answer) -> str:
    """Why, in the server's words if it has any."""
    status = answer.kubernetes_status
    if status.get("message"):
        return clean(str(status["message"]))
    text = clean(answer.body[:2048].decode("utf-8", "replace"))
    return f"HTTP {answer.status}" if not text or is_page(answer) else f"HTTP {answer.status}: {text}"


def is_page(answer: Answer) -> bool:
    """Whether a web page came where JSON was due: a proxy's, or a login's."""
    start = answer.body[:256].lstrip().lower()
    return "html" in answer.headers.get("content-type", "") or start.startswith((b"<!doctype", b"<html"))


def is_webhook_down(answer: Answer) -> bool:
    """Whether the write was stopped by an admission webhook that could not be asked: nothing was stored (P23)."""
    message = str(answer.kubernetes_status.get("message", ""))
    return answer.status >= 500 and any(words in message for words in _WEBHOOK_DOWN)  # noqa: PLR2004


def refusal(answer: Answer, doing: str) -> HeadwayError:  # noqa: PLR0911  one return a family of statuses
    """The error for an answer that is no success.

    Args:
        answer: what the server said.
        doing: what was not done, as the start of a sentence: `deployment/web in shop was not applied`.
    """
    why = cause(answer)
    match answer.status:
        case 401:
            return UnauthorizedError(
                f"{doing}: the cluster does not accept the credentials ({why})",
                hint="the token or certificate is missing, wrong or expired: renew the kubeconfig",
            )
        case 403:
            return _forbidden(doing, why)
        case 404:
            return _not_found(answer, doing)
        case 409:
            return _conflict(answer, doing, why)
        case 410:
            return ExpiredError(f"{doing}: {why}")
        case 400 | 413 | 415 | 422:
            return InvalidObjectError(f"{doing}: {_causes(answer) or why}")
        case status if status in {408, 429} or status >= 500:  # noqa: PLR2004
            return _unavailable(answer, doing, why)
        case status if status < 400:  # noqa: PLR2004
            return _somebody_else(answer, doing)
    return RemoteError(f"{doing}: {why}")


def _not_found(answer: Answer, doing: str) -> NotFoundError:
    """404, with namespace, object and kind told apart."""
    name = clean(str(answer.details.get("name") or ""))
    if name and answer.details.get("kind") == "namespaces":
        return NotFoundError(
            f"{doing}: there is no namespace '{name}'",
            hint=f"Headway never creates namespaces: kubectl create namespace {name}",
        )
    if name:
        return NotFoundError(f"{doing}: {cause(answer)}")
    return NotFoundError(
        f"{doing}: the cluster does not serve this kind",
        hint="check apiVersion and kind; a custom kind needs its CustomResourceDefinition first",
    )


def names_object(answer: Answer) -> str:
    """The plural of the one object that a 404 is about; empty where it is about a kind that is not served."""
    return str(answer.details.get("kind") or "object") if answer.details.get("name") else ""


def _forbidden(doing: str, why: str) -> ForbiddenError:
    """403: missing rights, or an admission that refused."""
    rights = " cannot " in why and " resource " in why
    hint = "give the user or service account a Role that allows this in the namespace" if rights else ""
    return ForbiddenError(f"{doing}: {why}", hint=hint)


def _conflict(answer: Answer, doing: str, why: str) -> HeadwayError:
    """409: exists already, changed meanwhile, or held by another field manager."""
    conflicts = []
    for item in _cause_list(answer):
        if item.get("reason") == "FieldManagerConflict":
            named = _MANAGER.search(str(item.get("message", "")))
            conflicts.append((clean(named[1]) if named else "unknown", clean(str(item.get("field", "")))))
    if conflicts:
        held = ", ".join(f"{path} by {manager}" for manager, path in conflicts[:5])
        more = f" and {len(conflicts) - 5} more" if len(conflicts) > 5 else ""  # noqa: PLR2004
        return FieldConflictError(f"{doing}: other field managers hold {held}{more}", conflicts=tuple(conflicts))
    return StaleWriteError(f"{doing}: {why}")


def _unavailable(answer: Answer, doing: str, why: str) -> NoAnswerError:
    """429 and 5xx: a server, a webhook or a proxy that may be back soon."""
    untouched = answer.status == 429 or is_webhook_down(answer)  # noqa: PLR2004
    return NoAnswerError(
        f"{doing}: the server is not able to answer now ({why})",
        sent=not untouched,
        retry_after=answer.retry_after,
    )


def _somebody_else(answer: Answer, doing: str) -> HeadwayError:
    """A redirect or a page: not the API server spoke."""
    return UnauthorizedError(
        f"{doing}: a web page or a redirect came instead of the API's answer (HTTP {answer.status})",
        hint="a proxy or a login page stands before it: check the server's URL in the kubeconfig, and NO_PROXY",
    )


def unreadable(answer: Answer, doing: str) -> HeadwayError:
    """A success whose body is not what it should be."""
    if is_page(answer):
        return _somebody_else(answer, doing)
    return NoAnswerError(f"{doing}: the answer is cut short or is no JSON", sent=True)


def _cause_list(answer: Answer) -> list[Mapping[str, Any]]:
    """status.details.causes."""
    causes = answer.details.get("causes")
    return [item for item in causes if isinstance(item, dict)] if isinstance(causes, list) else []


def _ends(text: str) -> str:
    """A long cause without its middle: it begins with what was wrong, quotes a whole value, and ends with why."""
    return text if len(text) <= _LONGEST_CAUSE else f"{text[:80]} … {text[-100:]}"


def _causes(answer: Answer) -> str:
    """The causes of a 422, one after another: `spec.replicas: must be at least 0`; a policy's names no field."""
    parts = [
        ": ".join(_ends(str(part)) for part in (item.get("field"), item.get("message") or item.get("reason")) if part)
        for item in _cause_list(answer)
    ]
    return clean("; ".join(filter(None, parts)))
