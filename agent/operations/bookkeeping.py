"""The ledger in the cluster: read once, written with a precondition, never over somebody else's entry."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace

from agent.errors import HeadwayError, LockedError, NotFoundError, StaleWriteError, UnreachableError
from agent.objects import Object, Ref, metadata
from agent.operations.locking import Lock
from agent.ports import Cluster
from agent.release import storage
from agent.release.ledger import Ledger

TRIES = 5
LAST_WORDS = 3.5
"""Seconds that an interrupted operation may take to write what it left (contract section 7: 4 s)."""


def _free() -> None:
    """No lock is asked for."""


class Book:
    """One workload's ledger as this process knows it.

    Args:
        cluster: where it is kept.
        workload: whose it is.
    """

    def __init__(self, cluster: Cluster, workload: Ref) -> None:
        self._cluster = cluster
        self._workload = workload
        self._place = storage.place(workload)
        self._live: Object | None = None
        self.ledger = Ledger(workload)
        self.token = 0
        self.guard: Callable[[], None] = _free
        self.read()

    def locked(self, lock: Lock) -> Book:
        """The book under a lock: its fencing token goes into every entry, and it is asked before every write.

        The lock was taken before this was read: a token that is not below ours is of a lease that was deleted since.
        """
        if self.ledger.token >= lock.token:
            lock.exceed(self.ledger.token)
        self.token, self.guard = lock.token, lock.hold
        return self

    @property
    def exists(self) -> bool:
        """Whether the cluster holds it already."""
        return self._live is not None

    def read(self) -> Ledger:
        """Reads it anew.

        Raises:
            LedgerError: it is there and can't be used.
        """
        self._live = self._cluster.get(self._place)
        if self._live is None:
            self.ledger = Ledger(self._workload, salt=self.ledger.salt or secrets.token_hex(16))
        else:
            self.ledger = storage.decode(self._live, self._workload)
        return self.ledger

    def _read_again(self) -> None:
        """As somebody else has left it; one that was deleted while we are at work is put back with our next entry."""
        known = self.ledger
        self.read()
        if self._live is None:
            self.ledger = known

    def write(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Writes what `change` makes of the ledger; where somebody else wrote meanwhile, of theirs.

        Raises:
            StaleWriteError: others kept writing.
            UnreachableError: there was no answer, again and again; whether it was written is not known.
            LockedError: somebody with a newer lock writes here now; we have lost ours.
        """
        for attempt in range(TRIES):
            if self.token and self.ledger.token > self.token:
                raise LockedError(
                    f"nothing more was changed: another deploy of {self._workload} has taken over",
                    hint="this one was silent for too long; `headway history` shows who works now",
                )
            self.guard()
            wanted = change(self.ledger)
            wanted = replace(wanted, token=max(wanted.token, self.token))
            try:
                self._store(wanted)
            except (StaleWriteError, NotFoundError):
                if attempt == TRIES - 1:
                    raise
                self._read_again()
                continue
            except UnreachableError:
                if attempt == TRIES - 1:
                    raise
                self._read_again()  # the answer may be lost, and the write not
                if storage.encode(self.ledger) != storage.encode(wanted):
                    continue
            self.ledger = wanted
            return wanted
        raise AssertionError("unreachable")

    def close(self, change: Callable[[Ledger], Ledger], note: Callable[[str], None]) -> None:
        """As `write`, for what is over and done: a ledger that can't be written is said, and changes no verdict."""
        try:
            self.write(change)
        except HeadwayError as problem:
            note(f"the ledger could not be written: {problem.message}")

    def last_words(self, change: Callable[[Ledger], Ledger]) -> bool:
        """Writes within `LAST_WORDS` seconds or not at all; whether it was written. For interruptions."""
        done = threading.Event()

        def attempt() -> None:
            import contextlib

            with contextlib.suppress(Exception):
                self.write(change)
                done.set()

        writer = threading.Thread(target=attempt, daemon=True)
        writer.start()
        writer.join(LAST_WORDS)  # one that fails at once isn't waited for
        return done.is_set()

    def _store(self, ledger: Ledger) -> None:
        thing = storage.encode(ledger)
        if self._live is None:
            self._live = self._cluster.create(thing)
            return
        meta = dict(metadata(self._live))
        meta.pop("managedFields", None)
        for field in ("labels", "annotations"):
            meta[field] = {**(meta.get(field) or {}), **thing["metadata"][field]}
        self._live = self._cluster.replace({**thing, "metadata": meta})
