"""What an undo asks of the API server: at most 4 requests where one object changed (G6; kubectl's takes 9).

Lock, ledger and smoke checks apart; following is counted by itself, since it doesn't grow with the undo: a list and a
watch a resource.
"""

from __future__ import annotations

import pytest

from agent.reports.events import Event, Undoing
from agent.sandbox.kubernetes import Recorded
from tests.contract.undo.builds import Builds
from tests.contract.undo.street import MANIFEST, Street, WatchedCluster

ALONE = MANIFEST.partition("---")[0]


@pytest.fixture
def cluster():
    with WatchedCluster(speed=60.0, namespaces=["shop"]) as sandbox:
        yield sandbox


def asked(cluster: WatchedCluster) -> list[Recorded]:
    """The requests of the undo itself."""
    return [
        each
        for each in cluster.requests
        if each.resource
        and "headway." not in each.name  # lock and ledger
        and not each.resource.endswith("/proxy")  # smoke
    ]


def following(each: Recorded) -> bool:
    """Whether it is one of the feed's lists and watches, or the look at what runs at the end."""
    return each.verb in {"watch", "list"} and each.resource in {"deployments", "replicasets", "pods", "events"}


def of_its_own(requests: list[Recorded]) -> list[str]:
    """What the undo asks but for its following."""
    return [
        f"{each.verb} {each.resource} {each.name}{' (tried)' if each.dry_run else ''}"
        for each in requests
        if not following(each)
    ]


@pytest.mark.parametrize("manifest", [ALONE, MANIFEST], ids=["one object", "three objects, one changed"])
def test_an_undo_of_one_changed_object(cluster, tmp_path, manifest):
    builds = Builds(Street(cluster, tmp_path).kubeconfig, manifest=manifest)
    for tag in ("v1", "v3"):
        assert builds.deploy(tag).verdict == "complete"
    cluster.forget_requests()
    assert builds.undo().undo == "verified"
    requests = asked(cluster)
    own = of_its_own(requests)
    told = [f"{each.verb} {each.resource}" for each in requests if following(each)]
    assert len([each for each in requests if each.is_write]) == 1
    further = manifest.count("---")  # each is looked at once: somebody may have changed or deleted it
    assert len(own) <= 4 + further, own
    assert all(" (tried)" not in each for each in own if " web" not in each), own
    assert len(told) <= 12, told


@pytest.mark.parametrize("manifest", [ALONE, MANIFEST], ids=["one object", "three objects, one changed"])
def test_a_bad_deploy_that_is_taken_back_at_once(cluster, tmp_path, manifest):
    """It has just tried everything: what it didn't change need not be looked at again."""
    builds = Builds(Street(cluster, tmp_path).kubeconfig, manifest=manifest)
    assert builds.deploy("v1").verdict == "complete"

    def emit(event: Event) -> None:
        if isinstance(event, Undoing):
            cluster.forget_requests()

    assert builds.deploy("v2", emit).undo == "verified"
    own = of_its_own(asked(cluster))
    assert len(own) <= 4, own
