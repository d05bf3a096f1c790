"""What an operation is told to do, and with what: frozen, checked before, free of flags and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from agent.objects import Object, Ref, ref
from agent.ports import Clock, Cluster, Prober
from agent.release.content import Content
from agent.release.ledger import ReleaseSet
from agent.reports.events import Emit
from agent.rollout.policy import Policy
from agent.smoke.check import SmokeCheck, trusted


@dataclass(frozen=True, slots=True)
class Builder:
    """Who does this: `name` is BUILD_URL, else user and host; `commit` is GIT_COMMIT, else empty."""

    name: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """The doors to the outside, and where events go."""

    cluster: Cluster
    prober: Prober
    clock: Clock
    emit: Emit
    builder: Builder


Heartbeat: TypeAlias = Callable[[float, Callable[[], float]], AbstractContextManager[None]]
"""Calls something after so many seconds, then after as many as it answers, until it is left."""


def nobody(process: str) -> bool:
    """Nothing is known of other processes."""
    del process
    return False


@dataclass(frozen=True, slots=True)
class LockRules:
    """How a workload's lock is taken.

    Attributes:
        wait: seconds to wait for another operation; 0: not at all.
        length: seconds without a renewal after which a lease has lapsed.
        process: names this process; `known_dead` is asked about others' names.
        known_dead: whether a process is certainly gone (one of this machine whose number is free).
        heartbeat: renews in the background; None: only `check` does.
        supersede: an older build's deploy that holds it is asked to give way.
    """

    wait: float = 60.0
    length: float = 30.0
    process: str = ""
    known_dead: Callable[[str], bool] = nobody
    heartbeat: Heartbeat | None = None
    supersede: bool = False


@dataclass(frozen=True, slots=True)
class UndoRules:
    """`deploy.undo` of the spec.

    Attributes:
        when: which of rollout-failed and smoke-failed cause an undo.
        on_abort: `undo` or `leave`.
        first: scale-to-zero, delete or leave.
        then: nothing or freeze.
        free_stuck: pods of a StatefulSet that hang after the undo are deleted, one by one.
        one_way: a database migration of this release can't be taken back; then an undo is refused.
    """

    when: frozenset[str] = frozenset({"rollout-failed", "smoke-failed"})
    on_abort: str = "undo"
    first: str = "scale-to-zero"
    then: str = "nothing"
    one_way: bool = False
    free_stuck: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service runs: the words that every report opens with.

    Attributes:
        url: the environment's; for `via: url` and for commands.
    """

    service: str
    environment: str
    namespace: str
    workload: Ref
    container: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Mission:
    """One deploy.

    Attributes:
        place: where.
        content: what.
        checks: the smoke checks, placeholders unfilled.
        policy: how the rollouts are judged.
        undo: what a failure leads to.
        lock: how the workload's lock is taken.
        before: Jobs that are awaited before a workload is touched; they get their names here.
        restart_on_config: `deploy.restart_on`: changed configuration restarts the pods.
        soak: seconds for which the release is watched on before it is good; 0: none.
        prune: what becomes of objects that no manifest names any more: report, delete or leave.
        secrets: keyed hashes of the Secrets that the release refers to; filled in by the operation.
        allow_known_bad: `--allow-known-bad`.
        require_undo: `--require-undo`: refuse where there is no way back.
        dry_run: rehearse only.
    """

    place: Place
    content: Content
    checks: tuple[SmokeCheck, ...] = ()
    policy: Policy = field(default_factory=Policy)
    undo: UndoRules = field(default_factory=UndoRules)
    lock: LockRules = field(default_factory=LockRules)
    before: tuple[Object, ...] = ()
    restart_on_config: bool = False
    soak: float = 0.0
    prune: str = "report"
    secrets: Mapping[str, str] = field(default_factory=dict)
    allow_known_bad: bool = False
    require_undo: bool = False
    dry_run: bool = False

    @property
    def pair(self) -> str:
        """See `Content.pair`."""
        return self.content.pair(self.secrets)


@dataclass(frozen=True, slots=True)
class Running:
    """What smoke checks need to know of a release: its workload and Services, and the words for placeholders.

    `unasked` are the names of checks that a recorded release has and that can't be asked: see `smoke.check.trusted`.
    """

    place: Place
    objects: tuple[Object, ...]
    checks: tuple[SmokeCheck, ...]
    container: str
    version: str
    unasked: tuple[str, ...] = ()

    @property
    def workload(self) -> Object:
        """The followed workload as the release has it; empty where it isn't among the objects."""
        return next((thing for thing in self.objects if ref(thing) == self.place.workload), {})

    @property
    def words(self) -> Mapping[str, str]:
        """What placeholders stand for."""
        return {
            "version": self.version,
            "service": self.place.service,
            "namespace": self.place.namespace,
            "environment": self.place.environment,
        }


def running(place: Place, content: ReleaseSet, version: str, at_hand: tuple[SmokeCheck, ...]) -> Running:
    """A recorded release as smoke checks see it; the checks `at_hand` are asked where it has none recorded."""
    recorded = tuple(SmokeCheck.from_dict(raw) for raw in content.checks)
    checks = trusted(recorded, at_hand)
    unasked = tuple(check.name for check in recorded if check.name not in {asked.name for asked in checks})
    place = replace(place, url=place.url or content.url)
    container = content.container or place.container
    return Running(place, content.objects, checks if recorded else at_hand, container, version, unasked)
