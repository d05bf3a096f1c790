"""The stand-in cluster's world: its clock, its objects, what is due when, and the names and numbers it makes up."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Hashable

from agent.sandbox.clock import Clock, rfc3339
from agent.sandbox.kubernetes.agenda import Agenda, Task
from agent.sandbox.kubernetes.store import Store

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
NODE_IP = "10.99.1.2"


class World:
    """What every part of the cluster shares. `store.lock` guards all of it.

    Args:
        clock: the one clock.
        seed: of all that is random, so that a world with a manual clock is the same every time.
    """

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        self.clock = clock
        self.store = Store()
        self.agenda = Agenda()
        self.random = random.Random(seed)  # noqa: S311 - names and jitter, not secrets
        self._addresses = 1
        self._services = 1

    def now(self) -> float:
        """Seconds since the epoch, in this world."""
        return self.clock.now()

    def timestamp(self) -> str:
        """Now, as Kubernetes writes it."""
        return rfc3339(self.now())

    def after(self, seconds: float, part: str, key: Hashable, task: Task) -> None:
        """Plans `task` in `seconds` from now; see `Agenda.at`."""
        self.agenda.at(self.now() + seconds, part, key, task)

    def uid(self) -> str:
        """A new UID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def suffix(self) -> str:
        """Five characters as generateName appends them."""
        return "".join(self.random.choices(_ALPHABET, k=5))

    def pod_address(self) -> str:
        """The next pod IP."""
        self._addresses += 1
        return f"10.244.{1 + self._addresses // 250}.{1 + self._addresses % 250}"

    def service_address(self) -> str:
        """The next ClusterIP."""
        self._services += 1
        return f"10.96.{self._services // 250}.{1 + self._services % 250}"


def short_hash(text: str) -> str:
    """A hash as pod-template-hash has it: up to ten characters of an alphabet without vowels; equal for equal text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    return "".join(_ALPHABET[int(digit, 10) * 2 % len(_ALPHABET)] for digit in str(number))
