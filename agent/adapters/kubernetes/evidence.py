"""Which events of a namespace are about the workload that is followed.

A watch of events can't be narrowed to the pods of one workload: field selectors know no `or`, and pods get their names
later. So the whole namespace's events are watched from now on, never listed, and less comes over the wire than happens:
what every healthy pod causes (scheduled, created, started ...) stands in the pod's own status and is excluded
by field selector, and so are the kinds that a rollout never depends on. What remains is filtered as it is read.
"""

from __future__ import annotations

from agent.adapters.kubernetes.projection import trimmed
from agent.objects import Object, Ref, condition, is_terminating, name, uid
from agent.rollout.feed import Changed, Event, Listed

_DULL_REASONS = (
    "Created",
    "LeaderElection",
    "ScalingReplicaSet",
    "Scheduled",
    "Started",
    "SuccessfulCreate",
    "SuccessfulDelete",
)
_DULL_KINDS = ("HorizontalPodAutoscaler", "Lease", "Node")
EVENT_SELECTOR = ",".join(
    [*(f"involvedObject.kind!={kind}" for kind in _DULL_KINDS), *(f"reason!={reason}" for reason in _DULL_REASONS)]
)
_MOST_ASKED = 4
_PREFIX = 40  # of longer names less than the whole is left in the names of pods


class Own:
    """What belongs to the workload, as far as it is known.

    Args:
        workload: what is followed.
    """

    def __init__(self, workload: Ref) -> None:
        self._workload = workload
        self._uids: set[str] = set()
        self._claims: set[str] = set()
        self._unready: dict[str, None] = {}

    def learn(self, event: Event) -> None:
        """Takes note of the objects of a list or a change; events teach nothing."""
        match event:
            case Listed(resource=resource, items=items) if resource != "events":
                for item in items:
                    self._note(resource, item)
            case Changed(resource=resource, object=thing, type=kind) if resource != "events":
                self._note(resource, thing)
                if kind == "DELETED":
                    self._unready.pop(uid(thing), None)
            case _:
                pass

    def unready(self) -> tuple[str, ...]:
        """UIDs of pods and ReplicaSets whose earlier events are worth a request; four at most."""
        return tuple(self._unready)[-_MOST_ASKED:]

    def event(self, thing: Object) -> Object | None:
        """The event, if it is about something of ours.

        An event may come before the pod that it is about; then the pod's name, which begins with the workload's, lets
        it pass. Who judges matches UIDs (P26).
        """
        about = thing.get("involvedObject") or {}
        called = str(about.get("name") or "")
        match about.get("kind"):
            case "Pod" | "ReplicaSet" | "Job":
                ours = about.get("uid") in self._uids or called.startswith(self._workload.name[:_PREFIX])
                ours = ours or (about.get("kind"), called) == (self._workload.kind, self._workload.name)
            case "PersistentVolumeClaim":
                ours = called in self._claims
            case kind:
                ours = (kind, called) == (self._workload.kind, self._workload.name)
        return trimmed(thing) if ours else None

    def _note(self, resource: str, thing: Object) -> None:
        """One object of ours."""
        self._uids.add(uid(thing))
        waiting = False
        match resource:
            case "pods":
                spec, status = thing.get("spec") or {}, thing.get("status") or {}
                for volume in spec.get("volumes") or ():
                    self._claims.add(str((volume.get("persistentVolumeClaim") or {}).get("claimName") or ""))
                waiting = status.get("phase") != "Succeeded" and condition(thing, "Ready").get("status") != "True"
            case "replicasets":
                waiting = condition(thing, "ReplicaFailure").get("status") == "True"
        if waiting and not is_terminating(thing) and name(thing):
            self._unready[uid(thing)] = None
        else:
            self._unready.pop(uid(thing), None)
