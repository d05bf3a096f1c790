"""`headway restart`: new pods of the same release, followed and smoke-tested.

The annotation on the pod template is written by a merge patch, not by our apply: the next deploy neither removes it nor
restarts anything because of it. The release stays the same, so there is nothing that it could be undone to.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agent.errors import HeadwayError, RefusedError, StaleWriteError, UnreachableError
from agent.objects import Object, is_terminating, metadata
from agent.objects import annotations as annotations_of
from agent.operations.account import Account, as_verdict, said_first, smoke_causes
from agent.operations.applying import UncertainError
from agent.operations.bookkeeping import Book
from agent.operations.following import Following
from agent.operations.going_back import live_workload
from agent.operations.holding import held
from agent.operations.interrupting import record_interruption
from agent.operations.mission import LockRules, Place, Running, Tools
from agent.operations.paused import demand_running
from agent.operations.rolling import causes_of
from agent.operations.serving import known_release, serving_now
from agent.operations.smoking import smoke
from agent.release import owners
from agent.release.digest import RESTARTED, of_template
from agent.release.ledger import Intent, Ledger
from agent.reports.deploy import DeployReport
from agent.reports.events import Applied, Touched
from agent.rollout.policy import Policy
from agent.smoke.check import SmokeCheck

ANNOTATION = RESTARTED[1]


@dataclass(frozen=True, slots=True)
class RestartMission:
    """What to restart; see the other missions."""

    place: Place
    checks: tuple[SmokeCheck, ...] = ()
    policy: Policy = field(default_factory=Policy)
    lock: LockRules = field(default_factory=LockRules)
    dry_run: bool = False


def restart(tools: Tools, mission: RestartMission) -> DeployReport:
    """Makes new pods of what serves.

    Raises:
        HeadwayError: nothing was changed, and why.
    """
    account = Account("restart", tools, mission.place)
    account.rehearsal = mission.dry_run
    if mission.dry_run:
        with said_first(account):
            _restart(account, mission, Book(tools.cluster, mission.place.workload))
        return account.report()
    book: Book | None = None
    try:
        with (
            said_first(account),
            held(account.tools, mission.place.workload, mission.lock, account.waiting, operation="restart") as lock,
        ):
            account.guard = lock.check
            book = Book(tools.cluster, mission.place.workload).locked(lock)
            try:
                _restart(account, mission, book)
            except KeyboardInterrupt as interruption:
                record_interruption(account, book, account.release, interruption)
    except KeyboardInterrupt as interruption:
        record_interruption(account, None, 0, interruption)
    return account.report()


def _restart(account: Account, mission: RestartMission, book: Book) -> None:
    tools, place = account.tools, mission.place
    live = live_workload(tools, place, book.ledger)
    tool = owners.gitops_owner(live)
    if tool:
        raise RefusedError(f"nothing was changed: {tool} keeps {place.workload}", hint=f"restart it through {tool}")
    if is_terminating(live):
        raise RefusedError(
            f"nothing was changed: {place.workload} is being deleted by somebody",
            hint="wait until it is gone; `headway undo` puts it back then",
        )
    demand_running(live)
    known = known_release(book.ledger, live)
    account.release = known.number if known else 0
    now = serving_now(live, known, place.container)
    account.open(now.version, now.image, now)
    if mission.dry_run:
        _patched(account, live, dry_run=True)
        account.hear(Applied(tools.clock.monotonic(), (Touched(str(place.workload), "change"),), 0.0))
        return
    intent = Intent("restart", account.release, build=tools.builder.name, started=tools.clock.utc(), on_abort="leave")
    book.write(lambda ledger: replace(ledger, intent=intent))
    try:
        _followed(account, mission, live, now.version)
    except HeadwayError:
        book.last_words(_closed)
        raise
    book.write(_closed)


def _closed(ledger: Ledger) -> Ledger:
    return replace(ledger, intent=None)


def _followed(account: Account, mission: RestartMission, live: Object, version: str) -> None:
    """Patches, follows and asks the smoke checks."""
    clock = account.tools.clock
    with Following(account.tools, [live]) as following:
        account.guard()
        sent = account.wrote_at = clock.monotonic()
        answer = _patched(account, live)
        account.changed = True
        following.applied(answer, sent)
        touched = (Touched(str(mission.place.workload), "change"),)
        account.hear(Applied(clock.monotonic(), touched, clock.monotonic() - sent))
        endings = following.run(mission.policy)
        account.verdict = as_verdict(endings[0].word)
        account.causes = causes_of(account, endings, following)
    if account.verdict != "complete":
        return
    running = Running(mission.place, (), mission.checks, mission.place.container, version)
    account.smoke.extend(smoke(account.tools, running, "deploy"))
    failed = [check for check in account.smoke if not check.passed]
    if failed:
        account.verdict = "failed"
        account.causes = smoke_causes(failed, mission.place.container, account.elapsed)


def _after_silence(account: Account) -> Object | None:
    """The workload as it is after a write whose answer was lost."""
    try:
        return account.tools.cluster.get(account.place.workload)
    except UnreachableError as away:
        account.changed = True  # perhaps
        raise UncertainError(
            f"a restart of {account.place.workload} was sent, and what became of it is not known: {away.message}",
            hint="`headway status` shows what runs",
        ) from away


def _patched(account: Account, live: Object, *, dry_run: bool = False, tries: int = 5) -> Object:
    """Writes the annotation; a change of the status alone since we read is no reason to give up, nor a lost answer."""
    moment = account.tools.clock.utc()
    patch = {
        "metadata": {"resourceVersion": metadata(live)["resourceVersion"]},
        "spec": {"template": {"metadata": {"annotations": {ANNOTATION: moment}}}},
    }
    try:
        return account.tools.cluster.patch(
            account.place.workload, patch, content_type="application/merge-patch+json", dry_run=dry_run
        )
    except StaleWriteError:
        now = account.tools.cluster.get(account.place.workload)
        if now is None or of_template(now) != of_template(live) or tries <= 0:
            raise
    except UnreachableError:
        if dry_run:
            raise
        now = _after_silence(account)
        if now is None or annotations_of(now["spec"]["template"]).get(ANNOTATION) != moment:
            raise
        return now
    return _patched(account, now, dry_run=dry_run, tries=tries - 1)
