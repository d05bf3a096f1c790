"""A thousand jobs through a storm: 503s, resets, broken and slow answers, stale crumbs, login pages, kill -9 (J6).

Real processes and real HTTP. A hundredth runs here, with faults as much closer together; `make soak` runs all of it.
"""

from __future__ import annotations

import pytest

from tests.contract.jobs.storm import FOLDERS, WORKERS, Soak, soak

SIZES = [
    pytest.param(10, 19, 1, 12, id="a hundredth"),
    pytest.param(1000, 40, 20, 120, id="all", marks=[pytest.mark.soak, pytest.mark.timeout(3600)]),
]


def state(jenkins):
    return {name: item.config for name, item in jenkins.items.items()}


def writes(jenkins):
    return [seen for seen in jenkins.requests if seen.method != "GET"]


def right(made: Soak, *options: str) -> None:
    """The stormy Jenkins holds, byte for byte, what a calm one does after the same; another run sends nothing."""
    made.once(made.calm, *options)
    assert state(made.stormy) == state(made.calm)
    made.stormy.requests.clear()
    made.once(made.stormy)
    assert [(seen.method, seen.path) for seen in made.stormy.requests] == [("GET", "/api/json")]


@pytest.mark.parametrize(("jobs", "every", "kills", "lives"), SIZES)
def test_every_job_is_right_in_the_end_and_none_was_made_twice(tmp_path, capsys, jobs, every, kills, lives):
    with soak(tmp_path, jobs, kills, lives) as made:
        made.weather(every)
        made.until_done()
        made.clear_up()
        expected = 1 + min(jobs, FOLDERS) + jobs
        assert len(made.stormy.items) == expected
        right(made)

        made.write(keep=7)
        made.weather(every)
        made.until_done()
        made.clear_up()
        assert all("<numToKeep>7<" in config for config in state(made.stormy).values() if "flow-def" in config)
        right(made)

        moved = dict(made.move(number) for number in range(5, jobs, 10))
        was = {name: made.stormy.items[name] for name in moved}
        made.weather(every)
        made.until_done()
        made.clear_up()
        assert {name: id(made.stormy.items[name]) for name in moved.values()} == {
            moved[name]: id(item) for name, item in was.items()
        }, "moved with its builds, not made again"
        right(made)

        gone = range(0, jobs, 10)
        for number in gone:
            made.spec(number).unlink()
        made.weather(every)
        for _ in ("disabled, some of them deleted already by a run after a killed one", "deleted"):
            made.until_done("--prune", "--max-deletes", str(len(gone)))
        made.clear_up()
        assert len(made.stormy.items) == expected + 1 - len(gone)

        figures = made.figures
        figures.waits_honoured = made.stormy.honoured
        assert made.stormy.impatient == []
        assert figures.waits_honoured
        assert all(figures.struck.values()), figures
        assert made.stormy.service.most_at_once <= WORKERS
        stayed = set(made.stormy.items) - set(moved.values())
        assert all(made.stormy.items[name] is made.stormy.born[name] for name in stayed)
        with capsys.disabled():
            if jobs > 100:
                print(f"\n{figures}")
