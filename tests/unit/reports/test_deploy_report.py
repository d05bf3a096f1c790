"""The exit status of every ending, and the versioned form."""

from __future__ import annotations

import json

import pytest

from agent.errors import ExitStatus
from agent.reports.deploy import DeployReport, exit_status


@pytest.mark.parametrize(
    ("command", "verdict", "undo", "interrupted", "status"),
    [
        ("deploy", "complete", "none", "", 0),
        ("deploy", "failed", "verified", "", 1),
        ("deploy", "timed-out", "verified", "", 6),
        ("deploy", "failed", "none", "", 5),
        ("deploy", "failed", "unverified", "", 5),
        ("deploy", "failed", "failed", "", 5),
        ("deploy", "failed", "no-target", "", 5),
        ("deploy", "timed-out", "failed", "", 5),
        ("deploy", "superseded", "none", "", 7),
        ("deploy", "gone", "none", "", 7),
        ("deploy", "refused", "none", "", 9),
        ("deploy", "interrupted", "none", "SIGINT", 130),
        ("deploy", "interrupted", "none", "SIGTERM", 143),
        ("undo", "complete", "verified", "", 0),
        ("undo", "complete", "unverified", "", 5),
        ("undo", "failed", "failed", "", 5),
        ("undo", "complete", "no-target", "", 5),
        ("undo", "superseded", "none", "", 7),
        ("smoke", "complete", "none", "", 0),
        ("smoke", "failed", "none", "", 5),
    ],
)
def test_exit_status(command, verdict, undo, interrupted, status):
    assert exit_status(command, verdict, undo, interrupted) == ExitStatus(status)


def test_the_form_has_a_version_and_is_json():
    report = DeployReport("deploy", "web", "staging", "eu", "shop", "deployment/web", "complete")
    raw = json.loads(json.dumps(report.to_dict()))
    assert raw["headway"] == 1
    assert raw["exit_status"] == 0
    assert raw["before"] is None
    for field in ("verdict", "undo", "notes", "diagnosis", "smoke", "timeline", "objects", "workloads", "remarks"):
        assert field in raw


def test_every_field_is_documented():
    from pathlib import Path

    text = (Path(__file__).parents[3] / "docs/reference/report.md").read_text(encoding="utf-8")
    report = DeployReport("deploy", "web", "staging", "eu", "shop", "deployment/web", "complete")
    assert [field for field in report.to_dict() if f"`{field}`" not in text] == []
