"""SIGKILL before and after each write of a deploy and of an undo: real processes on the sandbox (P53, P54, G11).

A sample runs here (each point on a fake cluster: tests/unit/operations/test_recovering.py); `make soak` enumerates all:
it goes on until a run ends before it is killed, so no write can be forgotten.
"""

from __future__ import annotations

import pytest

from tests.contract.undo.street import Street, WatchedCluster

OPERATIONS = {
    "a good deploy": ("v3", 7),
    "a bad deploy with its undo": ("v2", 12),
    "an undo": ("", 7),
}
"""The tag that is deployed, and how many writes it has at the least."""


def street(folder, operation: str) -> tuple[Street, WatchedCluster]:
    """v1 serves; what comes next changes configuration, adds an object and changes the workload."""
    cluster = WatchedCluster(speed=40.0, namespaces=["shop"])
    cluster.start()
    made = Street(cluster, folder)
    status, out = made.run("build/1", *made.deploy("v1"))
    assert status == 0, out
    made.write("green", extra=True)
    if operation == "an undo":
        status, out = made.run("build/2", *made.deploy("v3"))
        assert status == 0, out
    return made, cluster


def words(made: Street, operation: str) -> tuple[str, ...]:
    tag = OPERATIONS[operation][0]
    return made.deploy(tag) if tag else ("undo", ".", "--env", "test")


def closed(folder, operation: str, number: int, moment: str, closing: str) -> bool:
    """Kills at one point and closes what was left; whether the operation came that far."""
    made, cluster = street(folder, operation)
    try:
        if not made.killed(number, moment, "build/3", *words(made, operation)):
            return False
        if closing == "recover":
            status, out = made.run("build/3", "recover", ".", "--env", "test")
            assert status in {0, 1}, out
        else:
            status, out = made.run("build/4", *made.deploy("v4"))
            assert status == 0, out
        made.sane()
        return True
    finally:
        made.close()
        cluster.stop()


@pytest.mark.parametrize(
    ("operation", "number", "moment", "closing"),
    [("a bad deploy with its undo", 8, "before", "recover"), ("a good deploy", 5, "after", "next")],
)
def test_a_sample_of_the_points(tmp_path, operation, number, moment, closing):
    assert closed(tmp_path, operation, number, moment, closing)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("closing", ["recover", "next"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_point(tmp_path, operation, moment, closing):
    number = 1
    while closed(tmp_path / str(number), operation, number, moment, closing):
        number += 1
    assert number - 1 >= OPERATIONS[operation][1]
