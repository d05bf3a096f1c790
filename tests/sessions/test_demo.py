"""`headway demo` tells the whole story, and each part of it really happened."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.xdist_group("demo")  # one demo for all of them


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return subprocess.run(
        [sys.executable, "-m", "agent", "demo"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"},
        check=False,
        timeout=110,
    )


def test_it_ends_well(demo):
    assert demo.returncode == 0, demo.stdout + demo.stderr


def test_jobs_appear_and_a_second_apply_sends_nothing(demo):
    assert len(re.findall(r"^  \+ shop/\w+/\w+ +created$", demo.stdout, re.MULTILINE)) == 6
    assert "Nothing was sent: 6 as they were." in demo.stdout


def test_v1_serves_v2_is_undone_and_a_missing_tag_is_found_out(demo):
    told = demo.stdout
    assert "COMPLETE: v1 serves as release 1, smoke passed." in told
    assert told.count("FAILED, undone and verified: v1 serves again.") == 2
    assert "500 from /api (expected 200)" in told
    assert re.search(r"hotfxi.*not found", told)


def test_the_history_shows_all_three(demo):
    history = demo.stdout.split("RELEASE")[1]
    assert re.search(r"3 .*failed, undone to 1", history)
    assert re.search(r"2 .*smoke failed, undone to 1", history)
    assert re.search(r"\* 1 .*good", history)


def test_the_reports_lie_where_it_says(demo):
    page = Path(re.search(r"(\S+/v2/report\.html)$", demo.stdout, re.MULTILINE)[1])
    assert "undone and verified" in page.read_text(encoding="utf-8")
    report = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["undo"], report["exit_status"]) == ("failed", "verified", 1)
    recording = page.parent / "events.ndjson"
    assert recording.stat().st_size > 0
