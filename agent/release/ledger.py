"""The ledger: every release of one workload with its verdict, kept in one ConfigMap beside it.

It drives history, undo and known-bad. Form of the ConfigMap: `binaryData.ledger` is gzipped JSON (the releases),
`binaryData["set-<hash>"]` is the gzipped object set of a release, shared by releases with equal sets. It is bounded:
at most `KEEP` releases and `MAX_BYTES`; what an undo could need stays longest. It never holds a Secret's values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.objects import Object, Ref, ref
from agent.release.record import Release

KEEP = 20
WAYS_BACK = 3
"""Of the good releases, and of the external ones, so many different ones outlive any number of failures."""
MAX_BYTES = 700 * 1024
"""Of compressed data; the server's limit is 1 MiB an object."""


@dataclass(frozen=True, slots=True)
class ReleaseSet:
    """All objects of one release as they were applied, and how to check that they serve.

    Attributes:
        objects: in the order of their needs; Secrets by reference only.
        checks: the smoke checks in their dictionary form (`agent.smoke.check`).
        container: the container that was watched.
        url: the environment's URL at that time.
    """

    objects: tuple[Object, ...]
    checks: tuple[Mapping[str, Any], ...] = ()
    container: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody is about to write, recorded before the write (P53).

    Attributes:
        kind: `deploy`, `undo` or `restart`.
        release: number of the release that is being written or left.
        target: for an undo, the release that is gone back to.
        build: who: BUILD_URL, else user and host.
        started: RFC 3339, UTC.
        step: `recorded`, `undoing`, `interrupted` or `superseded` (then `build` is the newer one, which closes it).
        on_abort: what `headway recover` shall do: `undo` or `leave`.
        excused: names of the smoke checks that failed before the deploy already.
    """

    kind: str
    release: int
    target: int = 0
    build: str = ""
    started: str = ""
    step: str = "recorded"
    on_abort: str = "undo"
    excused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Freeze:
    """No deploys until `until` (RFC 3339, UTC; empty: until thawed)."""

    reason: str
    by: str
    since: str
    until: str = ""

    def holds(self, now: str) -> bool:
        """Whether it is not over yet (`now` is RFC 3339, UTC)."""
        return not self.until or now < self.until


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that is remembered of one workload.

    Attributes:
        workload: whose releases these are.
        service: the service's name; empty where a person worked without a spec.
        salt: key of the hashes of Secrets.
        releases: oldest first.
        current: number of the release that serves as far as we know; 0: none.
        next_number: the number that the next release gets.
        served: how often the serving release has changed.
        migrated: number of the newest release that has migrated a database one way; 0: none has.
        intent: what is under way or was left open.
        freeze: whether deploys are forbidden.
        token: the fencing token of the last writer.
        sets: object sets by their hash.
    """

    workload: Ref
    service: str = ""
    salt: str = ""
    releases: tuple[Release, ...] = ()
    current: int = 0
    next_number: int = 1
    served: int = 0
    migrated: int = 0
    intent: Intent | None = None
    freeze: Freeze | None = None
    token: int = 0
    sets: Mapping[str, ReleaseSet] = field(default_factory=dict)

    def release(self, number: int) -> Release | None:
        """The release of that number, or None."""
        return next((each for each in self.releases if each.number == number), None)

    def created(self, releases: Iterable[Release], but: Iterable[Object] = ()) -> tuple[Ref, ...]:
        """What these releases have created and `but` doesn't name, each once, as far as their sets are kept.

        An object is one by kind and name: the version of its API changes, and it stays what it is.
        """
        named = {str(ref(thing)) for thing in but}
        found = (
            (ref(thing), str(ref(thing)))
            for each in releases
            for thing in (self.sets[each.objects].objects if each.objects in self.sets else ())
            if str(ref(thing)) in each.created
        )
        return tuple({text: target for target, text in found if text not in named}.values())

    @property
    def serving(self) -> Release | None:
        """The release that serves, as far as we know."""
        return self.release(self.current)

    def added(self, release: Release, content: ReleaseSet) -> Ledger:
        """With one more release; its number must be `next_number`."""
        if release.number != self.next_number:
            raise ValueError(f"release {release.number} is not the next number {self.next_number}")
        sets = {**self.sets, release.objects: content}
        return replace(self, releases=(*self.releases, release), next_number=release.number + 1, sets=sets)

    def changed(self, number: int, **changes: Any) -> Ledger:
        """With some fields of one release changed."""
        releases = tuple(replace(each, **changes) if each.number == number else each for each in self.releases)
        return replace(self, releases=releases)

    def put_back(self, number: int) -> Ledger:
        """The same, with a release serving that somebody has put back: it was not left for good."""
        return self.serves(number).changed(number, withdrawn=False, undone=None)

    def serves(self, number: int) -> Ledger:
        """With that release as the one that serves now."""
        served = self.served + 1
        return replace(self.changed(number, served=served), current=number, served=served)

    def known_bad(self, image: str, pair: str) -> Release | None:
        """The newest release with this image and configuration that was itself to blame, unless one was good later."""
        for each in reversed(self.releases):
            if each.image == image and each.pair == pair:
                if each.judgement == "good":
                    return None
                if each.to_blame:
                    return each
        return None

    def trimmed(self, keep: int = KEEP) -> Ledger:
        """With at most `keep` releases, and only the sets that they refer to."""
        kept = {each.number for each in self._by_worth()[:keep]}
        releases = tuple(each for each in self.releases if each.number in kept)
        wanted = {each.objects for each in releases}
        return replace(self, releases=releases, sets={key: one for key, one in self.sets.items() if key in wanted})

    def _by_worth(self) -> list[Release]:
        """What serves and what is under way, then what an undo could go to, then the newest."""
        under_way = [self.intent.release, self.intent.target] if self.intent else []
        first = [self.current, *under_way, *self._ways_back()]
        rank = {number: place for place, number in reversed(list(enumerate(first)))}
        return sorted(self.releases, key=lambda one: (rank.get(one.number, len(first)), -one.number))

    def _ways_back(self) -> list[int]:
        """The releases that `choice.choose` could name first, whichever is left: a few of each kind, no two alike."""
        found: list[int] = []
        for origin, judgement in ((None, "good"), ("external", "unjudged")):
            kinds: dict[str, int] = {}
            for each in sorted(self.releases, key=lambda one: -one.served):
                if each.judgement == judgement and origin in {None, each.origin} and not each.withdrawn:
                    kinds.setdefault(each.objects, each.number)
            found += list(kinds.values())[:WAYS_BACK]
        return found
