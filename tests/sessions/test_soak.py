"""Releases that pass their smoke checks and break a moment later: only a soak finds them out."""

from __future__ import annotations

import json

import pytest


def soaked(headway, tag):
    """What the ledger says of the release with that tag."""
    releases = json.loads(headway("history", ".", "--env", "staging", "-o", "json").out)["releases"]
    return next(each["soak"] for each in releases if each["version"] == tag)


@pytest.mark.parametrize(("tag", "status", "cause"), [("crash-late", 1, "crash-loop"), ("flaky", 6, "probe-failing")])
def test_what_breaks_after_its_smoke_checks_is_taken_back(running, headway, tag, status, cause):
    running.spec(("timeout: 2s", "timeout: 2s, soak: 4s"))
    done = headway(*running.deploy(tag, "-o", "json"))
    report = json.loads(done.out)
    assert (done.status, report["undo"]) == (status, "verified"), done.out + done.err
    assert report["diagnosis"][0]["code"] == cause
    assert (running.serving, soaked(headway, tag)) == ("v1", "failed")


def test_what_holds_is_told_in_two_lines(running, headway):
    running.spec(("timeout: 2s", "timeout: 2s, soak: 500ms"))
    done = headway(*running.deploy("v3"))
    assert done.status == 0, done.out + done.err
    lines = [line.split("  ") for line in done.out.splitlines()]
    at = next(place for place, words in enumerate(lines) if "soak" in words)
    assert "2 of 2 new pods available" in done.out.splitlines()[at]
    assert "200 from 2 pods" in done.out.splitlines()[at + 1]
    assert soaked(headway, "v3") == "passed"
