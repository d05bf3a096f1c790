"""The Feed of one workload: an Engine on a thread of its own, and a queue between it and whoever judges.

One thread follows one rollout, however many watches that takes: it sleeps in poll() on their sockets. It is a daemon,
and closing waits for it no longer than half a second, so neither Ctrl-C nor SIGTERM ever hangs on a dead network.
"""

from __future__ import annotations

import queue
import select
import socket
import threading
from types import TracebackType

from agent.adapters.kubernetes import projection
from agent.adapters.kubernetes.errors import NoAnswerError
from agent.adapters.kubernetes.evidence import EVENT_SELECTOR, Own
from agent.adapters.kubernetes.follower import Engine
from agent.adapters.kubernetes.kinds import Kinds
from agent.adapters.kubernetes.pacing import Backoff
from agent.adapters.kubernetes.transport import Transport
from agent.adapters.kubernetes.watch import QUIET, Subject, Watch
from agent.errors import HeadwayError, UsageError
from agent.objects import Ref
from agent.ports import Clock, Feed
from agent.rollout.feed import Blind, Event, Listed

_TRIES = 5
_LONGEST_SLEEP = 5.0
_JOIN_SECONDS = 0.5
_REVISIONS = {
    "Deployment": ("replicasets", "ReplicaSet"),
    "StatefulSet": ("controllerrevisions", "ControllerRevision"),
    "DaemonSet": ("controllerrevisions", "ControllerRevision"),
    "Job": None,
}


def subjects(workload: Ref, selector: str, kinds: Kinds, own: Own) -> tuple[Subject, ...]:
    """What is watched for one workload: itself by name, what its selector matches, and the namespace's new events.

    Raises:
        UsageError: this kind of workload can't be followed, or everything would match its selector.
    """
    if workload.kind not in _REVISIONS:
        raise UsageError(f"{workload} can't be followed", hint="a Deployment, StatefulSet, DaemonSet or Job can be")
    if not selector:
        raise UsageError(f"{workload} can't be followed: it has no label selector")

    def path(api_version: str, kind: str) -> str:
        return kinds.collection(api_version, kind, workload.namespace)

    by_name = {"fieldSelector": f"metadata.name={workload.name}"}
    by_label = {"labelSelector": selector}
    plural = kinds.resource(workload.api_version, workload.kind).plural
    itself = Subject(
        plural, workload.api_version, workload.kind, path(workload.api_version, workload.kind), by_name, QUIET,
        projection.trimmed,
    )  # fmt: skip
    pods = Subject("pods", "v1", "Pod", path("v1", "Pod"), by_label, QUIET, projection.pod)
    events = Subject(
        "events", "v1", "Event", path("v1", "Event"), {"fieldSelector": EVENT_SELECTOR}, keep=own.event, take=1
    )
    revisions = _REVISIONS[workload.kind]
    if revisions is None:
        return itself, pods, events
    plural, kind = revisions
    middle = Subject(plural, "apps/v1", kind, path("apps/v1", kind), by_label, keep=projection.trimmed)
    return itself, middle, pods, events


class Following:
    """Follows one workload from entering to leaving; see `ports.Cluster.follow`.

    Args:
        transport: sends.
        kinds: where objects live.
        clock: time.
        workload: what is followed.
        selector: the label selector of its pods.
    """

    def __init__(self, transport: Transport, kinds: Kinds, clock: Clock, workload: Ref, selector: str) -> None:
        self._transport = transport
        self._clock = clock
        own = Own(workload)
        self._engine = Engine(transport, clock, subjects(workload, selector, kinds, own), own, kinds.item(workload))
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {workload}", daemon=True)

    def __enter__(self) -> Feed:
        """Lists and opens the watches, here and now, so that missing rights are an error before anything is written."""
        try:
            for event in self._engine.begin(self._listed):
                self._events.put(event)
        except BaseException:
            self._engine.close()
            raise
        self._near, self._far = socket.socketpair()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the thread; one that is in the middle of a request ends after it."""
        self._closed.set()
        self._near.close()  # the far end becomes readable
        self._thread.join(_JOIN_SECONDS)

    def next(self, timeout: float) -> Event | None:
        """See ports.Feed."""
        try:
            return self._events.get(timeout=timeout) if timeout > 0 else self._events.get_nowait()
        except queue.Empty:
            return None

    def _listed(self, watch: Watch) -> Listed:
        """A first list, patiently: nothing was written yet, so waiting costs nothing."""
        backoff = Backoff()
        cached = watch.subject.resource in {"pods", "replicasets", "controllerrevisions"}
        for _ in range(_TRIES - 1):
            try:
                return watch.relist(self._transport, self._clock.monotonic, cached=cached)
            except NoAnswerError as problem:
                self._clock.sleep(backoff.wait(problem.retry_after))
        return watch.relist(self._transport, self._clock.monotonic)

    def _run(self) -> None:
        """The thread: sleep until there is something to do, do it, pass on what was heard."""
        try:
            while not self._closed.is_set():
                for event in self._engine.turn():
                    self._events.put(event)
                self._sleep()
        except Exception as problem:  # noqa: BLE001  whoever judges must learn that nobody watches any more
            reason = problem.message if isinstance(problem, HeadwayError) else f"{type(problem).__name__}: {problem}"
            self._events.put(Blind(self._clock.monotonic(), f"the watch stopped: {reason}"))
        finally:
            self._engine.close()
            self._far.close()

    def _sleep(self) -> None:
        """Until a socket has news, something is due, or we are closed."""
        poll = select.poll()
        poll.register(self._far, select.POLLIN)
        for watch in self._engine.watches:
            if watch.stream is not None:
                poll.register(watch.stream, select.POLLIN)
        poll.poll(min(self._engine.wait(), _LONGEST_SLEEP) * 1000)
