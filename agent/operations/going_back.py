"""`headway undo`: a person, or a stage, asks to go back; and the smoke checks alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.errors import ForbiddenError, NotFoundError, RefusedError, UsageError
from agent.objects import Object, Ref, ref
from agent.operations.account import Account, said_first, smoke_causes
from agent.operations.bookkeeping import Book
from agent.operations.configuring import name_secrets
from agent.operations.holding import held
from agent.operations.interrupting import record_interruption
from agent.operations.mission import LockRules, Place, Running, Tools, UndoRules
from agent.operations.preparing import with_external
from agent.operations.serving import is_complete, known_release, left_release, serving_now
from agent.operations.smoking import smoke
from agent.operations.undoing import undo_to
from agent.operations.ways import Way, applicable
from agent.release import images, oneway
from agent.release.choice import Choice, Wish, choose
from agent.release.digest import of_template
from agent.release.ledger import Ledger
from agent.release.order import by_need
from agent.release.record import Release
from agent.reports.deploy import DeployReport
from agent.reports.events import Applied, Noted, Rehearsed, Touched
from agent.rollout.policy import Policy
from agent.smoke.check import SmokeCheck


@dataclass(frozen=True, slots=True)
class UndoMission:
    """One undo that was asked for.

    Attributes:
        place: where.
        checks: for a target that has none recorded.
        policy: how the rollouts are judged.
        rules: `deploy.undo`; a one-way migration refuses.
        wish: what was named; all empty: the last release known good.
        lock: how the workload's lock is taken.
        dry_run: rehearse only.
    """

    place: Place
    checks: tuple[SmokeCheck, ...] = ()
    policy: Policy = Policy()  # noqa: RUF009  frozen
    rules: UndoRules = UndoRules()  # noqa: RUF009  frozen
    wish: Wish = Wish()  # noqa: RUF009  frozen
    lock: LockRules = LockRules()  # noqa: RUF009  frozen
    dry_run: bool = False


def undo(tools: Tools, mission: UndoMission) -> DeployReport:
    """Goes back to the release asked for, or to the last one known good.

    Raises:
        HeadwayError: nothing was changed, and why.
    """
    account = Account("undo", tools, mission.place)
    account.rehearsal = mission.dry_run
    workload = mission.place.workload
    if mission.dry_run:
        with said_first(account):
            return _undo(account, mission, Book(tools.cluster, workload))
    try:
        with (
            said_first(account),
            held(account.tools, workload, mission.lock, account.waiting, operation="undo") as lock,
        ):
            account.guard = lock.check
            return _undo(account, mission, Book(tools.cluster, workload).locked(lock))
    except KeyboardInterrupt as interruption:
        record_interruption(account, None, 0, interruption)
        return account.report()


def _undo(account: Account, mission: UndoMission, book: Book) -> DeployReport:
    tools = account.tools
    live = tools.cluster.get(mission.place.workload)
    known, leaving = known_release(book.ledger, live), left_release(book.ledger, live)
    left = leaving.number if leaving else 0
    choice = choose(book.ledger, leaving=left, wish=mission.wish)
    if live is None and choice.target is None:
        raise absent(tools, mission.place, book.ledger)
    now = serving_now(live, known, mission.place.container) if live else None
    account.open(choice.target.version if choice.target else "", choice.target.image if choice.target else "", now)
    if not _named(mission.wish):
        _demand_no_migration(book, mission, choice)
    if choice.target is None:
        return _no_target(account, mission, choice)
    account.release = choice.target.number
    name_secrets(account, "undo", choice.target, book.ledger.salt)
    try:
        if mission.dry_run:
            return _rehearsed(account, book, Way(choice.target, "", on_purpose=True, named=_named(mission.wish)), left)
        if live is not None and leaving is None and is_complete(live):
            left = _remembered(account, book, live, choice.target)
        expected = of_template(live) if live is not None else None
        way = Way(choice.target, choice.reason, mission.checks, expected=expected, live=live, on_purpose=True)
        way = replace(way, free_stuck=mission.rules.free_stuck, named=_named(mission.wish))
        undo_to(account, book, left, way, mission.policy)
    except KeyboardInterrupt as interruption:
        record_interruption(account, book, left, interruption)
    if account.verdict == "complete" and account.undo in {"failed", "unverified"}:
        account.verdict = "failed"
    account.causes = account.causes or account.undo_causes
    return account.report()


def _demand_no_migration(book: Book, mission: UndoMission, choice: Choice) -> None:
    """Refuses to take code back behind a database that was migrated one way."""
    reason = "a database migration of this release can't be taken back" if mission.rules.one_way else ""
    if choice.target is not None:
        reason = oneway.migration_since(book.ledger, choice.target) or reason
    if reason:
        raise RefusedError(
            f"nothing was changed: {reason}",
            hint="deploy.undo.database_migrations says so; name a release with --to-release to go there all the same",
        )


def live_workload(tools: Tools, place: Place, ledger: Ledger | None = None) -> Object:
    """The followed workload.

    Raises:
        NotFoundError: it is not there; where the ledger knows better, how it comes back.
    """
    live = tools.cluster.get(place.workload)
    if live is None:
        raise absent(tools, place, ledger)
    return live


def absent(tools: Tools, place: Place, ledger: Ledger | None = None) -> NotFoundError:
    """There is no such workload: not yet, or not any more.

    Raises:
        NotFoundError: there is no such namespace.
    """
    demand_namespace(tools, place, "nothing was done")
    back = choose(ledger, leaving=0).target if ledger else None
    hint = "`deploy.deployment` names the workload; the first deploy makes it"
    if back is not None:
        hint = f"somebody has deleted it since; `headway undo` puts {back.label} back, with all its objects"
    return NotFoundError(
        f"nothing was done: there is no {place.workload} in namespace {place.namespace} of {tools.cluster.label}",
        hint=hint,
    )


def demand_namespace(tools: Tools, place: Place, begin: str) -> None:
    """Where nothing is found: says so if the whole namespace isn't there (and we may ask).

    Raises:
        NotFoundError: there is no such namespace.
    """
    try:
        found = tools.cluster.get(Ref("v1", "Namespace", "", place.namespace))
    except NotFoundError:
        found = None
    except ForbiddenError:
        return
    if found is None:
        raise NotFoundError(
            f"{begin}: there is no namespace '{place.namespace}' in {tools.cluster.label}",
            hint=f"kubectl create namespace {place.namespace}, or another --context or --namespace",
        )


def _named(wish: Wish) -> bool:
    return bool(wish.release or wish.revision or wish.image)


def _no_target(account: Account, mission: UndoMission, choice: Choice) -> DeployReport:
    if _named(mission.wish):
        raise UsageError(f"nothing was changed: {choice.reason}", hint="`headway history` lists the releases")
    account.undo = "no-target"
    account.verdict = "failed"
    account.note("undo", f"there is nothing to go back to: {choice.reason}")
    return account.report()


def _remembered(account: Account, book: Book, live: Object, target: Release) -> int:
    """What somebody else made and is left now becomes a release of its own: so there is a way back to it, too."""
    cluster = account.tools.cluster
    others = [ref(thing) for thing in book.ledger.sets[target.objects].objects if ref(thing) != ref(live)]
    there = [thing for thing in map(cluster.get, others) if thing is not None]
    now = account.tools.clock.utc()
    ledger = book.write(lambda known: with_external(known, now, live, by_need([*there, live]), account.place.container))
    return ledger.current


def _rehearsed(account: Account, book: Book, way: Way, left: int) -> DeployReport:
    """What an undo would do, tried on the server."""
    way, steps, gone = applicable(account, book, way, left)
    now = account.tools.clock.monotonic()
    account.hear(Rehearsed(now, way.target.label, possible=True))
    touched = (*(step.touched for step in steps), *(Touched(str(ref(thing)), "delete") for thing in gone))
    account.hear(Applied(now, touched, 0.0))
    return account.report()


def smoke_alone(tools: Tools, place: Place, checks: tuple[SmokeCheck, ...], version: str = "") -> DeployReport:
    """The smoke checks on what serves now; nothing is changed and nothing recorded.

    Args:
        tools: the doors to the outside.
        place: where.
        checks: the questions.
        version: `{{ version }}`; empty: of what runs.
    """
    account = Account("smoke", tools, place)
    ledger = Book(tools.cluster, place.workload).ledger
    live = live_workload(account.tools, place, ledger)
    known = known_release(ledger, live)
    now = serving_now(live, known, place.container)
    account.open(version or now.version, now.image, now)
    if not checks:
        account.hear(Noted(account.began, "smoke", "the spec has no smoke checks"))
    container = place.container or (images.choose_container(live, "") if _single(live) else "")
    running = Running(replace(place, container=container), (), checks, container, version or now.version)
    try:
        account.smoke.extend(smoke(account.tools, running, "deploy"))
    except KeyboardInterrupt as interruption:
        record_interruption(account, None, 0, interruption)
        return account.report()
    failed = [check for check in account.smoke if not check.passed]
    if failed:
        account.verdict = "failed"
        account.causes = smoke_causes(failed, container, account.elapsed)
    return account.report()


def _single(live: Object) -> bool:
    return len((live.get("spec") or {}).get("template", {}).get("spec", {}).get("containers") or ()) == 1
