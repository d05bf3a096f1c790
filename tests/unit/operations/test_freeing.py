"""A StatefulSet that hangs after an undo: its pod is deleted only while we hold the lock, and once."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from agent.errors import ForbiddenError, LockedError, StaleWriteError
from agent.operations.following import Following
from agent.operations.mission import Builder, Tools
from agent.reports.events import Noted
from agent.rollout.policy import Policy
from tests.catalogue.stage import Stage, target
from tests.fakes.cluster import FakeClock, FakeProber

STUCK = {
    "name": "stuck",
    "kind": "StatefulSet",
    "before": [
        {"at": -9, "down": ["old-1"]},
        {"at": -8, "pods": {"names": ["old-1"], "revision": "old"}},
        {"at": -7, "state": {"pod": "old-1", "waiting": "ImagePullBackOff", "message": "not found"}},
    ],
    "steps": [],
}


class Played:
    """A feed that says what a case of the catalogue says, each at its time; the rest of the cluster only deletes."""

    def __init__(self, clock, problem=None):
        self.clock, self.problem, self.deleted = clock, problem, []
        self.events = Stage(STUCK).play()
        clock.now = 0.0

    @contextmanager
    def follow(self, workload, selector):
        yield self

    def next(self, timeout):
        until = self.clock.now + timeout
        if self.events and self.events[0].at <= until:
            event = self.events.pop(0)
            self.clock.advance(event.at)
            return event
        self.clock.advance(until)
        return None

    def delete(self, each, *, uid=""):
        self.deleted.append(each.name)
        if self.problem is not None:
            raise self.problem

    def logs(self, *words, **more):
        return ""


@pytest.fixture
def freed():
    """Follows the case with a guard, and a problem with the deletion: the ending, the deleted pods, the remarks."""

    def follow(guard, problem=None):
        clock, said = FakeClock(), []
        cluster = Played(clock, problem)
        tools = Tools(cluster, FakeProber(), clock, said.append, Builder("test"))
        where = target(STUCK)
        workload = {"apiVersion": where.api_version, "kind": where.kind,
                    "metadata": {"name": where.name, "namespace": where.namespace}}  # fmt: skip
        try:
            with Following(tools, [workload], "undo", free=guard) as following:
                word = following.run(Policy(timeout=60.0))[0].word
        except LockedError:
            word = "locked"
        return word, cluster.deleted, [event.text for event in said if isinstance(event, Noted)]

    return follow


def fine():
    """The lock is ours."""


def lost():
    raise LockedError("nothing more was changed: the lock was lost")


def test_the_pod_is_deleted_once(freed):
    """It never goes, as if its node were gone: that ends, too."""
    word, deleted, said = freed(fine)
    assert (word, deleted) == ("failed", ["web-1"])
    assert said == ["deleted pod web-1, which stopped the update of statefulset/web"]


def test_nothing_is_deleted_where_nobody_allowed_it(freed):
    assert freed(None) == ("failed", [], [])


def test_nothing_is_deleted_once_the_lock_is_lost(freed):
    assert freed(lost) == ("locked", [], [])


def test_a_pod_that_somebody_has_replaced_already_is_left_to_the_watch(freed):
    word, deleted, said = freed(fine, StaleWriteError("pod/web-1 is another object now"))
    assert (word, deleted, said) == ("failed", ["web-1"], [])


def test_a_deletion_that_is_refused_is_said_and_leaves_the_verdict(freed):
    word, deleted, said = freed(fine, ForbiddenError("pods is forbidden"))
    assert (word, deleted) == ("failed", ["web-1"])
    assert said == ["pod web-1 stops the update of statefulset/web, and was not deleted: pods is forbidden"]
