"""The kinds that the stand-in cluster serves, and what the API server knows of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind.

    Attributes:
        group: API group; empty for core.
        version: API version.
        kind: as in `kind:`.
        plural: as in URLs.
        namespaced: whether objects live in a namespace.
        short: names that kubectl understands.
        status: whether there is a /status subresource.
        scale: whether there is a /scale subresource.
        generation: whether metadata.generation counts changes of the spec.
        singular: the singular that kubectl understands.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    status: bool = True
    scale: bool = False
    generation: bool = False

    @property
    def api_version(self) -> str:
        """As in `apiVersion:`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As in messages: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        """The kind in lower case."""
        return self.kind.lower()


KINDS = (
    Kind("", "v1", "Namespace", "namespaces", namespaced=False, short=("ns",)),
    Kind("", "v1", "Node", "nodes", namespaced=False, short=("no",)),
    Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False, short=("pv",)),
    Kind("", "v1", "Pod", "pods", short=("po",), generation=True),
    Kind("", "v1", "Service", "services", short=("svc",)),
    Kind("", "v1", "Endpoints", "endpoints", short=("ep",), status=False),
    Kind("", "v1", "ConfigMap", "configmaps", short=("cm",), status=False),
    Kind("", "v1", "Secret", "secrets", status=False),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", short=("sa",), status=False),
    Kind("", "v1", "Event", "events", short=("ev",), status=False),
    Kind("", "v1", "ResourceQuota", "resourcequotas", short=("quota",)),
    Kind("", "v1", "LimitRange", "limitranges", short=("limits",), status=False),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", short=("pvc",)),
    Kind("apps", "v1", "Deployment", "deployments", short=("deploy",), scale=True, generation=True),
    Kind("apps", "v1", "ReplicaSet", "replicasets", short=("rs",), scale=True, generation=True),
    Kind("apps", "v1", "StatefulSet", "statefulsets", short=("sts",), scale=True, generation=True),
    Kind("apps", "v1", "DaemonSet", "daemonsets", short=("ds",), generation=True),
    Kind("apps", "v1", "ControllerRevision", "controllerrevisions", status=False),
    Kind("batch", "v1", "Job", "jobs", generation=True),
    Kind("batch", "v1", "CronJob", "cronjobs", short=("cj",), generation=True),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", short=("hpa",)),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", short=("pdb",), generation=True),
    Kind("coordination.k8s.io", "v1", "Lease", "leases", status=False),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses", short=("ing",), generation=True),
    Kind(
        "networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", short=("netpol",), status=False, generation=True
    ),
    Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", status=False, generation=True),
    Kind("rbac.authorization.k8s.io", "v1", "Role", "roles", status=False),
    Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", status=False),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False, status=False),
    Kind(
        "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False, status=False
    ),
    Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False, short=("pc",), status=False),
    Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False, short=("sc",), status=False),
)

BY_KIND = {kind.kind: kind for kind in KINDS}
BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
GROUPS = tuple(dict.fromkeys(kind.group for kind in KINDS if kind.group))


def versions(group: str) -> tuple[str, ...]:
    """The versions served of a group."""
    return tuple(dict.fromkeys(kind.version for kind in KINDS if kind.group == group))
