"""What is kept of an object that is followed: all that can bear on a verdict or its diagnosis, and what we don't know.

Things are left out by name, never kept by name, so fields of later Kubernetes versions pass. Templates of ReplicaSets
and ControllerRevisions stay whole: they are compared with what was applied (P3). Nothing that is read in order to be
written goes through here (G13).
"""

from __future__ import annotations

from agent.objects import Object

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_POD_SPEC = (
    "tolerations",
    "imagePullSecrets",
    "hostAliases",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "preemptionPolicy",
    "schedulerName",
    "securityContext",
    "topologySpreadConstraints",
)
_CONTAINER = (
    "env",
    "envFrom",
    "volumeMounts",
    "volumeDevices",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "securityContext",
    "imagePullPolicy",
    "lifecycle",
)
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def trimmed(thing: Object) -> Object:
    """Any object without managedFields and the copy of itself that `kubectl apply` leaves in an annotation."""
    about = thing.get("metadata")
    if isinstance(about, dict):
        about.pop("managedFields", None)
        annotations = about.get("annotations")
        if isinstance(annotations, dict):
            annotations.pop(_LAST_APPLIED, None)
    return thing


def pod(thing: Object) -> Object:
    """A pod: its status whole; of its spec what says where, with which image, probes and resources it runs."""
    trimmed(thing)
    spec = thing.get("spec")
    if isinstance(spec, dict):
        _pod_spec(spec)
    return thing


def _pod_spec(spec: Object) -> None:
    """Leaves out what no judgement needs; in place, for these objects are ours."""
    for key in _POD_SPEC:
        spec.pop(key, None)
    volumes = spec.get("volumes")
    if isinstance(volumes, list):
        spec["volumes"] = [item for item in volumes if not str(item.get("name", "")).startswith("kube-api-access-")]
    for field in _CONTAINERS:
        for container in spec.get(field) or ():
            for key in _CONTAINER:
                container.pop(key, None)
