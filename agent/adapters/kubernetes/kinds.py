"""Where objects live: a table of the common kinds, and the server's discovery for every other.

The table saves requests (G6) and rights: discovery of one group needs no more than any authenticated user has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from agent.errors import NotFoundError, UsageError
from agent.objects import Object, Ref


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind, as URLs name it.

    Attributes:
        plural: as in paths.
        namespaced: whether its objects live in a namespace.
    """

    plural: str
    namespaced: bool = True


_COMMON: dict[str, str] = {
    "v1": "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate ReplicationController "
    "ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v1": "HorizontalPodAutoscaler",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "events.k8s.io/v1": "Event",
    "networking.k8s.io/v1": "Ingress",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
}
_VERSION = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/v[a-z0-9]+)?")
_IRREGULAR = {"Endpoints": "endpoints", "NetworkPolicy": "networkpolicies", "Ingress": "ingresses"}
_CLUSTER_WIDE = {
    ("v1", "Namespace"): "namespaces",
    ("v1", "Node"): "nodes",
    ("v1", "PersistentVolume"): "persistentvolumes",
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): "customresourcedefinitions",
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): "clusterroles",
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): "clusterrolebindings",
    ("scheduling.k8s.io/v1", "PriorityClass"): "priorityclasses",
    ("storage.k8s.io/v1", "StorageClass"): "storageclasses",
}


def table() -> dict[tuple[str, str], Resource]:
    """(apiVersion, kind) of what every cluster serves."""
    known = {pair: Resource(plural, namespaced=False) for pair, plural in _CLUSTER_WIDE.items()}
    for version, kinds in _COMMON.items():
        for kind in kinds.split():
            known[version, kind] = Resource(_IRREGULAR.get(kind, f"{kind.lower()}s"))
    known["networking.k8s.io/v1", "NetworkPolicy"] = Resource("networkpolicies")
    known["authorization.k8s.io/v1", "SelfSubjectAccessReview"] = Resource("selfsubjectaccessreviews", namespaced=False)
    known["authorization.k8s.io/v1", "SelfSubjectRulesReview"] = Resource("selfsubjectrulesreviews", namespaced=False)
    return known


class Kinds:
    """Knows the resource of each kind.

    Args:
        discover: reads the resource list of one apiVersion; None where the server does not serve that version.
    """

    def __init__(self, discover: Callable[[str], Object | None]) -> None:
        self._known = table()
        self._discover = discover
        self._asked: set[str] = set()

    def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind.

        Raises:
            NotFoundError: the cluster does not serve it.
            UsageError: apiVersion or kind is empty.
        """
        if not api_version or not kind:
            raise UsageError(f"an object has no {'apiVersion' if not api_version else 'kind'}")
        if not _VERSION.fullmatch(api_version):
            raise UsageError(f"{api_version!r} is no apiVersion")
        if (api_version, kind) not in self._known and api_version not in self._asked:
            self._asked.add(api_version)
            for entry in (self._discover(api_version) or {}).get("resources") or ():
                if "/" not in entry["name"]:
                    found = Resource(str(entry["name"]), namespaced=bool(entry.get("namespaced")))
                    self._known.setdefault((api_version, str(entry["kind"])), found)
        try:
            return self._known[api_version, kind]
        except KeyError:
            self._asked.discard(api_version)  # a CRD may be made while we run
            raise NotFoundError(
                f"the cluster does not serve the kind {kind} of {api_version}",
                hint="check apiVersion and kind; a custom kind needs its CustomResourceDefinition first",
            ) from None

    def collection(self, api_version: str, kind: str, namespace: str) -> str:
        """The path of all objects of a kind in a namespace; of the whole cluster where the kind knows none."""
        resource = self.resource(api_version, kind)
        inside = f"/namespaces/{segment(namespace, 'a namespace')}" if resource.namespaced and namespace else ""
        return f"{group_path(api_version)}{inside}/{resource.plural}"

    def item(self, target: Ref) -> str:
        """The path of one object."""
        if self.resource(target.api_version, target.kind).namespaced and not target.namespace:
            raise UsageError(f"{target} has no namespace")
        return f"{self.collection(target.api_version, target.kind, target.namespace)}/{segment(target.name, 'a name')}"


def group_path(api_version: str) -> str:
    """`/api/v1`, `/apis/apps/v1`."""
    root = "apis" if "/" in api_version else "api"
    return f"/{root}/{api_version}"


def segment(text: str, what: str) -> str:
    """One segment of a path, escaped; never empty, never one that climbs."""
    if not text or text in {".", ".."}:
        raise UsageError(f"{text!r} is not {what}")
    return quote(text, safe="")
