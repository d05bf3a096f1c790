"""Work done by several threads, as many as the server bears: additive increase, multiplicative decrease.

Every answer that makes a request wait (429, 503, a hang-up) halves the number of requests in flight, and so does a task
that takes far longer than the quickest did; every other success adds a little, never beyond the limit. Stopped, it
finishes what runs and starts nothing more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


_SLOW, _SLOWER = 2.0, 5.0
"""A task is slow that takes so many seconds, and so many times what the quickest took: eight creations that wait for
each other in one folder of a healthy Jenkins (a quarter of a second each) are not."""


class Crew:
    """Some threads.

    Args:
        limit: requests in flight at most.
        now: monotonic seconds: one hiccup of the server slows down once, not once a request.
    """

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self.limit = max(1, limit)
        self._now = now
        self._allowed = float(self.limit)
        self._running = 0
        self._slowed = float("-inf")
        self._quickest = float("inf")
        self._turn = threading.Condition()
        self._stopped = threading.Event()

    @property
    def allowed(self) -> int:
        """Requests in flight that the server seems to bear now."""
        return max(1, int(self._allowed))

    @property
    def stopped(self) -> bool:
        """Whether nothing more is begun."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Begins nothing more; what runs is finished."""
        self._stopped.set()
        with self._turn:
            self._turn.notify_all()

    def slow_down(self, status: int) -> None:
        """Hears of an answer that made a retry; halves what is in flight, once a second at most."""
        del status
        with self._turn:
            now = self._now()
            if now - self._slowed >= 1.0:
                self._slowed = now
                self._allowed = max(1.0, self._allowed / 2)

    def _is_slow(self, took: float) -> bool:
        """Whether a task took so long that the server has too much to do, before it says so itself."""
        with self._turn:
            self._quickest = min(self._quickest, took)
            return took >= max(_SLOW, _SLOWER * self._quickest)

    def work(
        self, tasks: Sequence[Task], do: Callable[[Task], Result]
    ) -> Generator[tuple[Task, Result | None], None, None]:
        """Does all tasks, in any order; yields each with its result as it ends, None if it was not begun.

        Close the iterator (`contextlib.closing`): when its reader is interrupted, the crew is stopped and what runs is
        waited for. `do` raises nothing: it returns its failure.
        """
        futures: dict[Future[Result | None], Task] = {}
        waiting = iter(tasks)
        with ThreadPoolExecutor(max_workers=min(self.limit, max(1, len(tasks)))) as pool:
            try:
                while self._fill(pool, do, waiting, futures):
                    done, _ = wait(futures, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield futures.pop(future), future.result()
            finally:
                if futures:
                    self.stop()
        for task in waiting:
            yield task, None

    def _fill(
        self,
        pool: ThreadPoolExecutor,
        do: Callable[[Task], Result],
        waiting: Iterator[Task],
        futures: dict[Future[Result | None], Task],
    ) -> bool:
        """Hands out a few tasks more than are in flight, so that thousands don't wait in the pool; False: all done."""
        while len(futures) < 2 * self.limit and not self.stopped:
            task = next(waiting, None)
            if task is None:
                break
            futures[pool.submit(self._one, do, task)] = task
        return bool(futures)

    def _one(self, do: Callable[[Task], Result], task: Task) -> Result | None:
        with self._turn:
            while self._running >= self.allowed and not self.stopped:
                self._turn.wait()
            if self.stopped:
                return None
            self._running += 1
        began = self._now()
        try:
            result = do(task)
        finally:
            with self._turn:
                self._running -= 1
                self._turn.notify()
        if self._is_slow(self._now() - began):
            self.slow_down(0)
            return result
        with self._turn:
            self._allowed = min(float(self.limit), self._allowed + 1 / max(1.0, self._allowed))
            self._turn.notify()
        return result


def spread(tasks: Iterable[Task], group: Callable[[Task], str]) -> list[Task]:
    """The tasks so that neighbours come from different groups: Jenkins creates one job a folder at a time."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(group(task), []).append(task)
    found: list[Task] = []
    row = 0
    while len(found) < sum(map(len, groups.values())):
        found += [listed[row] for listed in groups.values() if row < len(listed)]
        row += 1
    return found
