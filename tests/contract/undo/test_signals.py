"""SIGTERM: recorded within 4 s, over within 15 s, and a second one cuts nothing short (P53, contract section 7).

A real process in front of the sandbox. What a whole Jenkins step does on an abort is played in tests/sessions.
"""

from __future__ import annotations

import signal
import threading
import time

import pytest

from agent.sandbox.http import Request
from tests.contract.undo.street import Street, WatchedCluster

RECORDED, OVER = 4.0, 15.0


@pytest.fixture
def cluster():
    with WatchedCluster(speed=20.0, namespaces=["shop"]) as sandbox:
        yield sandbox


@pytest.fixture
def street(cluster, tmp_path):
    made = Street(cluster, tmp_path)
    status, out = made.run("build/1", *made.deploy("v1"))
    assert status == 0, out
    yield made
    made.close()


class Heard:
    """When the workload was written, and when the ledger said that the deploy was interrupted."""

    def __init__(self, street: Street) -> None:
        self.applied = threading.Event()
        self.recorded = threading.Event()
        self.recorded_at = 0.0
        self._street = street

    def __call__(self, number: int, request: Request) -> bool:
        del number
        if request.method == "PATCH" and request.path.endswith("/deployments/web"):
            self.applied.set()
        if request.path.endswith("/configmaps/headway.deployment.web") and self.applied.is_set():
            intent = self._street.ledger().intent
            if intent is not None and intent.step == "interrupted":
                self.recorded_at = time.monotonic()
                self.recorded.set()
        return False


def test_it_is_recorded_at_once_and_a_second_one_changes_nothing(street, cluster):
    heard = cluster.after = Heard(street)
    process = street.start("build/2", *street.deploy("unready"))
    assert heard.applied.wait(30)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert heard.recorded.wait(10)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 143, out
    assert time.monotonic() - sent <= OVER
    assert heard.recorded_at - sent <= RECORDED
    assert "INTERRUPTED" in out
    ledger = street.ledger()
    assert ledger.intent is not None
    assert (ledger.intent.kind, ledger.intent.step, ledger.intent.build) == ("deploy", "interrupted", "build/2")
    assert not cluster["Lease", "shop", "headway.deployment.web"]["spec"].get("holderIdentity")


@pytest.mark.soak
@pytest.mark.parametrize("tag", ["unready", "v2"])
def test_a_silent_api_server_keeps_nobody(street, cluster, tag):
    """Nothing can be recorded; what was written before the change stands, and the process ends in time all the same."""
    heard = cluster.after = Heard(street)
    process = street.start("build/2", *street.deploy(tag))
    assert heard.applied.wait(30)
    fault = cluster.fault("silence")
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    took = time.monotonic() - sent
    fault.cancel()
    assert process.returncode == 143, out
    assert took <= OVER, out
    intent = street.ledger().intent
    assert intent is not None
    assert intent.release == 2
    status, out = street.run("build/2", "recover", ".", "--env", "test")
    assert status == 1, out
    street.sane()
