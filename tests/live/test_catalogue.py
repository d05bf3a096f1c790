"""The staged catalogue on a real cluster: what the judge says of faults and transients that really happen.

    pytest -m live --kubeconfig FILE -n 4 tests/live/test_catalogue.py

Every case has a namespace of its own, so any number of them may run side by side; those that hold up a whole node
are in test_own_cluster.py.
"""

from __future__ import annotations

import time

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes import connect
from tests.catalogue.staged import EVERY
from tests.catalogue.staging import check, over_http

HEARING = 2.0
"""Seconds more that a busy machine may take to hear and judge."""
BUSY = 60.0
"""Seconds more that its cluster may take; what is judged is the time from the evidence."""

pytestmark = pytest.mark.live


def named(case):
    return case.name


@pytest.mark.timeout(240)
@pytest.mark.parametrize("case", [case for case in EVERY if "live" in case.where], ids=named)
def test_right_in_time(case, live_world, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(live_world.kubeconfig))
    check(case, played(case, live_world), slack=HEARING, busy=BUSY)


def played(case, world, breaking=None):
    """What came of a case in a world's namespace; KUBECONFIG leads there."""
    from kubernetes import client, config

    api = client.CoreV1Api(config.new_client_from_config(str(world.kubeconfig)))
    space = world.namespace
    until = time.monotonic() + 30
    while not api.list_namespaced_service_account(space).items:
        assert time.monotonic() < until, "the namespace got no ServiceAccount"
        time.sleep(0.1)

    def evict(name):
        about = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space}}
        api.create_namespaced_pod_eviction(name, space, about)

    return over_http(case, connect(None, clock=SystemClock()), space, evicting=evict, breaking=breaking)
