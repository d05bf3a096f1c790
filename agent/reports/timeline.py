"""The picture of a rollout: how many pods of which revision there were when, and what each pod went through.

Folded from what was heard of the cluster; bounded, since a report is a page and not an archive (the archive is
events.ndjson). Form, under `timeline` in report.json:

`replicas`: [{at, workload, revision, new, pods, ready, available}], a sample whenever a number changed;
`pods`: [{workload, pod, revision, new, node, states: [{at, state}]}];
`marks`: [{at, text}]: apply, verdicts, smoke checks, undo. All times are seconds since the operation began.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.objects import Object, controller_uid, is_terminating, labels, metadata, name, uid
from agent.objects import annotations as annotations_of
from agent.reports.events import Applied, Event, Heard, Judged, Smoked, Undoing, Undone
from agent.rollout.feed import Changed, Listed

MOST_PODS = 200
MOST_SAMPLES = 2000
_OWNERS = ("replicasets", "controllerrevisions")


class Timeline:
    """Folds events into the picture.

    Args:
        began: when the operation began, on the events' clock.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._samples: list[dict[str, Any]] = []
        self._last: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._pods: dict[str, dict[str, Any]] = {}
        self._revisions: dict[str, str] = {}
        self._known: dict[str, set[str]] = {}
        self._wrote = False
        self._marks: list[dict[str, Any]] = []

    def fold(self, event: Event) -> None:
        """Takes one event in."""
        match event:
            case Heard():
                self._heard(str(event.workload), event)
            case Applied():
                self._wrote = True
                self._mark(event.at, "applied" if event.step == "apply" else "undo applied")
            case Judged():
                self._mark(event.at, f"{event.workload}: {event.verdict}")
                if event.verdict == "complete" and event.workload.kind == "Deployment":
                    self._retired(str(event.workload), event.at)
            case Smoked():
                if event.final:
                    self._mark(event.at, f"smoke check {event.name}: {'passed' if event.passed else 'failed'}")
            case Undoing():
                self._mark(event.at, f"undo to {event.target}")
            case Undone():
                self._mark(event.at, f"undo {event.result}")
            case _:
                pass

    def to_dict(self) -> dict[str, Any]:
        """The form in report.json."""
        pods = [
            {key: value for key, value in pod.items() if key != "uid"} for pod in list(self._pods.values())[:MOST_PODS]
        ]
        return {"replicas": self._samples[:MOST_SAMPLES], "pods": pods, "marks": self._marks}

    def _mark(self, at: float, text: str) -> None:
        self._marks.append({"at": self._since(at), "text": text})

    def _since(self, at: float) -> float:
        return round(at - self._began, 3)

    def _heard(self, workload: str, heard: Heard) -> None:
        event = heard.event
        if isinstance(event, Listed):
            if event.resource == "pods":
                self._missing(workload, {uid(thing) for thing in event.items}, event.at)
            for thing in event.items:
                self._object(workload, event.resource, thing, event.at, gone=False)
        elif isinstance(event, Changed):
            self._object(workload, event.resource, event.object, event.at, gone=event.type == "DELETED")

    def _missing(self, workload: str, listed: set[str], at: float) -> None:
        """Nobody watches between a rollout and its undo: what a list doesn't name any more went meanwhile."""
        for key, pod in self._pods.items():
            if pod["workload"] == workload and key not in listed:
                self._enter(pod, "gone", at)

    def _retired(self, workload: str, at: float) -> None:
        """A complete Deployment has no replica of an older revision (R5): what is left of them is stopping.

        The feed ends here, often before it says so of each pod.
        """
        mine = [pod for pod in self._pods.values() if pod["workload"] == workload]
        newest = max((self._number(pod) for pod in mine), default=0)
        for pod in mine:
            if self._number(pod) < newest and pod["states"][-1]["state"] in {"starting", "running", "ready"}:
                self._enter(pod, "stopping", at)

    def _number(self, pod: Mapping[str, Any]) -> int:
        number = self._revisions.get(pod["owner"], "").rpartition(" ")[2]
        return int(number) if number.isdigit() else 0

    def _enter(self, pod: dict[str, Any], state: str, at: float) -> None:
        """The pod is in a state from now on, if it wasn't."""
        if not pod["states"] or pod["states"][-1]["state"] != state:
            pod["states"].append({"at": self._since(at), "state": state})
            self._sample(pod["workload"], pod["owner"], at)

    def _object(self, workload: str, resource: str, thing: Object, at: float, *, gone: bool) -> None:
        if resource in _OWNERS:
            self._owner(workload, thing)
        elif resource == "pods":
            self._pod(workload, thing, at, gone=gone)

    def _owner(self, workload: str, thing: Object) -> None:
        number = annotations_of(thing).get("deployment.kubernetes.io/revision") or thing.get("revision") or ""
        label = f"revision {number}" if number else name(thing)
        for key in (uid(thing), name(thing)):
            self._revisions[key] = label
        if not self._wrote:
            self._known.setdefault(workload, set()).update({uid(thing), name(thing)})

    def _pod(self, workload: str, thing: Object, at: float, *, gone: bool) -> None:
        owner = labels(thing).get("controller-revision-hash") or controller_uid(thing)
        if not owner:
            return
        entry = self._pods.setdefault(
            uid(thing),
            {
                "workload": workload,
                "pod": name(thing),
                "owner": owner,
                "revision": "",
                "new": owner not in self._known.get(workload, set()),
                "node": "",
                "states": [],
            },
        )
        entry["revision"] = self._revisions.get(owner, owner)
        entry["node"] = str((thing.get("spec") or {}).get("nodeName") or entry["node"])
        self._enter(entry, "gone" if gone else state_of(thing), at)

    def _sample(self, workload: str, owner: str, at: float) -> None:
        pods = [pod for pod in self._pods.values() if pod["workload"] == workload and pod["owner"] == owner]
        states = [pod["states"][-1]["state"] for pod in pods if pod["states"]]
        alive = [state for state in states if state not in {"gone", "stopping"}]
        numbers = (len(alive), sum(state == "ready" for state in alive), sum(state == "ready" for state in alive))
        if self._last.get((workload, owner)) == numbers or len(self._samples) >= MOST_SAMPLES:
            return
        self._last[workload, owner] = numbers
        self._samples.append(
            {
                "at": self._since(at),
                "workload": workload,
                "revision": self._revisions.get(owner, owner),
                "new": owner not in self._known.get(workload, set()),
                "pods": numbers[0],
                "ready": numbers[1],
                "available": numbers[2],
            }
        )


def state_of(pod: Mapping[str, Any]) -> str:
    """One word for a pod: waiting reason, `starting`, `running`, `ready`, `stopping`, `failed`, `succeeded`."""
    status = pod.get("status") or {}
    if is_terminating(dict(pod)) or metadata(pod).get("deletionTimestamp"):
        return "stopping"
    phase = str(status.get("phase") or "Pending")
    if phase in {"Failed", "Succeeded"}:
        return phase.lower()
    for field in ("initContainerStatuses", "containerStatuses"):
        for box in status.get(field) or ():
            reason = ((box.get("state") or {}).get("waiting") or {}).get("reason")
            if reason and reason not in {"ContainerCreating", "PodInitializing"}:
                return str(reason)
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or ())
    if ready:
        return "ready"
    return "running" if phase == "Running" else "starting"
