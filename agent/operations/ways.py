"""The way back to a release: the steps that would go there, tried on the server, and what has to be deleted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agent.errors import ForbiddenError, HeadwayError, InvalidObjectError, NotFoundError
from agent.objects import Object, ref
from agent.operations.account import Account
from agent.operations.applying import Step, plan
from agent.operations.bookkeeping import Book
from agent.operations.paused import demand_unpaused
from agent.operations.sharing import spared
from agent.release import oneway, owners
from agent.release.choice import choose
from agent.release.ledger import Ledger
from agent.release.order import by_removal, is_workload
from agent.release.record import Release
from agent.smoke.check import SmokeCheck


@dataclass(frozen=True, slots=True)
class Way:
    """The way back.

    Attributes:
        target: the release to go to.
        reason: why this one.
        at_hand: the spec's smoke checks: asked where the target has none recorded; no other commands are run.
        excused: names of checks that failed before the deploy already; they make no undo unverified.
        expected: digest of the pod template that we leave; where another one is found, somebody else was faster.
            None: whatever is there is left.
        live: the followed workload, where it was read a moment ago.
        free_stuck: see UndoRules.
        on_purpose: a person asked for it, so a good release that is left is `withdrawn`.
        named: this target and no other; else an older one that is good may stand in for one that can't be applied.
    """

    target: Release
    reason: str
    at_hand: tuple[SmokeCheck, ...] = ()
    excused: frozenset[str] = frozenset()
    expected: str | None = None
    live: Object | None = None
    free_stuck: bool = False
    on_purpose: bool = False
    named: bool = False


def way_back(
    account: Account,
    book: Book,
    target: Release,
    leaving: int,
    known: Iterable[Object] = (),
    *,
    whole: bool = True,
) -> tuple[tuple[Step, ...], list[Object]]:
    """The steps to a release, tried on the server, and what only the releases since have made.

    Args:
        account: of the operation.
        book: the ledger.
        target: the release to go to.
        leaving: the number of the release that is left; 0: none in particular.
        known: objects that were read a moment ago, and need not be again.
        whole: look at what both releases have alike, too: somebody may have changed or deleted it since. A deploy that
            is taken back at once has just done so.

    Raises:
        HeadwayError: the server would not take it.
    """
    ledger = book.ledger
    gone = removals(account, ledger, target, leaving)
    leaves = frozenset(ref(thing) for thing in gone)
    objects = ledger.sets[target.objects].objects
    touched = _touched(ledger, target, leaving)
    wanted = objects if whole else touched
    settled = frozenset(ref(thing) for thing in objects if thing not in touched)
    cluster, namespace = account.tools.cluster, account.place.namespace
    steps = plan(cluster, namespace, wanted, leaves=leaves, known=known, settled=settled)
    demand_unpaused(steps)
    return steps, gone


def applicable(account: Account, book: Book, way: Way, leaving: int) -> tuple[Way, tuple[Step, ...], list[Object]]:
    """The way to the newest good release that the server still takes, with its steps, and what has to be deleted.

    Raises:
        HeadwayError: it takes none; what it said of the first.
    """
    refused: dict[int, HeadwayError] = {}
    known = (way.live,) if way.live else ()
    while True:
        try:
            return way, *way_back(account, book, way.target, leaving, known, whole=way.on_purpose)
        except (InvalidObjectError, ForbiddenError, NotFoundError) as problem:
            refused[way.target.number] = problem
            first = next(iter(refused.values()))
            other = choose(book.ledger, leaving=leaving, unusable=frozenset(refused)).target
            if way.named or other is None or oneway.migration_since(book.ledger, other):
                raise first from problem
            why = problem.message.removeprefix("nothing was changed: ")
            account.note("undo", f"{way.target.label} can't be applied any more: {why}; {other.label} stands in for it")
            way = replace(way, target=other, reason="the newest good release that can still be applied")


def _touched(ledger: Ledger, target: Release, leaving: int) -> tuple[Object, ...]:
    """The target's workloads, and what else the release that is left has differently.

    Everything, where it isn't certain that the release that is left is what serves.
    """
    objects = ledger.sets[target.objects].objects
    left = ledger.release(leaving)
    if left is None or leaving != ledger.current or left.objects not in ledger.sets:
        return objects
    same = ledger.sets[left.objects].objects
    return tuple(thing for thing in objects if is_workload(thing) or thing not in same)


def removals(account: Account, ledger: Ledger, target: Release, leaving: int) -> list[Object]:
    """Live objects that releases after the target created and the target doesn't have; ours, and nobody else's."""
    since = [each for each in ledger.releases if each.number > target.number or each.number == leaving]
    wanted = ledger.created(since, but=ledger.sets[target.objects].objects)
    found = (account.tools.cluster.get(each) for each in by_removal(wanted))
    return spared(account, (thing for thing in found if thing is not None and owners.is_ours(thing)), "undo")
