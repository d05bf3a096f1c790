"""Every way Headway can refuse, and the exit status each of them ends with.

A failed rollout is a result (`agent.rollout.verdict`), never one of these. An error says what was not done, then the
cause, then, as `hint`, the way out; `agent.cli.main` is the only place that turns one into text and a status.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ExitStatus(IntEnum):
    """The table of docs/reference/exit-status.md; everything else is reserved."""

    OK = 0
    UNDONE = 1
    USAGE = 2
    CHANGES = 3
    UNREACHABLE = 4
    NEEDS_A_PERSON = 5
    TIMED_OUT = 6
    SUPERSEDED = 7
    LOCKED = 8
    REFUSED = 9
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


class HeadwayError(Exception):
    """Something was not done, and why.

    Args:
        message: what did or did not happen, then the cause; one sentence, no final full stop.
        hint: what the reader can do about it; empty when there is nothing useful to say.
    """

    status: ExitStatus = ExitStatus.BUG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HeadwayError):
    """The command line, a spec or a file that was named is wrong; nothing was sent anywhere."""

    status = ExitStatus.USAGE


class RefusedError(HeadwayError):
    """Policy forbids it: frozen, known bad, a GitOps owner, no way back although one is required.

    Attributes:
        report: what the operation has to report all the same (docs/reference/report.md); None where it reports nothing.
    """

    status = ExitStatus.REFUSED
    report: dict[str, Any] | None = None


class LockedError(HeadwayError):
    """Another deploy of this workload is under way."""

    status = ExitStatus.LOCKED


class SupersededError(HeadwayError):
    """A newer build asked this one's deploy to give way.

    Args:
        message: as for every error.
        by: the newer build.
    """

    status = ExitStatus.SUPERSEDED

    def __init__(self, message: str, *, by: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.by = by


class RemoteError(HeadwayError):
    """Jenkins or the cluster refused us or can't be reached."""

    status = ExitStatus.UNREACHABLE


class UnreachableError(RemoteError):
    """No answer: connection refused, name unknown, timed out, TLS refused, or a server that says it is not up (5xx)."""


class UnauthorizedError(RemoteError):
    """401, or a redirect to a login page: the credentials are missing, wrong or expired."""


class ForbiddenError(RemoteError):
    """403: the credentials are known and may not do this (or admission refused the object)."""


class NotFoundError(RemoteError):
    """404: what was asked for is not there (a namespace, a kind, a folder)."""


class InvalidObjectError(RemoteError):
    """400 or 422: the server will not take this object as it stands; only a change of the object helps."""


class StaleWriteError(RemoteError):
    """409 on a write with a precondition: the object changed since it was read. Read again and decide again."""


class FieldConflictError(RemoteError):
    """409 on a server-side apply: another field manager holds a field that we set.

    Args:
        message: as for every error.
        conflicts: (field manager, field path) pairs as the server names them.
    """

    def __init__(self, message: str, *, conflicts: tuple[tuple[str, str], ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.conflicts = conflicts
