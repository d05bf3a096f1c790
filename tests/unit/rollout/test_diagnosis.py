"""The cause in one sentence, without credentials; which logs are worth fetching."""

from __future__ import annotations

import pytest

from agent.rollout.diagnosis import Code, Diagnosis, tidy
from agent.rollout.logs import LogRequest, log_requests
from agent.rollout.policy import Policy
from agent.rollout.scrub import scrub
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import judge
from tests.catalogue.stage import Stage, target


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Get https://bob:hunter2@registry.example.com/v2/: 401", "hunter2"),
        ("https://x.blob.core.windows.net/a?sv=2020&sig=aBc%2Bd&se=1 403", "aBc%2Bd"),
        ("GET /token?service=x&access_token=s3cr3ts3cr3t failed", "s3cr3ts3cr3t"),
        ("X-Amz-Signature=0123456789abcdef&x", "0123456789abcdef"),
        ("Authorization: Bearer abcdefghijklmnop.qrst", "abcdefghijklmnop"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ("docker login with dckr_pat_AbCdEfGhIjKlMn failed", "AbCdEfGhIjKlMn"),
        ("git clone with ghp_0123456789abcdefgh", "0123456789abcdefgh"),
        ("password=hunter2 is wrong", "hunter2"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ],
)
def test_credentials_are_taken_out(text, secret):
    assert secret not in scrub(text)
    assert scrub(scrub(text)) == scrub(text)


def test_what_is_no_credential_stays():
    text = 'failed to resolve reference "localhost:5000/app:v1": dial tcp 10.0.0.1:443: i/o timeout'
    assert scrub(text) == text


def test_messages_are_one_bounded_line():
    assert tidy("a\n  b\tc") == "a b c"
    assert len(tidy("x" * 5000)) == 1000


def test_braces_in_a_message_are_only_braces():
    found = Diagnosis(Code.CRASH_LOOP, "pod/x", "app", "panic: {object} {0}", 1.0, permanent=True, exit_code=2)
    assert found.sentence == "container app of pod/x exits again and again (status 2): panic: {object} {0}"


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_sentence(code):
    found = Diagnosis(code, "pod/x", "app", "why", 1.0, permanent=True)
    assert found.sentence
    assert "{" not in found.sentence


def test_known_bad_is_what_the_release_did():
    blamed = {code for code in Code if Diagnosis(code, "x", "", "", 0, permanent=True).blames_the_release}
    assert {"crash-loop", "oom-killed", "probe-failing"} <= blamed
    assert not blamed & {"image-pull-failed", "quota-exceeded", "unschedulable", "progress-deadline-exceeded", "paused"}


def asked(**case):
    snapshot = Snapshot(target(case))
    for event in Stage({"name": "x", **case}).play():
        snapshot.fold(event)
    return log_requests(judge(snapshot, 600.0, Policy()), snapshot)


def test_logs_of_a_crash_now_and_before():
    steps = [
        {"at": 0.2, "pods": ["new-0"]},
        {"at": 2.0, "state": {"pod": "new-0", "waiting": "CrashLoopBackOff", "last": [1], "restarts": 1}},
    ]
    pod = "web-5dd8f94fd9-new-0"
    assert asked(steps=steps) == (
        LogRequest("shop", pod, "app", previous=False),
        LogRequest("shop", pod, "app", previous=True),
    )


def test_the_instance_before_comes_first_while_another_runs():
    steps = [
        {"at": 0.2, "pods": ["new-0"]},
        {"at": 2.0, "state": {"pod": "new-0", "running": True, "last": [1], "restarts": 2}},
    ]
    assert [request.previous for request in asked(steps=steps)] == [True, False]


def test_no_log_of_what_never_ran():
    steps = [
        {"at": 0.2, "pods": ["new-0"]},
        {"at": 1.0, "state": {"pod": "new-0", "waiting": "ErrImagePull", "message": "x: not found"}},
    ]
    assert asked(steps=steps) == ()


def test_two_pods_are_enough():
    steps = [{"at": 0.2, "pods": [f"new-{index}" for index in range(9)]}]
    steps += [
        {"at": 2.0, "state": {"pod": f"new-{index}", "waiting": "CrashLoopBackOff", "last": [1], "restarts": 1}}
        for index in range(9)
    ]
    assert len({request.pod for request in asked(fresh=True, replicas=9, steps=steps)}) == 2


def test_unready_pods_talk_when_the_time_is_over():
    steps = [
        {"at": 0.2, "pods": ["new-0"]},
        {"at": 1.0, "state": {"pod": "new-0", "running": True}},
        {"at": 2.0, "say": {"about": "new-0", "container": "app", "reason": "Unhealthy", "message": "503"}},
    ]
    assert [request.container for request in asked(steps=steps)] == ["app"]
