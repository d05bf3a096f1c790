"""Which pods run a workload's newest revision now: asked afresh for every try of a smoke check."""

from __future__ import annotations

from agent.objects import Object, controller_uid, is_terminating, labels, uid
from agent.objects import annotations as annotations_of
from agent.ports import Cluster
from agent.release.content import selector

REVISION = "deployment.kubernetes.io/revision"


def of_newest_revision(cluster: Cluster, workload: Object) -> list[Object]:
    """The pods of the newest revision that aren't being stopped, by owner UID and never by label alone (P3, P4).

    Args:
        cluster: where.
        workload: the live Deployment, StatefulSet or DaemonSet.
    """
    namespace = str((workload.get("metadata") or {}).get("namespace", ""))
    wanted = selector(workload)
    pods = [pod for pod in cluster.list("v1", "Pod", namespace, labels=wanted) if not is_terminating(pod)]
    match workload.get("kind"):
        case "Deployment":
            owner = replica_set(cluster, workload)
            return [pod for pod in pods if owner and controller_uid(pod) == uid(owner)]
        case "StatefulSet":
            status = workload.get("status") or {}
            revision = status.get("updateRevision")
        case _:
            revision = _newest_controller_revision(cluster, workload, namespace, wanted)
    owned = [pod for pod in pods if controller_uid(pod) == uid(workload)]
    return [pod for pod in owned if not revision or labels(pod).get("controller-revision-hash") == revision]


def replica_set(cluster: Cluster, workload: Object) -> Object | None:
    """The ReplicaSet of a Deployment's newest revision."""
    namespace = str((workload.get("metadata") or {}).get("namespace", ""))
    number = annotations_of(workload).get(REVISION)
    for each in cluster.list("apps/v1", "ReplicaSet", namespace, labels=selector(workload)):
        if controller_uid(each) == uid(workload) and annotations_of(each).get(REVISION) == number:
            return each
    return None


def _newest_controller_revision(cluster: Cluster, workload: Object, namespace: str, wanted: str) -> str:
    owned = [
        each
        for each in cluster.list("apps/v1", "ControllerRevision", namespace, labels=wanted)
        if controller_uid(each) == uid(workload)
    ]
    newest = max(owned, key=lambda one: int(one.get("revision") or 0), default=None)
    return str(labels(newest).get("controller-revision-hash", "")) if newest else ""


def wants_pods(workload: Object) -> bool:
    """Whether any pod is wanted at all (a workload scaled to zero isn't)."""
    if workload.get("kind") == "DaemonSet":
        return int((workload.get("status") or {}).get("desiredNumberScheduled") or 0) > 0
    return int((workload.get("spec") or {}).get("replicas", 1)) > 0


def image_digest(pods: list[Object], container: str) -> str:
    """What the nodes really run, as the pods report it: `repository@sha256:...`; empty where they don't say."""
    for pod in pods:
        for box in (pod.get("status") or {}).get("containerStatuses") or ():
            found = str(box.get("imageID") or "")
            if container in {"", box.get("name")} and "@sha256:" in found:
                return found.removeprefix("docker-pullable://")
    return ""
