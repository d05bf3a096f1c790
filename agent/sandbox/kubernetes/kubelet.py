"""The one node and its kubelet: relists (PLEG), syncs, probes and the end of pods."""

from __future__ import annotations

import math

from agent.sandbox.kubernetes import podend, podstatus, podsync, prober
from agent.sandbox.kubernetes.images import Pulled, Registry
from agent.sandbox.kubernetes.objects import Obj, containers, is_terminating, key_of, meta, spec, status
from agent.sandbox.kubernetes.recorder import Recorder
from agent.sandbox.kubernetes.runtime import ContainerRun, Instance, PodRun, Steps, start_record
from agent.sandbox.kubernetes.store import Change
from agent.sandbox.kubernetes.world import World
from agent.sandbox.kubernetes.writes import Writes

NODE = "node1"
RELIST = 1.0
"""Seconds between two relists of the container runtime."""
RETRY, JITTER = 10.0, 0.5
"""After a failed sync the next one comes in 10 s, up to half as much later (kubelet: backOffPeriod)."""


class Kubelet:
    """Runs the pods that are bound to the node.

    Args:
        world: the world.
        writes: how it reports.
        recorder: its events.
        registry: where images come from.
    """

    def __init__(self, world: World, writes: Writes, recorder: Recorder, registry: Registry) -> None:
        self.world = world
        self.writes = writes
        self.recorder = recorder
        self.registry = registry
        self.images: dict[str, Pulled] = {}
        self.pulling_until = 0.0
        self.pods: dict[str, PodRun] = {}
        self._phase = world.now() + 0.37
        self._dirty: dict[str, PodRun] = {}
        world.store.subscribe(self._heard)

    def pod(self, run: PodRun) -> Obj | None:
        """The pod as it is in the API; None when it is gone or another has its name."""
        found = self.world.store.get("Pod", run.key)
        return found if found is not None and meta(found)["uid"] == run.uid else None

    def report(self, run: PodRun) -> None:
        """Writes the status where it changed."""
        pod = self.pod(run)
        if pod is None:
            return
        document = podstatus.build(pod, run, self.world.now())
        if run.stopped:
            document["phase"] = podstatus.final_phase(document)
            finished = pod | {"status": document}
            document = podstatus.build(finished, run, self.world.now())
        self.writes.change("Pod", run.key, manager="kubelet", status=document)

    def _heard(self, change: Change) -> None:
        if change.kind != "Pod" or spec(change.object).get("nodeName") != NODE:
            return
        uid = meta(change.object)["uid"]
        run = self.pods.get(uid)
        if change.type == "DELETED":
            self.pods.pop(uid, None)
            return
        if run is None:
            if status(change.object).get("phase") in {"Succeeded", "Failed"}:
                return
            run = self.pods[uid] = start_record(change.object)
            self._later(run, 0.03, "sync", lambda: self._begin(run))
        if is_terminating(change.object) and not run.stopping:
            run.stopping = True
            self._later(run, 0.02, "stop", lambda: self._stop(run))

    def _later(self, run: PodRun, seconds: float, what: str, task: object) -> None:
        self.world.after(seconds, "kubelet", (what, run.uid), task)  # type: ignore[arg-type]

    def _begin(self, run: PodRun) -> None:
        pod = self.pod(run)
        if pod is None or run.stopping:
            return
        run.started = self.world.now()
        self._sync(run)
        for _, item in containers(spec(pod)):
            for kind in prober.PROBES:
                if isinstance(item.get(kind), dict):
                    self._probe_later(run, item, kind)

    # --- syncs

    def _sync(self, run: PodRun) -> None:
        """Starts a sync, or asks for another one after the one under way."""
        if run.sync is not None:
            run.again = True
            return
        if run.stopping or run.uid not in self.pods:
            return
        self.world.agenda.drop("kubelet", ("retry", run.uid))
        run.sync = podsync.sync(self, run)
        self._go_on(run, run.sync)

    def _go_on(self, run: PodRun, steps: Steps) -> None:
        if run.sync is not steps:
            return
        try:
            pause = next(steps)
        except StopIteration as end:
            run.sync = None
            if end.value:
                wait = RETRY * (1 + JITTER * self.world.random.random())
                self._later(run, wait, "retry", lambda: self._sync(run))
            if run.again:
                run.again = False
                self._later(run, 0.0, "sync", lambda: self._sync(run))
            return
        self._later(run, pause, "step", lambda: self._go_on(run, steps))

    def relist_soon(self, run: PodRun) -> None:
        """Marks a pod whose containers changed: the next relist sees it."""
        self._dirty[run.uid] = run
        self.world.after(max(self.until_relist(), 0.001), "kubelet", "relist", self._relist)

    def until_relist(self) -> float:
        """Seconds until the next relist."""
        since = self.world.now() - self._phase
        return (math.floor(since / RELIST) + 1) * RELIST - since

    def _relist(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for run in dirty.values():
            if run.uid not in self.pods or run.stopping:
                continue
            for record in run.containers.values():
                record.look()
            run.sandbox_seen = bool(run.address)
            self._sync(run)
            for record in run.containers.values():
                self._probe_at_once(run, record)

    # --- containers

    def plan_end(self, run: PodRun, instance: Instance, seconds: float, code: int, reason: str) -> None:
        """Plans when a process ends by itself."""
        self.world.after(seconds, "kubelet", ("end", instance.id), lambda: self.end(run, instance, code, reason))

    def end(self, run: PodRun, instance: Instance, code: int, reason: str) -> None:
        """A process has ended."""
        if instance.finished is not None:
            return
        instance.finished, instance.exit_code, instance.reason = self.world.now(), code, reason
        self.relist_soon(run)

    # --- probes

    def _probe_later(self, run: PodRun, item: Obj, kind: str) -> None:
        period = max(float(item[kind].get("periodSeconds", 10)), 1.0)
        self._later(run, period, f"{kind} {item['name']}", lambda: self._probe(run, item, kind))

    def _probe(self, run: PodRun, item: Obj, kind: str) -> None:
        if run.uid in self.pods and not run.stopped:
            self._probe_once(run, item, kind)
            self._probe_later(run, item, kind)

    def _probe_once(self, run: PodRun, item: Obj, kind: str) -> None:
        pod, record = self.pod(run), run.containers[item["name"]]
        if pod is None or run.stopping:
            return
        wants_sync, unhealthy = prober.tick(record, item, kind, run.address, self.world.now())
        if unhealthy:
            place = f"spec.{record.section}{{{record.name}}}"
            self.recorder.event(pod, "Warning", "Unhealthy", unhealthy, source="kubelet", place=place)
        if wants_sync:
            self._later(run, 0.01, "sync", lambda: self._sync(run))

    def _probe_at_once(self, run: PodRun, record: ContainerRun) -> None:
        """A running container that is not ready is asked at once, not only at its next turn."""
        pod = self.pod(run)
        if pod is None or record.running is None:
            return
        item: Obj = next((found for _, found in containers(spec(pod)) if found["name"] == record.name), {})
        for kind in ("startupProbe", "readinessProbe"):
            state = record.probes.get(kind)
            if kind in item and not (state and state.instance == record.running.id and state.result):
                self._later(run, 0.01, f"now {kind} {record.name}", lambda kind=kind: self._probe_once(run, item, kind))

    # --- the end of a pod

    def _stop(self, run: PodRun) -> None:
        pod = self.pod(run)
        run.sync = None
        if pod is None:
            return
        for what in ("retry", "sync", "step"):
            self.world.agenda.drop("kubelet", (what, run.uid))
        steps = podend.stop(self, run, pod)
        run.sync = steps
        self._go_on(run, steps)

    def remove(self, run: PodRun) -> None:
        """The kubelet's forced delete: the grace period becomes 0, then the object is gone."""
        pod = self.pod(run)
        if pod is None:
            return
        about = meta(pod) | {"deletionGracePeriodSeconds": 0, "deletionTimestamp": self.world.timestamp()}
        last = self.world.store.put("Pod", pod | {"metadata": about})
        if not about.get("finalizers"):
            self.world.store.remove("Pod", key_of(last))

    def find(self, namespace: str, name: str) -> PodRun | None:
        """The record of a pod by name."""
        pod = self.world.store.get("Pod", (namespace, name))
        return self.pods.get(meta(pod)["uid"]) if pod is not None else None
