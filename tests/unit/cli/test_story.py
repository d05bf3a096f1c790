"""The story line by line: what a person reads, in a pipe, in a narrow terminal, and with hostile text."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.cli.console import Console
from agent.cli.output.ending import advice, headline
from agent.cli.output.moments import age, described, duration
from agent.cli.output.story import Story
from agent.objects import Ref
from agent.reports.deploy import Cause, DeployReport, WorkloadReport
from agent.reports.events import Applied, Judged, Noted, Opened, Rehearsed, Serving, Smoked, Touched, Undoing, Undone
from agent.rollout.diagnosis import Code, Diagnosis

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
WEB = Ref("apps/v1", "Deployment", "shop", "checkoutservice")
OLD = Serving(41, "r/checkout:v1", "v1", "2026-01-01T10:00:00Z", verified=True)


def told(*events, width=0, quiet=False, report=None, where=""):
    out = io.StringIO()
    console = Console(out, io.StringIO(), width=width)
    console.quiet = quiet
    story = Story(console, now=NOW)
    for event in events:
        story.emit(event)
    if report is not None:
        story.ending(report, where)
    return out.getvalue()


def opened(now=OLD, command="deploy"):
    return Opened(0.0, command, "checkoutservice", "v2", "staging", "eu", "shop", WEB, "r/checkout:v2", now)


WHOLE = (
    opened(),
    Rehearsed(0.1, "release 41 (v1)", possible=True),
    Applied(
        0.2,
        tuple(
            Touched(f"{kind}/checkout", "change" if kind == "deployment" else "keep")
            for kind in ("serviceaccount", "configmap", "service", "deployment")
        ),
        0.1,
    ),
    Judged(4.4, WEB, "complete", "3 of 3 new pods available, old ones gone", 4.2),
    Smoked(4.5, "healthy", passed=True, text="200 from 3 pods", seconds=0.031),
    Smoked(
        19.5, "an order goes through", passed=False, text="500 from /api (expected 200), 3 tries in 15 s", seconds=15
    ),
    Undoing(19.6, "release 41 (v1)", "the last release known good"),
    Judged(24.6, WEB, "complete", "3 of 3 new pods available, old ones gone", 5.0, "undo"),
    Undone(24.7, "release 41 (v1)", "verified", "3 of 3 available, smoke passed", 5.1),
)


def test_the_whole_story():
    cause = Diagnosis(
        Code.SMOKE_FAILED,
        "pod/checkoutservice-x",
        "server",
        'smoke check "an order goes through" got 500',
        19.0,
        permanent=True,
    )
    report = DeployReport(
        "deploy", "checkoutservice", "staging", "eu", "shop", str(WEB), "failed", "verified", version="v2",
        undone_to=OLD, live_seconds=24.0, diagnosis=(Cause(cause, 19.0, '{"ok":false,"version":"v2"}'),),
    )  # fmt: skip
    assert told(*WHOLE, report=report, where="report/report.html") == (
        "checkoutservice v2 to staging (cluster eu, namespace shop), now v1 since 2 h, verified\n"
        "  rehearse  undo to release 41 (v1) would apply cleanly\n"
        "  apply     ServiceAccount, ConfigMap, Service, Deployment: 1 changed, 3 as they were\n"
        "  rollout   3 of 3 new pods available, old ones gone                                     4.2 s\n"
        "  smoke     healthy                     200 from 3 pods                                  31 ms\n"
        "            an order goes through       FAILED  500 from /api (expected 200), 3 tries in 15 s\n"
        "  undo      to release 41 (v1): 3 of 3 available, smoke passed                           5.1 s\n"
        "FAILED, undone and verified: v1 serves again. v2 was live for 24 s.\n"
        '  cause: smoke check "an order goes through" got 500 (pod/checkoutservice-x)\n'
        '         {"ok":false,"version":"v2"}\n'
        "  report: report/report.html      exit status 1\n"
    )


def test_what_broke_in_its_soak_was_live_and_its_log_repeats_nothing():
    found = Diagnosis(Code.CRASH_LOOP, "pod/web-x", "server", "exited twice with status 1", 19.0, permanent=True)
    report = DeployReport(
        "deploy", "web", "staging", "eu", "shop", str(WEB), "failed", "verified", version="v2", undone_to=OLD,
        live_seconds=24.0, diagnosis=(Cause(found, 19.0, "/healthz 200\n/healthz 200\n\n/healthz 200\nbye\n"),),
        workloads=(WorkloadReport(str(WEB), "failed", "soak", "FAILED  crash loop", 20.0),),
    )  # fmt: skip
    assert told(report=report).splitlines()[0].endswith("v1 serves again. v2 was live for 24 s.")
    log = [line.strip() for line in told(report=report).splitlines()[2:4]]
    assert log == ["/healthz 200  (3 times)", "bye"]


def test_it_is_narrower_in_a_narrow_terminal():
    lines = told(*WHOLE, width=80).splitlines()
    assert lines[3] == "  rollout   3 of 3 new pods available, old ones gone" + "4.2 s".rjust(26)
    assert max(map(len, lines[3:5])) <= 79
    assert told(*WHOLE, width=200) == told(*WHOLE)


def test_quiet_tells_the_ending_only():
    report = DeployReport("deploy", "web", "staging", "eu", "shop", str(WEB), "complete", version="v2", release=42)
    assert told(*WHOLE[1:], quiet=True, report=report).splitlines()[0].startswith("COMPLETE: v2 serves as release 42")


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (None, "deployment/checkoutservice is not there"),
        (Serving(0, "r/x:v1", "v1"), "now v1, not known to Headway"),
        (Serving(4, "r/x:v1", "v1", "2026-01-01T11:59:55Z"), "now v1 since 5 s, not verified"),
    ],
)
def test_what_serves_now(now, words):
    assert told(opened(now)).strip().endswith(words)


def test_only_what_was_never_released_is_a_first_deploy():
    assert told(replace(opened(None), first=True)).strip().endswith("first deploy")


def test_an_undo_without_a_target_goes_back_to_nothing_in_particular():
    text = told(replace(opened(command="undo"), version="", image=""))
    assert text.startswith("checkoutservice in staging (cluster eu, namespace shop), now v1")


@pytest.mark.parametrize(
    ("command", "verdict", "undo", "before", "words"),
    [
        ("deploy", "gone", "none", OLD, "`headway undo` puts the last release known good back"),
        ("deploy", "superseded", "none", OLD, "`headway status` shows what runs now"),
        ("deploy", "failed", "no-target", None, "deploy a release that works"),
        ("undo", "failed", "no-target", OLD, "`headway undo --to-release 41` restores all objects of v1"),
        ("undo", "failed", "no-target", replace(OLD, verified=False), "deploy a release that works"),
    ],
)
def test_every_bad_ending_says_what_to_do(command, verdict, undo, before, words):
    report = DeployReport(command, "web", "staging", "eu", "shop", "deployment/web", verdict, undo, before=before)
    assert words in advice(report)


def test_no_way_back_is_said():
    assert "NO WAY BACK: it is the first release" in told(
        Rehearsed(0.0, "", possible=False, reason="it is the first release")
    )


def test_several_workloads_are_told_apart():
    objects = (Touched("deployment/redis", "keep"), Touched("deployment/checkoutservice", "change"))
    redis = Ref("apps/v1", "Deployment", "shop", "redis")
    text = told(
        opened(),
        Applied(0.0, objects, 0.1),
        Judged(1.0, redis, "complete", "1 of 1", 1),
        Judged(1.0, WEB, "complete", "3 of 3", 1),
    )
    assert "redis: 1 of 1" in text
    assert "checkoutservice: 3 of 3" in text


def test_hostile_text_moves_no_cursor():
    hostile = "a\x1b[2J\x07\u202ebad\nnext"
    text = told(Noted(0.0, "apply", hostile), Smoked(1.0, hostile, passed=True, text=hostile, seconds=1.0))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    ("command", "verdict", "undo", "words"),
    [
        ("deploy", "complete", "none", "COMPLETE"),
        ("deploy", "timed-out", "verified", "TIMED OUT, undone and verified"),
        ("deploy", "failed", "unverified", "NOT VERIFIED: a person is needed"),
        ("deploy", "failed", "failed", "the undo FAILED"),
        ("deploy", "failed", "no-target", "nothing to go back to"),
        ("deploy", "failed", "none", "was not undone"),
        ("deploy", "superseded", "none", "SUPERSEDED"),
        ("deploy", "gone", "none", "GONE"),
        ("deploy", "interrupted", "none", "INTERRUPTED"),
        ("undo", "complete", "verified", "UNDONE and verified"),
        ("undo", "failed", "unverified", "NOT VERIFIED"),
        ("undo", "failed", "failed", "The undo FAILED"),
        ("undo", "failed", "no-target", "NOTHING TO GO BACK TO"),
        ("smoke", "complete", "none", "No smoke checks"),
        ("recover", "complete", "none", "RECOVERED"),
        ("recover", "failed", "verified", "RECOVERED, undone and verified"),
    ],
)
def test_every_ending_has_its_headline(command, verdict, undo, words):
    report = DeployReport(command, "web", "staging", "eu", "shop", "deployment/web", verdict, undo)
    assert words in headline(report)


def test_an_undo_to_what_serves_already_does_not_say_that_it_went_back():
    report = DeployReport(
        "undo", "web", "staging", "eu", "shop", str(WEB), "complete", "verified", undone_to=OLD, before=OLD
    )
    assert headline(replace(report, changed=False)) == "VERIFIED: v1 serves as before, nothing had to change."
    half_done = replace(report, changed=False, before=replace(OLD, release=42))
    assert headline(half_done).startswith("UNDONE and verified: v1 serves.")
    assert headline(replace(report, changed=True)).startswith("UNDONE and verified: v1 serves.")


def test_what_another_build_left_open_is_not_called_recovered():
    report = DeployReport("recover", "web", "staging", "eu", "shop", str(WEB), "complete")
    others = replace(report, remarks=("the deploy of b/7 is open, and not ours to close",))
    assert headline(others).startswith(
        "NOT RECOVERED: the deploy of b/7 is open, and not ours to close. `headway recover"
    )
    assert headline(report) == "RECOVERED: nothing was left open."


def test_times_in_words():
    assert [duration(seconds) for seconds in (0.031, 4.24, 99, 150, 7300, 200_000)] == [
        "31 ms", "4.2 s", "99.0 s", "2 min", "2 h", "2 d",
    ]  # fmt: skip
    assert age("2026-01-01T10:00:00Z", NOW) == "2 h"
    assert age("", NOW) == ""
    assert described(OLD, NOW) == "v1 since 2 h, verified"
