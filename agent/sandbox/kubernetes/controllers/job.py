"""The Job controller (pkg/controller/job): pods until enough have succeeded or too many have failed."""

from __future__ import annotations

from agent.sandbox.clock import from_rfc3339
from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.controllers.replicaset import new_pod
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import (
    Key,
    Obj,
    condition,
    is_active,
    is_owned_by,
    is_ready,
    is_terminating,
    meta,
    spec,
    status,
)

_FIRST_BACKOFF, _LAST_BACKOFF = 10.0, 600.0


class Jobs(Controller):
    """Runs Jobs."""

    kind = "Job"
    delay = 0.02

    @property
    def source(self) -> str:
        """As events name it."""
        return "job-controller"

    def sync(self, key: Key) -> None:
        """One step."""
        job = self.store.get(self.kind, key)
        if job is None or is_terminating(job):
            return
        if _is_finished(job):
            self._expire(key, job)
            return
        pods = [pod for pod in self.store.listed("Pod", key[0]) if is_owned_by(pod, job)]
        active = [pod for pod in pods if is_active(pod)]
        done = sum(status(pod).get("phase") == "Succeeded" for pod in pods)
        failed = [pod for pod in pods if status(pod).get("phase") == "Failed"]
        end = self._end(key, job, done, failed, pods)
        error: ApiError | None = None
        if end is not None:
            for pod in active:
                self.writes.delete(pod)
            active = []
        elif not spec(job).get("suspend"):
            try:
                active += self._create(key, job, active, done, failed)
            except ApiError as refused:
                error = refused
        self._report(key, job, active, done, len(failed), end)
        if error is not None:
            raise error

    def _end(self, key: Key, job: Obj, done: int, failed: list[Obj], pods: list[Obj]) -> tuple[str, str, str] | None:
        """The condition that ends the Job; None while it goes on."""
        deadline = spec(job).get("activeDeadlineSeconds")
        since = status(job).get("startTime")
        if deadline is not None and since:
            left = from_rfc3339(since) + float(deadline) - self.world.now()
            if left <= 0:
                return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
            self.enqueue(key, left + 0.01)
        restarts = sum(
            item.get("restartCount", 0) for pod in pods for item in status(pod).get("containerStatuses") or ()
        ) if (spec(spec(job)["template"])).get("restartPolicy") == "OnFailure" else 0  # fmt: skip
        limit = int(spec(job).get("backoffLimit", 6))
        if len(failed) > limit or (restarts and restarts > limit):
            return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        wanted = spec(job).get("completions")
        if (wanted is not None and done >= int(wanted)) or (
            wanted is None and done and not any(is_active(pod) for pod in pods)
        ):
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        return None

    def _create(self, key: Key, job: Obj, active: list[Obj], done: int, failed: list[Obj]) -> list[Obj]:
        wanted = spec(job).get("completions")
        most = int(spec(job).get("parallelism", 1))
        missing = (most if wanted is None else min(most, int(wanted) - done)) - len(active)
        if missing <= 0 or (wanted is None and done):
            return []
        if failed:
            latest = max(_ended(pod) for pod in failed)
            wait = min(_FIRST_BACKOFF * 2 ** (len(failed) - 1), _LAST_BACKOFF) - (self.world.now() - latest)
            if wait > 0:
                self.enqueue(key, wait)
                return []
        made: list[Obj] = []
        for _ in range(missing):
            try:
                pod = self.writes.create(new_pod(job, spec(job)["template"]))
            except ApiError as refused:
                self.event(job, "Warning", "FailedCreate", f"Error creating: {refused.message}")
                raise
            self.event(job, "Normal", "SuccessfulCreate", f"Created pod: {meta(pod)['name']}")
            made.append(pod)
        return made

    def _report(
        self, key: Key, job: Obj, active: list[Obj], done: int, failed: int, end: tuple[str, str, str] | None
    ) -> None:
        now = self.world.timestamp()
        document: Obj = {name: value for name, value in status(job).items() if name in {"startTime", "conditions"}}
        if not spec(job).get("suspend"):
            document.setdefault("startTime", now)
        counts = {"active": len(active), "succeeded": done, "failed": failed}
        document |= {name: count for name, count in counts.items() if count}
        document |= {"ready": sum(is_ready(pod) for pod in active), "terminating": 0, "uncountedTerminatedPods": {}}
        if end is not None:
            kind, reason, message = end
            first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
            document["conditions"] = [
                {
                    "type": name,
                    "status": "True",
                    "lastProbeTime": now,
                    "lastTransitionTime": now,
                    "reason": reason,
                    "message": message,
                }
                for name in (first, kind)
            ]
            if kind == "Complete":
                document["completionTime"] = now
                self.event(job, "Normal", "Completed", "Job completed")
            else:
                self.event(job, "Warning", reason, message)
        if document != status(job):
            self.writes.change(self.kind, key, status=document)

    def _expire(self, key: Key, job: Obj) -> None:
        seconds = spec(job).get("ttlSecondsAfterFinished")
        found = condition(job, "Complete") or condition(job, "Failed")
        if seconds is None or found is None:
            return
        left = from_rfc3339(found["lastTransitionTime"]) + float(seconds) - self.world.now()
        if left > 0:
            self.enqueue(key, left)
        else:
            self.writes.delete(job)


def _is_finished(job: Obj) -> bool:
    return any(
        item["type"] in {"Complete", "Failed"} and item["status"] == "True"
        for item in status(job).get("conditions") or ()
    )


def _ended(pod: Obj) -> float:
    times = [
        from_rfc3339(item["state"]["terminated"]["finishedAt"])
        for item in status(pod).get("containerStatuses") or ()
        if (item["state"].get("terminated") or {}).get("finishedAt")
    ]
    return max(times, default=from_rfc3339(meta(pod)["creationTimestamp"]))
