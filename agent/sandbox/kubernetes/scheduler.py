"""The scheduler: binds pods to the one node, or says in its own words why it can't."""

from __future__ import annotations

from decimal import Decimal

from agent.sandbox.kubernetes import quantity
from agent.sandbox.kubernetes.objects import Key, Obj, containers, is_terminating, key_of, labels, meta, spec, status
from agent.sandbox.kubernetes.podstatus import is_sidecar
from agent.sandbox.kubernetes.recorder import Recorder
from agent.sandbox.kubernetes.store import Change
from agent.sandbox.kubernetes.world import World
from agent.sandbox.kubernetes.writes import Writes

_DELAY, _FLUSH = 0.01, 300.0
_OPERATORS = {"In", "NotIn", "Exists", "DoesNotExist"}


class Scheduler:
    """Binds pods.

    Args:
        world: the world.
        writes: how it binds.
        recorder: its events.
    """

    def __init__(self, world: World, writes: Writes, recorder: Recorder) -> None:
        self.world = world
        self.writes = writes
        self.recorder = recorder
        self._waiting: set[Key] = set()
        world.store.subscribe(self._heard)

    def _heard(self, change: Change) -> None:
        if change.kind == "Pod":
            key = key_of(change.object)
            if change.type == "ADDED" and not spec(change.object).get("nodeName"):
                self._plan(key, _DELAY)
            elif change.type == "DELETED":
                self._waiting.discard(key)
                self._retry()
        elif change.kind == "PersistentVolumeClaim" or (change.kind == "Node" and _changed(change)):
            self._retry()

    def _retry(self) -> None:
        for key in sorted(self._waiting):
            self._plan(key, 0.05)

    def _plan(self, key: Key, seconds: float) -> None:
        self.world.after(seconds, "scheduler", key, lambda: self._schedule(key))

    def _schedule(self, key: Key) -> None:
        pod = self.world.store.get("Pod", key)
        if pod is None or spec(pod).get("nodeName") or is_terminating(pod):
            self._waiting.discard(key)
            return None
        nodes = self.world.store.listed("Node")
        why: dict[str, int] = {}
        for node in nodes:
            problem = self._unfit(pod, node)
            if not problem:
                return self._bind(pod, node)
            why[problem] = why.get(problem, 0) + 1
        return self._refuse(pod, self._message(pod, why, len(nodes)))

    def _message(self, pod: Obj, why: dict[str, int], nodes: int) -> str:
        for volume in spec(pod).get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            if claim and self.world.store.get("PersistentVolumeClaim", (key_of(pod)[0], claim)) is None:
                return f'0/{nodes} nodes are available: persistentvolumeclaim "{claim}" not found. {_tail(nodes)}'
        listed = ", ".join(f"{count} {text}" for text, count in sorted(why.items()))
        return f"0/{nodes} nodes are available: {listed}. {_tail(nodes)}"

    def _bind(self, pod: Obj, node: Obj) -> None:
        self._waiting.discard(key_of(pod))
        name = meta(node)["name"]
        now = self.world.timestamp()
        condition = {
            "type": "PodScheduled",
            "observedGeneration": meta(pod).get("generation", 1),
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": now,
        }
        after = pod | {
            "spec": spec(pod) | {"nodeName": name},
            "status": status(pod) | {"conditions": [condition]},
        }
        self.world.store.put("Pod", after)
        text = f"Successfully assigned {key_of(pod)[0]}/{meta(pod)['name']} to {name}"
        self.recorder.scheduling(pod, "Normal", "Scheduled", text, "Binding")

    def _refuse(self, pod: Obj, message: str) -> None:
        key = key_of(pod)
        self._waiting.add(key)
        self.recorder.scheduling(pod, "Warning", "FailedScheduling", message, "Scheduling")
        old = next((item for item in status(pod).get("conditions") or () if item["type"] == "PodScheduled"), None)
        if old is None or old.get("message") != message:
            condition = {
                "type": "PodScheduled",
                "observedGeneration": meta(pod).get("generation", 1),
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": old["lastTransitionTime"] if old is not None else self.world.timestamp(),
                "reason": "Unschedulable",
                "message": message,
            }
            self.writes.change("Pod", key, manager="kube-scheduler", status=status(pod) | {"conditions": [condition]})
        self._plan(key, _FLUSH)

    def _unfit(self, pod: Obj, node: Obj) -> str:
        """Why a pod does not fit a node; empty when it does."""
        for volume in spec(pod).get("volumes") or ():
            name = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            claim = self.world.store.get("PersistentVolumeClaim", (key_of(pod)[0], name)) if name else None
            if name and (claim is None or status(claim).get("phase") != "Bound"):
                return "pod has unbound immediate PersistentVolumeClaims"
        tolerated = {item.get("key") for item in spec(pod).get("tolerations") or ()}
        if spec(node).get("unschedulable") and "node.kubernetes.io/unschedulable" not in tolerated:
            return "node(s) were unschedulable"
        for taint in spec(node).get("taints") or ():
            if (
                taint.get("effect") in {"NoSchedule", "NoExecute"}
                and taint.get("key") not in tolerated
                and None not in tolerated
            ):
                shown = f"{{{taint['key']}: {taint.get('value', '')}}}"
                return f"node(s) had untolerated taint {shown}"
        if not _selects(spec(pod), node):
            return "node(s) didn't match Pod's node affinity/selector"
        return self._insufficient(pod, node)

    def _insufficient(self, pod: Obj, node: Obj) -> str:
        there = [
            other
            for other in self.world.store.listed("Pod")
            if spec(other).get("nodeName") == meta(node)["name"]
            and status(other).get("phase") not in {"Succeeded", "Failed"}
        ]
        allocatable = status(node).get("allocatable") or {}
        if len(there) + 1 > quantity.amount(allocatable.get("pods", 110)):
            return "Too many pods"
        for name in ("cpu", "memory"):
            asked = requested(spec(pod), name)
            if asked and asked + sum((requested(spec(other), name) for other in there), Decimal(0)) > quantity.amount(
                allocatable.get(name, 0)
            ):
                return f"Insufficient {name}"
        return ""


def _changed(change: Change) -> bool:
    """Whether a node is new, or offers something else than before."""
    before, after = change.before, change.object
    if before is None:
        return True
    return (spec(before), labels(before), status(before).get("allocatable")) != (
        spec(after),
        labels(after),
        status(after).get("allocatable"),
    )


def _tail(nodes: int) -> str:
    return (
        f"no new claims to deallocate, preemption: 0/{nodes} nodes are available: "
        f"{nodes} Preemption is not helpful for scheduling."
    )


def requested(pod_spec: Obj, name: str) -> Decimal:
    """What a pod asks for: its containers and sidecars together, or its greediest init container."""
    running, greatest = Decimal(0), Decimal(0)
    for section, item in containers(pod_spec):
        asked = quantity.amount(((item.get("resources") or {}).get("requests") or {}).get(name, 0))
        if section == "containers" or is_sidecar(item):
            running += asked
        else:
            greatest = max(greatest, asked)
    return max(running, greatest)


def _selects(pod_spec: Obj, node: Obj) -> bool:
    have = labels(node)
    if any(have.get(name) != value for name, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
    return terms is None or any(_term(term, node) for term in terms)


def _term(term: Obj, node: Obj) -> bool:
    facts = [(item, labels(node)) for item in term.get("matchExpressions") or ()]
    facts += [(item, {"metadata.name": meta(node)["name"]}) for item in term.get("matchFields") or ()]
    for item, have in facts:
        value, operator = have.get(item.get("key", "")), item.get("operator")
        if operator not in _OPERATORS:
            return False
        is_in = value in (item.get("values") or ())
        good = {"In": is_in, "NotIn": not is_in, "Exists": value is not None, "DoesNotExist": value is None}[operator]
        if not good:
            return False
    return True
