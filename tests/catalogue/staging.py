"""Makes the cases of staged.py happen: on the sandbox with a clock moved by hand, over HTTP, or on a real cluster.

What is heard is judged as an operation judges it, and compared with what a few lines of our own, which share nothing
with the judge, find in the same events (EVIDENCE).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from agent.adapters.clock import SystemClock
from agent.objects import Object, Ref, ref, uid
from agent.operations.following import Following
from agent.operations.mission import Builder, Tools
from agent.reports.events import Heard, Judged
from agent.rollout.feed import Applied, Changed, Event, Listed
from agent.rollout.replay import Tape, replay
from agent.rollout.verdict import word
from agent.sandbox.kubernetes import SandboxCluster
from agent.sandbox.kubernetes.kinds import BY_KIND
from agent.sandbox.kubernetes.patches import merge_patch
from tests.catalogue.staged import Staged, merge, workload

SPACE = "staged"
MERGE = "application/merge-patch+json"
PLURALS = {
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "Job": "jobs",
    "ReplicaSet": "replicasets",
    "ControllerRevision": "controllerrevisions",
    "Pod": "pods",
    "Event": "events",
}
LATER = 3.0
"""Seconds for which a case is played on after its last moment."""


@dataclass
class Outcome:
    """What came of a case: the verdict, when (seconds after the write), and all that was heard."""

    verdict: str
    codes: list[str]
    notes: tuple[str, ...]
    decided_at: float
    events: list[Event]
    written_at: float
    text: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} {self.codes} {self.notes} at {self.decided_at:.2f}: {self.text}"


# -- who does things ---------------------------------------------------------------------------------------------------


class Direct:
    """The sandbox without its HTTP: as much of ports.Cluster as a case needs."""

    def __init__(self, sandbox: SandboxCluster) -> None:
        self.sandbox = sandbox

    def get(self, target: Ref) -> Object | None:
        key = (target.kind, target.namespace, target.name)
        try:
            return self.sandbox[key]
        except KeyError:
            return None

    def list(self, _version: str, kind: str, namespace: str, **_: str) -> list[Object]:
        return self.sandbox.objects(kind, namespace)

    def create(self, thing: Object) -> Object:
        return self.sandbox.create(thing)

    def patch(self, target: Ref, patch: object, *, content_type: str) -> Object:
        assert content_type == MERGE
        with self.sandbox.store.changed:
            found = self.sandbox[target.kind, target.namespace, target.name]
            return dict(self.sandbox.writes.update(found, merge_patch(found, patch), manager="headway"))

    def delete(self, target: Ref) -> None:
        self.sandbox.delete(target.kind, target.namespace, target.name)


@dataclass
class Hands:
    """Everything that is done to a cluster in a case: its steps are methods."""

    case: Staged
    cluster: Any
    namespace: str
    sandbox: SandboxCluster | None = None
    evicting: Callable[[str], None] | None = None
    breaking: Callable[[str], None] | None = None
    before: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        thing = workload(self.case.kind, self.case.base)
        thing["metadata"]["namespace"] = self.namespace
        self.base = without_nulls(thing)
        self.target = ref(self.base)

    def made(self) -> Object | None:
        """What can be made before the write: the workload."""
        return None if self.case.fresh else dict(self.cluster.create(self.base))

    def surround(self) -> None:
        for item in self.case.around:
            self.make(item)
        if self.case.labels:
            self._patch(Ref("v1", "Namespace", "", self.namespace), {"metadata": {"labels": self.case.labels}})

    def note_pods(self) -> None:
        self.before = {uid(item) for item in self.cluster.list("v1", "Pod", self.namespace)}

    def write(self) -> Object:
        """Our own write."""
        if self.case.fresh:
            return dict(self.cluster.create(self.base))
        after = without_nulls(merge(self.base, self.case.change))
        return self._patch(self.target, {"metadata": marks(after), "spec": after["spec"]})

    def is_settled(self) -> bool:
        found = self.cluster.get(self.target)
        return found is not None and is_complete(found)

    # verbs

    def patch(self, body: Object) -> Object:
        if body.get("spec") or body.get("metadata"):
            live = self.cluster.get(self.target)
            body = {key: merge(live.get(key, {}), body[key]) for key in ("metadata", "spec") if key in body}
            body["metadata"] = marks(body)
        return self._patch(self.target, without_patches(body))

    def make(self, thing: Object) -> None:
        about = thing["metadata"] | {"namespace": self.namespace}
        self.cluster.create(thing | {"metadata": about})

    def change(self, what: tuple[str, str, Object]) -> None:
        kind, name, body = what
        self._patch(Ref("v1", kind, self.namespace, name), body)

    def remove(self, _: object) -> None:
        self.cluster.delete(self.target)

    def lose(self, _: object) -> None:
        self.cluster.delete(Ref("v1", "Pod", self.namespace, self._new_pod()))

    def evict(self, _: object) -> None:
        if self.evicting is not None:
            self.evicting(self._new_pod())
        else:
            self.lose(None)

    def chaos(self, what: str) -> None:
        """Breaks a real cluster, or heals it."""
        assert self.breaking is not None
        self.breaking(what)

    def cordon(self, on: bool) -> None:
        node = self.cluster.list("v1", "Node", "")[0]
        self._patch(Ref("v1", "Node", "", node["metadata"]["name"]), {"spec": {"unschedulable": on or None}})

    def bind(self, claim: str) -> None:
        self._patch(
            Ref("v1", "PersistentVolumeClaim", self.namespace, claim), {"spec": {"storageClassName": "standard"}}
        )

    def away(self, seconds: float) -> None:
        assert self.sandbox is not None
        self.sandbox.refuse_connections()
        time.sleep(seconds / (self.sandbox.world.clock.speed or 1))
        self.sandbox.refuse_connections(False)

    def trouble(self, what: tuple[str, float]) -> None:
        assert self.sandbox is not None
        self.sandbox.fault(what[0], seconds=what[1])

    def compact(self, _: object) -> None:
        assert self.sandbox is not None
        self.sandbox.compact()
        self.sandbox.fault("cut", seconds=0.5)

    def _patch(self, target: Ref, body: object) -> Object:
        return dict(self.cluster.patch(target, body, content_type=MERGE))

    def _new_pod(self) -> str:
        pods = [item for item in self.cluster.list("v1", "Pod", self.namespace) if uid(item) not in self.before]
        assert pods, "no new pod has come yet"
        return str(pods[0]["metadata"]["name"])


def marks(thing: Object) -> Object:
    return {key: thing.get("metadata", {}).get(key) for key in ("labels", "annotations")}


def without_nulls(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {key: without_nulls(value) for key, value in thing.items() if value is not None and key != "$patch"}
    return [without_nulls(item) for item in thing] if isinstance(thing, list) else thing


def without_patches(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {key: without_patches(value) for key, value in thing.items() if key != "$patch"}
    return [without_patches(item) for item in thing] if isinstance(thing, list) else thing


# -- by hand: no wall clock, no HTTP -----------------------------------------------------------------------------------


def by_hand(case: Staged, seed: int = 1) -> Outcome:
    """On the sandbox whose clock stands still: exact, the same every time."""
    sandbox = SandboxCluster(speed=None, namespaces=[SPACE], seed=seed)
    hands = Hands(case, Direct(sandbox), SPACE, sandbox)
    if hands.made() is not None:
        for _ in range(120):
            sandbox.advance(0.5)
            if hands.is_settled():
                break
        sandbox.advance(1.0)
    hands.surround()
    for patch, pause in case.before:
        hands.patch(patch)
        sandbox.advance(pause)
    sandbox.advance(1.0)
    now = sandbox.world.now
    events: list[Event] = []
    wanted = {kind: plural for kind, plural in PLURALS.items() if kind in BY_KIND}
    for kind, plural in wanted.items():
        if kind != "Event":
            events.append(Listed(now(), plural, tuple(sandbox.objects(kind, SPACE))))
    hands.note_pods()

    def heard(change: Any) -> None:
        if change.kind in wanted and change.object["metadata"].get("namespace") == SPACE:
            events.append(Changed(now(), wanted[change.kind], change.type, change.object))

    sandbox.store.subscribe(heard)
    start, place = now(), len(events)
    answer = hands.write()
    events.insert(place, Applied(start, answer, created=case.fresh))
    for at, verb, argument in case.steps:
        sandbox.advance(max(0.0, start + at - now()))
        getattr(hands, verb)(argument)
    sandbox.advance(max(0.0, start + case.by + LATER - now()))
    outcome = replay(Tape(hands.target, case.policy, tuple(events), now(), {}))
    decided = float("inf") if outcome.decided_at is None else outcome.decided_at
    found = outcome.verdict
    codes = [str(item.code) for item in getattr(found, "diagnosis", ())]
    notes = tuple(getattr(found, "notes", ()))
    return Outcome(word(found), codes, notes, decided, events, start, repr(found))


# -- over HTTP: the sandbox at speed, or a real cluster ----------------------------------------------------------------


class Quick(SystemClock):
    """The clock of a world that is so many times as fast."""

    def __init__(self, speed: float) -> None:
        self.speed = speed

    def monotonic(self) -> float:
        return time.monotonic() * self.speed


@dataclass
class QuickFeed:
    """A feed heard in that world's time."""

    feed: Any
    speed: float

    def next(self, timeout: float) -> Event | None:
        event = self.feed.next(timeout / self.speed)
        return None if event is None else replace(event, at=event.at * self.speed)


@dataclass
class QuickCluster:
    """The cluster, its feeds in that world's time."""

    cluster: Any
    speed: float

    @contextmanager
    def follow(self, target: Ref, selector: str) -> Any:
        with self.cluster.follow(target, selector) as feed:
            yield QuickFeed(feed, self.speed)


def over_http(
    case: Staged,
    cluster: Any,
    namespace: str,
    *,
    speed: float = 1.0,
    sandbox: SandboxCluster | None = None,
    evicting: Callable[[str], None] | None = None,
    breaking: Callable[[str], None] | None = None,
) -> Outcome:
    """Through the adapter and `operations.following`, as a deploy follows."""
    hands = Hands(case, cluster, namespace, sandbox, evicting, breaking)
    clock = Quick(speed)
    if hands.made() is not None:
        until = clock.monotonic() + 120
        while not hands.is_settled():
            assert clock.monotonic() < until, "the set-up never became ready"
            clock.sleep(0.2 / speed)
        clock.sleep(1.0 / speed)
    hands.surround()
    for patch, pause in case.before:
        hands.patch(patch)
        clock.sleep(pause / speed)
    clock.sleep(1.0 / speed)
    hands.note_pods()
    said: list[Any] = []
    tools = Tools(QuickCluster(cluster, speed), None, clock, said.append, Builder("test"))  # type: ignore[arg-type]
    over = threading.Event()
    watched = hands.base
    if case.kind == "Job":
        watched = merge(watched, {"spec": {"selector": {"matchLabels": {"app": "web"}}}})
    with Following(tools, [watched]) as following:
        start = clock.monotonic()
        following.applied(hands.write(), start, created=case.fresh)
        acting = threading.Thread(target=act, args=(hands, start, clock, over), daemon=True)
        acting.start()
        (ending, *_) = following.run(case.policy)
        over.set()
        acting.join(30)
    decided = next(item.at for item in said if isinstance(item, Judged)) - start
    events = [item.event for item in said if isinstance(item, Heard)]
    codes = [str(item.code) for item in getattr(ending.verdict, "diagnosis", ())]
    return Outcome(
        ending.word, codes, tuple(getattr(ending.verdict, "notes", ())), decided, events, start, repr(ending.verdict)
    )


def act(hands: Hands, start: float, clock: Quick, over: threading.Event) -> None:
    """The steps, each at its time."""
    for at, verb, argument in hands.case.steps:
        if over.wait(max(0.0, start + at - clock.monotonic()) / clock.speed):
            return
        getattr(hands, verb)(argument)


# -- what was there to be seen -----------------------------------------------------------------------------------------

OWN_LIMIT = "pull QPS exceeded"
"""A kubelet with much to pull says so of itself: no evidence of anything."""
BAD_PULLS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}


@dataclass
class View:
    """What was heard so far: the workload, pods that came after the write, and the newest event of the cluster."""

    generation: int = 0
    old: set[str] = field(default_factory=set)
    workload: Object = field(default_factory=dict)
    gone: bool = False
    pods: dict[str, Object] = field(default_factory=dict)
    sets: dict[str, Object] = field(default_factory=dict)
    said: Object = field(default_factory=dict)

    def statuses(self, pod: Object) -> list[Object]:
        status = pod.get("status", {})
        return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]

    def waiting(self) -> set[str]:
        found = [item for pod in self.pods.values() for item in self.statuses(pod)]
        states = [item.get("state", {}).get("waiting", {}) for item in found]
        return {state.get("reason", "") for state in states if OWN_LIMIT not in state.get("message", "")}


def is_complete(thing: Object) -> bool:
    """What `kubectl rollout status` calls done."""
    status, spec = thing.get("status", {}), thing["spec"]
    conditions = {item["type"] for item in status.get("conditions", []) if item["status"] == "True"}
    if thing["kind"] == "Job":
        return bool(conditions & {"Complete", "SuccessCriteriaMet"})
    if status.get("observedGeneration") != thing["metadata"]["generation"]:
        return False
    wanted = spec.get("replicas", 1)
    if thing["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return bool(status.get("updatedNumberScheduled", 0) >= wanted <= status.get("numberAvailable", 0))
    updated = status.get("updatedReplicas", 0)
    if thing["kind"] == "StatefulSet":
        strategy = spec.get("updateStrategy", {})
        if strategy.get("type") == "OnDelete":
            return True
        partition = strategy.get("rollingUpdate", {}).get("partition", 0)
        return bool(status.get("readyReplicas", 0) >= wanted and updated >= wanted - partition)
    return bool(updated >= wanted and status.get("replicas", 0) <= updated <= status.get("availableReplicas", 0))


def _second_exits(view: View) -> bool:
    live = [pod for pod in view.pods.values() if not pod["metadata"].get("deletionTimestamp")]
    broken = [
        pod
        for pod in live
        if any(item.get("restartCount", 0) >= 1 and "running" not in item["state"] for item in view.statuses(pod))
    ]
    return bool(live) and len(broken) >= min(2, len(live))


def _condition(thing: Object, kind: str, status: str, reason: str = "") -> bool:
    return any(
        item["type"] == kind and item["status"] == status and reason in {"", item.get("reason", "")}
        for item in thing.get("status", {}).get("conditions", [])
    )


EVIDENCE: dict[str, Callable[[View], bool]] = {
    "complete": lambda view: (
        bool(view.workload)
        and view.workload["metadata"].get("generation", 0) >= view.generation
        and is_complete(view.workload)
    ),
    "pull": lambda view: (
        bool(view.waiting() & BAD_PULLS)
        or view.said.get("reason") in {"InspectFailed", "ErrImageNeverPull"}
        or ("Failed to pull image" in view.said.get("message", "") and OWN_LIMIT not in view.said["message"])
    ),
    "exits": _second_exits,
    "killed": lambda view: (
        view.said.get("reason") == "Killing"
        and "liveness" in view.said.get("message", "")
        and view.said.get("count", 1) >= 2
    ),
    "start": lambda view: (
        bool(view.waiting() & {"RunContainerError", "CreateContainerError"})
        or "stat /nope" in view.said.get("message", "")
        or any("/nope" in str(item) for pod in view.pods.values() for item in view.statuses(pod))
    ),
    "refused": lambda view: (
        view.said.get("reason") == "FailedCreate"
        or any(_condition(item, "ReplicaFailure", "True") for item in view.sets.values())
    ),
    "config": lambda view: (
        "CreateContainerConfigError" in view.waiting()
        or view.said.get("reason") == "FailedMount"
        or "couldn't find key" in view.said.get("message", "")
        or "not found" in view.said.get("message", "")
        or "non-root policy" in view.said.get("message", "")
    ),
    "unscheduled": lambda view: any(_condition(pod, "PodScheduled", "False") for pod in view.pods.values()),
    "deadline": lambda view: _condition(view.workload, "Progressing", "False", "ProgressDeadlineExceeded"),
    "job": lambda view: (
        _condition(view.workload, "Failed", "True") or _condition(view.workload, "FailureTarget", "True")
    ),
    # The watch of ReplicaSets may be faster than that of the Deployment: a second new one can only be somebody else's.
    "generation": lambda view: (
        view.workload.get("metadata", {}).get("generation", 0) > view.generation or len(view.sets) > 1
    ),
    "gone": lambda view: view.gone or bool(view.workload.get("metadata", {}).get("deletionTimestamp")),
}


def seen_at(evidence: str, outcome: Outcome, plural: str) -> float | None:
    """When the evidence was heard, in seconds after the write; None if it never was."""
    view, is_there = View(), EVIDENCE[evidence]
    written = next(item for item in outcome.events if isinstance(item, Applied))
    view.generation = written.object["metadata"]["generation"]
    after = False
    for event in outcome.events:
        if event is written:
            after = True
            continue
        if isinstance(event, Listed):
            things = [(event.resource, "ADDED", item) for item in event.items]
        elif isinstance(event, Changed):
            things = [(event.resource, event.type, event.object)]
        else:
            continue
        for resource, verb, thing in things:
            _learn(view, resource, verb, thing, plural, after)
        if after and is_there(view):
            return max(0.0, event.at - outcome.written_at)
    return None


def _learn(view: View, resource: str, verb: str, thing: Object, plural: str, after: bool) -> None:
    name = uid(thing)
    if not after:
        view.old.add(name)
        return
    if resource == plural and thing["metadata"]["name"] == "web":
        view.workload, view.gone = thing, verb == "DELETED"
    elif resource in {"pods", "replicasets"} and name not in view.old:
        if (thing["metadata"].get("labels") or {}).get("app") != "web":
            return
        kept = view.pods if resource == "pods" else view.sets
        kept[name] = thing
        if verb == "DELETED":
            del kept[name]
    elif resource == "events" and "neighbour" not in thing.get("involvedObject", {}).get("name", ""):
        view.said = thing


def check(case: Staged, outcome: Outcome, slack: float = 0.0, busy: float = 0.0) -> None:
    """Whether a case came out right, and in time.

    Args:
        case: what was to come.
        outcome: what came.
        slack: seconds more that hearing and judging may take here.
        busy: seconds more that a busy cluster may take for everything.
    """
    assert outcome.verdict == case.verdict, outcome
    assert case.code in {"", *outcome.codes}, outcome
    assert set(case.notes) <= set(outcome.notes), outcome
    assert outcome.decided_at <= case.by + slack + busy, outcome
    if case.verdict == "timed-out":
        assert case.policy.timeout - 0.1 <= outcome.decided_at <= case.policy.timeout + case.within + slack, outcome
    if case.evidence:
        seen = seen_at(case.evidence, outcome, PLURALS[case.kind])
        assert seen is not None, f"the evidence {case.evidence!r} was never heard: {outcome}"
        due = seen + case.patience
        assert due - 0.1 <= outcome.decided_at <= due + case.within + slack, f"evidence at {seen:.2f}: {outcome}"
