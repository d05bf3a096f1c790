"""Does on the sandbox what was done when a recording was made, and hears what a watcher would hear."""

from __future__ import annotations

from typing import Any

from agent.sandbox.kubernetes import SandboxCluster
from agent.sandbox.kubernetes.images import Pulled
from tests.contract.sandbox_kubernetes.signals import Recording

KINDS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "controllerrevisions": "ControllerRevision",
    "pods": "Pod",
    "events": "Event",
}
SETTLED = 15.0


def replay(recording: Recording) -> tuple[list[tuple[str, str, dict[str, Any]]], set[str], SandboxCluster]:
    """The watch events after the change, the UIDs from before it, and the cluster as it is at the end."""
    namespace = recording.head["namespace"]
    cluster = SandboxCluster(speed=None, namespaces=["default", namespace])
    _preload(cluster, recording)
    base = _base(recording)
    if base is not None:
        cluster.create(base, manager="unknown")
        cluster.advance(SETTLED + 3 * base["spec"].get("minReadySeconds", 0))
    _surroundings(cluster, recording, namespace)
    cluster.advance(2)
    before = {thing["metadata"]["uid"] for kind in ("Pod", "ReplicaSet") for thing in cluster.objects(kind, namespace)}
    version, start = cluster.store.version, cluster.world.now()
    for step in recording.steps:
        cluster.advance(max(start + max(step["t"], 0) - cluster.world.now(), 0))
        if step["request"].startswith("POST"):
            cluster.create(
                step["body"] | {"metadata": step["body"]["metadata"] | {"namespace": namespace}}, manager="unknown"
            )
        else:
            cluster.change(KINDS[recording.plural], namespace, "web", step["body"], manager="unknown")
        if recording.head["scenario"] == "good-late-account":
            cluster.advance(3)
            cluster.create(
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "late", "namespace": namespace}}
            )
    cluster.advance(start + recording.head["seconds"] - cluster.world.now())
    heard = [
        (change.version, resource, change.type, change.object)
        for resource, kind in KINDS.items()
        for change in cluster.store.since(kind, version)
        if change.object["metadata"].get("namespace") == namespace
    ]
    return (
        [(resource, verb, thing) for _, resource, verb, thing in sorted(heard, key=lambda line: line[0])],
        before,
        cluster,
    )


def _base(recording: Recording) -> dict[str, Any] | None:
    found = recording.lists[recording.plural]
    if not found:
        return None
    thing = found[0]
    return {
        "apiVersion": "apps/v1",
        "kind": KINDS[recording.plural],
        "metadata": {"name": "web", "namespace": recording.head["namespace"]},
        "spec": thing["spec"],
    }


def _preload(cluster: SandboxCluster, recording: Recording) -> None:
    """Puts on the node what was on the real one: every image that no event says was pulled."""
    pulled = {thing["message"].split('"')[1] for _, _, thing in recording.events if thing.get("reason") == "Pulling"}
    images = {"localhost:5000/app:v1", "localhost:5000/app:slowstop"}
    for _, _, thing in recording.events:
        if thing.get("reason") == "Pulled" and "already present" in thing["message"]:
            images.add(thing["message"].split('"')[1])
    from agent.sandbox.kubernetes.images import parse

    for image in images - pulled:
        outcome = cluster.registry.pull(parse(image))
        assert isinstance(outcome, Pulled)
        cluster.kubelet.images[image] = outcome


def _surroundings(cluster: SandboxCluster, recording: Recording, namespace: str) -> None:
    """The quotas, limits and labels of record.py, which its lists do not show."""
    scenario = recording.head["scenario"]
    quotas = {"quota": "3", "quota-progresses": "4"}
    if scenario in quotas:
        cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": namespace},
                        "spec": {"hard": {"pods": quotas[scenario]}}})  # fmt: skip
    if scenario == "limit-range":
        limits = [{"type": "Container", "max": {"memory": "128Mi"}}]
        cluster.create(
            {
                "apiVersion": "v1",
                "kind": "LimitRange",
                "metadata": {"name": "l", "namespace": namespace},
                "spec": {"limits": limits},
            }
        )
    if scenario == "pod-security":
        cluster.change(
            "Namespace", "", namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        )
