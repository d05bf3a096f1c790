"""A cluster in memory under a clock that a test owns: enough of Kubernetes for operations, and nothing of HTTP.

Deployments behave by the tag of their image (v1, v3 good; v2 answers 500 on /api; crash; unready; others don't exist).
Time moves only when somebody waits: a feed that is asked for its next event, or a sleep.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agent.errors import FieldConflictError, InvalidObjectError, NotFoundError, StaleWriteError
from agent.objects import Object, Ref, labels, name, ref, uid
from agent.ports import CommandAnswer, HttpAnswer
from agent.release.digest import of
from agent.rollout import feed

PLURALS = {
    "Deployment": "deployments", "ReplicaSet": "replicasets", "Pod": "pods", "Event": "events",
    "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "Job": "jobs",
}  # fmt: skip
GOOD = {"v1", "v2", "v3", "v4", "v5"}


class FakeClock:
    """Moves when somebody sleeps, and when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> str:
        seconds = int(self.now) - 1000
        return f"2026-01-01T{10 + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"

    def sleep(self, seconds: float) -> None:
        self.advance(self.now + seconds)

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, next(self._order), action))
        self.due.sort(key=lambda item: item[:2])

    def advance(self, until: float) -> None:
        while self.due and self.due[0][0] <= until:
            moment, _, action = self.due.pop(0)
            self.now = max(self.now, moment)
            action()
        self.now = max(self.now, until)

    def next_due(self) -> float | None:
        return self.due[0][0] if self.due else None


class FakeFeed:
    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.events: deque[feed.Event] = deque()

    def next(self, timeout: float) -> feed.Event | None:
        clock = self.cluster.clock
        until = clock.now + timeout
        while not self.events:
            due = clock.next_due()
            if due is None or due > until:
                clock.advance(until)
                break
            clock.advance(due)
        return self.events.popleft() if self.events else None


class FakeCluster:
    """Implements agent.ports.Cluster. `log` lists every request: (verb, ref, dry_run)."""

    label = "fake"
    namespace = "default"

    def __init__(self, clock: FakeClock | None = None, namespaces: tuple[str, ...] = ("shop",)) -> None:
        self.clock = clock or FakeClock()
        self.namespaces = namespaces
        self.objects: dict[Ref, Object] = {}
        self.log: list[tuple[str, Ref, bool]] = []
        self.versions = itertools.count(100)
        self.feeds: list[tuple[Ref, FakeFeed]] = []
        self.refuse: dict[Ref, Exception] = {}
        self.conflicts: dict[Ref, tuple[tuple[str, str], ...]] = {}
        self.before_write: Callable[[str, Ref], None] | None = None
        self.after_write: Callable[[str, Ref], None] | None = None
        self.ready_after = 1.0
        self.log_text = "boom: no such table\n"

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, target: Ref) -> Object | None:
        self.log.append(("get", target, False))
        if target.kind == "Namespace":
            return {"kind": "Namespace", "metadata": {"name": target.name}} if target.name in self.namespaces else None
        found = self.objects.get(target)
        return copy.deepcopy(found) if found else None

    def list(self, api_version: str, kind: str, namespace: str, *, labels: str = "", fields: str = "") -> list[Object]:
        del fields
        self.log.append(("list", Ref(api_version, kind, namespace, ""), False))
        return [
            copy.deepcopy(thing)
            for key, thing in self.objects.items()
            if (key.kind, key.namespace) == (kind, namespace) and _matches(thing, labels)
        ]

    # -- writing ------------------------------------------------------------------------------------------------

    def apply(self, thing: Object, *, dry_run: bool = False, force: bool = False) -> Object:
        target = ref(thing)
        self._gate("apply", target, dry_run)
        if target in self.conflicts and not force:
            raise FieldConflictError("conflict", conflicts=self.conflicts[target])
        live = self.objects.get(target)
        wanted = (thing.get("metadata") or {}).get("resourceVersion")
        if wanted is not None and (live is None or live["metadata"]["resourceVersion"] != wanted):
            raise StaleWriteError(f"{target} changed")
        return self._store(target, _applied(live, thing), live, dry_run=dry_run)

    def create(self, thing: Object, *, dry_run: bool = False) -> Object:
        target = ref(thing)
        self._gate("create", target, dry_run)
        if target in self.objects:
            raise StaleWriteError(f"{target} exists")
        return self._store(target, copy.deepcopy(thing), None, dry_run=dry_run)

    def replace(self, thing: Object, *, dry_run: bool = False) -> Object:
        target = ref(thing)
        self._gate("replace", target, dry_run)
        live = self.objects.get(target)
        if live is None:
            raise NotFoundError(f"{target} not found")
        if thing["metadata"].get("resourceVersion") not in {None, live["metadata"]["resourceVersion"]}:
            raise StaleWriteError(f"{target} changed")
        return self._store(target, copy.deepcopy(thing), live, dry_run=dry_run)

    def patch(self, target: Ref, patch: object, *, content_type: str, dry_run: bool = False) -> Object:
        assert content_type == "application/merge-patch+json"
        assert isinstance(patch, dict)
        self._gate("patch", target, dry_run)
        live = self.objects.get(target)
        if live is None:
            raise NotFoundError(f"{target} not found")
        wanted = (patch.get("metadata") or {}).get("resourceVersion")
        if wanted is not None and wanted != live["metadata"]["resourceVersion"]:
            raise StaleWriteError(f"{target} changed")
        return self._store(target, _merged(copy.deepcopy(live), patch), live, dry_run=dry_run)

    def delete(self, target: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        self._gate("delete", target, dry_run)
        live = self.objects.get(target)
        if live is None or dry_run:
            return
        if uid and live["metadata"]["uid"] != uid:
            raise StaleWriteError(f"{target} is another object now")
        self._remove(target)
        for key, thing in list(self.objects.items()):
            if any(owner["uid"] == live["metadata"]["uid"] for owner in thing["metadata"].get("ownerReferences") or ()):
                self.delete(key)
        if self.after_write:
            self.after_write("delete", target)

    def _gate(self, verb: str, target: Ref, dry_run: bool) -> None:
        self.log.append((verb, target, dry_run))
        if not dry_run and self.before_write:
            self.before_write(verb, target)
        if target.namespace not in self.namespaces:
            raise NotFoundError(f'namespaces "{target.namespace}" not found')
        if target in self.refuse:
            raise self.refuse[target]

    def _store(self, target: Ref, thing: Object, live: Object | None, *, dry_run: bool) -> Object:
        meta = thing.setdefault("metadata", {})
        old = (live or {}).get("metadata") or {}
        meta["uid"] = old.get("uid") or f"uid-{target.kind}-{target.name}-{next(self.versions)}"
        meta.setdefault("namespace", target.namespace)
        moved = live is None or (live.get("spec") != thing.get("spec"))
        meta["generation"] = int(old.get("generation") or 0) + moved
        same = live is not None and _content(live) == _content(thing)
        meta["resourceVersion"] = old.get("resourceVersion") if same else str(next(self.versions))
        if dry_run:
            return copy.deepcopy(thing)
        if not same:
            self.objects[target] = thing
            self._tell("MODIFIED" if live else "ADDED", thing)
            if target.kind == "Deployment" and moved:
                self._roll(target)
            if target.kind == "Job" and live is None:
                self.clock.at(0.5, lambda: self._end_job(target))
        answer = copy.deepcopy(thing)
        if self.after_write:
            self.after_write("write", target)
        return answer

    # -- controllers --------------------------------------------------------------------------------------------

    def _roll(self, target: Ref) -> None:
        generation = self.objects[target]["metadata"]["generation"]
        self.clock.at(0.05, lambda: self._make_replica_set(target, generation))

    def _end_job(self, target: Ref) -> None:
        """A Job succeeds unless its image or its command says otherwise."""
        thing = self.objects.get(target)
        if thing is None:
            return
        bad = "crash" in str(thing["spec"]["template"])
        kind, reason = ("Failed", "BackoffLimitExceeded") if bad else ("Complete", "")
        status: Object = {"conditions": [{"type": kind, "status": "True", "reason": reason}]}
        status |= {"failed": 1} if bad else {"succeeded": 1}
        self._put(target, {**thing, "status": status})

    def _make_replica_set(self, target: Ref, generation: int) -> None:
        thing = self.objects.get(target)
        if thing is None or thing["metadata"]["generation"] != generation:
            return
        template = copy.deepcopy(thing["spec"]["template"])
        digest = of(template)[:10]
        key = Ref("apps/v1", "ReplicaSet", target.namespace, f"{target.name}-{digest}")
        owned = [one for one in self.objects.values() if one["kind"] == "ReplicaSet" and _owned_by(one, thing)]
        revision = max((int(one["metadata"]["annotations"][REVISION]) for one in owned), default=0) + 1
        known = self.objects.get(key)
        if known is None:
            template["metadata"].setdefault("labels", {})["pod-template-hash"] = digest
            known = _owned("apps/v1", "ReplicaSet", key.name, thing, {**template["metadata"]["labels"]})
            known["spec"] = {"replicas": 0, "selector": thing["spec"]["selector"], "template": template}
            known["metadata"]["annotations"] = {REVISION: str(revision)}
            self._put(key, known)
        elif int(known["metadata"]["annotations"][REVISION]) != revision - 1:
            known = {**known, "metadata": {**known["metadata"], "annotations": {REVISION: str(revision)}}}
            self._put(key, known)
        else:
            revision -= 1
        notes = {**(thing["metadata"].get("annotations") or {}), REVISION: str(revision)}
        wanted = int(thing["spec"].get("replicas", 1))
        status = {**(thing.get("status") or {}), "observedGeneration": generation, "updatedReplicas": 0}
        self._put(target, {**thing, "metadata": {**thing["metadata"], "annotations": notes}, "status": status})
        self._scale(key, wanted, template)
        self.clock.at(self.ready_after, lambda: self._settle(target, key, generation))

    def _scale(self, owner: Ref, wanted: int, template: Object) -> None:
        rs = self.objects[owner]
        self._put(owner, {**rs, "spec": {**rs["spec"], "replicas": wanted}})
        there = [key for key, one in self.objects.items() if one["kind"] == "Pod" and _owned_by(one, rs)]
        for key in there[wanted:]:
            self._remove(key)
        for _ in range(wanted - len(there)):
            pod_name = f"{owner.name}-p{next(self.versions)}"
            pod = _owned("v1", "Pod", pod_name, rs, dict(template["metadata"].get("labels") or {}))
            pod["spec"] = {**copy.deepcopy(template["spec"]), "nodeName": "node-1"}
            pod["status"] = {"phase": "Pending", "conditions": []}
            self._put(Ref("v1", "Pod", owner.namespace, pod_name), pod)

    def _settle(self, target: Ref, owner: Ref, generation: int) -> None:
        thing = self.objects.get(target)
        if thing is None or thing["metadata"]["generation"] != generation:
            return
        rs = self.objects[owner]
        pods = [key for key, one in self.objects.items() if one["kind"] == "Pod" and _owned_by(one, rs)]
        verdicts = []
        for key in pods:
            pod = self.objects[key]
            status = _status(pod)
            verdicts.append(status)
            self._put(key, {**pod, "status": status})
        wanted = int(thing["spec"].get("replicas", 1))
        fine = all(any(c["type"] == "Ready" and c["status"] == "True" for c in one["conditions"]) for one in verdicts)
        olds = [k for k, o in self.objects.items() if o["kind"] == "ReplicaSet" and _owned_by(o, thing) and k != owner]
        if fine:
            for old in olds:
                self._scale(old, 0, self.objects[old]["spec"]["template"])
        kept = sum(int(self.objects[old]["spec"]["replicas"]) for old in olds)
        ready = wanted if fine else 0
        status = {
            "observedGeneration": generation, "replicas": wanted + kept, "updatedReplicas": wanted,
            "readyReplicas": ready + kept, "availableReplicas": ready + kept,
            "unavailableReplicas": 0 if fine else wanted,
            "conditions": [{"type": "Available", "status": "True" if ready + kept else "False"},
                           {"type": "Progressing", "status": "True",
                            "reason": "NewReplicaSetAvailable" if fine else "ReplicaSetUpdated"}],
        }  # fmt: skip
        self._put(target, {**self.objects[target], "status": status})
        if not fine and any(_tag(self.objects[key]) == "crash" for key in pods):
            self.clock.at(1.0, lambda: self._crash_again(pods))

    def _crash_again(self, pods: Sequence[Ref]) -> None:
        for key in pods:
            pod = self.objects.get(key)
            if pod is not None:
                self._put(key, {**pod, "status": _status(pod, restarts=2)})

    # -- plumbing -----------------------------------------------------------------------------------------------

    def _put(self, key: Ref, thing: Object) -> None:
        known = self.objects.get(key)
        meta = {**thing["metadata"], "resourceVersion": str(next(self.versions))}
        meta.setdefault("uid", f"uid-{key.kind}-{key.name}")
        self.objects[key] = {**thing, "metadata": meta}
        self._tell("MODIFIED" if known else "ADDED", self.objects[key])

    def _remove(self, key: Ref) -> None:
        thing = self.objects.pop(key)
        self._tell("DELETED", thing)

    def _tell(self, kind: str, thing: Object) -> None:
        resource = PLURALS.get(str(thing.get("kind")))
        if resource is None:
            return
        for workload, listener in self.feeds:
            if thing["kind"] in {"Deployment", "Job"} and ref(thing) != workload:
                continue
            listener.events.append(feed.Changed(self.clock.now, resource, kind, copy.deepcopy(thing)))  # type: ignore[arg-type]

    @contextlib.contextmanager
    def follow(self, workload: Ref, selector: str) -> Iterator[FakeFeed]:
        listener = FakeFeed(self)
        for kind in (workload.kind, "ReplicaSet", "Pod", "Event"):
            items = tuple(
                copy.deepcopy(thing)
                for key, thing in self.objects.items()
                if key.kind == kind
                and key.namespace == workload.namespace
                and (key.name == workload.name if kind == workload.kind else _matches(thing, selector))
            )
            listener.events.append(feed.Listed(self.clock.now, PLURALS[kind], items))
        entry = (workload, listener)
        self.feeds.append(entry)
        try:
            yield listener
        finally:
            self.feeds.remove(entry)

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 50) -> str:
        del namespace, container, previous, lines
        self.log.append(("logs", Ref("v1", "Pod", "", pod), False))
        return self.log_text

    def probe(self, kind: str, namespace: str, name: str, port: str, path: str, *, timeout: float) -> HttpAnswer:
        del timeout
        self.log.append(("probe", Ref("v1", kind, namespace, f"{name}:{port}{path}"), False))
        if kind == "services":
            pod = next((one for key, one in self.objects.items() if key.kind == "Pod" and _ready(one)), None)
        else:
            pod = self.objects.get(Ref("v1", "Pod", namespace, name))
        return answer(pod, path) if pod and _ready(pod) else HttpAnswer(503, "no such pod")

    def warnings(self) -> tuple[str, ...]:
        """None: nobody warns here."""
        return ()

    # -- for tests ----------------------------------------------------------------------------------------------

    def writes(self) -> Sequence[tuple[str, Ref]]:
        """What was really written, leases and ledgers apart."""
        return [
            (verb, target)
            for verb, target, dry in self.log
            if verb not in {"get", "list", "logs", "probe"} and not dry and not target.name.startswith("headway.")
        ]

    def things(self) -> dict[Ref, Object]:
        """Everything but what Headway keeps for itself."""
        return {key: thing for key, thing in self.objects.items() if not key.name.startswith("headway.")}

    def pods_of(self, tag: str) -> Sequence[str]:
        return [key.name for key, one in self.objects.items() if key.kind == "Pod" and _tag(one) == tag]

    def settle(self, seconds: float = 10.0) -> None:
        """Lets the controllers do what is due."""
        self.clock.advance(self.clock.now + seconds)


REVISION = "deployment.kubernetes.io/revision"


def answer(pod: Object, path: str) -> HttpAnswer:
    tag = _tag(pod)
    if path == "/version":
        return HttpAnswer(200, json.dumps({"version": tag}))
    if path == "/api" and tag == "v2":
        return HttpAnswer(500, '{"ok":false,"version":"v2"}')
    return HttpAnswer(200, '{"ok":true}')


def _ready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or ())


def _tag(pod: Object) -> str:
    image = str(pod["spec"]["containers"][0].get("image", ""))
    return image.rpartition(":")[2]


def _status(pod: Object, restarts: int = 1) -> Object:
    tag = _tag(pod)
    box: dict[str, Any] = {
        "name": pod["spec"]["containers"][0]["name"], "restartCount": 0, "ready": False, "started": False,
        "image": pod["spec"]["containers"][0]["image"], "imageID": "",
    }  # fmt: skip
    phase, ready = "Running", False
    if tag in GOOD:
        box |= {"ready": True, "started": True, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                "imageID": f"registry.example.com/shop/web@sha256:{of(tag)}"}  # fmt: skip
        ready = True
    elif tag == "crash":
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:01Z"}}
        box |= {"restartCount": restarts, "lastState": ended,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}}  # fmt: skip
    elif tag == "unready":
        box |= {"started": True, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    else:
        phase = "Pending"
        box["state"] = {"waiting": {
            "reason": "ErrImagePull", "message": f'failed to pull and unpack image "{box["image"]}": not found',
        }}  # fmt: skip
    state = "True" if ready else "False"
    return {"phase": phase, "containerStatuses": [box], "conditions": [
        {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": state},
        {"type": "ContainersReady", "status": state},
    ]}  # fmt: skip


def _owned(api: str, kind: str, its_name: str, owner: Object, marks: dict[str, str]) -> Object:
    return {
        "apiVersion": api, "kind": kind,
        "metadata": {
            "name": its_name, "namespace": owner["metadata"]["namespace"], "labels": marks, "uid": f"uid-{its_name}",
            "ownerReferences": [{
                "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
                "controller": True,
            }],
        },
    }  # fmt: skip


def _owned_by(thing: Object, owner: Object) -> bool:
    return any(one["uid"] == uid(owner) for one in thing["metadata"].get("ownerReferences") or ())


def _matches(thing: Object, selector: str) -> bool:
    marks = labels(thing)
    return all(marks.get(part.partition("=")[0]) == part.partition("=")[2] for part in selector.split(",") if part)


def _content(thing: Object) -> object:
    return {key: value for key, value in thing.items() if key not in {"metadata", "status"}}, {
        key: value for key, value in thing["metadata"].items() if key in {"labels", "annotations", "managedFields"}
    }


def _applied(live: Object | None, thing: Object) -> Object:
    """Server-side apply as far as operations rely on it: top-level parts of what we own are replaced, others kept."""
    owned = list(((live or {}).get("metadata") or {}).get("managedFields") or ())
    before: Object = next((entry["sent"] for entry in owned if entry["manager"] == "headway"), {})
    sent = copy.deepcopy(thing)
    sent["metadata"].pop("resourceVersion", None)
    if sent.get("kind") == "Broken":
        raise InvalidObjectError("it is broken")
    result = _ssa(copy.deepcopy(live) if live else {}, before, sent)
    result["metadata"]["managedFields"] = [
        *(entry for entry in owned if entry["manager"] != "headway"),
        {"manager": "headway", "operation": "Apply", "sent": sent,
         "fieldsV1": {"f:spec": {f"f:{key}": {} for key in sent.get("spec") or {}}}},
    ]  # fmt: skip
    return result


def _ssa(live: Any, before: Any, sent: Any) -> Any:
    if not isinstance(sent, dict) or not isinstance(live, dict):
        return copy.deepcopy(sent)
    result = dict(live)
    for key in before if isinstance(before, dict) else ():
        if key not in sent:
            result.pop(key, None)
    for key, value in sent.items():
        known = before.get(key) if isinstance(before, dict) else None
        result[key] = _ssa(result.get(key), known, value)
    return result


def _merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict) or not isinstance(target, dict):
        return patch
    for key, value in patch.items():
        if key == "resourceVersion":
            continue
        if value is None:
            target.pop(key, None)
        else:
            target[key] = _merged(target.get(key, {}), value)
    return target


class FakeProber:
    """Answers by a function of the test."""

    def __init__(self) -> None:
        self.answers: dict[str, HttpAnswer] = {}
        self.commands: list[tuple[str, dict[str, str]]] = []
        self.status: int | None = 0

    def get(self, url: str, *, timeout: float) -> HttpAnswer:
        del timeout
        return self.answers.get(url, HttpAnswer(0, error="connection refused"))

    def run(self, command: str, *, environment: dict[str, str], timeout: float) -> CommandAnswer:
        del timeout
        self.commands.append((command, environment))
        return CommandAnswer(self.status, "output\n", 0.1)
