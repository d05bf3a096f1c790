"""The state of one rollout, folded from what is heard of it. The only mutable thing in this package.

A `Snapshot` is changed in place by `fold` (500 pods make thousands of changes; copies would cost more than the rules),
and only by it. Order within one object is kept by resourceVersion; order across objects does not matter, nor do
repetitions: every record is kept by UID, older versions of the same object are ignored, and what refers to something
that was not heard of yet waits until it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, assert_never

from agent import objects
from agent.objects import Object, Ref, generation, labels, metadata, name, uid
from agent.rollout import pinning, projection
from agent.rollout.feed import Applied, Blind, Changed, Event, Listed, Sighted
from agent.rollout.records import Occurrence, Pod, ReplicaSet, Revision, condition, digest, mapping, newer, number, text
from agent.rollout.sight import Sight
from agent.rollout.write import Write, write_of

RESOURCES = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs"}

# The reasons that a rule asks about; all others are let go.
REASONS = frozenset({
    "BackOff", "ErrImageNeverPull", "Failed", "FailedAttachVolume", "FailedBinding", "FailedCreate",
    "FailedCreatePodSandBox", "FailedMapVolume", "FailedMount", "FailedScheduling", "InspectFailed", "Killing",
    "NetworkNotReady", "NodeNotReady", "Nominated", "NotTriggerScaleUp", "ProvisioningFailed", "Pulled",
    "ReplicaSetCreateError", "TriggeredScaleUp", "Unhealthy",
})  # fmt: skip


class Snapshot:
    """What is known of one workload's rollout now.

    Args:
        workload: the Deployment, StatefulSet, DaemonSet or Job that is followed.
    """

    def __init__(self, workload: Ref) -> None:
        self.workload = workload
        self.resource = RESOURCES.get(workload.kind, workload.kind.lower() + "s")
        self.object: Object | None = None
        self.write: Write | None = None
        self.gone = ""
        self.seen = False
        self.observed_at: float | None = None
        self.overdue_since: float | None = None
        self.superseded = ""
        self.sight = Sight()
        self.pods: dict[str, Pod] = {}
        self.replica_sets: dict[str, ReplicaSet] = {}
        self.revisions: dict[str, Revision] = {}
        self.occurrences: dict[str, dict[str, Occurrence]] = {}
        self.departed: dict[str, float] = {}
        self.last_departure: float | None = None
        self.pinned = ""

    def fold(self, event: Event) -> None:
        """Takes one event in; changes this snapshot."""
        match event:
            case Listed():
                self._listed(event)
            case Changed():
                self._changed(event.resource, event.object, event.at, event.type)
            case Applied():
                self._applied(event)
            case Blind():
                self.sight = self.sight.lost(event.at, event.reason)
            case Sighted():
                self.sight = self.sight.found(event.at)
            case _:
                assert_never(event)
        self._pin()

    @property
    def uid(self) -> str:
        """The workload's UID; empty before it was heard of."""
        return uid(self.object) if self.object else ""

    @property
    def spec(self) -> Mapping[str, Any]:
        """The workload's spec."""
        return mapping((self.object or {}).get("spec"))

    @property
    def status(self) -> Mapping[str, Any]:
        """The workload's status."""
        return mapping((self.object or {}).get("status"))

    def about(self, subject: str) -> Iterable[Occurrence]:
        """The events about an object that were first heard, or repeated, after our write (P26)."""
        return (item for item in self.occurrences.get(subject, {}).values() if not item.stale)

    def is_ours(self, pod: Pod) -> bool:
        """Whether the workload owns the pod; neighbours in the namespace never do."""
        if self.workload.kind == "Deployment":
            owner = self.replica_sets.get(pod.owner)
            return owner is not None and owner.owner == self.uid
        return bool(pod.owner) and pod.owner == self.uid

    def is_new(self, pod: Pod) -> bool:
        """Whether the pod belongs to the revision that our write asked for (P3, P4)."""
        if not self.pinned or not self.is_ours(pod):
            return False
        if self.workload.kind == "Deployment":
            return pod.owner == self.pinned
        return self.workload.kind == "Job" or self.pinned in {pod.revision, f"generation {pod.template_generation}"}

    def new_pods(self) -> tuple[Pod, ...]:
        """The pods of the new revision that are not on their way out."""
        return tuple(pod for pod in self.pods.values() if not pod.lost and self.is_new(pod))

    @property
    def revision(self) -> int:
        """The Deployment's revision number that our write led to; 0 while unknown, and for other kinds."""
        pinned = self.replica_sets.get(self.pinned)
        return pinned.revision if pinned is not None else 0

    def _listed(self, event: Listed) -> None:
        for item in event.items:
            self._changed(event.resource, item, event.at)
        present = {uid(item) for item in event.items}
        if event.resource == self.resource:
            here = any(name(item) == self.workload.name for item in event.items)
            if self.uid and not here and (self.write is None or self.seen):
                self._lost_workload("it is not in the list any more")
        elif event.resource == "pods":
            for missing in [known for known in self.pods if known not in present]:
                self._pod_left(missing, event.at)
        elif event.resource == "replicasets":
            self.replica_sets = {key: value for key, value in self.replica_sets.items() if key in present}
        elif event.resource == "controllerrevisions":
            self.revisions = {key: value for key, value in self.revisions.items() if key in present}

    def _changed(self, resource: str, thing: Object, at: float, kind: str = "ADDED") -> None:
        deleted = kind == "DELETED"
        if resource == self.resource:
            self._workload(thing, at, deleted=deleted)
        elif resource == "pods":
            self._pod(thing, at, deleted=deleted)
        elif resource == "replicasets":
            self._replica_set(thing, at, deleted=deleted)
        elif resource == "controllerrevisions":
            self._revision(thing, deleted=deleted)
        elif resource == "events" and not deleted:
            self._occurrence(thing, at, changed=kind == "MODIFIED")

    def _workload(self, thing: Object, at: float, *, deleted: bool) -> None:
        if name(thing) != self.workload.name:
            return
        if self.object is not None and uid(thing) == self.uid:
            if deleted:
                self._lost_workload("it was deleted")
            elif newer(
                text(metadata(self.object).get("resourceVersion")), text(metadata(thing).get("resourceVersion"))
            ):
                self._take(thing, at)
            self.seen = True
            return
        if deleted:
            return
        if self.write is not None:
            version = text(metadata(thing).get("resourceVersion"))
            if newer(self.write.version, version):
                self.gone = "it was deleted and made anew by somebody else"
            return
        self._take(thing, at)

    def _take(self, thing: Object, at: float) -> None:
        """The workload as it is now; decides whether somebody else has changed it since our write."""
        slim = dict(metadata(thing))
        slim.pop("managedFields", None)
        self.object = {**thing, "metadata": slim}
        write = self.write
        if write is None:
            return
        if slim.get("deletionTimestamp"):
            self.gone = "its deletion was asked for"
        if self.observed_at is None and self._observed(write.generation):
            self.observed_at = at
        overdue = condition(thing, "Progressing").get("reason") == "ProgressDeadlineExceeded"
        self.overdue_since = (at if self.overdue_since is None else self.overdue_since) if overdue else None
        if generation(thing) > write.generation and not self.superseded and self.workload.kind != "Job":
            if digest(mapping(self.spec.get("template"))) != write.template:
                self.superseded = (
                    f"generation {generation(thing)} has another pod template than ours, {write.generation}"
                )
            elif self.spec.get("paused") is True and not write.paused:
                self.superseded = f"somebody else paused it in generation {generation(thing)}"

    def _observed(self, wanted: int) -> bool:
        return self.workload.kind == "Job" or number(self.status.get("observedGeneration")) >= wanted

    def _lost_workload(self, why: str) -> None:
        if self.write is None:
            self.object = None
        else:
            self.gone = why

    def _applied(self, event: Applied) -> None:
        thing = event.object
        self.write = write_of(event, self.pods.values(), self.replica_sets.values())
        self.gone = self.superseded = self.pinned = ""
        self.observed_at = self.last_departure = self.overdue_since = None
        self.seen = not event.created
        self.occurrences = {
            subject: {key: projection.rebased(item, event.at) for key, item in known.items()}
            for subject, known in self.occurrences.items()
        }
        known = self.object
        if known is None or uid(known) != uid(thing):
            self.object = None
        version = text(metadata(thing).get("resourceVersion"))
        if self.object is None or newer(text(metadata(self.object).get("resourceVersion")), version):
            self._take(thing, event.at)
        else:
            self._take(self.object, event.at)

    def _pod(self, thing: Object, at: float, *, deleted: bool) -> None:
        key = uid(thing)
        if not key or key in self.departed or not self._may_be_ours(thing):
            return
        if deleted:
            self._pod_left(key, at)
            return
        before = self.pods.get(key)
        if before is not None and not newer(before.version, text(metadata(thing).get("resourceVersion"))):
            return
        self.pods[key] = projection.pod(thing, at, before)
        if before is None and self.write is not None and self.write.precedes(thing):
            self.write = self.write.with_pod(self.pods[key])

    def _may_be_ours(self, thing: Object) -> bool:
        """Whether the selector matches; True while the workload is not known."""
        wanted = mapping(mapping(self.spec.get("selector")).get("matchLabels"))
        marks = labels(thing)
        return all(marks.get(key) == value for key, value in wanted.items())

    def _pod_left(self, key: str, at: float) -> None:
        known = self.pods.pop(key, None)
        self.departed[key] = at
        self.occurrences.pop(key, None)
        if known is not None and self.is_ours(known):
            self.last_departure = at

    def _replica_set(self, thing: Object, at: float, *, deleted: bool) -> None:
        key = uid(thing)
        before = self.replica_sets.get(key)
        if deleted:
            self.replica_sets.pop(key, None)
        elif before is None or newer(before.version, text(metadata(thing).get("resourceVersion"))):
            self.replica_sets[key] = projection.replica_set(thing, at, before)
            if before is None and self.write is not None and self.write.precedes(thing):
                self.write = self.write.with_replica_set(key)

    def _revision(self, thing: Object, *, deleted: bool) -> None:
        key = uid(thing)
        before = self.revisions.get(key)
        if deleted:
            self.revisions.pop(key, None)
        elif before is None or newer(before.version, text(metadata(thing).get("resourceVersion"))):
            self.revisions[key] = projection.revision(thing)

    def _occurrence(self, thing: Object, at: float, *, changed: bool) -> None:
        about = mapping(thing.get("involvedObject") or thing.get("regarding"))
        subject, kind, its = text(about.get("uid")), text(about.get("kind")), text(about.get("name"))
        if not subject or subject in self.departed or thing.get("reason") not in REASONS:
            return
        if kind != "PersistentVolumeClaim" and not its.startswith(self.workload.name[:40]):
            return
        if thing.get("reason") == "Killing" and "probe" not in text(thing.get("message") or thing.get("note")):
            return
        known = self.occurrences.setdefault(its if kind == "PersistentVolumeClaim" else subject, {})
        before = known.get(uid(thing))
        if before is None or newer(before.version, text(metadata(thing).get("resourceVersion"))):
            found = projection.occurrence(thing, at, before)
            late = before is None and not changed and self.write is not None and self.write.precedes(thing)
            known[uid(thing)] = replace(found, stale=late)

    def _pin(self) -> None:
        """Finds what the new pods belong to, once the controller has seen our generation (P1, P3)."""
        write = self.write
        if write is None or self.observed_at is None or self.superseded:
            return
        if self.workload.kind == "Deployment":
            owned = [item for item in self.replica_sets.values() if item.owner == self.uid]
            counted = text(objects.annotations(self.object or {}).get(projection.REVISION))
            self.pinned = self.pinned or pinning.replica_set(owned, write, counted)
            self.superseded = pinning.successor(owned, write, self.pinned)
        elif self.workload.kind == "StatefulSet":
            self.pinned = text(self.status.get("updateRevision"))
        elif self.workload.kind == "DaemonSet":
            owners = [item for item in self.revisions.values() if item.owner == self.uid]
            counted = text(objects.annotations(self.object or {}).get(pinning.GENERATION))
            self.pinned = pinning.daemon_hash(owners, write, counted)
        else:
            self.pinned = self.uid
