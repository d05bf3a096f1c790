"""One set of objects into the cluster and to its verdict: apply in order, follow every workload, explain what failed.

Deploys, undos and restarts differ only in what they apply and in what they do with the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.errors import HeadwayError, LockedError, SupersededError
from agent.objects import Object, ref, uid
from agent.objects import annotations as annotations_of
from agent.operations import diagnosing, pods
from agent.operations.account import Account, as_verdict
from agent.operations.applying import OvertakenError, Step, UncertainError, carry_out
from agent.operations.following import Ending, Following
from agent.release import images
from agent.release.digest import of_template
from agent.release.order import is_workload
from agent.reports.deploy import Cause, Verdict
from agent.reports.events import Applied, Touched
from agent.rollout.diagnosis import Code, Diagnosis, tidy
from agent.rollout.policy import Policy


@dataclass(frozen=True, slots=True)
class Identity:
    """What runs now, as the watches told it: Kubernetes revision, UID of the ReplicaSet, image digest."""

    revision: int = 0
    replica_set: str = ""
    image_digest: str = ""


@dataclass(frozen=True, slots=True)
class Rolled:
    """What became of a set of objects.

    Attributes:
        verdict: over all workloads.
        causes: the root cause first.
        template: digest of the followed workload's live template after the write.
        to_blame: whether the release itself was at fault.
        identity: what the followed workload runs, for the ledger.
    """

    verdict: Verdict
    causes: tuple[Cause, ...] = ()
    template: str = ""
    to_blame: bool = False
    identity: Identity = Identity()


def roll(
    account: Account,
    steps: Sequence[Step],
    policy: Policy,
    *,
    step: str,
    may_change: Callable[[Object | None], bool],
    removals: Sequence[Object] = (),
    between: Callable[[], Rolled | None] | None = None,
) -> Rolled:
    """Writes the steps, follows the workloads, says how it ended.

    Args:
        account: the tools, and where it is written down.
        steps: tried already; see `applying.plan`.
        policy: how the rollouts are judged.
        step: `rollout` or `undo`.
        may_change: see `applying.carry_out`; asked for the followed workload only.
        removals: live objects to delete at the end.
        between: runs before the first workload is written; its result ends it.

    Raises:
        SupersededError: a newer build asked us to give way.
        HeadwayError: the first write failed; nothing was changed (UncertainError: perhaps).
    """
    began = account.tools.clock.monotonic()
    with _following(account, steps, step) as following:
        try:
            written = _all_written(account, steps, following, may_change, between)
            if isinstance(written, Rolled):
                return written
            _finish(account, steps, removals, began, step)
        except HeadwayError as problem:
            return _stopped(account, problem, step)
        return judged(account, following, policy, written, step)


def _stopped(account: Account, problem: HeadwayError, step: str) -> Rolled:
    """What a write that failed makes of the whole; raised again where nothing was changed, or perhaps."""
    if isinstance(problem, OvertakenError) or (isinstance(problem, LockedError) and account.changed):
        return _overtaken(account, problem, step)
    if account.changed and not isinstance(problem, LockedError | SupersededError | UncertainError):
        return _half_written(account, problem)
    raise problem


def _following(account: Account, steps: Sequence[Step], step: str) -> Following:
    """Listens to every workload of the release."""
    return Following(
        account.tools,
        (each.thing for each in steps if is_workload(each.thing)),
        step,
        free=account.guard if account.free_stuck else None,
        heed=account.heed,
    )


def _all_written(
    account: Account,
    steps: Sequence[Step],
    following: Following,
    may_change: Callable[[Object | None], bool],
    between: Callable[[], Rolled | None] | None,
) -> Rolled | str:
    """Configuration, then what comes between, then workloads; the template's digest, or how `between` ended it."""
    first = next((place for place, each in enumerate(steps) if is_workload(each.thing)), len(steps))
    _write(account, steps[:first], following, may_change)
    stopped = between() if between else None
    return stopped or _write(account, steps[first:], following, may_change)


def judged(
    account: Account, following: Following, policy: Policy, template: str, step: str, *, hold: float = 0.0
) -> Rolled:
    """Follows what was written to its end, and for `hold` seconds at least; the digest is passed on."""
    endings = following.run(policy, hold)
    account.notes_of(ending.verdict for ending in endings)
    verdict = _total(endings)
    runs = _identity(account, following)
    if verdict == "superseded":
        _found_instead(account, following, step)
    if verdict in {"complete", "superseded", "gone"}:
        return Rolled(verdict, template=template, identity=runs)
    found = causes_of(account, endings, following)
    return Rolled(verdict, found, template, diagnosing.to_blame(found), runs)


def _found_instead(account: Account, following: Following, step: str) -> None:
    """Says what somebody else has put in the place of ours."""
    place = account.place
    snapshot = following.snapshots.get(place.workload)
    if snapshot is None or snapshot.object is None or not snapshot.superseded:
        return
    image = images.of_container(snapshot.object, place.container) or images.of_container(snapshot.object, "")
    if image:
        account.note(step, f"{place.workload} wants {image} now; what becomes of that is not judged here")


def _identity(account: Account, following: Following) -> Identity:
    """Read from what was heard, so that it costs no request."""
    snapshot = following.snapshots.get(account.place.workload)
    if snapshot is None or snapshot.object is None:
        return Identity()
    number = str(annotations_of(snapshot.object).get(pods.REVISION) or "0")
    revision = int(number) if number.isdigit() else 0
    return Identity(revision, snapshot.pinned, account.image_of(snapshot.pinned))


def _write(
    account: Account,
    steps: Sequence[Step],
    following: Following,
    may_change: Callable[[Object | None], bool],
) -> str:
    """Writes everything in order; the digest of the followed workload's template as the server answered it."""
    tools = account.tools
    template = ""
    for each in steps:
        sent = tools.clock.monotonic()
        followed = each.ref == account.place.workload
        if each.action != "keep":
            account.wrote_at = account.wrote_at or sent
        may = may_change if followed else lambda live: live is not None
        try:
            answer = carry_out(tools.cluster, each, may_change=may, guard=account.guard)
        except UncertainError:
            account.changed = True
            raise
        account.changed = account.changed or each.action != "keep"
        if is_workload(each.thing):
            following.applied(answer, sent, created=each.live is None)
        if followed:
            template = of_template(answer)
    return template


def _finish(account: Account, steps: Sequence[Step], removals: Sequence[Object], began: float, step: str) -> None:
    """Deletes what has to go, and tells what was written."""
    for thing in removals:
        account.guard()
        account.tools.cluster.delete(ref(thing), uid=uid(thing))
        account.changed = True
    touched = (*(each.touched for each in steps), *(Touched(str(ref(thing)), "delete") for thing in removals))
    now = account.tools.clock.monotonic()
    account.hear(Applied(now, touched, now - began, "undo" if step == "undo" else "apply"))


def causes_of(account: Account, endings: Sequence[Ending], following: Following) -> tuple[Cause, ...]:
    """Why workloads failed, the root cause first, with logs."""
    return diagnosing.causes(account.tools, endings, following.snapshots, account.began)


def _overtaken(account: Account, problem: HeadwayError, step: str) -> Rolled:
    account.note(step, problem.message)
    return Rolled("superseded")


def _half_written(account: Account, problem: HeadwayError) -> Rolled:
    """A write that failed after others had gone through: the release is mixed, and taken back like any that failed."""
    at = account.tools.clock.monotonic()
    message = tidy(f"only a part was applied: {problem.message}")
    found = Diagnosis(Code.ADMISSION_DENIED, str(account.place.workload), "", message, at, permanent=True)
    return Rolled("failed", (Cause(found, at - account.began),))


def _total(endings: Sequence[Ending]) -> Verdict:
    """The verdict over all workloads: the worst, which stands first."""
    return as_verdict(endings[0].word) if endings else "complete"
