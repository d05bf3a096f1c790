"""The defaults that the API server writes into objects (pkg/apis/*/v1/defaults.go of Kubernetes 1.34)."""

from __future__ import annotations

from agent.sandbox.kubernetes.objects import Obj, annotations_of, clone, containers


def apply_defaults(thing: Obj) -> Obj:
    """The object with its defaults; what it sets already stays."""
    thing = clone(thing)
    kind = thing["kind"]
    filler = _FILLERS.get(kind)
    if filler is not None:
        filler(thing)
    return thing


def pod_spec(spec: Obj) -> None:
    """Fills a pod spec in place."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    if not isinstance(spec.get("securityContext"), dict):
        spec["securityContext"] = {}
    spec.setdefault("schedulerName", "default-scheduler")
    for _, item in containers(spec):
        if isinstance(item, dict):
            _container(item)
    for volume in spec.get("volumes") or ():
        if isinstance(volume, dict):
            _volume(volume)


def _container(item: Obj) -> None:
    if "image" in item:
        item.setdefault("imagePullPolicy", "Always" if _is_latest(str(item["image"])) else "IfNotPresent")
    if not isinstance(item.get("resources"), dict):
        item["resources"] = {}
    item.setdefault("terminationMessagePath", "/dev/termination-log")
    item.setdefault("terminationMessagePolicy", "File")
    for port in item.get("ports") or ():
        if isinstance(port, dict):
            port.setdefault("protocol", "TCP")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(item.get(name), dict):
            _probe(item[name])
    for variable in item.get("env") or ():
        source = variable.get("valueFrom", {}).get("fieldRef") if isinstance(variable, dict) else None
        if isinstance(source, dict):
            source.setdefault("apiVersion", "v1")


def _requests(resources: Obj) -> None:
    """What is limited and not requested is requested as limited; of pods only, a template keeps what it was given."""
    for name, value in (resources.get("limits") or {}).items():
        if name not in (resources.get("requests") or {}):
            resources["requests"] = (resources.get("requests") or {}) | {name: value}


def _is_latest(image: str) -> bool:
    if "@" in image:
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in {"", "latest"}


def _probe(probe: Obj) -> None:
    if isinstance(probe.get("httpGet"), dict):
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)


def _volume(volume: Obj) -> None:
    for kind in ("secret", "configMap", "downwardAPI", "projected"):
        if isinstance(volume.get(kind), dict):
            volume[kind].setdefault("defaultMode", 420)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}


def _template(spec: Obj) -> None:
    template = spec.get("template")
    if isinstance(template, dict):
        if not isinstance(template.get("metadata"), dict):
            template["metadata"] = {}
        if isinstance(template.get("spec"), dict):
            pod_spec(template["spec"])


def _rolling(strategy: Obj, **values: object) -> None:
    if strategy.get("type") == "RollingUpdate":
        rolling = strategy.get("rollingUpdate")
        if not isinstance(rolling, dict):
            rolling = strategy["rollingUpdate"] = {}
        for name, value in values.items():
            rolling.setdefault(name, value)


def _deployment(thing: Obj) -> None:
    spec: Obj = thing.setdefault("spec", {})
    spec["replicas"] = 1 if spec.get("replicas") is None else spec["replicas"]
    _template(spec)
    strategy: Obj = spec.get("strategy") or {}
    spec["strategy"] = strategy
    strategy.setdefault("type", "RollingUpdate")
    _rolling(strategy, maxUnavailable="25%", maxSurge="25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    thing.setdefault("status", {})


def _replica_set(thing: Obj) -> None:
    spec: Obj = thing.setdefault("spec", {})
    spec["replicas"] = 1 if spec.get("replicas") is None else spec["replicas"]
    _template(spec)
    thing.setdefault("status", {"replicas": 0})


def _stateful_set(thing: Obj) -> None:
    spec: Obj = thing.setdefault("spec", {})
    spec["replicas"] = 1 if spec.get("replicas") is None else spec["replicas"]
    _template(spec)
    spec.setdefault("serviceName", "")
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy: Obj = spec.get("updateStrategy") or {}
    spec["updateStrategy"] = strategy
    strategy.setdefault("type", "RollingUpdate")
    _rolling(strategy, partition=0)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {"phase": "Pending"})
    thing.setdefault("status", {"replicas": 0, "availableReplicas": 0})


def _daemon_set(thing: Obj) -> None:
    spec: Obj = thing.setdefault("spec", {})
    _template(spec)
    strategy: Obj = spec.get("updateStrategy") or {}
    spec["updateStrategy"] = strategy
    strategy.setdefault("type", "RollingUpdate")
    _rolling(strategy, maxUnavailable=1, maxSurge=0)
    spec.setdefault("revisionHistoryLimit", 10)
    thing["metadata"] = thing.get("metadata") or {}
    generation = annotations_of(thing).get("deprecated.daemonset.template.generation", "1")
    thing["metadata"]["annotations"] = annotations_of(thing) | {"deprecated.daemonset.template.generation": generation}
    thing.setdefault(
        "status",
        {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0},
    )


def _job(thing: Obj) -> None:
    spec: Obj = thing.setdefault("spec", {})
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    spec["parallelism"] = 1 if spec.get("parallelism") is None else spec["parallelism"]
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")
    spec.setdefault("manualSelector", False)
    _template(spec)
    thing.setdefault("status", {})


def _cron_job(thing: Obj) -> None:
    spec: Obj = thing.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _template((spec.get("jobTemplate") or {}).get("spec") or {})
    thing.setdefault("status", {})


def _service(thing: Obj) -> None:
    spec: Obj = thing.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    thing.setdefault("status", {"loadBalancer": {}})


def _pod(thing: Obj) -> None:
    pod_spec(thing.setdefault("spec", {}))
    for _, item in containers(thing["spec"]):
        if isinstance(item, dict):
            _requests(item["resources"])
    thing["spec"].setdefault("enableServiceLinks", True)
    thing.setdefault("status", {}).setdefault("phase", "Pending")


def _autoscaler(thing: Obj) -> None:
    thing.setdefault("spec", {}).setdefault("minReplicas", 1)
    thing.setdefault("status", {"currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None})


def _secret(thing: Obj) -> None:
    import base64

    thing.setdefault("type", "Opaque")
    for name, value in (thing.pop("stringData", None) or {}).items():
        thing.setdefault("data", {})[name] = base64.b64encode(str(value).encode()).decode()


def _namespace(thing: Obj) -> None:
    thing.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    thing.setdefault("status", {}).setdefault("phase", "Active")
    name = (thing.get("metadata") or {}).get("name", "")
    thing.setdefault("metadata", {}).setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _claim(thing: Obj) -> None:
    thing.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    thing.setdefault("status", {}).setdefault("phase", "Pending")


_FILLERS = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Pod": _pod,
    "HorizontalPodAutoscaler": _autoscaler,
    "Secret": _secret,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
}
