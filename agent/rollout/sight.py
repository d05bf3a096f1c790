"""Time as the judge counts it: seconds during which the cluster could be seen (P31).

While nothing can be seen, deadlines stand still. They stand still for at most one timeout in all, so that a rollout
always ends; until the cluster answers again no verdict is given at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Sight:
    """The stretches of blindness so far.

    Attributes:
        closed: (from, to) of each stretch that ended, in order, in seconds of the feed's clock.
        blind_since: when the present stretch began; None while the cluster can be seen.
        reason: why nothing can be seen now.
    """

    closed: tuple[tuple[float, float], ...] = ()
    blind_since: float | None = None
    reason: str = ""

    def lost(self, at: float, reason: str) -> Sight:
        """Sight is lost at `at`; a second loss changes nothing."""
        return self if self.blind_since is not None else replace(self, blind_since=at, reason=reason)

    def found(self, at: float) -> Sight:
        """The cluster answers again at `at`."""
        if self.blind_since is None:
            return self
        stretch = (self.blind_since, max(at, self.blind_since))
        return Sight((*self.closed, stretch))

    def due(self, since: float, seconds: float, *, most: float) -> float:
        """The moment at which `seconds` of sight have passed since `since`.

        Args:
            since: start, in seconds of the feed's clock.
            seconds: how much seeing time must pass.
            most: seconds of blindness that are forgiven at most.
        """
        due, left = since + seconds, most
        for start, end in self.closed:
            if end <= since or start >= due:
                continue
            pause = min(end - max(start, since), left)
            left -= pause
            due += pause
        return due
