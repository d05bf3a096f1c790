"""Admission: what changes or refuses an object between decoding and storing it.

ServiceAccount, priority and tolerations of pods, LimitRanger, ResourceQuota, PodSecurity (enforce), and the numbers
that the API server hands out (ClusterIPs, qosClass).
"""

from __future__ import annotations

from decimal import Decimal

from agent.sandbox.kubernetes import podsecurity, quantity
from agent.sandbox.kubernetes.errors import forbidden
from agent.sandbox.kubernetes.kinds import Kind
from agent.sandbox.kubernetes.objects import Obj, containers, labels, meta, spec, status
from agent.sandbox.kubernetes.world import World

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
_TOLERATIONS = [
    {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for name in ("not-ready", "unreachable")
]
_COUNTED = {"services": "Service", "configmaps": "ConfigMap", "secrets": "Secret",
            "persistentvolumeclaims": "PersistentVolumeClaim", "resourcequotas": "ResourceQuota"}  # fmt: skip


class Admission:
    """The admission chain.

    Args:
        world: whose policies (LimitRange, ResourceQuota, namespace labels) count.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    def mutate(self, kind: Kind, thing: Obj) -> None:
        """Changes an object before it has its name.

        Raises:
            ApiError: 403, its ServiceAccount or its PriorityClass is not there.
        """
        if kind.kind == "Pod":
            self._service_account(kind, thing)
            self._priority(kind, thing)
            self._limit_defaults(thing)
            pod = thing["spec"]
            tolerations = pod.setdefault("tolerations", [])
            have = {item.get("key") for item in tolerations}
            tolerations.extend(item for item in _TOLERATIONS if item["key"] not in have)
            pod.setdefault("priority", 0)
            pod.setdefault("preemptionPolicy", "PreemptLowerPriority")

    def admit(self, kind: Kind, thing: Obj) -> None:
        """Refuses an object that policy forbids.

        Raises:
            ApiError: 403 in the words of the plugin.
        """
        if kind.kind == "Pod":
            self._limits(kind, thing)
            namespace = self.world.store.get("Namespace", ("", meta(thing)["namespace"])) or {}
            why = podsecurity.refusal(labels(namespace), thing)
            if why:
                raise forbidden(kind, meta(thing)["name"], why)
        if kind.namespaced and kind.kind != "Event":
            self._quota(kind, thing)

    def finish(self, kind: Kind, thing: Obj) -> None:
        """Hands out what the API server hands out at creation."""
        if kind.kind == "Pod":
            thing["status"] = {"phase": "Pending", "qosClass": _quality(thing)}
        elif kind.kind == "Service":
            service = thing["spec"]
            if service.get("type") != "ExternalName" and not service.get("clusterIP"):
                service["clusterIP"] = self.world.service_address()
            if service.get("clusterIP"):
                service.setdefault("clusterIPs", [service["clusterIP"]])
            if service.get("type") in {"NodePort", "LoadBalancer"}:
                for port in service.get("ports") or ():
                    port.setdefault("nodePort", self.world.random.randint(30000, 32767))
        elif kind.kind == "Job":
            self._job_selector(thing)

    def keep(self, kind: Kind, before: Obj, after: Obj) -> None:
        """Puts back what a write may leave out although the API server handed it out."""
        if kind.kind == "Service" and after["spec"].get("type") != "ExternalName":
            for name in ("clusterIP", "clusterIPs"):
                if name not in after["spec"] and name in spec(before):
                    after["spec"][name] = spec(before)[name]
        if kind.kind in {"Job", "Pod"}:
            for name in ("selector", "tolerations", "priority", "preemptionPolicy", "enableServiceLinks"):
                if name not in after["spec"] and name in spec(before):
                    after["spec"][name] = spec(before)[name]
        if kind.kind == "DaemonSet" and spec(before).get("template") != after["spec"].get("template"):
            name = "deprecated.daemonset.template.generation"
            old = int((meta(before).get("annotations") or {}).get(name, "1"))
            after["metadata"]["annotations"] = (meta(after).get("annotations") or {}) | {name: str(old + 1)}

    def _job_selector(self, thing: Obj) -> None:
        uid, name = meta(thing)["uid"], meta(thing)["name"]
        job = thing["spec"]
        if not job.get("manualSelector"):
            extra = {
                "batch.kubernetes.io/controller-uid": uid,
                "batch.kubernetes.io/job-name": name,
                "controller-uid": uid,
                "job-name": name,
            }
            about = job["template"].setdefault("metadata", {})
            about["labels"] = (about.get("labels") or {}) | extra
            job["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}

    def _service_account(self, kind: Kind, thing: Obj) -> None:
        pod, about = thing["spec"], meta(thing)
        name = pod.get("serviceAccountName") or "default"
        pod["serviceAccountName"] = pod["serviceAccount"] = name
        account = self.world.store.get("ServiceAccount", (about["namespace"], name))
        if account is None:
            shown = about.get("name") or about.get("generateName", "")
            why = f'error looking up service account {about["namespace"]}/{name}: serviceaccount "{name}" not found'
            raise forbidden(kind, shown, why)
        if pod.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True)) is False:
            return
        volume = f"kube-api-access-{self.world.suffix()}"
        sources: list[Obj] = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                    ]
                }
            },
        ]
        pod.setdefault("volumes", []).append({"name": volume, "projected": {"sources": sources, "defaultMode": 420}})
        mount = {"name": volume, "readOnly": True, "mountPath": _TOKEN_PATH}
        for _, item in containers(pod):
            if not any(old.get("mountPath") == _TOKEN_PATH for old in item.get("volumeMounts") or ()):
                item.setdefault("volumeMounts", []).append(dict(mount))

    def _priority(self, kind: Kind, thing: Obj) -> None:
        name = thing["spec"].get("priorityClassName") or ""
        if not name or name.startswith("system-"):
            return
        found = self.world.store.get("PriorityClass", ("", name))
        if found is None:
            shown = meta(thing).get("name") or meta(thing).get("generateName", "")
            raise forbidden(kind, shown, f"no PriorityClass with name {name} was found")
        thing["spec"].setdefault("priority", found.get("value", 0))

    def _limit_items(self, thing: Obj, kind: str) -> list[Obj]:
        return [
            item
            for limits in self.world.store.listed("LimitRange", meta(thing)["namespace"])
            for item in spec(limits).get("limits") or ()
            if item.get("type") == kind
        ]

    def _limit_defaults(self, thing: Obj) -> None:
        """What a container leaves open: the default limit is the maximum, the default request the default limit."""
        for rule in self._limit_items(thing, "Container"):
            limits = {**(rule.get("max") or {}), **(rule.get("default") or {})}
            requests = {**(rule.get("min") or {}), **limits, **(rule.get("defaultRequest") or {})}
            for _, item in containers(thing["spec"]):
                resources = item.setdefault("resources", {})
                for section, values in (("limits", limits), ("requests", requests)):
                    if values:
                        resources[section] = values | (resources.get(section) or {})

    def _limits(self, kind: Kind, thing: Obj) -> None:
        """LimitRanger: the maximum and the minimum of one container."""
        complaints: list[str] = []
        for rule in self._limit_items(thing, "Container"):
            for _, item in containers(thing["spec"]):
                resources = item.get("resources") or {}
                limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
                for name, most in (rule.get("max") or {}).items():
                    if name not in limits:
                        complaints.append(f"maximum {name} usage per Container is {most}.  No limit is specified")
                    elif quantity.amount(limits[name]) > quantity.amount(most):
                        complaints.append(f"maximum {name} usage per Container is {most}, but limit is {limits[name]}")
                for name, least in (rule.get("min") or {}).items():
                    if name not in requests:
                        complaints.append(f"minimum {name} usage per Container is {least}.  No request is specified")
                    elif quantity.amount(requests[name]) < quantity.amount(least):
                        complaints.append(
                            f"minimum {name} usage per Container is {least}, but request is {requests[name]}"
                        )
        if complaints:
            text = complaints[0] if len(complaints) == 1 else "[" + ", ".join(complaints) + "]"
            raise forbidden(kind, meta(thing)["name"], text)

    def _quota(self, kind: Kind, thing: Obj) -> None:
        for quota in self.world.store.listed("ResourceQuota", meta(thing)["namespace"]):
            hard: dict[str, str] = spec(quota).get("hard") or {}
            asked = {name: charge(name, kind.kind, thing) for name in hard}
            missing = [name for name in hard if kind.kind == "Pod" and _unset(name, thing)]
            name = meta(quota)["name"]
            if missing:
                who = ",".join(item["name"] for _, item in containers(thing["spec"]))
                raise forbidden(
                    kind, meta(thing)["name"], f"failed quota: {name}: must specify {','.join(missing)} for: {who}"
                )
            used = self.used(meta(thing)["namespace"], list(hard))
            over = sorted(n for n, value in asked.items() if value and used[n] + value > quantity.amount(hard[n]))
            if over:
                requested = ",".join(f"{n}={quantity.show(asked[n], hard[n])}" for n in over)
                taken = ",".join(f"{n}={quantity.show(used[n], hard[n])}" for n in over)
                limited = ",".join(f"{n}={hard[n]}" for n in over)
                text = f"exceeded quota: {name}, requested: {requested}, used: {taken}, limited: {limited}"
                raise forbidden(kind, meta(thing)["name"], text)

    def used(self, namespace: str, names: list[str]) -> dict[str, Decimal]:
        """What a namespace uses of each quota resource now."""
        totals = dict.fromkeys(names, Decimal(0))
        for kind, thing in self.world.store.all():
            if meta(thing).get("namespace") == namespace:
                for name in names:
                    totals[name] += charge(name, kind, thing)
        return totals


def charge(name: str, kind: str, thing: Obj) -> Decimal:
    """How much of one quota resource an object takes."""
    if kind == "Pod":
        if status(thing).get("phase") in {"Succeeded", "Failed"}:
            return Decimal(0)
        if name in {"pods", "count/pods"}:
            return Decimal(1)
        section, _, resource = name.rpartition(".")
        return _sum(thing, section or "requests", resource) if name not in _COUNTED else Decimal(0)
    wanted = _COUNTED.get(name.removeprefix("count/"))
    return Decimal(1) if wanted == kind else Decimal(0)


def _sum(thing: Obj, section: str, resource: str) -> Decimal:
    return sum(
        (
            quantity.amount(((item.get("resources") or {}).get(section) or {}).get(resource, 0))
            for item in spec(thing).get("containers") or ()
        ),
        Decimal(0),
    )


def _unset(name: str, thing: Obj) -> bool:
    section, _, resource = name.rpartition(".")
    if (section or "requests") not in {"requests", "limits"} or resource not in {"cpu", "memory"}:
        return False
    return any(
        resource not in ((item.get("resources") or {}).get(section or "requests") or {})
        for item in spec(thing).get("containers") or ()
    )


def _quality(pod: Obj) -> str:
    """The QoS class."""
    have = [item.get("resources") or {} for _, item in containers(spec(pod))]
    if not any(item.get("limits") or item.get("requests") for item in have):
        return "BestEffort"
    full = all(
        {"cpu", "memory"} <= set(item.get("limits") or {})
        and (item.get("requests") or item["limits"]) == item["limits"]
        for item in have
    )
    return "Guaranteed" if full else "Burstable"
