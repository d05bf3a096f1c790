"""The choice of where to go back to, held against a reference over generated histories (P35-P39, P52, G3).

The reference is written from the contract alone (section 7: releases, good, known bad; issue 5, "Choosing"): a plain
diary of what served when, read backwards. It knows nothing of `served` counters, sets or trimming. A hundredth of the
histories run here; `make soak` runs them all.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from agent.objects import Ref
from agent.release import storage
from agent.release.choice import Wish, choose
from agent.release.ledger import Intent, Ledger, ReleaseSet
from agent.release.record import Release

WEB = Ref("apps/v1", "Deployment", "shop", "web")
HISTORIES = 1_000
SOAK = 100_000


@dataclass
class Fact:
    """What a person would know of one release."""

    content: str
    pair: tuple[str, str]
    verdict: str = "open"  # open, good, bad, unjudged
    guilty: bool = False
    external: bool = False
    withdrawn: bool = False
    revision: int = 0


@dataclass
class Reference:
    """A diary of what served, the newest last, and the facts of each release."""

    facts: dict[int, Fact] = field(default_factory=dict)
    diary: list[int] = field(default_factory=list)

    def target(self, leaving: int, remembered: set[int], unusable: frozenset[int]) -> int:
        """Read backwards: the first good release that makes a difference, can be applied and wasn't left on purpose."""
        for wanted in ("good", "external"):
            for number in reversed(self.diary):
                fact = self.facts[number]
                if number == leaving or number not in remembered or number in unusable or fact.withdrawn:
                    continue
                if leaving in remembered and fact.content == self.facts[leaving].content:
                    continue
                if (wanted == "good" and fact.verdict == "good") or (
                    wanted == "external" and fact.external and fact.verdict == "unjudged"
                ):
                    return number
        return 0

    def known_bad(self, pair: tuple[str, str], remembered: set[int]) -> bool:
        """What was said last about this image with this configuration: that it is good, or that it is to blame."""
        for number in sorted(remembered, reverse=True):
            fact = self.facts[number]
            if fact.pair == pair and (fact.verdict == "good" or fact.guilty):
                return fact.verdict != "good"
        return False


class History:
    """One generated history, told to the ledger as the operations tell it, and to the reference as it happened."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.keep = self.random.choice((20, 20, 20, 8, 6))
        self.ledger = Ledger(WEB)
        self.reference = Reference()
        self.revisions: dict[str, int] = {}  # what Kubernetes has: template -> revision, renumbered and collected
        self.said: list[str] = []

    def run(self) -> None:
        for _ in range(self.random.randint(1, 30)):
            step = self.random.choices(
                (self.deploy, self.external, self.undo, self.undo_to, self.collect_garbage), (10, 1, 4, 1, 2)
            )[0]
            step()
            self.agree()

    # -- what happens ---------------------------------------------------------------------------------------------

    def deploy(self) -> None:
        image, configuration = f"v{self.random.randint(1, 5)}", self.random.choice("ab")
        number = self._added(f"{image}{configuration}", (image, configuration))
        self.ledger = replace(self.ledger, intent=Intent("deploy", number)).trimmed(self.keep)
        self.agree(leaving=number)  # killed here, recover would ask
        ending = self.random.choice(("good", "good", "bad", "guilty", "aborted", "refused"))
        self.said.append(f"release {number}: {image}{configuration} {ending}")
        fact = self.reference.facts[number]
        if ending == "refused":  # its first write failed: it never served
            self._judge(number, "unjudged", rollout="refused")
            back = self.reference.diary[-2] if len(self.reference.diary) > 1 else 0
            self.reference.diary.pop()
            self.ledger = replace(self.ledger, current=back, intent=None)
            return
        self.revisions[fact.content] = fact.revision = max(self.revisions.values(), default=0) + 1
        verdict = {"good": "good", "aborted": "unjudged"}.get(ending, "bad")
        self._judge(number, verdict, to_blame=ending == "guilty", revision=fact.revision)
        fact.guilty = ending == "guilty"
        if verdict == "bad" and self.random.random() < 0.9:
            self._go(number, on_purpose=False)

    def external(self) -> None:
        content = f"kubectl-{self.random.randint(1, 3)}"
        number = self._added(content, (content, ""), origin="external")
        passed = self.random.random() < 0.5
        self._judge(number, "good" if passed else "unjudged")
        self.reference.facts[number].external = True
        self.said.append(f"release {number}: external, {'good' if passed else 'baseline failed'}")
        self.ledger = self.ledger.trimmed(self.keep)

    def undo(self) -> None:
        if self.ledger.current:
            self._go(self.ledger.current, on_purpose=True)

    def undo_to(self) -> None:
        if self.ledger.releases and self.ledger.current:
            number = self.random.choice(self.ledger.releases).number
            found = choose(self.ledger, leaving=self.ledger.current, wish=Wish(release=number)).target
            assert found is not None
            assert found.number == number
            self._arrive(self.ledger.current, number, on_purpose=True)

    def collect_garbage(self) -> None:
        """Old ReplicaSets go away, what serves is renumbered: nothing of it may matter."""
        for content in list(self.revisions):
            if self.random.random() < 0.5:
                del self.revisions[content]
        self.said.append("garbage collected")

    # -- how it is told -------------------------------------------------------------------------------------------

    def _added(self, content: str, pair: tuple[str, str], origin: str = "deploy") -> int:
        number = self.ledger.next_number
        release = Release(number, origin=origin, objects=content, image=pair[0], pair=pair[1], template=content)  # type: ignore[arg-type]
        self.ledger = self.ledger.added(release, ReleaseSet(({"kind": content},))).serves(number)
        self.reference.facts[number] = Fact(content, pair)
        self.reference.diary.append(number)
        return number

    def _judge(self, number: int, verdict: str, **changes) -> None:
        self.ledger = replace(self.ledger.changed(number, judgement=verdict, **changes), intent=None)
        self.reference.facts[number].verdict = verdict

    def _go(self, leaving: int, *, on_purpose: bool) -> None:
        found = choose(self.ledger, leaving=leaving).target
        if found is None:
            self.said.append(f"undo of {leaving}: no target")
            return
        self._arrive(leaving, found.number, on_purpose=on_purpose)

    def _arrive(self, leaving: int, target: int, *, on_purpose: bool) -> None:
        """Most undos arrive; one that fails leaves what was left serving, as far as anybody knows."""
        facts = self.reference.facts
        leaves_good = on_purpose and facts[leaving].verdict == "good" and leaving != target
        facts[leaving].withdrawn = facts[leaving].withdrawn or leaves_good
        self.ledger = self.ledger.changed(leaving, withdrawn=facts[leaving].withdrawn)
        self.said.append(f"undo of {leaving} to {target}{' on purpose' if on_purpose else ''}")
        if self.random.random() < 0.1:
            self.said[-1] += ", which failed"
            return
        facts[target].withdrawn = False
        revision = max(self.revisions.values(), default=0) + 1
        self.revisions[facts[target].content] = facts[target].revision = revision
        self.ledger = self.ledger.serves(target).changed(target, withdrawn=False, revision=revision)
        self.reference.diary.append(target)

    # -- what must hold -------------------------------------------------------------------------------------------

    def agree(self, leaving: int | None = None) -> None:
        left = self.ledger.current if leaving is None else leaving
        remembered = {each.number for each in self.ledger.releases}
        usable = remembered - {left}
        for unusable in (frozenset[int](), frozenset(each for each in usable if self.random.random() < 0.3)):
            found = choose(self.ledger, leaving=left, unusable=unusable).target
            wanted = self.reference.target(left, remembered, unusable)
            assert (found.number if found else 0) == wanted, self.story(f"leaving {left}, not {sorted(unusable)}")
        pair = (f"v{self.random.randint(1, 5)}", self.random.choice("ab"))
        bad = self.ledger.known_bad(*pair)
        assert (bad is not None) == self.reference.known_bad(pair, remembered), self.story(f"known bad {pair}")
        self.never_forgotten(left)

    def never_forgotten(self, left: int) -> None:
        """The bound may cost history, never the way back; nor the way back from there."""
        smaller = self.ledger.trimmed(max(6, self.keep - 1))
        before, after = choose(self.ledger, leaving=left).target, choose(smaller, leaving=left).target
        assert (before and before.number) == (after and after.number), self.story("trimmed")

    def story(self, about: str) -> str:
        return "\n".join([about, f"keep {self.keep}", *self.said, *map(str, self.ledger.releases)])


def _check(seeds: range) -> None:
    for seed in seeds:
        history = History(seed)
        try:
            history.run()
        except AssertionError as problem:
            raise AssertionError(f"history {seed}: {problem}") from None
        if seed % 50 == 0:  # what is kept is what was meant
            thing = storage.encode(history.ledger)
            assert storage.decode(thing, WEB) == history.ledger.trimmed()


def test_the_choice_agrees_with_the_reference():
    _check(range(HISTORIES))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_choice_agrees_with_the_reference_over_all_histories():
    _check(range(HISTORIES, SOAK))


def test_the_reference_can_tell():
    """A choice by revision number, kubectl's, is caught within the histories that run here."""
    wrong = 0
    for seed in range(200):
        history = History(seed)
        history.run()
        left = history.ledger.current
        remembered = {each.number for each in history.ledger.releases}
        second = sorted(remembered - {left}, reverse=True)[:1]
        wrong += second != [history.reference.target(left, remembered, frozenset())]
    assert wrong > 20


def test_any_number_of_failures_leaves_the_way_back():
    """What served before Headway came is the only way back of a service whose deploys all fail."""
    ledger = Ledger(WEB)
    first = Release(1, origin="external", objects="before", judgement="unjudged")
    ledger = ledger.added(first, ReleaseSet(({"kind": "Deployment"},))).serves(1)
    for number in range(2, 60):
        ledger = ledger.added(Release(number, objects=f"set{number}"), ReleaseSet(())).serves(number)
        ledger = storage.decode(storage.encode(ledger), WEB)
        found = choose(ledger, leaving=number).target
        assert found is not None
        assert found.number == 1
        ledger = ledger.changed(number, judgement="bad").serves(1)
