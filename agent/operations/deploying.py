"""A deploy: try everything on the server, record, apply, follow, smoke-test; take it back when it fails.

The order is the safety: what can refuse comes before the first write, the ledger knows of a write before it happens,
and a release becomes *good* only after its smoke checks have passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.errors import HeadwayError, RefusedError
from agent.operations import preparing
from agent.operations.account import Account, smoke_causes
from agent.operations.applying import template_still
from agent.operations.bookkeeping import Book
from agent.operations.interrupting import record_interruption
from agent.operations.locking import held
from agent.operations.mission import Mission, Running, Tools
from agent.operations.preparing import Prepared
from agent.operations.rolling import Rolled, identity, roll
from agent.operations.smoking import smoke
from agent.operations.undoing import Way, first_release, undo_to, way_back
from agent.release.choice import choose
from agent.release.ledger import Ledger
from agent.release.record import Judgement, Smoked
from agent.reports.deploy import DeployReport, SmokeReport, Verdict
from agent.reports.events import Applied, Opened, Rehearsed


def deploy(tools: Tools, mission: Mission) -> DeployReport:
    """Deploys one release to one cluster.

    Returns:
        The report, whatever became of the release.

    Raises:
        HeadwayError: nothing was changed, and why.
    """
    return _Deploy(tools, mission).run()


class _Deploy:
    """One deploy, from reading to the report."""

    def __init__(self, tools: Tools, mission: Mission) -> None:
        self.mission = mission
        self.account = Account("deploy", tools, mission.place)
        self.tools = self.account.tools
        self.book: Book | None = None
        self.baseline: tuple[SmokeReport, ...] = ()
        self.number = 0

    def run(self) -> DeployReport:
        try:
            self._run()
        except KeyboardInterrupt as interruption:
            record_interruption(self.account, None, 0, interruption)
        return self.account.report()

    def _run(self) -> None:
        mission, account = self.mission, self.account
        account.rehearsal = mission.dry_run
        if mission.dry_run:
            self._locked(Book(self.tools.cluster, mission.place.workload))
            return
        with held(self.tools, mission.place.workload, mission.lock, account.waiting) as lock:
            account.guard = lock.check
            try:
                self._locked(Book(self.tools.cluster, mission.place.workload).locked(lock))
            except KeyboardInterrupt as interruption:
                record_interruption(account, self.book, self.number, interruption)

    def _locked(self, book: Book) -> None:
        """Everything that happens while nobody else may write."""
        mission, account = self.mission, self.account
        self.book = book
        preparing.gates(book.ledger, mission, self.tools.clock.utc())
        prepared = preparing.prepare(self.tools, mission, book.ledger)
        account.release = book.ledger.next_number
        self._open(prepared)
        self._rehearse(book, prepared)
        if mission.dry_run:
            now = self.tools.clock.monotonic()
            account.hear(Applied(now, tuple(step.touched for step in prepared.steps), 0.0))
            return
        self._baseline(prepared)
        self._record(book, prepared)
        may_change = template_still(prepared.template_before) if prepared.live else bool
        try:
            rolled = roll(account, prepared.steps, mission.policy, step="rollout", may_change=may_change)
        except HeadwayError:
            self._abandon(book, prepared)
            raise
        self._judge(book, prepared, rolled)

    def _abandon(self, book: Book, prepared: Prepared) -> None:
        """The first write failed: the release never was; what served serves."""
        if prepared.unchanged:
            return
        before = next((each.number for each in reversed(book.ledger.releases) if each.served < book.ledger.served), 0)

        def change(ledger: Ledger) -> Ledger:
            closed = ledger.changed(self.number, rollout="refused", judgement="unjudged", ended=self.tools.clock.utc())
            return replace(closed, current=prepared.known.number if prepared.known else before, intent=None)

        book.last_words(change)

    def _open(self, prepared: Prepared) -> None:
        mission, content = self.mission, self.mission.content
        self.account.hear(
            Opened(
                at=self.account.began,
                command="deploy",
                service=mission.place.service,
                version=content.version,
                environment=mission.place.environment,
                cluster=self.tools.cluster.label,
                namespace=mission.place.namespace,
                workload=mission.place.workload,
                image=content.image,
                now=prepared.now,
                rehearsal=mission.dry_run,
            )
        )
        for text in prepared.remarks:
            self.account.note("apply", text)

    def _rehearse(self, book: Book, prepared: Prepared) -> None:
        """Tries the way back on the server before anything is written (G17)."""
        account = self.account
        if not prepared.live and not book.ledger.releases:
            if self.mission.require_undo:
                raise RefusedError(
                    "nothing was changed: there is no way back from a first release, and --require-undo asks for one"
                )
            return
        ledger = prepared.with_external(book.ledger, self.tools)
        choice = choose(ledger, leaving=0)
        reason = "" if choice.target else choice.reason
        if choice.target and choice.target.number < book.ledger.next_number:
            try:
                way_back(account, book, choice.target, 0)
            except HeadwayError as problem:
                reason = problem.message.removeprefix("nothing was changed: ")
        if self.mission.undo.one_way:
            reason = "this release migrates a database one way (deploy.undo.database_migrations)"
        target = choice.target.label if choice.target else ""
        if reason and self.mission.require_undo:
            raise RefusedError(
                f"nothing was changed: there would be no way back, and --require-undo asks for one: {reason}"
            )
        account.hear(Rehearsed(self.tools.clock.monotonic(), target, possible=not reason, reason=reason))

    def _baseline(self, prepared: Prepared) -> None:
        """The smoke checks on what serves now, one try each: what fails already is nobody's fault but its own."""
        if not prepared.complete or not self.mission.checks:
            return
        version = prepared.now.version if prepared.now else ""
        old = Running(self.mission.place, (), self.mission.checks, self.mission.content.container, version)
        self.baseline = smoke(self.tools, old, "baseline", once=True)
        self.account.smoke.extend(check for check in self.baseline if not check.passed)

    def _record(self, book: Book, prepared: Prepared) -> None:
        """Writes what will be written, before it is (P53). A deploy that changes nothing is no release of its own."""
        if prepared.unchanged:
            self.number = book.ledger.current
            self.account.release = self.number
            return
        baseline = {check.name: check.passed for check in self.baseline}

        def change(ledger: Ledger) -> Ledger:
            ledger = prepared.with_external(ledger, self.tools, baseline)
            return prepared.with_release(ledger, self.tools, self.mission)

        ledger = book.write(change)
        self.number = self.account.release = ledger.current

    def _judge(self, book: Book, prepared: Prepared, rolled: Rolled) -> None:
        account, mission = self.account, self.mission
        account.verdict, account.causes = rolled.verdict, rolled.causes
        checked: tuple[SmokeReport, ...] = ()
        if rolled.verdict == "complete":
            content = mission.content
            now = Running(mission.place, content.objects, mission.checks, content.container, content.version)
            checked = smoke(self.tools, now, "deploy")
            account.smoke.extend(checked)
        failed = [check for check in checked if not check.passed]
        excused = {check.name for check in self.baseline if not check.passed}
        fresh = [check for check in failed if check.name not in excused]
        if failed:
            account.verdict = "failed"
            account.causes = smoke_causes(fresh or failed, mission.content.container, account.elapsed)
        blame = bool(fresh) or rolled.to_blame
        if not prepared.unchanged:
            self._close(book, rolled, account.verdict, checked, blame=blame)
        wanted = "smoke-failed" if failed else "rollout-failed"
        if account.verdict in {"failed", "timed-out"}:
            if failed and not fresh:
                account.note("undo", "not undone: these checks failed before this deploy already")
                return
            if prepared.unchanged:
                account.note("undo", "not undone: this deploy changed nothing")
                return
            self._undo(book, rolled, wanted)

    def _close(
        self, book: Book, rolled: Rolled, verdict: Verdict, checked: Sequence[SmokeReport], *, blame: bool
    ) -> None:
        """Writes the verdict into the ledger; what fails there is said, and changes no verdict."""
        judgement: Judgement = (
            "good" if verdict == "complete" else "bad" if verdict in {"failed", "timed-out"} else "unjudged"
        )
        smoked: Smoked = "not-run" if rolled.verdict != "complete" else "none" if not checked else "passed"
        if any(not check.passed for check in checked):
            smoked = "failed"
        account = self.account
        found = identity(account, self.mission.content.container)
        cause = account.causes[0].diagnosis.sentence if account.causes else ""
        changes = {
            "rollout": rolled.verdict,
            "smoke": smoked,
            "judgement": judgement,
            "to_blame": blame,
            "cause": cause[:500],
            "ended": self.tools.clock.utc(),
            "revision": found.revision,
            "replica_set": found.replica_set,
            "image_digest": found.image_digest,
        }
        if rolled.template:
            changes["template"] = rolled.template
        try:
            book.write(lambda ledger: replace(ledger.changed(self.number, **changes), intent=None))
        except HeadwayError as problem:
            account.note("apply", f"the ledger could not be written: {problem.message}")

    def _undo(self, book: Book, rolled: Rolled, wanted: str) -> None:
        account, rules = self.account, self.mission.undo
        if wanted not in rules.when:
            account.note("undo", f"not undone: deploy.undo.when does not have {wanted}")
            return
        if rules.one_way:
            account.note("undo", "not undone: a database migration of this release can't be taken back")
            return
        chosen = choose(book.ledger, leaving=self.number)
        if chosen.target is None:
            release = book.ledger.release(self.number)
            assert release is not None
            first_release(account, book, release, rules)
            return
        way = Way(
            chosen.target,
            chosen.reason,
            otherwise=self.mission.checks,
            excused=frozenset(check.name for check in self.baseline if not check.passed),
            expected=rolled.template or None,
        )
        undo_to(account, book, self.number, way, self.mission.policy)
