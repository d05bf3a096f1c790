"""A release that fails and has nothing to go back to: what `deploy.undo.first` says, and only to what it created."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agent.errors import HeadwayError
from agent.objects import Object, metadata, ref
from agent.operations.account import Account
from agent.operations.applying import Step, carry_out
from agent.operations.bookkeeping import Book
from agent.operations.mission import UndoRules
from agent.operations.sharing import spared
from agent.release import owners
from agent.release.ledger import Ledger
from agent.release.order import NEVER_REMOVED, by_removal
from agent.release.record import Release
from agent.release.record import Undone as UndoneRecord
from agent.reports.deploy import UndoResult
from agent.reports.events import Undone


def first_release(account: Account, book: Book, release: Release, rules: UndoRules) -> UndoResult:
    """There is nothing to go back to: what `undo.first` says, and only to what this release created (P39)."""
    account.left_at = account.tools.clock.monotonic()
    made = _made(book.ledger, release)
    done = "left as it is, for a person to look at"
    try:
        if rules.first == "delete":
            done = _delete(account, made)
        elif rules.first == "scale-to-zero":
            done = _scale_to_zero(account, made)
    except HeadwayError as problem:
        done = f"could not be taken back: {problem.message}"
    account.undo = "no-target"
    record = UndoneRecord(0, "no-target", account.tools.clock.utc(), account.tools.builder.name)
    try:
        book.write(lambda ledger: replace(ledger.changed(release.number, undone=record), intent=None))
    except HeadwayError as problem:
        account.note("undo", f"the ledger could not be written: {problem.message}")
    account.hear(Undone(account.tools.clock.monotonic(), "", "no-target", done, 0.0))
    return "no-target"


def _made(ledger: Ledger, release: Release) -> list[Object]:
    """What the release created; where none before it was ever good, also what those left behind: nobody used it yet."""
    content = ledger.sets.get(release.objects)
    if content is None:
        return []
    failed = all(each.judgement != "good" and each.origin == "deploy" for each in ledger.releases)
    ours = {name for each in ledger.releases for name in each.created} if failed else set(release.created)
    return [thing for thing in content.objects if str(ref(thing)) in ours]


def _delete(account: Account, made: Iterable[Object]) -> str:
    names = []
    found = (account.tools.cluster.get(target) for target in by_removal(ref(thing) for thing in made))
    for live in spared(account, (thing for thing in found if thing is not None and owners.is_ours(thing)), "undo"):
        account.guard()
        account.tools.cluster.delete(ref(live), uid=str(metadata(live).get("uid", "")))
        names.append(str(ref(live)))
    kept = [str(ref(thing)) for thing in made if thing.get("kind") in NEVER_REMOVED]
    more = f"; {', '.join(kept)} was kept" if kept else ""
    return f"deleted what it created: {', '.join(names) or 'nothing'}{more}"


def _scale_to_zero(account: Account, made: Iterable[Object]) -> str:
    names = []
    for thing in made:
        if thing.get("kind") not in {"Deployment", "StatefulSet"}:
            continue
        live = account.tools.cluster.get(ref(thing))
        if live is None:
            continue
        zero = {**thing, "spec": {**thing["spec"], "replicas": 0}}
        step = Step(zero, live, zero, force=True, rehearsed=False)
        carry_out(account.tools.cluster, step, may_change=bool, guard=account.guard)
        names.append(str(ref(thing)))
    return (
        f"scaled to zero: {', '.join(names)}" if names else "left as it is: it created no workload that could be scaled"
    )
