"""What breaks only after its smoke checks, on a real cluster: found out by a soak, taken back, remembered."""

from __future__ import annotations

import json

import pytest

from tests.live.test_hostile_hands import fresh, rule, step  # noqa: F401  fixtures
from tests.live.test_undo import builds, tag

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@pytest.mark.parametrize(("bad", "cause"), [("crash-late", "crash-loop"), ("flaky", "probe-failing")])
def test_what_breaks_after_its_smoke_checks_is_taken_back(step, bad, cause):  # noqa: F811
    rule(step, soak="45s", timeout="20s")
    status, out = step.run("build/9", *step.deploy(bad), "--report", "report")
    report = json.loads((step.folder / "report" / "report.json").read_text())
    assert report["undo"] == "verified", out
    assert status in {1, 6}, out
    assert report["diagnosis"][0]["code"] == cause
    assert tag(builds(step.world)) == "v3"
    found = json.loads(step.run("night/1", "history", ".", "-o", "json")[1])["releases"]
    assert next(each["soak"] for each in found if each["version"] == bad) == "failed"


def test_a_release_that_holds_is_good(step):  # noqa: F811
    rule(step, soak="5s")
    status, out = step.run("build/9", *step.deploy("v5"))
    assert status == 0, out
    assert "soak" in out
