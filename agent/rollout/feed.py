"""What a follower hears about one workload: the words between watches (or recordings) and the judge.

Every event carries `at`: seconds on one monotonic clock, when it arrived here. The server's own timestamps stay
inside the objects and are compared only with each other (pitfall P27).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.objects import Object


@dataclass(frozen=True, slots=True)
class Listed:
    """All there is of one resource now; what was known of it and is not here is gone.

    Attributes:
        at: when it arrived.
        resource: plural, as in the API: deployments, statefulsets, daemonsets, replicasets, controllerrevisions, pods,
            events, jobs.
        items: the objects; empty is a fact too.
    """

    at: float
    resource: str
    items: tuple[Object, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One watch event."""

    at: float
    resource: str
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Object


@dataclass(frozen=True, slots=True)
class Applied:
    """Our own write to the workload, with the server's answer: its generation is the one that counts (P1).

    Attributes:
        at: when the write was sent (evidence older than this belongs to the state before).
        object: the workload as the server answered.
        created: whether the workload did not exist before.
    """

    at: float
    object: Object
    created: bool = False


@dataclass(frozen=True, slots=True)
class Blind:
    """From `at` on nothing can be seen of the cluster. Deadlines pause until `Sighted`."""

    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Sighted:
    """The cluster answers again; fresh `Listed` events came before this one."""

    at: float


Event: TypeAlias = Listed | Changed | Applied | Blind | Sighted
