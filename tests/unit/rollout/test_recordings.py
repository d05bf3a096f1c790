"""Forty rollouts of a real cluster, and more of our own: the right verdict and cause, as early as it can be known."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from agent.rollout import recording
from agent.rollout.feed import Applied
from agent.rollout.recording import decode, encode
from agent.rollout.replay import Tape, read, replay
from agent.rollout.verdict import Failed, word
from tests.catalogue.perturb import perturbed

DATA = Path(__file__).parents[2] / "data"
FORTY = sorted((DATA / "recordings").glob("*.ndjson.gz"))
OWN = sorted((DATA / "recordings-own").glob("*.ndjson.gz"))
RECORDINGS = FORTY + OWN
ONLY_EVENTS = {"volume-missing", "unready", "own-exit-zero", "own-liveness-before-ready", "own-startup-probe-kills"}


def tape_of(path):
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return read(json.loads(line) for line in stream)


def named(path):
    return path.name.removesuffix(".ndjson.gz")


def check(tape, outcome, late=0.0):
    right = tape.expect
    assert word(outcome.verdict) == right["verdict"], outcome.verdict
    if "code" in right:
        assert right["code"] in [str(item.code) for item in outcome.verdict.diagnosis]
    assert set(right.get("notes", ())) <= set(getattr(outcome.verdict, "notes", ())), outcome.verdict
    if right["verdict"] != "progressing":
        within = 1.0 if right["verdict"] == "complete" else 2.0
        assert outcome.decided_at <= right["known_by"] + within + late


def test_they_are_all_here():
    assert len(FORTY) == 40
    assert len(OWN) >= 20


@pytest.mark.parametrize("path", RECORDINGS, ids=named)
def test_right_and_in_time(path):
    tape = tape_of(path)
    outcome = replay(tape)
    check(tape, outcome)
    if isinstance(outcome.verdict, Failed):
        assert outcome.verdict.diagnosis[0].sentence


@pytest.mark.parametrize("path", RECORDINGS, ids=named)
def test_the_same_after_our_own_form(path):
    """What events.ndjson keeps is enough to judge it again, and says nothing of environment variables."""
    tape = tape_of(path)
    lines = [json.loads(json.dumps(encode(event))) for event in tape.events]
    again = Tape(tape.workload, tape.policy, tuple(decode(line) for line in lines), tape.until, tape.expect)
    first, second = replay(tape), replay(again)
    assert second.verdict == first.verdict
    assert second.decided_at == first.decided_at
    assert "fieldsV1" not in json.dumps(lines)


def run_seed(path, seed):
    tape = tape_of(path)
    heard, _, late = perturbed(list(tape.events), seed, keep_events=named(path) in ONLY_EVENTS, factor=0.0)
    outcome = replay(Tape(tape.workload, tape.policy, tuple(heard), tape.until + late, tape.expect))
    check(tape, outcome, late)


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("path", RECORDINGS, ids=named)
def test_right_on_a_worse_day(path, seed):
    run_seed(path, seed)


@pytest.mark.soak
@pytest.mark.parametrize("path", RECORDINGS, ids=named)
def test_right_on_a_hundred_worse_days(path):
    for seed in range(100):
        run_seed(path, seed)


def test_a_second_request_is_somebody_elses():
    tape = tape_of(next(path for path in RECORDINGS if named(path) == "superseded"))
    assert sum(isinstance(event, Applied) for event in tape.events) == 1


@pytest.mark.parametrize(("patience", "at"), [({"quota": 20.0}, 20.035), ({"quota": 70.0}, 70.035)])
def test_another_patience_decides_at_another_time(patience, at):
    from agent.rollout.replay import with_patience

    tape = tape_of(next(path for path in RECORDINGS if named(path) == "quota"))
    outcome = replay(tape, with_patience(tape.policy, patience, None))
    assert outcome.decided_at == pytest.approx(at, abs=0.01)


def test_another_timeout_ends_what_was_open():
    from agent.rollout.replay import with_patience

    tape = tape_of(next(path for path in RECORDINGS if named(path) == "unready"))
    outcome = replay(tape, with_patience(tape.policy, {}, 10.0))
    assert word(outcome.verdict) == "timed-out"
    assert outcome.decided_at == 10.0
    assert outcome.verdict.diagnosis[0].code == "probe-failing"


def test_environment_values_leave_no_trace():
    thing = {"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"env": [{"name": "P", "value": "hunter2"}]}}
    kept = recording.trimmed(thing)
    assert "hunter2" not in json.dumps(kept)
    assert kept["spec"]["env"][0]["value"].startswith("scrubbed:")
    assert recording.trimmed(kept) == kept
    other = recording.trimmed({**thing, "spec": {"env": [{"name": "P", "value": "hunter3"}]}})
    assert other != kept
    assert thing["spec"]["env"][0]["value"] == "hunter2"
