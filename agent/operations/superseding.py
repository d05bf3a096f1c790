"""A newer build asks an older one's deploy of the same workload to give way (`deploy.lock: supersede`).

It asks by an annotation on the older one's lease, and waits. The older one looks there before it writes an object and
at each heartbeat; it stops, hands what it left open over to the newer one, and gives the lock back: so there is never a
moment with two writers, and one that doesn't answer is waited for like any other until its lease lapses. Only a deploy
gives way; an undo, a restart or a recovery that has begun is always finished.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from agent.errors import HeadwayError, LockedError, StaleWriteError, SupersededError
from agent.objects import Object, metadata
from agent.objects import annotations as annotations_of
from agent.ports import Cluster

OPERATION = "headway.dev/operation"
"""On a lease: what its holder does; only a `deploy` gives way."""
ASKED = "headway.dev/superseded-by"
"""On a lease: `TOKEN BUILD`, the build that wants it from whoever took it with that fencing token."""
_BUILD = re.compile(r"(.+/)([0-9]{1,18})/?")


def is_newer(one: str, other: str) -> bool | None:
    """Whether a build is newer than another: by their numbers in one Jenkins job, else the one that comes later.

    Args:
        one: who comes now: BUILD_URL, else user and host.
        other: who was there before.

    Returns:
        None for one and the same build.
    """
    mine, its = _BUILD.fullmatch(one), _BUILD.fullmatch(other)
    if mine is None or its is None or mine[1] != its[1]:
        return True
    return None if int(mine[2]) == int(its[2]) else int(mine[2]) > int(its[2])


def asked_by(lease: Object, token: int) -> str:
    """The build that asks the holder with that token to give way; empty if there is none."""
    number, _, build = str(annotations_of(lease).get(ASKED) or "").partition(" ")
    return build if number == str(token) else ""


class Asking:
    """The newer build's side, while it waits for the lock.

    Args:
        cluster: where the lease is.
        name: who asks.
        willing: raises where the deploy would be refused anyway: then nobody is stopped for it.
    """

    def __init__(self, cluster: Cluster, name: str, willing: Callable[[], None]) -> None:
        self._cluster = cluster
        self._name = name
        self._willing: Callable[[], None] | None = willing
        self._asked = 0
        self._lease: Object = {}

    @property
    def has_asked(self) -> bool:
        """Whether the holder was asked."""
        return self._asked > 0

    def look(self, lease: Object) -> None:
        """Asks the holder of a lease, if it is one that gives way and hasn't been asked yet.

        Raises:
            LockedError: a newer build holds it, or has asked already.
            SupersededError: a newer build has asked instead of us.
        """
        spec = lease["spec"]
        token = int(spec.get("leaseTransitions") or 0)
        if annotations_of(lease).get(OPERATION) != "deploy" or self._is_older(str(spec.get("holderIdentity"))):
            return
        other = asked_by(lease, token)
        if other == self._name:
            return
        if other and self._asked == token:
            raise SupersededError(f"nothing was changed: superseded by {other} while waiting for the lock", by=other)
        if other and self._is_older(other):
            return
        if self._willing is not None:
            self._willing()
            self._willing = None
        with suppress(StaleWriteError):  # asked again at the next look
            self._lease = self._cluster.replace(_with(lease, f"{token} {self._name}"))
            self._asked = token

    def _is_older(self, other: str) -> bool:
        """Whether the other is this very build, which is waited for; a newer one ends the waiting."""
        newer = is_newer(self._name, other)
        if newer is False:
            raise LockedError(
                f"nothing was changed: a newer build deploys already: {other}",
                hint="an older build never supersedes a newer one",
            )
        return newer is None

    def withdraw(self) -> None:
        """Takes the request back, where the waiting came to nothing; best effort."""
        if not self.has_asked:
            return
        with suppress(HeadwayError):
            self._cluster.replace(_with(self._lease, ""))


def _with(lease: Object, request: str) -> Object:
    meta = {key: value for key, value in metadata(lease).items() if key != "managedFields"}
    notes = {key: value for key, value in annotations_of(lease).items() if key != ASKED}
    return {**lease, "metadata": {**meta, "annotations": notes | ({ASKED: request} if request else {})}}
