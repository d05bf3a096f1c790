from __future__ import annotations

import pytest

from agent.jobs.interval import seconds_between


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [
        ("H/30 * * * *", 1800),
        ("*/5 * * * *", 300),
        ("H(0-29)/10 * * * *", 600),
        ("* * * * *", 60),
        ("H * * * *", 3600),
        ("H H/4 * * *", 14_400),
        ("H H * * *", 86_400),
        ("H 3 * * 1-5", 86_400),
        ("@hourly", 3600),
        ("@weekly", 604_800),
        ("TZ=Europe/Berlin\n# night\nH 3 * * *\nH/20 * * * *", 1200),
        ("", 86_400),
        ("nonsense", 86_400),
    ],
)
def test_about_how_often(cron, seconds):
    assert seconds_between(cron) == seconds
