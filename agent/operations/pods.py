"""Which pods run a workload's newest revision now: asked afresh for every try of a smoke check."""

from __future__ import annotations

from agent.objects import Object, controller_uid, is_terminating, labels, uid
from agent.objects import annotations as annotations_of
from agent.ports import Cluster
from agent.release.content import selector

REVISION = "deployment.kubernetes.io/revision"


class Newest:
    """The pods of a workload's newest revision.

    What tells that revision is looked up once and again whenever no pod has it; the pods are listed each time.

    Args:
        cluster: where.
        workload: the live Deployment, StatefulSet or DaemonSet.
    """

    def __init__(self, cluster: Cluster, workload: Object) -> None:
        self._cluster = cluster
        self._workload = workload
        self._mark = ""

    def pods(self) -> list[Object]:
        """Those that aren't being stopped, by owner UID and never by label alone (P3, P4)."""
        thing = self._workload
        namespace = str((thing.get("metadata") or {}).get("namespace", ""))
        self._mark = self._mark or self._revision()
        there = self._cluster.list("v1", "Pod", namespace, labels=selector(thing))
        owner = self._mark if thing.get("kind") == "Deployment" else uid(thing)
        owned = [pod for pod in there if owner and controller_uid(pod) == owner and not is_terminating(pod)]
        if thing.get("kind") != "Deployment" and self._mark:
            owned = [pod for pod in owned if labels(pod).get("controller-revision-hash") == self._mark]
        if not owned:
            self._mark = ""
        return owned

    def _revision(self) -> str:
        """UID of the newest ReplicaSet, else the name of the newest ControllerRevision."""
        thing = self._workload
        if thing.get("kind") == "Deployment":
            newest = replica_set(self._cluster, thing)
            return uid(newest) if newest else ""
        if thing.get("kind") == "StatefulSet":
            return str((thing.get("status") or {}).get("updateRevision") or "")
        return _newest_controller_revision(self._cluster, thing)


def replica_set(cluster: Cluster, workload: Object) -> Object | None:
    """The ReplicaSet of a Deployment's newest revision."""
    namespace = str((workload.get("metadata") or {}).get("namespace", ""))
    number = annotations_of(workload).get(REVISION)
    for each in cluster.list("apps/v1", "ReplicaSet", namespace, labels=selector(workload)):
        if controller_uid(each) == uid(workload) and annotations_of(each).get(REVISION) == number:
            return each
    return None


def _newest_controller_revision(cluster: Cluster, workload: Object) -> str:
    namespace = str((workload.get("metadata") or {}).get("namespace", ""))
    owned = [
        each
        for each in cluster.list("apps/v1", "ControllerRevision", namespace, labels=selector(workload))
        if controller_uid(each) == uid(workload)
    ]
    newest = max(owned, key=lambda one: int(one.get("revision") or 0), default=None)
    return str(labels(newest).get("controller-revision-hash", "")) if newest else ""


def wants_pods(workload: Object) -> bool:
    """Whether any pod is wanted at all (a workload scaled to zero isn't)."""
    if workload.get("kind") == "DaemonSet":
        return int((workload.get("status") or {}).get("desiredNumberScheduled") or 0) > 0
    return int((workload.get("spec") or {}).get("replicas", 1)) > 0


def moved(before: str, now: str) -> str:
    """That another image digest runs than ran then; empty where none does, or nobody knows."""
    then, runs = before.rpartition("@")[2], now.rpartition("@")[2]
    return f"{runs[:19]} runs, and {then[:19]} ran then" if then and runs and then != runs else ""


def image_digest(pods: list[Object], container: str) -> str:
    """What the nodes really run, as the pods report it: `repository@sha256:...`; empty where they don't say."""
    for pod in pods:
        for box in (pod.get("status") or {}).get("containerStatuses") or ():
            found = str(box.get("imageID") or "")
            if container in {"", box.get("name")} and "@sha256:" in found:
                return found.removeprefix("docker-pullable://")
    return ""
