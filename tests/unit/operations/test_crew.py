"""A crew does everything once, stops when asked to, and no moment of an interrupt leaves anybody waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from agent.operations.crew import Crew


def crew(limit: int = 3) -> Crew:
    return Crew(limit, time.monotonic)


def timed() -> tuple[Crew, Callable[[float], float]]:
    """Eight workers and a task that takes so many seconds of their time."""
    now = [0.0]

    def takes(seconds: float) -> float:
        now[0] += seconds
        return seconds

    return Crew(8, lambda: now[0]), takes


def test_every_task_ends_once_with_its_result():
    done = dict(crew().work(range(50), lambda number: number * number))
    assert done == {number: number * number for number in range(50)}


def test_stopped_it_begins_nothing_more_and_says_of_each_that_it_was_not_begun():
    workers = crew(1)

    def do(number: int) -> int:
        if number == 3:
            workers.stop()
        return number

    found = dict(workers.work(range(20), do))
    assert sorted(found) == list(range(20))
    assert [found[number] for number in range(4)] == [0, 1, 2, 3]
    assert {found[number] for number in range(4, 20)} == {None}


def test_what_runs_when_its_reader_goes_is_waited_for_and_nothing_else_is_begun():
    workers = crew(2)
    begun: list[int] = []
    ended: list[int] = []

    def do(number: int) -> int:
        begun.append(number)
        threading.Event().wait(0.02)
        ended.append(number)
        return number

    def read() -> None:
        with closing(workers.work(range(50), do)) as found:
            next(found)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert workers.stopped
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 50


def test_a_server_that_answers_ever_more_slowly_gets_less_to_do_at_once():
    workers, takes = timed()
    list(workers.work([0.1], takes))
    assert workers.allowed == 8
    list(workers.work([1.9], takes))
    assert workers.allowed == 8
    list(workers.work([2.5], takes))
    assert workers.allowed == 4
    list(workers.work([2.5], takes))
    assert workers.allowed == 2
    list(workers.work([0.1] * 60, takes))
    assert workers.allowed == 8


def test_a_server_that_was_slow_from_the_start_is_no_slower_for_us():
    workers, takes = timed()
    list(workers.work([3.0], takes))
    list(workers.work([4.0], takes))
    assert workers.allowed == 8


def test_a_bug_in_a_task_reaches_the_reader():
    found = crew().work([1, 0], lambda number: 1 // number)
    with pytest.raises(ZeroDivisionError):
        list(found)
