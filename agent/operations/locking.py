"""One writer a workload: a Lease beside it, renewed while we work, with a fencing token that every taking raises.

Whether a holder is still there is judged by our own clock only: a lease that nobody renewed for its length *while we
watched* has lapsed (P27, P54). Before every write the holder asks itself whether its last renewal is younger than the
length; one that was cut off stops writing by itself, before anybody may take over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from agent.errors import (
    ForbiddenError,
    HeadwayError,
    InvalidObjectError,
    LockedError,
    NotFoundError,
    StaleWriteError,
)
from agent.objects import Object, Ref, metadata
from agent.operations.mission import LockRules, Tools

API = "coordination.k8s.io/v1"
PROCESS = "headway.dev/process"
_LOOK = 1.0
"""Seconds between two looks at a lease that somebody else holds."""

GIVING_BACK = 3.0
"""Seconds for giving a lock back: an interrupted deploy is to be gone within 15 (contract section 7)."""


class Lock:
    """The lease of one workload.

    Args:
        tools: the doors to the outside.
        workload: what is locked.
        rules: how.
    """

    def __init__(self, tools: Tools, workload: Ref, rules: LockRules) -> None:
        self._tools = tools
        self._rules = rules
        self._workload = workload
        self._place = Ref(API, "Lease", workload.namespace, f"headway.{workload.kind.lower()}.{workload.name}"[:253])
        self._live: Object = {}
        self._renewed = 0.0
        self._lost = ""
        self._busy = threading.Lock()
        self.token = 0

    def take(self, waiting: Callable[[str], None]) -> None:
        """Takes it, after waiting for whoever holds it.

        Args:
            waiting: told once whom we wait for.

        Raises:
            LockedError: somebody else holds it all the time.
        """
        clock = self._tools.clock
        began = clock.monotonic()
        seen, since, told = "", began, False
        while True:
            live = self._tools.cluster.get(self._place)
            spec = (live or {}).get("spec") or {}
            mark = f"{spec.get('holderIdentity')} {spec.get('renewTime')} {spec.get('leaseTransitions')}"
            if mark != seen:
                seen, since = mark, clock.monotonic()
            if self._free(live, spec, clock.monotonic() - since):
                with suppress(StaleWriteError):
                    self._write(live)
                    return
                continue
            holder = str(spec.get("holderIdentity"))
            if clock.monotonic() - began >= self._rules.wait:
                raise LockedError(
                    f"nothing was changed: another operation on {self._workload} is under way: {holder}, "
                    f"since {spec.get('acquireTime')}",
                    hint=f"waited {self._rules.wait:g} s; --lock-wait waits longer",
                )
            if not told:
                waiting(holder)
                told = True
            clock.sleep(_LOOK)

    def _free(self, live: Object | None, spec: dict[str, Any], unchanged: float) -> bool:
        if live is None or not spec.get("holderIdentity"):
            return True
        process = str((metadata(live).get("annotations") or {}).get(PROCESS) or "")
        if process and (process == self._rules.process or self._rules.known_dead(process)):
            return True
        return unchanged >= float(spec.get("leaseDurationSeconds") or self._rules.length)

    def _write(self, live: Object | None) -> None:
        now = _micro(self._tools.clock.utc())
        self.token = int(((live or {}).get("spec") or {}).get("leaseTransitions") or 0) + 1
        thing: Object = {
            "apiVersion": API,
            "kind": "Lease",
            "metadata": {
                "name": self._place.name,
                "namespace": self._place.namespace,
                "labels": {"app.kubernetes.io/managed-by": "headway"},
                "annotations": {PROCESS: self._rules.process},
            },
            "spec": {
                "holderIdentity": self._tools.builder.name,
                "leaseDurationSeconds": max(int(self._rules.length), 1),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": self.token,
            },
        }
        sent = self._tools.clock.monotonic()
        if live is None:
            self._live = self._tools.cluster.create(thing)
        else:
            thing["metadata"]["resourceVersion"] = metadata(live)["resourceVersion"]
            self._live = self._tools.cluster.replace(thing)
        self._renewed = sent

    @property
    def pause(self) -> float:
        """Seconds between two renewals: two thirds of the length, so that a long rollout asks for little."""
        return self._rules.length * 2 / 3

    def renew(self) -> float:
        """Says that we are still here; what goes wrong shows in `check`.

        Returns:
            Seconds until it is to be said again: soon, where nobody heard it, so that the last third of the length
            holds several tries.
        """
        with self._busy:
            if self._lost:
                return self.pause
            sent = self._tools.clock.monotonic()
            spec = {**self._live["spec"], "renewTime": _micro(self._tools.clock.utc(), self.token + int(sent * 1000))}
            meta = {key: value for key, value in metadata(self._live).items() if key != "managedFields"}
            try:
                self._live = self._tools.cluster.replace({**self._live, "metadata": meta, "spec": spec})
                self._renewed = sent
            except StaleWriteError:
                self._lost = "another operation has taken over"
            except HeadwayError:
                return self._rules.length / 15  # `check` notices when it lasts
            return self.pause

    def check(self) -> None:
        """Asked before every write.

        Raises:
            LockedError: the lock isn't ours any more, or may not be.
        """
        silent = self._tools.clock.monotonic() - self._renewed
        if silent >= self._rules.length and not self._lost:
            self.renew()  # nobody may have noticed; the precondition tells
            silent = self._tools.clock.monotonic() - self._renewed
        if self._lost or silent >= self._rules.length:
            raise LockedError(
                f"nothing more was changed: the lock of {self._workload} was lost: "
                f"{self._lost or f'it could not be renewed for {silent:.0f} s'}",
                hint="`headway status` shows what runs and what was left open",
            )

    def release(self) -> None:
        """Gives it back within `GIVING_BACK` seconds or not at all; best effort, as it lapses by itself."""
        giving = threading.Thread(target=self._give_back, daemon=True)
        giving.start()
        giving.join(GIVING_BACK)

    def _give_back(self) -> None:
        with self._busy:
            if self._lost or not self._live:
                return
            self._lost = "it was given back"
            meta = {key: value for key, value in metadata(self._live).items() if key != "managedFields"}
            spec = {**self._live["spec"], "holderIdentity": ""}
            with suppress(HeadwayError):
                self._tools.cluster.replace({**self._live, "metadata": meta, "spec": spec})


def _micro(moment: str, fraction: int = 0) -> str:
    """An RFC 3339 moment as the API's MicroTime; the fraction makes two renewals of one second differ."""
    return f"{moment.rstrip('Z').partition('.')[0]}.{fraction % 1_000_000:06d}Z"


@contextmanager
def held(tools: Tools, workload: Ref, rules: LockRules, waiting: Callable[[str], None]) -> Iterator[Lock]:
    """The lock, taken and renewed until the block is left.

    Raises:
        LockedError: somebody else holds it.
    """
    lock = Lock(tools, workload, rules)
    try:
        lock.take(waiting)
    except NotFoundError as problem:
        raise NotFoundError(
            f"nothing was changed: {problem.message}",
            hint=f"Headway never creates namespaces: kubectl create namespace {workload.namespace}",
        ) from problem
    except (ForbiddenError, InvalidObjectError) as problem:
        raise type(problem)(
            f"nothing was changed: the lock could not be taken: {problem.message}", hint=problem.hint
        ) from problem
    try:
        if rules.heartbeat is None:
            yield lock
        else:
            with rules.heartbeat(lock.pause, lock.renew):
                yield lock
    finally:
        lock.release()
