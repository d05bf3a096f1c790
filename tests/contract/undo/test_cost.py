"""What an undo asks of the API server: at most 4 requests where one object changed (G6; kubectl's takes 9).

Lock, ledger and smoke checks apart; following is counted by itself, since it doesn't grow with the undo: a list and a
watch a resource.
"""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("manifest", [ALONE, MANIFEST], ids=["one object", "three objects, one changed"])
def test_an_undo_of_one_changed_object(cluster, tmp_path, manifest):
    builds = Builds(Street(cluster, tmp_path).kubeconfig, manifest=manifest)
    for tag in ("v1", "v3"):
        assert builds.deploy(tag).verdict == "complete"
    cluster.forget_requests()
    assert builds.undo().undo == "verified"
    requests = asked(cluster)
    own = [
        f"{each.verb} {each.resource} {each.name}{' (tried)' if each.dry_run else ''}"
        for each in requests
        if not following(each)
    ]
    told = [f"{each.verb} {each.resource}" for each in requests if following(each)]
    assert len([each for each in requests if each.is_write]) == 1
    assert len(own) <= 4, own
    assert len(told) <= 12, told
