"""Refusals as the API server words them: `kind: Status` with reason, message, code and details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agent.sandbox.http import Response, json_response

if TYPE_CHECKING:
    from agent.sandbox.kubernetes.kinds import Kind
    from agent.sandbox.kubernetes.objects import Obj

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    502: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """A request is refused.

    Args:
        code: the HTTP status.
        message: in the words of the real API server.
        reason: metav1.StatusReason; by default the usual one for the code.
        details: the `details` of the Status.
        headers: extra HTTP headers, such as Retry-After.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str = "",
        details: Obj | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or REASONS.get(code, "Unknown")
        self.details = details
        self.headers = headers or {}

    def status(self) -> Obj:
        """The Status object."""
        document: Obj = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            document["details"] = self.details
        return document | {"code": self.code}

    def response(self) -> Response:
        """The HTTP answer."""
        return json_response(self.code, self.status(), self.headers)


def details(kind: Kind, name: str = "", **more: object) -> Obj:
    """The usual details of a Status about one object."""
    found: Obj = {"name": name, "group": kind.group, "kind": kind.plural} | more
    return {key: value for key, value in found.items() if value}


def not_found(kind: Kind, name: str) -> ApiError:
    """404 for one object."""
    return ApiError(404, f'{kind.resource} "{name}" not found', details=details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 for a create."""
    return ApiError(
        409, f'{kind.resource} "{name}" already exists', reason="AlreadyExists", details=details(kind, name)
    )


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    """409 for a precondition that does not hold."""
    text = why or "the object has been modified; please apply your changes to the latest version and try again"
    return ApiError(
        409, f'Operation cannot be fulfilled on {kind.resource} "{name}": {text}', details=details(kind, name)
    )


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    """403 from admission."""
    return ApiError(403, f'{kind.resource} "{name}" is forbidden: {why}', details=details(kind, name))


class Cause:
    """One complaint of a validation.

    Args:
        field: path, as in `spec.template.spec.containers[0].image`.
        kind: one of the words of field.Error, such as `Required value`.
        detail: what is said after the value.
        value: what stood there, as the message quotes it; empty for Required.
    """

    TYPES = {  # noqa: RUF012 - a constant table
        "Required value": "FieldValueRequired",
        "Invalid value": "FieldValueInvalid",
        "Duplicate value": "FieldValueDuplicate",
        "Not found": "FieldValueNotFound",
        "Unsupported value": "FieldValueNotSupported",
        "Forbidden": "FieldValueForbidden",
    }

    def __init__(self, field: str, kind: str, detail: str = "", value: str = "") -> None:
        self.field = field
        self.type = self.TYPES[kind]
        self.message = ": ".join(part for part in (kind, value, detail) if part)

    def document(self) -> Obj:
        """The StatusCause."""
        return {"reason": self.type, "message": self.message, "field": self.field}


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 with every cause."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    return ApiError(
        422,
        f'{qualified} "{name}" is invalid: {listed}',
        details={
            "name": name,
            "group": kind.group,
            "kind": kind.kind,
            "causes": [cause.document() for cause in causes],
        },
    )
