"""One writer a workload: a Lease beside it, renewed while we work, with a fencing token that every taking raises.

Before every write of an object the holder reads it, unless it did so within the last second: whoever has taken over, or
asks it to give way, is heard of before the write. The ledger's own writes carry the token and are fenced by it.
Whether a holder is still there is judged by our own clock only: a lease that nobody renewed for its length *while we
watched* has lapsed (P27, P54). The holder asks itself, too, whether its last renewal is younger than the length; one
that was cut off stops writing by itself, before anybody may take over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from agent.errors import HeadwayError, LockedError, NotFoundError, RemoteError, StaleWriteError, SupersededError
from agent.objects import Object, Ref
from agent.operations import lease
from agent.operations.mission import LockRules, Tools
from agent.operations.superseding import Asking, asked_by

_LOOK = 1.0
"""Seconds between two looks at a lease that somebody else holds."""

_FRESH = 1.0
"""Seconds for which what was read of our own lease is believed; nobody takes it over as fast as that."""

_TRIES = 3

GIVING_BACK = 3.0
"""Seconds for giving a lock back: an interrupted deploy is to be gone within 15 (contract section 7)."""


def willing_anyhow() -> None:
    """Nothing speaks against it."""


class Lock:
    """The lease of one workload.

    Args:
        tools: the doors to the outside.
        workload: what is locked.
        rules: how.
        operation: what it is taken for; a `deploy` gives way to a newer build until `firm`.
    """

    def __init__(self, tools: Tools, workload: Ref, rules: LockRules, operation: str = "") -> None:
        self._tools = tools
        self._rules = rules
        self._workload = workload
        self._place = lease.place(workload)
        self._live: Object = {}
        self._renewed = self._seen = 0.0
        self._lost = self._asked = ""
        self._unheard = False
        self._operation = operation
        self._gives_way = operation == "deploy"
        self._busy = threading.Lock()
        self.token = 0

    def take(self, waiting: Callable[[str], None], willing: Callable[[], None] = willing_anyhow) -> None:
        """Takes it, after waiting for whoever holds it.

        Args:
            waiting: told once whom we wait for.
            willing: called before a holder is asked to give way; raises where that would be in vain.

        Raises:
            LockedError: somebody else holds it all the time, or a newer build.
            SupersededError: a newer build waits for it, too.
        """
        asking = Asking(self._tools.cluster, self._tools.builder.name, willing) if self._rules.supersede else None
        try:
            self._take(waiting, asking)
        except BaseException:
            if asking is not None:
                _briefly(asking.withdraw)
            raise

    def _take(self, waiting: Callable[[str], None], asking: Asking | None) -> None:
        clock = self._tools.clock
        began = clock.monotonic()
        seen, since, told = "", began, False
        while True:
            live = self._tools.cluster.get(self._place)
            spec = lease.spec_of(live)
            mark = f"{spec.get('holderIdentity')} {spec.get('renewTime')} {spec.get('leaseTransitions')}"
            if mark != seen:
                seen, since = mark, clock.monotonic()
            if live is None or lease.is_free(live, clock.monotonic() - since, self._rules):
                with suppress(StaleWriteError):
                    self._write(live)
                    return
                continue
            holder = str(spec.get("holderIdentity"))
            if asking is not None:
                asking.look(live)
            if clock.monotonic() - began >= self._rules.wait:
                raise self._locked(spec, asking)
            if not told:
                waiting(f"{holder}, which was asked to give way" if asking and asking.has_asked else holder)
                told = True
            clock.sleep(_LOOK)

    def _locked(self, spec: dict[str, Any], asking: Asking | None) -> LockedError:
        asked = "; it was asked to give way, which only a deploy does" if asking and asking.has_asked else ""
        wait = self._rules.wait
        waited = f"waited {wait:g} s{asked}; --lock-wait waits longer" if wait else "it was not waited for, as asked"
        since = str(spec.get("acquireTime") or "").replace(".000000Z", "Z")
        return LockedError(
            f"nothing was changed: another operation on {self._workload} is under way: {spec.get('holderIdentity')}, "
            f"since {since}",
            hint=waited,
        )

    def _write(self, live: Object | None) -> None:
        holder, moment = self._tools.builder.name, self._tools.clock.utc()
        thing = lease.taken(live, self._place, self._rules, holder, self._operation, moment)
        self.token = lease.token_of(thing)
        sent = self._tools.clock.monotonic()
        self._live = self._tools.cluster.create(thing) if live is None else self._tools.cluster.replace(thing)
        self._renewed = self._seen = sent

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
        if not self._beat():  # somebody has written there: has taken it over, or asks us to give way
            self._look()
            self._beat()
        return self._rules.length / 15 if self._unheard else self.pause

    def _beat(self) -> bool:
        """Renews it; False where somebody else has written there since."""
        with self._busy:
            if self._lost:
                return True
            sent = self._tools.clock.monotonic()
            moment = lease.micro(self._tools.clock.utc(), self.token + int(sent * 1000))
            try:
                self._live = self._tools.cluster.replace(lease.changed(self._live, self._operation, renewTime=moment))
                self._renewed = self._seen = sent
                self._unheard = False
            except (StaleWriteError, NotFoundError):
                return False
            except HeadwayError:
                self._unheard = True  # tried again soon; `check` notices when it lasts
            return True

    def _look(self) -> None:
        """Reads it: whether it is still ours, and whether a newer build asks for it."""
        sent = self._tools.clock.monotonic()
        try:
            live = self._tools.cluster.get(self._place)
        except RemoteError:
            return  # then our own clock alone decides
        with self._busy:
            self._seen = sent
            if live is None and not self._lost:
                self._put_back(sent)
                return
            spec = lease.spec_of(live)
            ours = (spec.get("holderIdentity"), spec.get("leaseTransitions")) == (self._tools.builder.name, self.token)
            if live is None or not ours:
                self._lost = self._lost or "another operation has taken over"
                return
            self._live = live
            self._asked = asked_by(live, self.token)

    def _put_back(self, sent: float) -> None:
        """Somebody has deleted it while we hold it: whoever has taken it since, has made it anew before us."""
        thing = lease.taken(
            None, self._place, self._rules, self._tools.builder.name, self._operation, self._tools.clock.utc()
        )
        thing["spec"]["leaseTransitions"] = self.token
        try:
            self._live = self._tools.cluster.create(thing)
            self._renewed = sent
        except StaleWriteError:
            self._lost = "another operation has taken over"
        except HeadwayError:
            self._unheard = True

    def exceed(self, token: int) -> None:
        """Raises our fencing token above one that was seen elsewhere: a lease that was deleted counts from 1 again.

        Raises:
            StaleWriteError: somebody kept writing there.
        """
        for attempt in range(_TRIES):
            with self._busy:
                thing = lease.changed(self._live, self._operation, leaseTransitions=token + 1)
                try:
                    self._live = self._tools.cluster.replace(thing)
                except StaleWriteError:
                    if attempt == _TRIES - 1:
                        raise
                else:
                    self.token = token + 1
                    return
            self._look()

    def check(self) -> None:
        """Asked before every write of an object.

        Raises:
            LockedError: the lock isn't ours any more, or may not be.
            SupersededError: a newer build asks for it; said once, since what follows are our last words.
        """
        if self._tools.clock.monotonic() - self._seen >= _FRESH:
            self._look()
        self.hold()

    def hold(self) -> None:
        """Asked before every write of the ledger: as `check`, but only by our own clock and the last heartbeat.

        Raises:
            LockedError: the lock isn't ours any more, or may not be.
            SupersededError: a newer build asks for it; said once.
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
        self.heed()

    def heed(self) -> None:
        """Asked while we wait for something: as `check`, but only by what the last heartbeat has found.

        Raises:
            SupersededError: a newer build asks for it.
        """
        if self._asked and self._gives_way:
            self._gives_way = False
            raise SupersededError(f"nothing more was changed: superseded by {self._asked}", by=self._asked)

    def firm(self, operation: str) -> None:
        """From now on nobody is given way to: what comes is an undo, or the last entry of the ledger."""
        self._gives_way, self._operation = False, operation

    def release(self) -> None:
        """Gives it back within `GIVING_BACK` seconds or not at all; best effort, as it lapses by itself."""
        _briefly(self._give_back)

    def _give_back(self) -> None:
        for _ in range(2):
            with self._busy:
                if self._lost or not self._live:
                    return
                with suppress(HeadwayError):
                    self._tools.cluster.replace(lease.changed(self._live, self._operation, holderIdentity=""))
                    self._lost = "it was given back"
                    return
            self._look()


def _briefly(action: Callable[[], None]) -> None:
    """Does it within `GIVING_BACK` seconds or not at all."""
    giving = threading.Thread(target=action, daemon=True)
    giving.start()
    giving.join(GIVING_BACK)
