"""A workload's lock for the length of a block: taken, renewed in the background, given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.errors import ForbiddenError, InvalidObjectError, NotFoundError
from agent.objects import Ref
from agent.operations.locking import Lock, willing_anyhow
from agent.operations.mission import LockRules, Tools


@contextmanager
def held(
    tools: Tools,
    workload: Ref,
    rules: LockRules,
    waiting: Callable[[str], None],
    *,
    operation: str = "",
    willing: Callable[[], None] = willing_anyhow,
) -> Iterator[Lock]:
    """The lock, taken and renewed until the block is left; see `Lock` and `Lock.take`.

    Raises:
        LockedError: somebody else holds it.
    """
    lock = Lock(tools, workload, rules, operation)
    try:
        lock.take(waiting, willing)
    except NotFoundError as problem:
        if problem.message.startswith("nothing was changed"):
            raise
        raise NotFoundError(
            f"nothing was changed: {problem.message}",
            hint=f"Headway never creates namespaces: kubectl create namespace {workload.namespace}",
        ) from problem
    except (ForbiddenError, InvalidObjectError) as problem:
        if problem.message.startswith("nothing was changed"):
            raise  # it is not the lock that was refused
        raise type(problem)(
            f"nothing was changed: the lock could not be taken: {problem.message}", hint=problem.hint
        ) from problem
    try:
        if rules.heartbeat is None:
            yield lock
        else:
            with rules.heartbeat(lock.pause, lock.renew):
                yield lock
    finally:
        lock.release()
