"""Runs the Jobs of `deploy.before` before any workload is touched, and tidies up afterwards (`deploy.prune`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.errors import HeadwayError, UnreachableError
from agent.objects import Object, Ref, ref, uid
from agent.operations.account import Account, as_verdict
from agent.operations.applying import UncertainError
from agent.operations.bookkeeping import Book
from agent.operations.following import Following
from agent.operations.mission import Mission, Tools
from agent.operations.rolling import Rolled, causes_of
from agent.operations.sharing import spared
from agent.release import beforehand, owners
from agent.release.ledger import Ledger
from agent.release.order import by_removal
from agent.rollout.policy import Policy

MOST_NAMES = 8
"""Objects that one remark names."""


def try_jobs(tools: Tools, mission: Mission, number: int) -> tuple[Object, ...]:
    """The Jobs under the names of this release, tried on the server.

    Raises:
        HeadwayError: the server would not take one; nothing was changed.
    """
    jobs = beforehand.numbered(mission.before, number)
    for job in jobs:
        try:
            tools.cluster.create(job, dry_run=True)
        except HeadwayError as problem:
            raise type(problem)(
                f"nothing was changed: the cluster would not take {ref(job)}: {problem.message}", hint=problem.hint
            ) from problem
    return jobs


def run_jobs(account: Account, jobs: Sequence[Object], policy: Policy) -> Rolled | None:
    """One Job after the other; None when all have succeeded, else how it ended.

    A Job that failed is kept for a look; its pods start nothing any more.
    """
    for job in jobs:
        account.guard()
        with Following(account.tools, [job], "before", heed=account.heed) as following:
            sent = account.tools.clock.monotonic()
            answer = _created(account, job)
            following.applied(answer, sent, created=True)
            endings = following.run(policy)
            verdict = as_verdict(endings[0].word)
            if verdict != "complete":
                account.note("before", f"{ref(job)} did not succeed, so no workload was touched")
                return Rolled(verdict, causes_of(account, endings, following), to_blame=False)
    return None


def _created(account: Account, job: Object) -> Object:
    """Starts a Job, and finds out whether it was started where the answer was lost: what it does is never undone.

    Raises:
        UncertainError: that can't be found out.
    """
    cluster = account.tools.cluster
    try:
        answer = cluster.create(job)
    except UnreachableError:
        try:
            found = cluster.get(ref(job))
        except UnreachableError as away:
            account.changed = True
            raise UncertainError(f"{ref(job)} was sent, and whether it runs is not known: {away.message}") from away
        if found is None:
            raise
        answer = found
    account.changed = True
    return answer


def orphans(account: Account, ledger: Ledger, objects: Sequence[Object]) -> tuple[Object, ...]:
    """Live objects that releases of ours have created and the new one doesn't name: never data, never others'."""
    lost = ledger.created(ledger.releases, but=objects)
    found = (account.tools.cluster.get(each) for each in by_removal(lost))
    return tuple(spared(account, (thing for thing in found if thing is not None and owners.is_ours(thing)), "prune"))


def announce(account: Account, mission: Mission, book: Book) -> tuple[Object, ...]:
    """Says what no manifest names any more, and what can't be taken back; the objects that will be pruned."""
    if mission.before:
        names = ", ".join(str(ref(job)) for job in mission.before)
        account.note("before", f"{names} will run first; what they do to data is not undone")
    if mission.prune == "leave":
        return ()
    lost = orphans(account, book.ledger, mission.content.objects)
    if lost and mission.prune == "report":
        names = _names(ref(thing) for thing in lost)
        account.note("prune", f"no manifest names {names} any more; kept (deploy.prune: report)")
    elif lost:
        names = _names(ref(thing) for thing in lost)
        account.note("prune", f"{names} will be deleted once the release is good")
        if secrets := ", ".join(str(ref(thing)) for thing in lost if thing.get("kind") == "Secret"):
            account.note("prune", f"an undo writes no Secrets: it would not bring {secrets} back")
    return lost if mission.prune == "delete" else ()


def prune(account: Account, lost: Sequence[Object]) -> None:
    """Deletes what is no longer named; only after a release was found good. A failure here fails nothing."""
    done: list[Ref] = []
    try:
        for thing in lost:
            account.guard()
            account.tools.cluster.delete(ref(thing), uid=uid(thing))
            account.changed = True
            done.append(ref(thing))
    except HeadwayError as problem:
        account.note("prune", f"not everything was deleted: {problem.message}")
    if done:
        account.note("prune", f"deleted {_names(done)}")


def _names(targets: Iterable[Ref]) -> str:
    """So many that a person reads them all, and how many more there are."""
    every = [str(each) for each in targets]
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return f"{', '.join(every[:MOST_NAMES])}{more}"
