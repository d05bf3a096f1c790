"""The fault catalogue: every fault found in time and named, no transient called a failure, however bad the day."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agent.rollout.policy import Policy
from agent.rollout.replay import Tape, replay
from agent.rollout.verdict import word
from tests.catalogue.perturb import perturbed
from tests.catalogue.stage import Stage, target

HERE = Path(__file__).parent
FAULTS = yaml.safe_load((HERE / "faults.yaml").read_text(encoding="utf-8"))
TRANSIENTS = yaml.safe_load((HERE / "transients.yaml").read_text(encoding="utf-8"))
EVERY = FAULTS + TRANSIENTS


def named(case):
    return case["name"]


def play(case, heard, until=0.0):
    last = max([until, *(item.at for item in heard)])
    tape = Tape(target(case), Policy(timeout=case.get("timeout", 600)), tuple(heard), last, {})
    return replay(tape)


def expected(case):
    finish = [step["at"] for step in case["steps"] if "finish" in step]
    return case.get("expect") or {"verdict": "complete", "evidence": finish[0]}


def check(case, outcome, warp, late):
    right = expected(case)
    assert word(outcome.verdict) == right["verdict"], outcome.verdict
    codes = [str(item.code) for item in getattr(outcome.verdict, "diagnosis", ())]
    if "first" in right:
        assert codes[0] == right["first"], codes
    assert right.get("code", codes[0] if codes else None) in [*codes, None], codes
    assert set(right.get("notes", ())) <= set(getattr(outcome.verdict, "notes", ())), outcome.verdict
    due = max(warp(right["evidence"]) + right.get("patience", 0), right.get("deadline", 0) - 1)
    assert due - 0.001 <= outcome.decided_at <= due + right.get("within", 0.1) + late, outcome.verdict


@pytest.mark.parametrize("case", EVERY, ids=named)
def test_right_verdict_in_time(case):
    outcome = play(case, Stage(case).play(), expected(case).get("until", 0.0))
    check(case, outcome, lambda at: at, 0.0)


def run_seed(case, seed):
    keep = case.get("only_events", False)
    heard, warp, late = perturbed(Stage(case).play(), seed, keep_events=keep)
    outcome = play(case, heard, expected(case).get("until", 0.0) * 1.5)
    check(case, outcome, warp, late)


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("case", EVERY, ids=named)
def test_right_on_a_worse_day(case, seed):
    run_seed(case, seed)


@pytest.mark.soak
@pytest.mark.parametrize("case", EVERY, ids=named)
def test_right_on_a_hundred_worse_days(case):
    for seed in range(100):
        run_seed(case, seed)


def test_the_catalogue_is_as_large_as_it_should_be():
    assert len(FAULTS) >= 40
    assert len(TRANSIENTS) >= 30
    names = [case["name"] for case in EVERY]
    assert len(set(names)) == len(names)
