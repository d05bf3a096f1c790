"""`headway recover`: adopts or closes what a killed or aborted operation of this build left open.

What was killed without a word is adopted where it came to a good end by itself, else taken back; what was aborted is
taken back or left, as `deploy.undo.on_abort` says. What another build left open is another build's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agent.objects import Object
from agent.operations.account import Account, said_first, smoke_causes
from agent.operations.bookkeeping import Book
from agent.operations.first_release import first_release
from agent.operations.holding import held
from agent.operations.interrupting import record_interruption
from agent.operations.mission import LockRules, Place, Tools, UndoRules, running
from agent.operations.serving import is_complete, known_release, serving_now
from agent.operations.smoking import smoke
from agent.operations.undoing import undo_to
from agent.operations.ways import Way
from agent.release import oneway
from agent.release.choice import choose
from agent.release.digest import of_template
from agent.release.ledger import Intent, Ledger
from agent.release.record import Release
from agent.reports.deploy import DeployReport, SmokeReport
from agent.rollout.policy import Policy
from agent.smoke.check import SmokeCheck


@dataclass(frozen=True, slots=True)
class RecoverMission:
    """What to look after.

    Attributes:
        place: where.
        checks: for releases that have none recorded.
        policy: how the rollouts are judged.
        rules: `deploy.undo`, for a first release.
        lock: how the workload's lock is taken.
        any_build: also what other builds left open (a person says so).
        dry_run: only say what would be done.
    """

    place: Place
    checks: tuple[SmokeCheck, ...] = ()
    policy: Policy = field(default_factory=Policy)
    rules: UndoRules = field(default_factory=UndoRules)
    lock: LockRules = field(default_factory=LockRules)
    any_build: bool = False
    dry_run: bool = False


def _how(intent: Intent) -> str:
    """How an operation ended that left something open."""
    if intent.step == "undoing" and intent.kind != "undo":
        return "killed while it was being undone"
    ways = {"interrupted": "interrupted", "superseded": "left to us by an older build"}
    return ways.get(intent.step, "killed before it was over")


def recover(tools: Tools, mission: RecoverMission) -> DeployReport:
    """Adopts or closes what was left open.

    Returns:
        The report: `complete` where nothing was open, or what was open had come to a good end; `failed` and
        `undo: verified` where it was taken back.

    Raises:
        HeadwayError: nothing was changed, and why.
    """
    account = Account("recover", tools, mission.place)
    account.rehearsal = mission.dry_run
    workload = mission.place.workload
    # A look without the lock first: a build that left nothing open waits for nobody.
    with said_first():
        book = Book(tools.cluster, workload)
    if not _concerns(account, mission, book.ledger.intent) or mission.dry_run:
        return account.report()
    try:
        with (
            said_first(account),
            held(account.tools, workload, mission.lock, account.waiting, operation="recover") as lock,
        ):
            account.guard = lock.check
            book = Book(tools.cluster, workload).locked(lock)
            if book.ledger.intent is not None and _concerns(account, mission, book.ledger.intent):
                _Recovery(account, mission, book, book.ledger.intent).run()
    except KeyboardInterrupt as interruption:
        record_interruption(account, None, 0, interruption)
    return account.report()


def _concerns(account: Account, mission: RecoverMission, intent: Intent | None) -> bool:
    """Whether something is open that is ours to close."""
    if intent is None:
        account.note("recover", "nothing was left open")
        return False
    if intent.build != account.tools.builder.name and not mission.any_build:
        account.note("recover", f"the {intent.kind} of {intent.build} is open, and not ours to close")
        return False
    if mission.dry_run:
        account.note(
            "recover", f"the {intent.kind} of release {intent.release} is open; recover would {_would(intent)}"
        )
    return True


def _would(intent: Intent) -> str:
    """What becomes of an open intent, as far as that can be told without a look at the workload."""
    if intent.kind == "undo":
        return "go on with it"
    otherwise = "leave it as it is" if intent.on_abort == "leave" else "take it back"
    if intent.step == "interrupted" and intent.on_abort == "undo":
        return otherwise
    return f"adopt it if it is complete and passes its smoke checks, else {otherwise}"


class _Recovery:
    """One open intent, brought to an end."""

    def __init__(self, account: Account, mission: RecoverMission, book: Book, intent: Intent) -> None:
        self.account, self.mission, self.book, self.intent = account, mission, book, intent
        self.tools = account.tools

    def run(self) -> None:
        """Decides by what is there now."""
        ledger, intent = self.book.ledger, self.intent
        release = ledger.release(intent.release)
        live = self.tools.cluster.get(self.mission.place.workload)
        self._open(release, live)
        if live is not None and self._somebody_else(ledger, live):
            self.account.verdict = "superseded"
            self.account.note("recover", "somebody else has changed the workload since; it was left alone")
            self._close(release, "superseded")
            return
        target = ledger.release(intent.target)
        if intent.kind == "undo" and target is not None:
            self._go(intent.release, target, "the undo that was under way", live, named=True)
        elif release is None:
            self._close(None, "interrupted")
        elif self._adopted(release, live):
            return
        elif intent.on_abort == "leave" and release.judgement != "bad":
            self.account.note("recover", "left as it is: deploy.undo.on_abort says so")
            self._close(release, "interrupted")
        else:
            self._back(release, live)

    def _open(self, release: Release | None, live: Object | None) -> None:
        place = self.mission.place
        self.account.release = self.intent.release
        self.account.open(
            release.version if release else "",
            release.image if release else "",
            serving_now(live, known_release(self.book.ledger, live), place.container) if live else None,
        )
        self.account.note("recover", f"the {self.intent.kind} of release {self.intent.release} was {_how(self.intent)}")

    def _somebody_else(self, ledger: Ledger, live: Object) -> bool:
        template = of_template(live)
        return bool(ledger.releases) and template not in {each.template for each in ledger.releases}

    def _adopted(self, release: Release, live: Object | None) -> bool:
        """What was killed, not aborted, may have come to a good end by itself."""
        if release.judgement == "bad" or (self.intent.step == "interrupted" and self.intent.on_abort == "undo"):
            return False
        if live is None or of_template(live) != release.template or not is_complete(live):
            return False
        checked = self._smoke(release)
        self.account.smoke.extend(checked)
        failed = [check for check in checked if not check.passed]
        if failed:
            return self._smoke_failed(release, failed)
        now = self.tools.clock.utc()

        def change(ledger: Ledger) -> Ledger:
            good = ledger.changed(
                release.number,
                rollout="complete",
                smoke="passed" if checked else "none",
                judgement="good",
                ended=now,
            )
            return replace(good, intent=None)

        self.book.write(change)
        soak = "; its soak was not watched to the end" if release.soak else ""
        self.account.note("recover", f"{release.label} had been rolled out completely: adopted as good{soak}")
        return True

    def _smoke_failed(self, release: Release, failed: Sequence[SmokeReport]) -> bool:
        """As a deploy that was not killed would have judged it; whether that ends it: it is not undone."""
        fresh = [check for check in failed if check.name not in self.intent.excused]
        self.account.verdict = "failed"
        self.account.causes = smoke_causes(fresh or failed, self.mission.place.container, self.account.elapsed)
        if self.intent.kind == "deploy":
            changes: dict[str, Any] = {
                "rollout": "complete",
                "smoke": "failed",
                "judgement": "bad",
                "to_blame": bool(fresh),
                "cause": self.account.causes[0].diagnosis.sentence[:500],
                "ended": self.tools.clock.utc(),
            }
            self.book.write(lambda ledger: ledger.changed(release.number, **changes))
        if fresh:
            return False
        self.account.note("recover", "not undone: these checks failed before this deploy already")
        self._close(None, "")
        return True

    def _smoke(self, release: Release) -> Sequence[SmokeReport]:
        content = self.book.ledger.sets[release.objects]
        return smoke(self.tools, running(self.mission.place, content, release.version, self.mission.checks), "deploy")

    def _back(self, release: Release, live: Object | None) -> None:
        choice = choose(self.book.ledger, leaving=release.number)
        self._judged(release.number)
        self.account.verdict = "failed"
        kept = oneway.migration_since(self.book.ledger, choice.target) if choice.target else ""
        if kept:
            self.account.note("recover", f"not undone: {kept}")
            self._close(release, "interrupted")
            return
        if choice.target is None:
            first_release(self.account, self.book, release, self.mission.rules)
            return
        self._go(release.number, choice.target, choice.reason, live)

    def _judged(self, number: int) -> None:
        release = self.book.ledger.release(number)
        if release is not None and release.judgement == "open":
            self.book.write(
                lambda ledger: ledger.changed(
                    number, rollout="interrupted", judgement="unjudged", ended=self.tools.clock.utc()
                )
            )

    def _go(self, leaving: int, target: Release, reason: str, live: Object | None, *, named: bool = False) -> None:
        self.account.verdict = "failed"
        expected = of_template(live) if live is not None else None
        way = Way(
            target,
            reason,
            self.mission.checks,
            frozenset(self.intent.excused),
            expected,
            free_stuck=self.mission.rules.free_stuck,
            named=named,
        )
        undo_to(self.account, self.book, leaving, way, self.mission.policy)
        if self.account.undo == "verified" and not self.account.changed and self.intent.kind != "undo":
            self.account.verdict, self.account.undo = "complete", "none"
            self.account.note("recover", f"nothing had been written yet: {target.label} serves as before")

    def _close(self, release: Release | None, rollout: str) -> None:
        def change(ledger: Ledger) -> Ledger:
            now = ledger.release(release.number) if release else None
            if now is not None and now.judgement == "open":
                ledger = ledger.changed(now.number, rollout=rollout, judgement="unjudged", ended=self.tools.clock.utc())
            return replace(ledger, intent=None)

        self.book.write(change)
