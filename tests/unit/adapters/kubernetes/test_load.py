"""Many rollouts in one process: a hundredth of them here, all of them with --soak (G8, G9)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("rollouts", "pods", "seconds", "mib"),
    [
        (2, 50, 2, 80),
        pytest.param(200, 50, 30, 256, marks=pytest.mark.soak),
        pytest.param(1, 500, 15, 80, marks=pytest.mark.soak),
    ],
)
@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command")
def test_rollouts_are_followed_within_their_means(rollouts, pods, seconds, mib):
    command = [sys.executable, "-m", "benchmarks.many_rollouts", "--json", "--rollouts", rollouts, "--pods", pods]
    done = subprocess.run(
        [str(part) for part in (*command, "--seconds", seconds)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found["events"] > 20 * seconds
    assert found["blind"] == 0
    assert found["most_mib"] < mib
    assert found["cores"] < 1.0
    assert found["p95"] < 0.5
    assert found["requests"] <= 12
