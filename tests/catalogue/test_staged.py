"""The staged catalogue on the sandbox: every case with a clock moved by hand, some over HTTP (all with --soak)."""

from __future__ import annotations

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes import connect
from agent.sandbox.kubernetes import SandboxCluster
from tests.catalogue.staged import EVERY, FAULTS, TRANSIENTS
from tests.catalogue.staging import SPACE, by_hand, check, over_http

SPEED = 15.0
WALL = 0.5
"""Seconds on the wall that hearing and judging may take on a busy machine."""


def named(case):
    return case.name


@pytest.mark.parametrize("case", [case for case in EVERY if "sandbox" in case.where], ids=named)
def test_right_in_time_by_hand(case):
    check(case, by_hand(case))


@pytest.mark.soak
@pytest.mark.parametrize("case", [case for case in EVERY if "sandbox" in case.where], ids=named)
def test_right_in_time_by_hand_twenty_times(case):
    for seed in range(2, 22):
        check(case, by_hand(case, seed))


def run_over_http(case, tmp_path, monkeypatch):
    with SandboxCluster(speed=SPEED, namespaces=[SPACE]) as sandbox:
        config = tmp_path / "config"
        config.write_text(sandbox.kubeconfig(SPACE))
        monkeypatch.setenv("KUBECONFIG", str(config))
        outcome = over_http(case, connect(None, clock=SystemClock()), SPACE, speed=SPEED, sandbox=sandbox)
    check(case, outcome, slack=WALL * SPEED)


@pytest.mark.parametrize("case", [case for case in EVERY if case.quick], ids=named)
def test_right_in_time_over_http(case, tmp_path, monkeypatch):
    run_over_http(case, tmp_path, monkeypatch)


@pytest.mark.soak
@pytest.mark.parametrize("case", [case for case in EVERY if {"sandbox", "http"} & {*case.where}], ids=named)
def test_every_case_right_in_time_over_http(case, tmp_path, monkeypatch):
    run_over_http(case, tmp_path, monkeypatch)


def test_the_table_is_as_large_as_it_should_be():
    assert len(FAULTS) >= 30
    assert len(TRANSIENTS) >= 15
    assert len({case.name for case in EVERY}) == len(EVERY)
