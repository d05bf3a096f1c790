"""How long to wait before trying again: jittered, bounded, never quicker than the server asked for."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

Dice = Callable[[], float]


@dataclass
class Backoff:
    """Waits that double from `first` to `most`, each longer by up to a quarter, so that clients don't march in step.

    Attributes:
        first: seconds of the first wait.
        most: seconds of the longest wait.
        dice: a number in [0, 1); tests load it.
    """

    first: float = 1.0
    most: float = 5.0
    dice: Dice = random.random
    _tries: int = field(default=0, init=False)

    @property
    def untried(self) -> bool:
        """Whether nothing went wrong since it last worked."""
        return self._tries == 0

    def wait(self, at_least: float = 0.0) -> float:
        """Seconds until the next try.

        Args:
            at_least: what the server's Retry-After asked for.
        """
        seconds = min(self.first * 2.0 ** min(self._tries, 16), self.most)
        self._tries += 1
        return max(seconds * (1 + self.dice() / 4), at_least)

    def reset(self) -> None:
        """It worked: start small again."""
        self._tries = 0


@dataclass
class Budget:
    """Tokens for connections: a few at once, then less than one a second, whatever goes wrong (G10).

    Attributes:
        burst: connections that may be opened at once.
        per_second: tokens that come back.
    """

    burst: float = 6.0
    per_second: float = 0.75
    _tokens: float = field(default=0.0, init=False)
    _at: float | None = field(default=None, init=False)

    def take(self, now: float, *, owed: bool = False) -> bool:
        """Takes a token if there is one.

        Args:
            now: the moment.
            owed: takes it even if there is none; the next ones come the later for it.
        """
        if self._at is None:
            self._tokens, self._at = self.burst, now
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.per_second)
        self._at = now
        if self._tokens < 1 and not owed:
            return False
        self._tokens -= 1
        return True
