"""A deploy: try everything on the server, record, apply, follow, smoke-test; take it back when it fails.

The order is the safety: what can refuse comes before the first write, the ledger knows of a write before it happens,
and a release becomes *good* only after its smoke checks have passed.
"""

from __future__ import annotations

from dataclasses import replace

from agent.errors import HeadwayError, RefusedError, SupersededError
from agent.operations import preparing
from agent.operations.account import Account, said_first
from agent.operations.applying import template_still
from agent.operations.beforehand import announce, prune, run_jobs, try_jobs
from agent.operations.bookkeeping import Book
from agent.operations.concluding import conclude
from agent.operations.configuring import configured, name_secrets
from agent.operations.giving_way import give_way
from agent.operations.holding import held
from agent.operations.interrupting import record_interruption
from agent.operations.mission import Mission, Running, Tools
from agent.operations.preparing import Prepared
from agent.operations.rolling import roll
from agent.operations.smoking import smoke
from agent.operations.ways import way_back
from agent.release import oneway, storage
from agent.release.choice import Choice, choose
from agent.release.ledger import Ledger
from agent.release.record import Release
from agent.reports.deploy import DeployReport, SmokeReport
from agent.reports.events import Applied, Rehearsed


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
        self.account.image, self.account.version = mission.content.image, mission.content.version
        self.tools = self.account.tools
        self.book: Book | None = None
        self.baseline: tuple[SmokeReport, ...] = ()
        self.number = self.recorded = 0
        self.before = Ledger(mission.place.workload)

    def run(self) -> DeployReport:
        try:
            with said_first(self.account):
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
        with held(
            self.tools,
            mission.place.workload,
            mission.lock,
            account.waiting,
            operation="deploy",
            willing=self._willing,
        ) as lock:
            account.guard, account.heed, account.firm = lock.check, lock.heed, lambda: lock.firm("closing")
            try:
                self._locked(Book(self.tools.cluster, mission.place.workload).locked(lock))
            except SupersededError as asked:
                give_way(account, self.book, self.recorded, self.before, asked)
            except KeyboardInterrupt as interruption:
                record_interruption(account, self.book, self.number, interruption)

    def _willing(self) -> None:
        """Whether this deploy would go ahead: nobody is stopped for one that is refused anyway.

        Raises:
            HeadwayError: it would not.
        """
        ledger = Book(self.tools.cluster, self.mission.place.workload).ledger
        mission = configured(self.tools, self.mission, ledger.salt)
        preparing.gates(ledger, mission, self.tools.clock.utc())
        preparing.prepare(self.tools, mission, ledger)

    def _locked(self, book: Book) -> None:
        """Everything that happens while nobody else may write."""
        self.book = book
        mission = self.mission = configured(self.tools, self.mission, book.ledger.salt)
        account = self.account
        preparing.gates(book.ledger, mission, self.tools.clock.utc())
        prepared = preparing.prepare(self.tools, mission, book.ledger)
        account.release = prepared.with_external(book.ledger, self.tools).next_number
        self._open(prepared, first=not book.ledger.releases)
        self._rehearse(book, prepared)
        lost = announce(account, mission, book)
        jobs = () if prepared.unchanged else try_jobs(self.tools, mission, account.release)
        if mission.dry_run:
            now = self.tools.clock.monotonic()
            account.hear(Applied(now, tuple(step.touched for step in prepared.steps), 0.0))
            return
        self._baseline(prepared)
        self._record(book, prepared)
        may_change = template_still(prepared.template_before) if prepared.live else bool
        try:
            rolled = roll(
                account,
                prepared.steps,
                mission.policy,
                step="rollout",
                may_change=may_change,
                between=lambda: run_jobs(account, jobs, mission.policy),
            )
        except SupersededError:
            raise
        except HeadwayError:
            self._abandon(book, prepared)
            raise
        conclude(account, mission, book, prepared, rolled, self.baseline, self.number)
        if account.verdict == "complete":
            prune(account, lost)

    def _abandon(self, book: Book, prepared: Prepared) -> None:
        """The first write failed: the release never was; what served serves. What was written stays open."""
        if prepared.unchanged or self.account.changed:
            return

        def change(ledger: Ledger) -> Ledger:
            closed = ledger.changed(self.number, rollout="refused", judgement="unjudged", ended=self.tools.clock.utc())
            return replace(closed, current=self.before.current, migrated=self.before.migrated, intent=None)

        book.last_words(change)

    def _open(self, prepared: Prepared, *, first: bool) -> None:
        content = self.mission.content
        self.account.open(content.version, content.image, prepared.now, first=first)
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
        if not prepared.unchanged:
            ledger = prepared.with_release(ledger, self.tools, self.mission)  # what an undo would find
        leaving = 0 if prepared.unchanged else ledger.current
        choice = choose(ledger, leaving=leaving)
        reason = self._no_way(book, prepared, ledger, choice.target) if choice.target else choice.reason
        if choice.target and reason and not self.mission.undo.one_way:
            choice, reason = self._stands_in(book, prepared, ledger, leaving, choice.target, reason)
        if choice.target:
            name_secrets(account, "rehearse", choice.target, ledger.salt, self.mission.secrets)
        target = choice.target.label if choice.target else ""
        if reason and self.mission.require_undo:
            raise RefusedError(
                f"nothing was changed: there would be no way back, and --require-undo asks for one: {reason}"
            )
        account.hear(Rehearsed(self.tools.clock.monotonic(), target, possible=not reason, reason=reason))

    def _stands_in(
        self, book: Book, prepared: Prepared, ledger: Ledger, leaving: int, target: Release, reason: str
    ) -> tuple[Choice, str]:
        """An older good release for one that could not be applied; else that one again, with its reason."""
        unusable = {target.number}
        while other := choose(ledger, leaving=leaving, unusable=frozenset(unusable)).target:
            if not self._no_way(book, prepared, ledger, other):
                self.account.note("rehearse", f"{target.label} is no way back: {reason}")
                return Choice(other, "the newest good release that can still be applied"), ""
            unusable.add(other.number)
        return Choice(target, ""), reason

    def _no_way(self, book: Book, prepared: Prepared, ledger: Ledger, target: Release) -> str:
        """Why an undo of this release, which the ledger has already, could not go to the target; empty: it could."""
        mission = self.mission
        if target.number not in storage.kept(ledger):
            return "its objects find no room in the ledger beside those of this release"
        if mission.undo.one_way:
            return "this release migrates a database one way (deploy.undo.database_migrations)"
        if reason := oneway.migration_since(ledger, target):
            return reason
        if target.number < book.ledger.next_number:
            try:
                way_back(self.account, book, target, 0, [step.live for step in prepared.steps if step.live])
            except HeadwayError as problem:
                return problem.message.removeprefix("nothing was changed: ")
        return oneway.no_return(mission.content.objects, ledger.sets[target.objects].objects)

    def _baseline(self, prepared: Prepared) -> None:
        """The smoke checks on what serves now, one try each: what fails already is nobody's fault but its own."""
        if not prepared.complete or not self.mission.checks:
            return
        version = prepared.now.version if prepared.now else ""
        old = Running(self.mission.place, (), self.mission.checks, self.mission.content.container, version)
        self.baseline = smoke(self.tools, old, "baseline")
        self.account.smoke.extend(check for check in self.baseline if not check.passed)

    def _record(self, book: Book, prepared: Prepared) -> None:
        """Writes what will be written, before it is (P53). A deploy that changes nothing is no release of its own."""
        if prepared.unchanged:
            self.number = book.ledger.current
            self.account.release = self.number
            return
        baseline = {check.name: check.passed for check in self.baseline}
        excused = tuple(its for its, passed in baseline.items() if not passed)

        def change(ledger: Ledger) -> Ledger:
            ledger = prepared.with_external(ledger, self.tools, baseline)
            self.before = replace(ledger, current=prepared.known.number if prepared.known else ledger.current)
            return prepared.with_release(ledger, self.tools, self.mission, excused)

        ledger = book.write(change)
        self.number = self.account.release = self.recorded = ledger.current
