"""The Deployment controller (pkg/controller/deployment): rolling, recreating, pausing, revisions and conditions."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers import deploymentstatus as report
from agent.sandbox.kubernetes.controllers import revisions
from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.controllers.deploymentstatus import desired
from agent.sandbox.kubernetes.objects import (
    Key,
    Obj,
    annotations_of,
    clone,
    condition,
    controller_of,
    is_owned_by,
    is_terminating,
    key_of,
    labels,
    meta,
    owner_reference,
    spec,
    status,
)
from agent.sandbox.kubernetes.selectors import matches
from agent.sandbox.kubernetes.store import Change
from agent.sandbox.kubernetes.world import short_hash

HASH = "pod-template-hash"


class Deployments(Controller):
    """Moves Deployments from one ReplicaSet to the next."""

    kind = "Deployment"
    delay = 0.01

    def heard(self, change: Change) -> None:
        """Its own objects, its ReplicaSets, and the removal of the last pod (for Recreate)."""
        super().heard(change)
        owner = controller_of(change.object)
        if change.kind == "Pod" and change.type == "DELETED" and owner is not None and owner["kind"] == "ReplicaSet":
            namespace = key_of(change.object)[0]
            owning = self.store.get("ReplicaSet", (namespace, owner["name"]))
            parent = controller_of(owning) if owning is not None else None
            if parent is not None and parent["kind"] == self.kind:
                self.enqueue((namespace, parent["name"]))

    def sync(self, key: Key) -> None:
        """One step."""
        thing = self.store.get(self.kind, key)
        if thing is None:
            return None
        sets = sorted(
            (found for found in self.store.listed("ReplicaSet", key[0]) if is_owned_by(found, thing)
             and matches(spec(thing).get("selector"), labels(found))),
            key=lambda found: (meta(found)["creationTimestamp"], int(meta(found)["resourceVersion"])),
        )  # fmt: skip
        if is_terminating(thing):
            return self._write(thing, report.plain(thing, self._new(thing, sets), sets, self.world.now()))
        if (paused := report.paused_condition(thing, self.world.timestamp())) is not None:
            self._write(thing, status(thing) | {"conditions": paused})
            thing = self.store.get(self.kind, key) or thing
        if spec(thing).get("paused") or self._is_scaling(thing, sets):
            return self._sync_only(thing, sets)
        if (spec(thing).get("strategy") or {}).get("type") == "Recreate":
            return self._recreate(thing, sets)
        return self._roll(thing, sets)

    # --- ReplicaSets

    def _new(self, thing: Obj, sets: list[Obj]) -> Obj | None:
        """The ReplicaSet of the present template; the oldest where there are several."""
        wanted = revisions.bare_template(spec(thing)["template"])
        return next((found for found in sets if revisions.bare_template(spec(found)["template"]) == wanted), None)

    def _ensure_new(self, thing: Obj, sets: list[Obj]) -> Obj | None:
        """The new ReplicaSet with its revision; None when this sync wrote the Deployment and must be done again."""
        found = self._new(thing, sets)
        old = [item for item in sets if item is not found]
        revision = str(revisions.highest(old) + 1)
        if found is not None:
            noted = revisions.annotate(thing, found, revision, exists=True)
            if noted != annotations_of(found) or spec(found).get("minReadySeconds") != spec(thing).get(
                "minReadySeconds"
            ):
                changed = {k: v for k, v in spec(found).items() if k != "minReadySeconds"}
                if spec(thing).get("minReadySeconds"):
                    changed["minReadySeconds"] = spec(thing)["minReadySeconds"]
                self.writes.change(
                    "ReplicaSet", key_of(found), metadata=meta(found) | {"annotations": noted}, spec=changed
                )
                return None
            return (
                found if not self._note(thing, annotations_of(found).get(revisions.REVISION, revision), found) else None
            )
        self._create(thing, old, revision)
        return None

    def _create(self, thing: Obj, old: list[Obj], revision: str) -> None:
        template = clone(spec(thing)["template"])
        digest = short_hash(revisions.bare_template(template))
        template.setdefault("metadata", {})["labels"] = (meta(template).get("labels") or {}) | {HASH: digest}
        selector = clone(spec(thing)["selector"])
        selector["matchLabels"] = (selector.get("matchLabels") or {}) | {HASH: digest}
        fresh: Obj = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{meta(thing)['name']}-{digest}",
                "namespace": meta(thing)["namespace"],
                "labels": meta(template)["labels"],
                "ownerReferences": [owner_reference(thing)],
            },
            "spec": {"replicas": self._new_size(thing, None, old), "selector": selector, "template": template},
        }
        if spec(thing).get("minReadySeconds"):
            fresh["spec"]["minReadySeconds"] = spec(thing)["minReadySeconds"]
        fresh["metadata"]["annotations"] = revisions.annotate(thing, fresh, revision, exists=False)
        created = self.writes.create(fresh)
        size = spec(created)["replicas"]
        if size:
            message = f"Scaled up replica set {meta(created)['name']} from 0 to {size}"
            self.event(thing, "Normal", "ScalingReplicaSet", message)
        self._note(thing, revision, created, is_new=True)
        self.enqueue(key_of(thing))

    def _note(self, thing: Obj, revision: str, found: Obj, *, is_new: bool = False) -> bool:
        """Writes the revision, and that a ReplicaSet was made or found, on the Deployment; whether it had to."""
        document = dict(status(thing))
        if spec(thing).get("progressDeadlineSeconds") is not None:
            name = meta(found)["name"]
            if is_new:
                fact = ("True", "NewReplicaSetCreated", f'Created new replica set "{name}"')
                document["conditions"] = report.with_condition(thing, "Progressing", *fact, self.world.timestamp())
            elif condition(thing, "Progressing") is None:
                fact = ("True", "FoundNewReplicaSet", f'Found new replica set "{name}"')
                document["conditions"] = report.with_condition(thing, "Progressing", *fact, self.world.timestamp())
        noted = annotations_of(thing) | {revisions.REVISION: revision}
        if noted == annotations_of(thing) and document == status(thing):
            return False
        after = thing | {"metadata": meta(thing) | {"annotations": noted}, "status": document}
        self.writes.update(thing, after, subresource="status")
        return True

    def _scale(self, thing: Obj, found: Obj, size: int) -> bool:
        """Sets a ReplicaSet's size and says so; whether that changed it."""
        before = int(spec(found).get("replicas", 0))
        noted = annotations_of(found) | revisions.sizes(thing)
        if before == size and noted == annotations_of(found):
            return False
        about = meta(found) | {"annotations": noted}
        self.writes.change("ReplicaSet", key_of(found), metadata=about, spec=spec(found) | {"replicas": size})
        if before == size:
            return False
        verb = "up" if size > before else "down"
        message = f"Scaled {verb} replica set {meta(found)['name']} from {before} to {size}"
        self.event(thing, "Normal", "ScalingReplicaSet", message)
        return True

    def _new_size(self, thing: Obj, found: Obj | None, old: list[Obj]) -> int:
        """NewRSNewReplicas: as far up as maxSurge allows."""
        wanted = desired(thing)
        if (spec(thing).get("strategy") or {}).get("type") == "Recreate":
            return wanted
        size = int(spec(found).get("replicas", 0)) if found is not None else 0
        total = size + sum(int(spec(item).get("replicas", 0)) for item in old)
        surge, _ = report.fenceposts(thing)
        return size if total >= wanted + surge else size + min(wanted + surge - total, wanted - size)

    # --- strategies

    def _roll(self, thing: Obj, sets: list[Obj]) -> None:
        found = self._ensure_new(thing, sets)
        if found is None:
            return None
        old = [item for item in sets if item is not found]
        wanted, size = desired(thing), int(spec(found).get("replicas", 0))
        target = wanted if size > wanted else self._new_size(thing, found, old)
        if self._scale(thing, found, target) or self._shrink_old(thing, found, old):
            return self._finish(thing)
        if report.is_complete(thing, status(thing)):
            self._clean_up(thing, old)
        return self._finish(thing)

    def _shrink_old(self, thing: Obj, found: Obj, old: list[Obj]) -> bool:
        """Takes old pods away, the unhealthy ones first, as far as maxUnavailable allows."""
        sizes = {meta(item)["name"]: int(spec(item).get("replicas", 0)) for item in old}
        if not sum(sizes.values()):
            return False
        _, unavailable = report.fenceposts(thing)
        minimum = desired(thing) - unavailable
        size = int(spec(found).get("replicas", 0))
        lacking = size - int(status(found).get("availableReplicas", 0))
        most = sum(sizes.values()) + size - minimum - lacking
        if most <= 0:
            return False
        available = {meta(item)["name"]: int(status(item).get("availableReplicas", 0)) for item in old}
        before, spent = dict(sizes), 0
        for name, size in before.items():
            cut = max(min(most - spent, size - available[name]), 0)
            sizes[name] = size - cut
            spent += cut
        spare = sum(available.values()) + int(status(found).get("availableReplicas", 0)) - minimum
        for name, size in list(sizes.items()):
            cut = max(min(spare, size), 0)
            sizes[name] = size - cut
            spare -= cut
        changed = [item for item in old if sizes[meta(item)["name"]] != before[meta(item)["name"]]]
        # Each is scaled: a generator in any() would stop at the first.
        return True in [self._scale(thing, item, sizes[meta(item)["name"]]) for item in changed]

    def _recreate(self, thing: Obj, sets: list[Obj]) -> None:
        found = self._new(thing, sets)
        old = [item for item in sets if item is not found]
        if True in [self._scale(thing, item, 0) for item in old if spec(item).get("replicas")]:
            return self._finish(thing)
        if any(
            status(pod).get("phase") not in {"Succeeded", "Failed"}
            for item in old
            for pod in self.store.listed("Pod", key_of(thing)[0])
            if is_owned_by(pod, item)
        ):
            return self._finish(thing)
        found = self._ensure_new(thing, sets)
        if found is None:
            return None
        self._scale(thing, found, desired(thing))
        if report.is_complete(thing, status(thing)):
            self._clean_up(thing, old)
        return self._finish(thing)

    def _is_scaling(self, thing: Obj, sets: list[Obj]) -> bool:
        return any(
            annotations_of(item).get(revisions.DESIRED) not in {None, str(desired(thing))}
            for item in sets
            if int(spec(item).get("replicas", 0)) > 0
        )

    def _sync_only(self, thing: Obj, sets: list[Obj]) -> None:
        """Scales without rolling: paused, or only the size changed."""
        found = self._new(thing, sets)
        for item, size in report.proportions(thing, found, sets):
            self._scale(thing, item, size)
        if spec(thing).get("paused"):
            self._clean_up(thing, [item for item in sets if item is not found])
        fresh = self.store.get(self.kind, key_of(thing)) or thing
        current = [self.store.get("ReplicaSet", key_of(item)) or item for item in sets]
        self._write(fresh, report.plain(fresh, self._new(fresh, current), current, self.world.now()))

    def _clean_up(self, thing: Obj, old: list[Obj]) -> None:
        """Removes what is beyond revisionHistoryLimit."""
        limit = spec(thing).get("revisionHistoryLimit")
        idle = [item for item in old if not is_terminating(item) and not spec(item).get("replicas")]
        if limit is None or len(idle) <= limit:
            return
        for item in sorted(idle, key=revisions.number)[: len(idle) - limit]:
            is_seen = int(meta(item)["generation"]) <= int(status(item).get("observedGeneration", 0))
            if is_seen and not status(item).get("replicas"):
                self.writes.delete(item)

    # --- status

    def _finish(self, thing: Obj) -> None:
        """SyncRolloutStatus."""
        thing = self.store.get(self.kind, key_of(thing)) or thing
        sets = [item for item in self.store.listed("ReplicaSet", key_of(thing)[0]) if is_owned_by(item, thing)]
        document, wait = report.rollout(thing, self._new(thing, sets), sets, self.world.now())
        self._write(thing, document)
        if wait is not None:
            self.enqueue(key_of(thing), wait)

    def _write(self, thing: Obj, document: Obj) -> None:
        if document != status(thing):
            self.writes.change(self.kind, key_of(thing), status=document)
