"""Credentials go, and however long or hostile a text is, that takes no time to speak of."""

from __future__ import annotations

import time

import pytest

from agent.rollout.scrub import scrub

LENGTH = 32 * 1024


@pytest.mark.parametrize(
    "part",
    ["x", "a.b+", "eyJaaaaaa-", "x://", "token=", "access_token", "bearer ", "x://y", "ghp_", "Basic \t"],
)
def test_a_long_text_without_a_break_takes_no_minutes(part):
    """It took 40 s of CPU before the rules had bounds."""
    text = (part * LENGTH)[:LENGTH]
    began = time.process_time()
    scrub(text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("before", ["", "x" * 100, "url="])
def test_credentials_go_wherever_they_stand(before):
    token = f"eyJ{'h' * 900}.eyJ{'p' * 3000}.{'s' * 300}"
    assert "hunter2" not in scrub(f"{before}https://me:hunter2@git.example.com/x")
    assert scrub(f"{before} {token}") == f"{before} ***"
