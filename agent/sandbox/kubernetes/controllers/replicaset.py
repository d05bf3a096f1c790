"""The ReplicaSet controller (pkg/controller/replicaset)."""

from __future__ import annotations

from agent.sandbox.clock import from_rfc3339
from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import (
    Key,
    Obj,
    annotations_of,
    clone,
    condition,
    is_active,
    is_owned_by,
    is_ready,
    is_terminating,
    labels,
    meta,
    owner_reference,
    spec,
    status,
)
from agent.sandbox.kubernetes.selectors import matches

_COST = "controller.kubernetes.io/pod-deletion-cost"


def is_available(pod: Obj, min_ready: float, now: float) -> bool:
    """Whether a pod has been ready for long enough."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return False
    return not min_ready or from_rfc3339(found["lastTransitionTime"]) + min_ready <= now


def new_pod(owner: Obj, template: Obj, extra: dict[str, str] | None = None, name: str = "") -> Obj:
    """A pod of a template."""
    about = clone(meta(template))
    pod: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": meta(owner)["namespace"],
            "generateName": f"{meta(owner)['name']}-",
            "labels": (about.get("labels") or {}) | (extra or {}),
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": clone(spec(template)),
    }
    if name:
        pod["metadata"]["name"] = name
    if about.get("annotations"):
        pod["metadata"]["annotations"] = about["annotations"]
    return pod


class ReplicaSets(Controller):
    """Keeps as many pods as a ReplicaSet asks for."""

    kind = "ReplicaSet"
    delay = 0.008

    def sync(self, key: Key) -> None:
        """Creates or deletes pods, then reports; a refused pod is tried again ever more rarely."""
        thing = self.store.get(self.kind, key)
        if thing is None:
            return
        pods = [pod for pod in self.store.listed("Pod", key[0]) if is_active(pod) and self._is_mine(thing, pod)]
        error: ApiError | None = None
        wanted = int(spec(thing).get("replicas", 1))
        if not is_terminating(thing):
            try:
                self._manage(thing, pods, wanted)
            except ApiError as refused:
                error = refused
        self._report(key, thing, pods, error, wanted - len(pods))
        if error is not None:
            raise error
        minimum = float(spec(thing).get("minReadySeconds") or 0)
        now = self.world.now()
        waits = [
            from_rfc3339(found["lastTransitionTime"]) + minimum - now
            for pod in pods
            if minimum and is_ready(pod) and not is_available(pod, minimum, now) and (found := condition(pod, "Ready"))
        ]
        if waits:
            self.enqueue(key, max(min(waits), 0.01))

    def _is_mine(self, thing: Obj, pod: Obj) -> bool:
        return is_owned_by(pod, thing) and matches(spec(thing).get("selector"), labels(pod))

    def _manage(self, thing: Obj, pods: list[Obj], wanted: int) -> None:
        if len(pods) < wanted:
            for _ in range(wanted - len(pods)):
                try:
                    pod = self.writes.create(new_pod(thing, spec(thing)["template"]))
                except ApiError as error:
                    self.event(thing, "Warning", "FailedCreate", f"Error creating: {error.message}")
                    raise
                self.event(thing, "Normal", "SuccessfulCreate", f"Created pod: {meta(pod)['name']}")
        elif len(pods) > wanted:
            for pod in sorted(pods, key=_deletion_rank)[: len(pods) - wanted]:
                self.writes.delete(pod)
                self.event(thing, "Normal", "SuccessfulDelete", f"Deleted pod: {meta(pod)['name']}")

    def _report(self, key: Key, thing: Obj, pods: list[Obj], error: ApiError | None, missing: int) -> None:
        now, minimum = self.world.now(), float(spec(thing).get("minReadySeconds") or 0)
        template = (meta(spec(thing).get("template") or {}).get("labels") or {}).items()
        document: Obj = {"replicas": len(pods)}
        counts = {
            "fullyLabeledReplicas": sum(template <= labels(pod).items() for pod in pods),
            "readyReplicas": sum(is_ready(pod) for pod in pods),
            "availableReplicas": sum(is_available(pod, minimum, now) for pod in pods),
        }
        document |= {name: count for name, count in counts.items() if count}
        document["observedGeneration"] = meta(thing).get("generation", 1)
        before = condition(thing, "ReplicaFailure")
        if error is not None:
            document["conditions"] = [before] if before is not None else [
                {
                    "type": "ReplicaFailure",
                    "status": "True",
                    "lastTransitionTime": self.world.timestamp(),
                    "reason": "FailedCreate" if missing > 0 else "FailedDelete",
                    "message": error.message,
                }
            ]  # fmt: skip
        if document != status(thing):
            self.writes.change(self.kind, key, status=document)


def _deletion_rank(pod: Obj) -> tuple[object, ...]:
    """Which pods go first: kubectl's ActivePodsWithRanks on one node."""
    phase = {"Pending": 0, "Unknown": 1, "Running": 2}.get(status(pod).get("phase", ""), 2)
    cost = int(annotations_of(pod).get(_COST) or 0)
    found = condition(pod, "Ready")
    ready_since = from_rfc3339(found["lastTransitionTime"]) if found is not None else 0.0
    restarts = max((item.get("restartCount", 0) for item in status(pod).get("containerStatuses") or ()), default=0)
    created = from_rfc3339(meta(pod)["creationTimestamp"])
    bound = bool(spec(pod).get("nodeName"))
    return bound, phase, is_ready(pod), cost, -ready_since, -restarts, -created, meta(pod)["name"]
