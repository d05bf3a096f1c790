from __future__ import annotations

import threading

import pytest

from agent.errors import ForbiddenError, InvalidObjectError, UnreachableError
from agent.jobs.change import full_name
from agent.jobs.configxml import write
from agent.jobs.definition import JobDefinition, Kind, marked, sha256
from agent.jobs.marker import Marker
from agent.jobs.shapes import InlineJob
from agent.jobs.triage import Options
from agent.operations.crew import Crew, spread
from agent.operations.jobs import survey
from agent.operations.jobs_apply import apply
from agent.reports.jobs import Outcome
from tests.fakes.jenkins import FakeJenkins, Notes, StillClock

OPTIONS = Options(owner="shop")


def job(name: str, script: str = "a", moved: str = "") -> JobDefinition:
    text = write(InlineJob("", script))
    marker = Marker("shop", name, f"{name}/service.yaml", "", "", sha256(text))
    return JobDefinition(name, Kind.PIPELINE, marked(text, marker), marker, moved, name)


def now() -> float:
    return 0.0


def run(
    fake: FakeJenkins, jobs, options: Options = OPTIONS, workers: int = 4, emit=lambda _progress: None, journal=None
):
    planned = survey(fake, jobs, options, Crew(workers, now))
    return apply(fake, planned, Crew(workers, now), StillClock(), journal or Notes(), emit)


def outcomes(report) -> dict[str, str]:
    return {full_name(item.change): item.outcome.value for item in report.items}


def test_all_jobs_appear_and_a_second_run_reads_once_and_writes_nothing():
    fake = FakeJenkins()
    jobs = [job(f"team{number % 3}/job{number}") for number in range(20)]
    report = run(fake, jobs)
    assert set(outcomes(report).values()) == {"done"}
    assert report.verified is True
    assert len(fake.items) == 23
    fake.writes.clear()
    fake.reads.clear()
    again = run(fake, jobs)
    assert (fake.writes, fake.reads) == ([], [""])
    assert again.verified is None


def test_one_failure_stops_no_other_and_each_is_reported():
    fake = FakeJenkins()
    fake.broken["b"] = InvalidObjectError("'b' not created: Jenkins refuses it")
    report = run(fake, [job("a"), job("b"), job("c")])
    assert outcomes(report) == {"a": "done", "b": "failed", "c": "done"}
    assert report.failed[0].message == "'b' not created: Jenkins refuses it"


def test_jobs_of_a_folder_that_could_not_be_created_are_not_begun():
    fake = FakeJenkins()
    fake.broken["f"] = ForbiddenError("'f' not created: no permission")
    report = run(fake, [job("f/g/a"), job("b")])
    assert outcomes(report) == {"f": "failed", "f/g": "skipped", "f/g/a": "skipped", "b": "done"}
    assert [name for _, name in fake.writes] == ["b"]


def test_exists_already_is_fine_when_it_is_what_was_sent():
    """The answer to a first attempt was lost, and the second one is refused."""
    fake = FakeJenkins()

    def first_attempt_got_through(verb: str, name: str) -> None:
        if verb == "create":
            fake.items.setdefault(name, job("a").config_xml)

    fake.before_write = first_attempt_got_through
    assert outcomes(run(fake, [job("a")])) == {"a": "done"}


def test_exists_already_is_a_failure_when_it_is_somebody_elses():
    fake = FakeJenkins()

    def somebody_is_faster(_verb: str, name: str) -> None:
        fake.items.setdefault(name, job("a", "theirs").config_xml)

    fake.before_write = somebody_is_faster
    report = run(fake, [job("a")])
    assert outcomes(report) == {"a": "failed"}
    assert "somebody else created it meanwhile" in report.failed[0].message


def test_what_jenkins_took_and_does_not_show_is_a_failure():
    class Overtaken(FakeJenkins):
        def update(self, full_name: str, config_xml: str) -> None:
            super().update(full_name, config_xml)
            super().update(full_name, job(full_name, "somebody else's").config_xml)

    fake = Overtaken({"a": job("a", "old").config_xml})
    report = run(fake, [job("a", "new")])
    assert report.verified is False
    assert outcomes(report) == {"a": "failed"}


def test_a_move_keeps_the_item_and_then_updates_it():
    fake = FakeJenkins()
    run(fake, [job("old/a")])
    fake.writes.clear()
    report = run(fake, [job("new/b", moved="old/a")])
    assert outcomes(report) == {"new": "done", "new/b": "done"}
    assert [verb for verb, _ in fake.writes] == ["create", "move", "rename", "update"]
    assert "old/a" not in fake.items
    fake.writes.clear()
    run(fake, [job("new/b", moved="old/a")])
    assert fake.writes == []


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_a_move_that_was_killed_anywhere_is_completed_by_the_next_run(killed_after):
    fake = FakeJenkins()
    run(fake, [job("old/a")])
    seen = []

    def die(_verb: str, name: str) -> None:
        seen.append(name)
        if len(seen) > killed_after:
            raise UnreachableError("killed")

    fake.before_write = die
    run(fake, [job("new/b", moved="old/a")])
    fake.before_write = lambda _verb, _name: None
    report = run(fake, [job("new/b", moved="old/a")])
    assert set(outcomes(report).values()) <= {"done", "kept"}
    assert "new/b" in fake.items
    assert not [name for name in fake.items if name.endswith("/a")]


def test_an_interrupt_lets_running_requests_end_and_names_what_was_not_begun():
    fake = FakeJenkins()
    jobs = [job(f"job{number:02}") for number in range(30)]
    seen = []

    def stop(progress) -> None:
        seen.append(progress.item)
        if len(seen) == 3:
            raise KeyboardInterrupt

    report = run(fake, jobs, workers=2, emit=stop)
    assert report.interrupt == "KeyboardInterrupt"
    assert fake.hurried
    done = {name for name, outcome in outcomes(report).items() if outcome == "done"}
    assert done == {name for _, name in fake.writes} == set(fake.items)
    assert 3 <= len(done) <= 10
    assert {item.message for item in report.having(Outcome.SKIPPED)} == {"not begun: interrupted"}
    run(fake, jobs)
    assert len(fake.items) == 30


def test_progress_counts_up_to_the_number_of_changes():
    seen = []
    run(FakeJenkins(), [job("f/a"), job("b")], emit=lambda progress: seen.append((progress.done, progress.total)))
    assert [total for _, total in seen] == [3, 3, 3]
    assert seen[-1] == (3, 3)


def test_a_server_that_cannot_be_read_stops_before_anything_is_written():
    class Broken(FakeJenkins):
        def read(self, full_name: str) -> str | None:
            raise UnreachableError(f"{full_name} not read")

    fake = Broken({"a": job("a", "old").config_xml})
    with pytest.raises(UnreachableError):
        run(fake, [job("a", "new"), job("b")])
    assert fake.writes == []


def test_the_report_names_every_item_in_a_documented_form():
    data = run(FakeJenkins(), [job("a")]).data()
    assert set(data) == {
        "headway",
        "command",
        "jenkins",
        "owner",
        "seconds",
        "verified",
        "unverified",
        "interrupted",
        "counts",
        "items",
    }
    assert data["items"] == [{"job": "a", "action": "create", "outcome": "done", "message": ""}]


class TestCrew:
    def test_a_hiccup_halves_what_is_in_flight_once_and_success_brings_it_back(self):
        time = [0.0]
        crew = Crew(8, lambda: time[0])
        for _ in range(5):
            crew.slow_down(503)
        assert crew.allowed == 4
        time[0] = 2.0
        crew.slow_down(429)
        assert crew.allowed == 2
        list(crew.work(range(100), lambda number: number))
        assert crew.allowed == 8

    def test_never_more_in_flight_than_allowed(self):
        crew = Crew(8, lambda: 0.0)
        crew.slow_down(503)
        running, most, lock = 0, 0, threading.Lock()
        barrier = threading.Event()

        def task(number: int) -> int:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            if number >= 3:
                barrier.set()
            barrier.wait(5)
            with lock:
                running -= 1
            return number

        assert sorted(number for number, _ in crew.work(range(10), task)) == list(range(10))
        assert most <= 8

    def test_a_stopped_crew_names_every_task_it_did_not_begin(self):
        crew = Crew(1, lambda: 0.0)
        found = []
        for number, result in crew.work(range(10), lambda number: number):
            found.append((number, result))
            crew.stop()
        assert sorted(number for number, _ in found) == list(range(10))
        assert [result for _, result in found].count(None) >= 8

    def test_neighbours_come_from_different_folders(self):
        assert spread(["a1", "a2", "a3", "b1", "b2", "c1"], lambda name: name[0]) == [
            "a1",
            "b1",
            "c1",
            "a2",
            "b2",
            "a3",
        ]


def test_every_change_is_noted_before_it_is_sent_and_after():
    notes = Notes()
    fake = FakeJenkins()
    fake.broken["b"] = InvalidObjectError("no")
    run(fake, [job("a"), job("b"), job("f/c")], journal=notes, workers=1)
    assert sorted(notes.began) == ["a", "b", "f", "f/c"]
    assert dict(notes.ended)["b"] == "failed"


def test_what_cannot_be_backed_up_is_not_changed():
    class Full(Notes):
        def before(self, change, at: str) -> None:
            raise UnreachableError("no space left")

    fake = FakeJenkins({"a": job("a", "old").config_xml})
    report = run(fake, [job("a", "new")], journal=Full())
    assert outcomes(report) == {"a": "failed"}
    assert fake.writes == []


def test_a_jenkins_that_goes_away_before_it_is_asked_again_loses_no_report():
    class Gone(FakeJenkins):
        def inventory(self, levels: int):
            if self.writes:
                raise UnreachableError("no answer")
            return super().inventory(levels)

    report = run(Gone(), [job("a")])
    assert outcomes(report) == {"a": "done"}
    assert (report.verified, report.unverified) == (None, "no answer")
