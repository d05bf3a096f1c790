"""Where an undo goes: a pure function of the ledger and of what was asked for.

The rules, in order (docs/reference/undo.md tells them to people):

1. What a person named (`--to-release`, `--to-revision`, `--to-image`) wins, good or bad, if the ledger has it.
2. Else the release that served most recently and is *good*, differs from the one that is left, and wasn't itself left
   by a person on purpose (`withdrawn`).
3. Else the same among `external` releases, which served, although nobody knows how well.
4. Else there is no target. Never one that is bad, and never a guess by revision number (P36, P37).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent.release.ledger import Ledger
from agent.release.record import Release


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person named; at most one of the three."""

    release: int = 0
    revision: int = 0
    image: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to go back to.

    Attributes:
        target: the release; None: there is none, and `reason` says why.
        reason: why this one, or why none; a clause for people.
    """

    target: Release | None
    reason: str


def choose(ledger: Ledger, *, leaving: int, wish: Wish | None = None, unusable: frozenset[int] = frozenset()) -> Choice:
    """Where an undo of release `leaving` goes.

    Args:
        ledger: the history.
        leaving: number of the release that is left; 0 where none is known.
        wish: what a person named.
        unusable: numbers of releases that the server would not take any more (a rehearsal said so).
    """
    left = ledger.release(leaving)
    if wish and (wish.release or wish.revision or wish.image):
        return _wished(ledger, wish)
    others = [
        each
        for each in ledger.releases
        if each.number != leaving and each.number not in unusable and each.objects and _differs(each, left)
        if not _left_after_all(ledger, each, leaving)
    ]
    for reason, suits in _RULES:
        found = newest(filter(suits, others))
        if found:
            return Choice(found, reason)
    return Choice(None, _why_none(ledger, others))


def _why_none(ledger: Ledger, others: Sequence[Release]) -> str:
    """Why there is no way back; `others` are the releases that could have been one."""
    if not ledger.releases:
        return "the ledger knows no release: there was none yet, or somebody has deleted it"
    if not others and ledger.next_number <= 2:  # noqa: PLR2004
        return "it is the first release"
    if not others:
        return "the ledger has no other release any more, or none that differs"
    left = newest(each for each in others if each.judgement == "good" and each.withdrawn)
    if left:
        return f"what else was good was left on purpose: --to-release {left.number} goes there all the same"
    return "no other release is known to be good"


_RULES: tuple[tuple[str, Callable[[Release], bool]], ...] = (
    ("the last release known good", lambda one: one.judgement == "good" and not one.withdrawn),
    (
        "what served before Headway came, unverified",
        lambda one: one.origin == "external" and one.judgement == "unjudged" and not one.withdrawn,
    ),
)


def newest(releases: Iterable[Release]) -> Release | None:
    """The one that served most recently; among those that never did, the highest number."""
    return max(releases, key=lambda one: (one.served, one.number), default=None)


def _differs(one: Release, left: Release | None) -> bool:
    """Whether going there changes anything."""
    return left is None or one.objects != left.objects


def _names(release: Release) -> set[str]:
    """What a person may call its image: reference, version, and what ran, with or without the repository."""
    digest = release.image_digest
    return {release.image, release.version, digest, digest.rpartition("@")[2]} - {""}


def _left_after_all(ledger: Ledger, one: Release, leaving: int) -> bool:
    """Whether it is what the last undo has left, which failed, for the release that serves by now after all."""
    undone = one.undone
    return one.number == ledger.current and undone is not None and (undone.to, undone.result) == (leaving, "failed")


def _wished(ledger: Ledger, wish: Wish) -> Choice:
    if wish.release:
        found = ledger.release(wish.release)
        return Choice(found, "as asked for" if found else f"the ledger has no release {wish.release}")
    if wish.revision:
        found = newest(each for each in ledger.releases if each.revision == wish.revision)
        return Choice(found, "as asked for" if found else f"the ledger has no release with revision {wish.revision}")
    suiting = [each for each in ledger.releases if wish.image in _names(each)]
    found = newest(each for each in suiting if each.judgement == "good") or newest(suiting)
    return Choice(found, "as asked for" if found else f"the ledger has no release of image {wish.image}")
