"""What the kubelet remembers of pods and containers: instances, back-offs, why something waits."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from agent.sandbox.kubernetes.images import Pulled, Registry
from agent.sandbox.kubernetes.objects import Key, Obj
from agent.sandbox.kubernetes.programs import Program
from agent.sandbox.kubernetes.recorder import Recorder
from agent.sandbox.kubernetes.world import World

INITIAL_BACKOFF, MAX_BACKOFF = 10.0, 300.0
"""Of container restarts and of image pulls (kubelet: containerBackOff, MaxImageBackOff)."""

Steps: TypeAlias = Generator[float, None, bool]
"""A sync that takes time: it yields the seconds until it goes on, and says at the end whether it failed."""


@dataclass(slots=True)
class Instance:
    """One start of a container.

    Attributes:
        id: the container ID.
        started: when.
        program: the process; None when it could not be started.
        finished: when it ended; None while it runs.
        exit_code: of the process.
        reason: Completed, Error, OOMKilled, StartError, ContainerStatusUnknown.
        message: of the runtime.
    """

    id: str
    started: float
    program: Program | None
    finished: float | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class BackOff:
    """client-go's flowcontrol.Backoff for one key."""

    seconds: float = 0.0
    updated: float = 0.0

    def is_on(self, now: float, since: float) -> bool:
        """Whether one must still wait, counted from `since`."""
        return self.seconds > 0 and not self._is_expired(since) and now - since < self.seconds

    def next(self, now: float) -> None:
        """Doubles it, or begins anew when the last failure is long ago."""
        fresh = self.seconds == 0 or self._is_expired(now)
        self.seconds = INITIAL_BACKOFF if fresh else min(self.seconds * 2, MAX_BACKOFF)
        self.updated = now

    def _is_expired(self, moment: float) -> bool:
        return moment - self.updated > 2 * MAX_BACKOFF


@dataclass(slots=True)
class ProbeState:
    """A probe worker: what it last said of which instance, and how often in a row."""

    instance: str = ""
    result: bool | None = None
    last: bool | None = None
    run: int = 0
    on_hold: bool = False


@dataclass(slots=True)
class ContainerRun:
    """A container through all its instances.

    Attributes:
        name: the container's.
        section: `initContainers` or `containers`.
        instances: the last two, the newest last.
        seen: the instances as the last relist (PLEG) saw them, with their end: what statuses are made of.
        restarts: restartCount.
        waiting: reason and message of the last failed start; None after a good one.
        image_id: of the pulled image.
    """

    name: str
    section: str
    instances: list[Instance] = field(default_factory=list)
    seen: list[Instance] = field(default_factory=list)
    restarts: int = 0
    seen_restarts: int = 0
    waiting: tuple[str, str] | None = None
    backoff: BackOff = field(default_factory=BackOff)
    pulls: BackOff = field(default_factory=BackOff)
    pull_error: str = ""
    image_id: str = ""
    probes: dict[str, ProbeState] = field(default_factory=dict)

    def look(self) -> None:
        """Sees the instances as they are now: their end is frozen in, as in the kubelet's cache."""
        self.seen = [replace(instance) for instance in self.instances[-2:]]
        self.seen_restarts = self.restarts

    @property
    def current(self) -> Instance | None:
        """The newest instance."""
        return self.instances[-1] if self.instances else None

    @property
    def running(self) -> Instance | None:
        """The newest instance while it runs."""
        found = self.current
        return found if found is not None and found.finished is None else None

    @property
    def last_seen(self) -> Instance | None:
        """The newest instance that the last relist saw."""
        return self.seen[-1] if self.seen else None


@dataclass(slots=True)
class PodRun:
    """A pod on the node.

    Attributes:
        key: namespace and name.
        uid: of the pod.
        containers: by name, init containers first.
        address: the pod IP once there is a sandbox.
        sandbox_seen: whether a relist has seen the sandbox.
        started: when the kubelet first saw it; None before.
        sync: the sync under way.
        again: whether another one is wanted when it ends.
        stopping: whether it is being terminated.
        stopped: whether all containers have ended for good.
    """

    key: Key
    uid: str
    containers: dict[str, ContainerRun]
    address: str = ""
    sandbox_seen: bool = False
    started: float | None = None
    sync: Steps | None = None
    again: bool = False
    stopping: bool = False
    stopped: bool = False
    mounted: bool = False


class Node(Protocol):
    """What a sync needs of the node that it runs on; each method is documented at Kubelet."""

    world: World
    recorder: Recorder
    registry: Registry
    images: dict[str, Pulled]
    pulling_until: float

    def pod(self, run: PodRun) -> Obj | None: ...  # noqa: D102 - see Kubelet

    def report(self, run: PodRun) -> None: ...  # noqa: D102

    def relist_soon(self, run: PodRun) -> None: ...  # noqa: D102

    def plan_end(self, run: PodRun, instance: Instance, seconds: float, code: int, reason: str) -> None: ...  # noqa: D102

    def end(self, run: PodRun, instance: Instance, code: int, reason: str) -> None: ...  # noqa: D102

    def until_relist(self) -> float: ...  # noqa: D102

    def remove(self, run: PodRun) -> None: ...  # noqa: D102


def start_record(pod: Obj) -> PodRun:
    """The record of a pod that was just bound to the node."""
    about, spec = pod["metadata"], pod["spec"]
    runs = {
        item["name"]: ContainerRun(item["name"], section)
        for section in ("initContainers", "containers")
        for item in spec.get(section) or ()
    }
    return PodRun((about.get("namespace", ""), about["name"]), about["uid"], runs)
