"""A deploy asks the API server for little, and not for more when the rollout takes longer (issue 4)."""

from __future__ import annotations

from benchmarks.rollouts import MOST_REQUESTS, MOST_WATCHES, deploy, shop


def test_fifteen_requests_and_four_watches_however_long_it_takes():
    with shop(speed=30.0) as (sandbox, spec):
        first, quick, slow = (deploy(sandbox, spec, tag) for tag in ("v1", "v3", "slow"))
    assert [first.status, quick.status, slow.status] == [0, 0, 0]
    assert quick.requests <= MOST_REQUESTS
    assert quick.watches == slow.watches == MOST_WATCHES
    assert slow.requests == quick.requests
    assert first.requests <= MOST_REQUESTS
