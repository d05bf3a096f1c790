"""Back to another release: its whole object set, configuration before pods, followed and smoke-tested like a deploy.

One attempt, one target, never a loop: an undo that fails says so and leaves the rest to a person (P47).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from agent.errors import ForbiddenError, HeadwayError, InvalidObjectError, RemoteError
from agent.objects import Object
from agent.operations import pods
from agent.operations.account import Account, smoke_causes
from agent.operations.applying import OvertakenError, Step
from agent.operations.bookkeeping import Book
from agent.operations.mission import running
from agent.operations.rolling import Rolled, roll
from agent.operations.serving import serving
from agent.operations.smoking import smoke
from agent.operations.ways import Way, applicable
from agent.release.digest import of_template
from agent.release.ledger import Intent, Ledger
from agent.release.record import Release
from agent.release.record import Undone as UndoneRecord
from agent.reports.deploy import UndoResult, Verdict
from agent.reports.events import Undoing, Undone
from agent.rollout.policy import Policy


def undo_to(account: Account, book: Book, leaving: int, way: Way, policy: Policy) -> UndoResult:
    """Goes to a release and verifies it; the ledger and the account know all of it afterwards.

    Raises:
        HeadwayError: an undo that a person asked for was refused before anything was changed.
    """
    account.left_at = began = account.tools.clock.monotonic()
    open_before = book.ledger.intent if way.on_purpose else None
    account.hear(Undoing(began, way.target.label, way.reason))
    try:
        way, steps, gone = applicable(account, book, way, leaving)
        rolled = _rolled(account, book, leaving, way, policy, steps, gone)
    except OvertakenError as problem:
        return _left_alone(account, book, way, "superseded", problem.message, open_before)
    except HeadwayError as problem:
        if way.on_purpose and not account.changed:
            _as_before(account, book, open_before)
            raise
        return _ended(account, book, leaving, way, "failed", f"could not be applied: {problem.message}", began)
    if rolled.verdict in {"superseded", "gone"}:
        done = "changed" if rolled.verdict == "superseded" else "deleted"
        text = f"left alone: somebody else {done} the workload"
        return _left_alone(account, book, way, rolled.verdict, text, open_before)
    return _verified(account, book, leaving, way, rolled, began)


def _rolled(
    account: Account,
    book: Book,
    leaving: int,
    way: Way,
    policy: Policy,
    steps: tuple[Step, ...],
    gone: list[Object],
) -> Rolled:
    """The target's objects, recorded and applied."""
    if account.command == "undo":
        account.release = way.target.number
    may_change = _unless_overtaken(way, steps, account)
    _begin(account, book, leaving, way)
    account.free_stuck = way.free_stuck
    return roll(account, steps, policy, step="undo", may_change=may_change, removals=gone)


def _unless_overtaken(way: Way, steps: Sequence[Step], account: Account) -> Callable[[Object | None], bool]:
    """Refuses at once when the workload isn't what we leave any more, then before every later write too."""
    expected = way.expected
    live = next((each.live for each in steps if each.ref == account.place.workload), None)
    if expected is not None and live is not None and of_template(live) != expected:
        raise OvertakenError("somebody else has changed the workload since the deploy; it was left alone")
    allowed = {expected} if expected is not None else {of_template(live) if live is not None else ""}
    return lambda thing: thing is not None and of_template(thing) in allowed


def _begin(account: Account, book: Book, leaving: int, way: Way) -> None:
    intent = Intent(
        kind="undo",
        release=leaving,
        target=way.target.number,
        build=account.tools.builder.name,
        started=account.tools.clock.utc(),
        step="undoing",
        excused=tuple(sorted(way.excused)),
    )
    try:
        book.write(lambda ledger: replace(ledger, intent=intent))
    except (ForbiddenError, InvalidObjectError) as problem:
        if book.ledger.intent is None:  # else what is open there leads whoever recovers it to the same end
            raise
        account.note("undo", f"the ledger could not be written; undone all the same: {problem.message}")


def _verified(account: Account, book: Book, leaving: int, way: Way, rolled: Rolled, began: float) -> UndoResult:
    account.undo_causes = rolled.causes
    if moved := pods.moved(way.target.image_digest, rolled.identity.image_digest):
        account.note("undo", f"the tag of {way.target.label} has moved: {moved}")
    if rolled.verdict != "complete":
        return _ended(account, book, leaving, way, "failed", _pods(account), began)
    now = running(account.place, book.ledger.sets[way.target.objects], way.target.version, way.at_hand)
    try:
        checked = smoke(account.tools, now, "undo")
    except RemoteError as away:
        text = f"rolled out, but the smoke checks could not be asked: {away.message}"
        return _ended(account, book, leaving, way, "unverified", text, began, rolled)
    account.smoke.extend(checked)
    failed = [check for check in checked if not check.passed and check.name not in way.excused]
    if failed:
        account.undo_causes = smoke_causes(failed, account.place.container, account.elapsed)
        text = "rolled out, but a smoke check failed"
        return _ended(account, book, leaving, way, "unverified", text, began, rolled)
    if now.unasked and not way.at_hand:
        text = f"rolled out, but not asked: {', '.join(now.unasked)}; `headway smoke SPEC --env ENV` does"
        return _ended(account, book, leaving, way, "unverified", text, began, rolled)
    said = "smoke passed" if checked else "no smoke checks"
    return _ended(account, book, leaving, way, "verified", f"{_pods(account)}, {said}", began, rolled)


def _pods(account: Account) -> str:
    """How far the service's own workload came (another one, where that one wasn't judged)."""
    judged = [each for each in account.report().workloads if each.phase == "undo"]
    own = [each.text for each in judged if each.workload == str(account.place.workload)]
    text = (own or [each.text for each in judged] or ["applied"])[-1]
    return text.replace(" new pods", "").replace(", old ones gone", "")


def _ended(
    account: Account,
    book: Book,
    leaving: int,
    way: Way,
    result: UndoResult,
    text: str,
    began: float,
    rolled: Rolled | None = None,
) -> UndoResult:
    clock = account.tools.clock
    record = UndoneRecord(way.target.number, result, clock.utc(), account.tools.builder.name)
    serves = result in {"verified", "unverified"}

    def change(ledger: Ledger) -> Ledger:
        left = _left(ledger, leaving, way, record)
        return replace(_back(left, way.target, rolled) if serves and rolled else left, intent=None)

    book.close(change, lambda text: account.note("undo", text))
    if serves:
        account.undone_to = serving(way.target)
    account.undo = result
    account.hear(Undone(clock.monotonic(), way.target.label, result, text, clock.monotonic() - began))
    return result


def _left_alone(
    account: Account, book: Book, way: Way, verdict: Verdict, text: str, open_before: Intent | None
) -> UndoResult:
    """Somebody else was faster: nothing was undone, and no release was left for another."""
    account.verdict = verdict
    _as_before(account, book, None if account.changed else open_before)
    now = account.tools.clock.monotonic()
    account.hear(Undone(now, way.target.label, "none", text, now - (account.left_at or now)))
    return "none"


def _as_before(account: Account, book: Book, intent: Intent | None) -> None:
    """Our own intent is closed; what another build has left open stays open, and its own."""
    if book.ledger.intent != intent:
        book.close(lambda ledger: replace(ledger, intent=intent), lambda text: account.note("undo", text))


def _left(ledger: Ledger, leaving: int, way: Way, record: UndoneRecord) -> Ledger:
    """The ledger with how the release was left."""
    left = ledger.release(leaving)
    if left is None or leaving == way.target.number:
        return ledger
    gone = way.on_purpose and record.result in {"verified", "unverified"}  # else it may be all that there is
    withdrawn = left.withdrawn or (gone and left.judgement == "good")
    return ledger.changed(leaving, undone=record, withdrawn=withdrawn)


def _back(ledger: Ledger, target: Release, rolled: Rolled) -> Ledger:
    """The ledger with the target serving again."""
    return ledger.serves(target.number).changed(
        target.number,
        withdrawn=False,
        undone=None,
        revision=rolled.identity.revision,
        replica_set=rolled.identity.replica_set,
        template=rolled.template or target.template,
    )
