"""A release that fails and has nothing to go back to: what `deploy.undo.first` says, and only to what it created."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agent.errors import HeadwayError
from agent.objects import Object, metadata, ref
from agent.operations.account import Account
from agent.operations.applying import Step, carry_out, template_still
from agent.operations.bookkeeping import Book
from agent.operations.mission import UndoRules
from agent.operations.sharing import spared
from agent.release import owners
from agent.release.digest import of_template
from agent.release.ledger import Ledger
from agent.release.order import NEVER_REMOVED, by_removal
from agent.release.record import Release
from agent.release.record import Undone as UndoneRecord
from agent.reports.deploy import UndoResult
from agent.reports.events import Undone


def first_release(account: Account, book: Book, release: Release, rules: UndoRules, expected: str = "") -> UndoResult:
    """There is nothing to go back to: what `undo.first` says, and only to what this release created (P39).

    Args:
        account: of the operation.
        book: the ledger.
        release: the one that failed.
        rules: `deploy.undo`.
        expected: digest of the pod template that it left; where another one is found, somebody else was faster (P44).
    """
    account.left_at = account.tools.clock.monotonic()
    made = _made(book.ledger, release)
    done = "left as it is, for a person to look at"
    try:
        if _is_somebody_elses(account, expected):
            return _left_alone(account, book)
        if rules.first == "delete":
            done = _delete(account, made)
        elif rules.first == "scale-to-zero":
            done = _scale_to_zero(account, made)
    except HeadwayError as problem:
        done = f"could not be taken back: {problem.message}"
    account.undo = "no-target"
    record = UndoneRecord(0, "no-target", account.tools.clock.utc(), account.tools.builder.name)
    book.close(
        lambda ledger: replace(ledger.changed(release.number, undone=record), intent=None),
        lambda text: account.note("undo", text),
    )
    account.hear(Undone(account.tools.clock.monotonic(), "", "no-target", done, 0.0))
    return "no-target"


def _is_somebody_elses(account: Account, expected: str) -> bool:
    """Whether the followed workload has another pod template than the one that was left."""
    live = account.tools.cluster.get(account.place.workload) if expected else None
    return live is not None and of_template(live) != expected


def _left_alone(account: Account, book: Book) -> UndoResult:
    account.verdict = "superseded"
    account.note("undo", "somebody else has changed the workload since the deploy; it was left alone")
    book.close(lambda ledger: replace(ledger, intent=None), lambda text: account.note("undo", text))
    return "none"


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
        may_change = template_still(of_template(live))
        carry_out(account.tools.cluster, step, may_change=may_change, guard=account.guard)
        names.append(str(ref(thing)))
    return (
        f"scaled to zero: {', '.join(names)}" if names else "left as it is: it created no workload that could be scaled"
    )
