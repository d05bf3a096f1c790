"""Server-side apply of a set of objects: everything is tried on the server first, then written in order.

So a refused object leaves nothing half applied. Fields are forced only where our manifests set them and neither an
autoscaler nor a GitOps controller holds them (contract section 7); every change of an existing object carries its
resourceVersion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from agent.errors import (
    FieldConflictError,
    ForbiddenError,
    HeadwayError,
    InvalidObjectError,
    NotFoundError,
    RefusedError,
    StaleWriteError,
    UnauthorizedError,
    UnreachableError,
)
from agent.objects import Object, Ref, is_terminating, metadata, ref, uid
from agent.ports import Cluster
from agent.release import diff, owners
from agent.release.digest import cleaned, holds, of_template, same_but_for_the_server
from agent.reports.events import Touched

TRIES = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One object to be applied.

    Attributes:
        thing: what is sent.
        live: what is there now; None: it will be created.
        answer: what the server made of it when it was tried.
        force: whether fields are taken from other managers.
        rehearsed: False where the server could not try it (a webhook that takes no dry run).
    """

    thing: Object
    live: Object | None
    answer: Object
    force: bool = False
    rehearsed: bool = True

    @property
    def ref(self) -> Ref:
        """Which object."""
        return ref(self.thing)

    @property
    def action(self) -> str:
        """`create`, `change` or `keep`."""
        if self.live is None:
            return "create"
        return "keep" if self.rehearsed and same_but_for_the_server(self.live, self.answer) else "change"

    @property
    def touched(self) -> Touched:
        """The step for reports."""
        lines = diff.changes(self.live, self.answer) if self.action == "change" else ()
        return Touched(str(self.ref), self.action, lines)


class UncertainError(UnreachableError):
    """A write was sent, its answer was lost, and what is there now can't be read: nobody knows whether it was done."""


class OvertakenError(HeadwayError):
    """Somebody else changed the workload between our reading and our writing; we did not fight (exit 7)."""


def autoscalers(
    cluster: Cluster, namespace: str, objects: Iterable[Object], leaves: frozenset[Ref]
) -> owners.Autoscaled:
    """The workloads whose replicas are an autoscaler's, in the cluster or in the release itself.

    Those whose autoscaler is about to be deleted get their replicas back.
    """
    try:
        there = cluster.list("autoscaling/v2", "HorizontalPodAutoscaler", namespace)
    except (ForbiddenError, NotFoundError):
        there = []  # then what the scale subresource left in managedFields has to do
    gone = {str(each) for each in leaves}  # whichever version of the API the manifests spoke
    staying = owners.scaled([*(thing for thing in there if str(ref(thing)) not in gone), *objects])
    freed = owners.scaled(thing for thing in there if str(ref(thing)) in gone) - staying
    return owners.Autoscaled(staying, freed)


def plan(
    cluster: Cluster,
    namespace: str,
    objects: Iterable[Object],
    *,
    leaves: frozenset[Ref] = frozenset(),
    known: Iterable[Object] = (),
    settled: frozenset[Ref] = frozenset(),
) -> tuple[Step, ...]:
    """Reads what is there and tries every object on the server; nothing is changed.

    Args:
        cluster: where.
        namespace: of all objects.
        objects: what shall be there; Secrets by reference are passed over.
        leaves: what will be deleted afterwards.
        known: objects as they are now, read a moment ago: those are not asked for again.
        settled: what should be there as it is: tried only where somebody has changed or deleted it.

    Raises:
        RefusedError: a GitOps controller owns an object.
        InvalidObjectError, ForbiddenError, NotFoundError: the server would not take it; said as "nothing was changed".
    """
    wanted = [thing for thing in objects if not _is_reference(thing)]
    read = {ref(thing): thing for thing in known}
    there = [(thing, read.get(ref(thing)) or cluster.get(ref(thing))) for thing in wanted]
    asked = any(_rescales(thing, live) for thing, live in there)
    scaled = autoscalers(cluster, namespace, wanted, leaves) if asked else owners.Autoscaled(owners.scaled(wanted))
    return tuple(
        Step(thing, live, live)
        if live is not None and ref(thing) in settled and not is_terminating(live) and holds(live, thing)
        else _tried(cluster, thing, live, scaled)
        for thing, live in there
    )


def _rescales(thing: Object, live: Object | None) -> bool:
    """Whether it would change the number of replicas: only then it matters whose they are."""
    if "replicas" not in (thing.get("spec") or {}):
        return False
    return live is None or thing["spec"]["replicas"] != (live.get("spec") or {}).get("replicas")


def _is_reference(thing: Object) -> bool:
    """A Secret as the ledger keeps it: named, never written."""
    return thing.get("kind") == "Secret" and not {"data", "stringData"} & set(thing)


def _tried(cluster: Cluster, thing: Object, live: Object | None, scaled: owners.Autoscaled) -> Step:
    if live is not None and is_terminating(live):
        raise RefusedError(
            f"nothing was changed: {ref(thing)} is being deleted by somebody",
            hint="wait until it is gone, then again",
        )
    tool = owners.gitops_owner(live) if live is not None else ""
    if tool:
        raise RefusedError(
            f"nothing was changed: {tool} keeps {ref(thing)} as its repository says, and would take a deploy back",
            hint=f"deploy through {tool}, or take {ref(thing)} out of its reach first",
        )
    wanted = owners.with_replicas(thing, live, scaled)
    try:
        return _rehearsed(cluster, wanted, live)
    except (InvalidObjectError, ForbiddenError, NotFoundError) as problem:
        if "does not support dry run" in problem.message:
            return Step(wanted, live, wanted, force=True, rehearsed=False)
        raise type(problem)(
            f"nothing was changed: the cluster would not take {ref(thing)}: {problem.message}", hint=_hint(problem)
        ) from problem
    except UnauthorizedError as problem:
        raise UnauthorizedError(f"nothing was changed: {problem.message}", hint=problem.hint) from problem


def _hint(problem: HeadwayError) -> str:
    if isinstance(problem, NotFoundError) and "namespace" in problem.message:
        return "Headway never creates namespaces: kubectl create namespace NAME"
    return problem.hint


def _rehearsed(cluster: Cluster, thing: Object, live: Object | None) -> Step:
    try:
        return Step(thing, live, cluster.apply(thing, dry_run=True))
    except FieldConflictError as conflict:
        for manager, field in conflict.conflicts:
            tool = owners.gitops_manager(manager)
            if tool:
                raise RefusedError(
                    f"nothing was changed: {tool} holds {field} of {ref(thing)}",
                    hint=f"deploy through {tool}, or let it give up that field",
                ) from conflict
    return Step(thing, live, cluster.apply(thing, dry_run=True, force=True), force=True)


def carry_out(
    cluster: Cluster, step: Step, *, may_change: Callable[[Object | None], bool], guard: Callable[[], None]
) -> Object:
    """Writes one object.

    Args:
        cluster: where.
        step: what was tried.
        may_change: whether we may still write over what somebody else wrote in between (None: they deleted it).
        guard: asked before every try: one that was refused may have been under way for longer than the lock lasts.

    Returns:
        The object as the server answered; for `keep`, as it is.

    Raises:
        OvertakenError: we may not.
        StaleWriteError: it never stood still.
        LockedError: the lock was lost meanwhile.
    """
    if step.action == "keep" and step.live is not None:
        return step.live
    live = step.live
    for _ in range(TRIES):
        thing = step.thing
        if live is not None:
            thing = {**thing, "metadata": {**thing["metadata"], "resourceVersion": metadata(live)["resourceVersion"]}}
        guard()
        try:
            return cluster.apply(thing, force=step.force)
        except FieldConflictError:
            step = _forced(cluster, step, live)
        except StaleWriteError:
            live = cluster.get(step.ref)
            if not _unmoved(step.live, live) and not may_change(live):
                raise OvertakenError(f"{step.ref} was changed by somebody else just before our write") from None
            step = _rescaled(step, live)
        except UnreachableError:
            if (written := _after_silence(cluster, step)) is not None:
                return written
    raise StaleWriteError(f"{step.ref} was not written: {TRIES} tries, and it changed or gave no answer each time")


def _forced(cluster: Cluster, step: Step, live: Object | None) -> Step:
    """The step that takes the fields that somebody else has set since it was tried.

    Raises:
        OvertakenError: there was nothing to be in conflict with: somebody has created it.
    """
    if live is None:
        raise OvertakenError(f"{step.ref} was created by somebody else just before our write") from None
    return replace(_rehearsed(cluster, step.thing, live), live=live)


def _after_silence(cluster: Cluster, step: Step) -> Object | None:
    """The object, if a write without an answer was carried out all the same; None: it was not, and can be tried again.

    Raises:
        UncertainError: what is there now doesn't tell, or can't be read.
    """
    try:
        live = cluster.get(step.ref)
    except UnreachableError as away:
        raise UncertainError(
            f"{step.ref} was sent, and what became of it is not known: {away.message}",
            hint="`headway recover` looks again and closes it",
        ) from away
    if live is not None and step.rehearsed and same_but_for_the_server(live, step.answer):
        return live
    if live is not None and step.live is None and owners.is_ours(live) and holds(live, step.thing):
        return live  # with what the server gave it only when it was made: addresses, ports
    if not _unmoved(step.live, live):
        raise UncertainError(
            f"{step.ref} was sent, and what is there now is neither what it was nor what was to become of it",
            hint="`headway status` shows what runs, `headway recover` closes it",
        )
    return None


def _rescaled(step: Step, live: Object | None) -> Step:
    """The step with the replicas that somebody, an autoscaler for one, has set since we looked (P45)."""
    if live is None or step.live is None or "replicas" not in (step.thing.get("spec") or {}):
        return step
    before, now = (thing["spec"].get("replicas") for thing in (step.live, live))
    return (
        step if before == now else replace(step, thing={**step.thing, "spec": {**step.thing["spec"], "replicas": now}})
    )


def _unmoved(before: Object | None, now: Object | None) -> bool:
    """Whether only status (and what controllers write) has changed."""
    if before is None or now is None:
        return before is now
    return uid(before) == uid(now) and cleaned(before) == cleaned(now)


def template_still(digest: str) -> Callable[[Object | None], bool]:
    """May change as long as the workload's pod template is the one that was decided on."""
    return lambda live: live is not None and of_template(live) == digest
