"""After the rollout: smoke checks, a soak where one is wanted, the verdict into the ledger, the undo where one is due.

The ledger entry that says "bad" and the intent to undo are one write: after a crash it tells what was next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.errors import HeadwayError
from agent.operations.account import Account, smoke_causes
from agent.operations.bookkeeping import Book
from agent.operations.first_release import first_release
from agent.operations.mission import Mission, Running
from agent.operations.preparing import Prepared
from agent.operations.rolling import Rolled
from agent.operations.smoking import smoke
from agent.operations.soaking import soak
from agent.operations.undoing import undo_to
from agent.operations.ways import Way
from agent.release import oneway
from agent.release.choice import choose
from agent.release.ledger import Freeze, Ledger
from agent.release.record import Judgement, Smoked, Soaked
from agent.reports.deploy import Phase, SmokeReport


@dataclass(frozen=True, slots=True)
class _Findings:
    """What the smoke checks said.

    Attributes:
        checked: all of them.
        failed: those that failed.
        fresh: those that failed and had not failed on the release before.
        soak: how the soak ended.
        to_blame: whether the release itself failed it.
    """

    checked: tuple[SmokeReport, ...] = ()
    failed: tuple[SmokeReport, ...] = ()
    fresh: tuple[SmokeReport, ...] = ()
    soak: Soaked = ""
    to_blame: bool = False


def conclude(
    account: Account,
    mission: Mission,
    book: Book,
    prepared: Prepared,
    rolled: Rolled,
    baseline: Sequence[SmokeReport],
    number: int,
) -> None:
    """Brings a deploy whose rollout has its verdict to its end.

    Raises:
        SupersededError: a newer build asked us to give way before the verdict was in.
    """
    account.verdict, account.causes = rolled.verdict, rolled.causes
    excused = frozenset(check.name for check in baseline if not check.passed)
    found = _smoked(account, mission, excused, "deploy") if rolled.verdict == "complete" else _Findings()
    if mission.soak and not prepared.unchanged:
        good = account.verdict == "complete"
        found = _soaked(account, mission, rolled, excused, found) if good else replace(found, soak="not-run")
    kept = _why_kept(account, mission, prepared, found) or _migrated(account, book, number)
    account.firm()
    will_undo = account.verdict in {"failed", "timed-out"} and not kept
    if not prepared.unchanged:
        _close(account, book, rolled, found, number, will_undo=will_undo)
    if kept:
        account.note("undo", f"not undone: {kept}")
    if will_undo:
        _undo(account, mission, book, rolled, excused, number)


def _smoked(account: Account, mission: Mission, excused: frozenset[str], phase: Phase) -> _Findings:
    """Asks the smoke checks; those that fail are the verdict and its causes."""
    content = mission.content
    now = Running(mission.place, content.objects, mission.checks, content.container, content.version)
    checked = smoke(account.tools, now, phase, heed=account.heed)
    account.smoke.extend(checked)
    failed = tuple(check for check in checked if not check.passed)
    fresh = tuple(check for check in failed if check.name not in excused)
    if failed:
        account.verdict = "failed"
        account.causes = smoke_causes(fresh or failed, content.container, account.elapsed)
    return _Findings(checked, failed, fresh)


def _soaked(
    account: Account, mission: Mission, rolled: Rolled, excused: frozenset[str], before: _Findings
) -> _Findings:
    """Watches the release on, and asks its smoke checks once more where it is still complete in the end."""
    watched = soak(account, mission, rolled)
    account.verdict, account.causes = watched.verdict, watched.causes
    if watched.verdict == "complete":
        again = _smoked(account, mission, excused, "soak")
        return replace(again, soak="failed" if again.failed else "passed")
    bad = watched.verdict in {"failed", "timed-out"}
    return replace(before, soak="failed" if bad else "not-run", to_blame=watched.to_blame)


def _why_kept(account: Account, mission: Mission, prepared: Prepared, found: _Findings) -> str:
    """Why a release that failed isn't taken back; empty where it is."""
    if account.verdict not in {"failed", "timed-out"}:
        return ""
    if found.failed and not found.fresh:
        return "these checks failed before this deploy already"
    if prepared.unchanged:
        return "this deploy changed nothing"
    wanted = "smoke-failed" if found.failed else "rollout-failed"
    if wanted not in mission.undo.when:
        return f"deploy.undo.when does not have {wanted}"
    if mission.undo.one_way:
        return "a database migration of this release can't be taken back"
    return ""


def _migrated(account: Account, book: Book, number: int) -> str:
    """Whether an earlier release stands between this one and its target, with a migration."""
    target = choose(book.ledger, leaving=number).target
    wanted = account.verdict in {"failed", "timed-out"} and target is not None
    return oneway.migration_since(book.ledger, target) if wanted and target else ""


def _close(account: Account, book: Book, rolled: Rolled, found: _Findings, number: int, *, will_undo: bool) -> None:
    """Writes the verdict into the ledger; what fails there is said, and changes no verdict."""
    bad = account.verdict in {"failed", "timed-out"}
    judgement: Judgement = "good" if account.verdict == "complete" else "bad" if bad else "unjudged"
    smoked: Smoked = "not-run" if rolled.verdict != "complete" else "passed" if found.checked else "none"
    runs = rolled.identity
    changes: dict[str, Any] = {
        "rollout": rolled.verdict,
        "smoke": "failed" if found.failed and found.soak != "failed" else smoked,
        "soak": found.soak,
        "judgement": judgement,
        "to_blame": bool(found.fresh) or rolled.to_blame or found.to_blame,
        "cause": account.causes[0].diagnosis.sentence[:500] if account.causes else "",
        "ended": account.tools.clock.utc(),
        "revision": runs.revision,
        "replica_set": runs.replica_set,
        "image_digest": runs.image_digest,
    }
    if rolled.template:
        changes["template"] = rolled.template

    def change(ledger: Ledger) -> Ledger:
        intent = replace(ledger.intent, step="undoing") if will_undo and ledger.intent else None
        return replace(ledger.changed(number, **changes), intent=intent)

    book.close(change, lambda text: account.note("apply", text))


def _undo(account: Account, mission: Mission, book: Book, rolled: Rolled, excused: frozenset[str], number: int) -> None:
    chosen = choose(book.ledger, leaving=number)
    if chosen.target is None:
        release = book.ledger.release(number)
        if release is None:
            account.undo = "no-target"
            account.note("undo", "left as it is: somebody has put another ledger in place, which doesn't know of it")
            return
        first_release(account, book, release, mission.undo, rolled.template)
    else:
        way = Way(
            chosen.target,
            chosen.reason,
            at_hand=mission.checks,
            excused=excused,
            expected=rolled.template or None,
            free_stuck=mission.undo.free_stuck,
        )
        undo_to(account, book, number, way, mission.policy)
    if mission.undo.then == "freeze" and account.undo != "none":
        _freeze(account, book, number)


def _freeze(account: Account, book: Book, number: int) -> None:
    """`deploy.undo.then: freeze`: nobody deploys again before a person has looked."""
    reason = f"release {number} failed and was undone"
    freeze = Freeze(reason, account.tools.builder.name, account.tools.clock.utc())
    try:
        book.write(lambda ledger: replace(ledger, freeze=freeze))
        account.note("undo", "frozen: no deploy until `headway thaw`")
    except HeadwayError as problem:
        account.note("undo", f"could not be frozen: {problem.message}")
