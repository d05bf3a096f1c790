"""The DaemonSet controller (pkg/controller/daemon): one pod a node, old ones deleted first."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers import history
from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.controllers.deploymentstatus import resolve
from agent.sandbox.kubernetes.controllers.replicaset import is_available, new_pod
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import (
    Key,
    Obj,
    annotations_of,
    is_active,
    is_owned_by,
    is_ready,
    is_terminating,
    key_of,
    labels,
    meta,
    spec,
    status,
)
from agent.sandbox.kubernetes.store import Change

HASH = "controller-revision-hash"
_GENERATION = "deprecated.daemonset.template.generation"


class DaemonSets(Controller):
    """Keeps one pod on every node that fits."""

    kind = "DaemonSet"
    delay = 0.01

    def heard(self, change: Change) -> None:
        """Its own, what it owns, and nodes."""
        super().heard(change)
        if change.kind == "Node":
            for thing in self.store.listed(self.kind):
                self.enqueue(key_of(thing))

    def sync(self, key: Key) -> None:
        """One step."""
        thing = self.store.get(self.kind, key)
        if thing is None or is_terminating(thing):
            return
        digest = labels(history.sync(self, thing, HASH)[-1])[HASH]
        nodes = [meta(node)["name"] for node in self.store.listed("Node") if _fits(thing, node)]
        pods = [pod for pod in self.store.listed("Pod", key[0]) if is_owned_by(pod, thing)]
        error: ApiError | None = None
        try:
            self._manage(thing, nodes, pods, digest)
            self._roll(thing, nodes, pods, digest)
        except ApiError as refused:
            error = refused
        self._report(key, thing, nodes, digest)
        history.trim(self, thing, {digest, *(labels(pod).get(HASH, "") for pod in pods)})
        if error is not None:
            raise error

    def _manage(self, thing: Obj, nodes: list[str], pods: list[Obj], digest: str) -> None:
        for pod in pods:
            if status(pod).get("phase") == "Failed" and not is_terminating(pod):
                where = spec(pod).get("nodeName")
                text = f"Found failed daemon pod {'/'.join(key_of(pod))} on node {where}, will try to kill it"
                self.event(thing, "Warning", "FailedDaemonPod", text)
                self._delete(thing, pod)
            elif _node(pod) not in nodes and is_active(pod):
                self._delete(thing, pod)
        for name in nodes:
            if any(_node(pod) == name and status(pod).get("phase") not in {"Succeeded", "Failed"} for pod in pods):
                continue
            generation = annotations_of(thing).get(_GENERATION, "1")
            pod = new_pod(thing, spec(thing)["template"], {HASH: digest, "pod-template-generation": generation})
            _bind(pod["spec"], name)
            try:
                made = self.writes.create(pod)
            except ApiError as refused:
                self.event(thing, "Warning", "FailedCreate", f"Error creating: {refused.message}")
                raise
            self.event(thing, "Normal", "SuccessfulCreate", f"Created pod: {meta(made)['name']}")

    def _roll(self, thing: Obj, nodes: list[str], pods: list[Obj], digest: str) -> None:
        strategy = spec(thing).get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        most = max(resolve((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(nodes), up=True), 1)
        on_nodes = {name: [pod for pod in pods if _node(pod) == name] for name in nodes}
        gone = sum(not any(is_ready(pod) and is_active(pod) for pod in there) for there in on_nodes.values())
        for there in on_nodes.values():
            for pod in there:
                if labels(pod).get(HASH) == digest or not is_active(pod):
                    continue
                if not is_ready(pod):
                    self._delete(thing, pod)
                elif gone < most:
                    gone += 1
                    self._delete(thing, pod)

    def _delete(self, thing: Obj, pod: Obj) -> None:
        self.writes.delete(pod)
        self.event(thing, "Normal", "SuccessfulDelete", f"Deleted pod: {meta(pod)['name']}")

    def _report(self, key: Key, thing: Obj, nodes: list[str], digest: str) -> None:
        minimum, now = float(spec(thing).get("minReadySeconds") or 0), self.world.now()
        pods = [pod for pod in self.store.listed("Pod", key[0]) if is_owned_by(pod, thing)]
        living = {_node(pod): pod for pod in sorted(pods, key=lambda pod: not is_terminating(pod))
                  if status(pod).get("phase") not in {"Succeeded", "Failed"}}  # fmt: skip
        there = [living[name] for name in nodes if name in living]
        available = sum(is_available(pod, minimum, now) for pod in there)
        document: Obj = {
            "currentNumberScheduled": len(there),
            "numberMisscheduled": sum(name not in nodes for name in living),
            "desiredNumberScheduled": len(nodes),
            "numberReady": sum(is_ready(pod) for pod in there),
            "observedGeneration": meta(thing).get("generation", 1),
        }
        counts = {
            "updatedNumberScheduled": sum(labels(pod).get(HASH) == digest for pod in there),
            "numberAvailable": available,
            "numberUnavailable": len(nodes) - available,
        }
        document |= {name: count for name, count in counts.items() if count}
        if document != status(thing):
            self.writes.change(self.kind, key, status=document)


def _fits(thing: Obj, node: Obj) -> bool:
    wanted = spec(spec(thing)["template"]).get("nodeSelector") or {}
    return wanted.items() <= labels(node).items()


def _bind(pod_spec: Obj, node: str) -> None:
    """Ties a pod to a node by affinity, and lets it stand what a daemon must."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    pod_spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    effects = dict.fromkeys(("not-ready", "unreachable"), "NoExecute")
    effects |= dict.fromkeys(("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"), "NoSchedule")
    pod_spec.setdefault("tolerations", []).extend(
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
        for name, effect in effects.items()
    )


def _node(pod: Obj) -> str:
    """The node of a pod, bound or meant for it."""
    if spec(pod).get("nodeName"):
        return str(spec(pod)["nodeName"])
    affinity = ((spec(pod).get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in affinity.get("nodeSelectorTerms") or ():
        for item in term.get("matchFields") or ():
            return str((item.get("values") or [""])[0])
    return ""
