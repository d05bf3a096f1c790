"""The StatefulSet controller (pkg/controller/statefulset): one after the other, and what gets stuck stays stuck."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers import history
from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.controllers.replicaset import is_available, new_pod
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import (
    Key,
    Obj,
    clone,
    is_owned_by,
    is_ready,
    is_terminating,
    labels,
    meta,
    spec,
    status,
)

REVISION = "controller-revision-hash"


class StatefulSets(Controller):
    """Keeps numbered pods, updates them from the last to the first."""

    kind = "StatefulSet"
    delay = 0.01

    def sync(self, key: Key) -> None:
        """One step: at most one pod is created or deleted, unless pods may go in parallel."""
        thing = self.store.get(self.kind, key)
        if thing is None or is_terminating(thing):
            return
        revisions = history.sync(self, thing, "controller.kubernetes.io/hash")
        update = revisions[-1]
        current = next(
            (item for item in revisions if meta(item)["name"] == status(thing).get("currentRevision")), update
        )
        pods = {
            ordinal(pod): pod
            for pod in self.store.listed("Pod", key[0])
            if is_owned_by(pod, thing) and ordinal(pod) >= 0
        }
        error: ApiError | None = None
        # The status tells of the pods as they were before this step, as the real one's does.
        document = self._status(thing, pods, meta(current)["name"], meta(update)["name"])
        try:
            changed = self._step(thing, pods, current, update)
        except ApiError as refused:
            error, changed = refused, {}
        for name, by in changed.items():
            document[name] = document.get(name, 0) + by
        document = {
            name: value
            for name, value in document.items()
            if value or name in {"replicas", "collisionCount", "availableReplicas"}
        }
        if document != status(thing):
            self.writes.change(self.kind, key, status=document)
        history.trim(
            self,
            thing,
            {meta(current)["name"], meta(update)["name"], *(labels(pod).get(REVISION, "") for pod in pods.values())},
        )
        if error is not None:
            raise error

    def _step(self, thing: Obj, pods: dict[int, Obj], current: Obj, update: Obj) -> dict[str, int]:
        """Acts, and says which counts that changed."""
        size = int(spec(thing).get("replicas", 1))
        in_turn = spec(thing).get("podManagementPolicy") != "Parallel"
        minimum, now = float(spec(thing).get("minReadySeconds") or 0), self.world.now()
        for number in range(size):
            pod = pods.get(number)
            if pod is not None and status(pod).get("phase") in {"Failed", "Succeeded"} and not is_terminating(pod):
                self._delete(thing, pod)
                return {}
            if pod is None:
                self._create(thing, number, current, update)
                if in_turn:
                    return {}
            elif in_turn and (is_terminating(pod) or not is_ready(pod) or not is_available(pod, minimum, now)):
                if is_ready(pod) and not is_terminating(pod):
                    self.enqueue((meta(thing)["namespace"], meta(thing)["name"]), 1.0)
                return {}
        for number in sorted((n for n in pods if n >= size), reverse=True):
            if not is_terminating(pods[number]):
                self._delete(thing, pods[number])
            if in_turn:
                return {}
        return self._update(thing, pods, size, update)

    def _update(self, thing: Obj, pods: dict[int, Obj], size: int, update: Obj) -> dict[str, int]:
        strategy = spec(thing).get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return {}
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        for number in range(size - 1, partition - 1, -1):
            pod = pods.get(number)
            if pod is None:
                return {}
            if labels(pod).get(REVISION) != meta(update)["name"] and not is_terminating(pod):
                was_current = labels(pod).get(REVISION) == status(thing).get("currentRevision")
                self._delete(thing, pod)
                return {"currentReplicas": -1} if was_current else {}
            if is_terminating(pod) or not is_ready(pod):
                return {}
        return {}

    def _delete(self, thing: Obj, pod: Obj) -> None:
        self.writes.delete(pod)
        text = f"delete Pod {meta(pod)['name']} in StatefulSet {meta(thing)['name']} successful"
        self.event(thing, "Normal", "SuccessfulDelete", text)

    def _create(self, thing: Obj, number: int, current: Obj, update: Obj) -> None:
        strategy = spec(thing).get("updateStrategy") or {}
        partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
        is_old = meta(current)["name"] != meta(update)["name"] and (
            number < partition
            or (strategy.get("type") != "OnDelete" and number < int(status(thing).get("currentReplicas", 0)))
        )
        revision = current if is_old else update
        name = f"{meta(thing)['name']}-{number}"
        template = clone(revision["data"]["spec"]["template"])
        template.pop("$patch", None)
        extra = {
            "apps.kubernetes.io/pod-index": str(number),
            REVISION: meta(revision)["name"],
            "statefulset.kubernetes.io/pod-name": name,
        }
        pod = new_pod(thing, template, extra, name)
        pod["spec"]["hostname"] = name
        if spec(thing).get("serviceName"):
            pod["spec"]["subdomain"] = spec(thing)["serviceName"]
        self._claims(thing, pod, name)
        try:
            self.writes.create(pod)
        except ApiError as error:
            self.event(
                thing,
                "Warning",
                "FailedCreate",
                f"create Pod {name} in StatefulSet {meta(thing)['name']} failed error: {error.message}",
            )
            raise
        self.event(
            thing, "Normal", "SuccessfulCreate", f"create Pod {name} in StatefulSet {meta(thing)['name']} successful"
        )

    def _claims(self, thing: Obj, pod: Obj, name: str) -> None:
        for template in spec(thing).get("volumeClaimTemplates") or ():
            claim = f"{meta(template)['name']}-{name}"
            namespace = meta(thing)["namespace"]
            if self.store.get("PersistentVolumeClaim", (namespace, claim)) is None:
                document = clone(template) | {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
                document.pop("status", None)
                document["metadata"] = {
                    "name": claim,
                    "namespace": namespace,
                    "labels": spec(thing)["selector"].get("matchLabels") or {},
                }
                self.writes.create(document)
                text = f"create Claim {claim} Pod {name} in StatefulSet {meta(thing)['name']} success"
                self.event(thing, "Normal", "SuccessfulCreate", text)
            volume = {"name": meta(template)["name"], "persistentVolumeClaim": {"claimName": claim}}
            pod["spec"].setdefault("volumes", []).append(volume)

    def _status(self, thing: Obj, pods: dict[int, Obj], current: str, update: str) -> Obj:
        minimum, now = float(spec(thing).get("minReadySeconds") or 0), self.world.now()
        living = [pod for pod in pods.values() if not is_terminating(pod)]
        updated = sum(labels(pod).get(REVISION) == update for pod in living)
        size = int(spec(thing).get("replicas", 1))
        ready = sum(is_ready(pod) for pod in pods.values())
        rolling = (spec(thing).get("updateStrategy") or {}).get("type") != "OnDelete"
        if rolling and updated == size == len(pods) == ready and current != update:
            current = update
        return {
            "observedGeneration": meta(thing).get("generation", 1),
            "replicas": len(pods),
            "readyReplicas": ready,
            "currentReplicas": sum(labels(pod).get(REVISION) == current for pod in living),
            "updatedReplicas": updated,
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
            "availableReplicas": sum(is_available(pod, minimum, now) for pod in pods.values()),
        }


def ordinal(pod: Obj) -> int:
    """The number of a StatefulSet's pod; -1 for any other."""
    number = meta(pod)["name"].rpartition("-")[2]
    return int(number) if number.isdigit() else -1
