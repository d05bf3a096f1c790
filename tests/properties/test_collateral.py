"""What isn't ours is byte for byte as it was after a deploy and its undo (P42, P43, P45, G13).

Foreign annotations and labels, fields of other managers inside and outside the pod template, fields that no schema of
today knows, and replicas under an autoscaler; over generated objects on the sandbox's API server, compared as the
server gives them back. `make soak` generates more.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.adapters.kubernetes.rest import encoded
from agent.objects import Ref
from tests.contract.undo.builds import Builds
from tests.contract.undo.street import MANIFEST, Street, WatchedCluster

KINDS = {"Deployment": "web", "Service": "web", "ConfigMap": "settings"}
OURS = "headway"
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
VALUES = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=12)
JSON = st.recursive(
    st.booleans() | st.integers(0, 99) | VALUES, lambda inner: st.dictionaries(WORDS, inner, min_size=1, max_size=2)
)
FOREIGN = st.fixed_dictionaries(
    {
        "annotations": st.dictionaries(WORDS.map("example.com/{}".format), VALUES, max_size=3),
        "labels": st.dictionaries(WORDS.map("example.com/{}".format), WORDS, max_size=2),
        "invented": st.dictionaries(WORDS.map("zz{}".format), JSON, max_size=2),
        "in_template": st.dictionaries(WORDS.map("zz{}".format), JSON, max_size=1),
        "env": st.dictionaries(WORDS.map(str.upper), VALUES, max_size=2),
        "data": st.dictionaries(WORDS.map("foreign-{}".format), VALUES, max_size=2),
        "scaled": st.none() | st.integers(1, 4),
        "replicas_in_manifest": st.booleans(),
    }
)


def strangers(cluster: WatchedCluster, builds: Builds, foreign: dict[str, Any]) -> None:
    """Others do what is theirs: through the API as another manager; what no API of today takes, in the store."""
    from agent.adapters.kubernetes.transport import Request

    transport = builds.cluster._rest.transport
    marks = {"metadata": {"annotations": foreign["annotations"], "labels": foreign["labels"]}}
    template = {"spec": {"containers": [{"name": "server", "env": _env(foreign["env"])}]}} if foreign["env"] else {}
    patches: dict[str, dict[str, Any]] = {
        "Deployment": {**marks, "spec": {"template": template}} if template else marks,
        "Service": marks,
        "ConfigMap": {**marks, "data": foreign["data"]} if foreign["data"] else marks,
    }
    for kind, name in KINDS.items():
        path = builds.cluster._kinds.item(Ref(_api(kind), kind, "shop", name))
        body = json.dumps(patches[kind]).encode()
        request = Request("PATCH", path, {"fieldManager": "stranger"}, body, "application/strategic-merge-patch+json")
        assert transport.send(request).status == 200
    with cluster.edit("Deployment", "shop", "web") as thing:
        thing["spec"] |= foreign["invented"]
        thing["spec"]["template"]["spec"] |= foreign["in_template"]
    if foreign["scaled"]:
        _autoscale(builds, foreign["scaled"])


def _env(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _api(kind: str) -> str:
    return "apps/v1" if kind == "Deployment" else "v1"


def _autoscale(builds: Builds, replicas: int) -> None:
    """An autoscaler, and the number that it has come to."""
    from agent.adapters.kubernetes.transport import Request

    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    builds.cluster.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5},
        }
    )
    path = builds.cluster._kinds.item(builds.place.workload) + "/scale"
    body = json.dumps({"spec": {"replicas": replicas}}).encode()
    query = {"fieldManager": "kube-controller-manager"}
    request = Request("PATCH", path, query, body, "application/merge-patch+json")
    assert builds.cluster._rest.transport.send(request).status == 200


def snapshot(cluster: WatchedCluster) -> dict[str, Any]:
    """Everything of the service, but what a rollout must change: versions, times, status, the revision's number."""
    found = {}
    for kind, name in KINDS.items():
        thing = cluster[kind, "shop", name]
        thing.pop("status", None)
        meta = thing["metadata"]
        for field in ("resourceVersion", "generation"):
            meta.pop(field, None)
        (meta.get("annotations") or {}).pop("deployment.kubernetes.io/revision", None)
        if not meta.get("annotations"):
            meta.pop("annotations", None)
        meta["managedFields"] = [
            entry for entry in meta["managedFields"] if entry["manager"] == "stranger"
        ]  # ours and the controllers' tell of the rollout
        found[kind] = thing
    return found


def unharmed(foreign: dict[str, Any]) -> None:
    with (
        WatchedCluster(speed=60.0, namespaces=["shop"]) as cluster,
        tempfile.TemporaryDirectory() as folder,
    ):
        manifest = MANIFEST if foreign["replicas_in_manifest"] else MANIFEST.replace("  replicas: 2\n", "")
        builds = Builds(Street(cluster, Path(folder)).kubeconfig, manifest=manifest)
        assert builds.deploy("v1").verdict == "complete"
        strangers(cluster, builds, foreign)
        before = snapshot(cluster)
        builds.manifest = manifest.replace("blue", "green")
        report = builds.deploy("v2")  # ready, but its smoke check fails
        assert (report.verdict, report.undo) == ("failed", "verified"), (report.remarks, report.undo_diagnosis)
        assert snapshot(cluster) == before


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(foreign=FOREIGN)
def test_nothing_of_others_changes(foreign):
    unharmed(foreign)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(foreign=FOREIGN)
def test_nothing_of_others_changes_over_many_objects(foreign):
    unharmed(foreign)


@given(text=st.text(st.characters(blacklist_categories=["Cs"])))
def test_what_is_applied_reads_the_same_as_json_and_as_yaml(text):
    """A server-side apply is read as YAML, to which an escaped surrogate pair is no character: an emoji was a 400."""
    body = encoded({"data": text})
    assert json.loads(body) == {"data": text}
    assert yaml.safe_load(body) == {"data": text}
