"""Why a rollout stands where it stands: one Diagnosis a cause, the root cause first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agent.rollout.onion import core
from agent.rollout.scrub import scrub

MESSAGE_LIMIT = 1000


class Code(StrEnum):
    """The codes of contract section 5, and those that the contract leaves to us (docs/explanation/verdict.md)."""

    IMAGE_PULL_FAILED = "image-pull-failed"
    INVALID_IMAGE_NAME = "invalid-image-name"
    RUN_CONTAINER_ERROR = "run-container-error"
    CONFIG_ERROR = "config-error"
    INIT_CONTAINER_FAILED = "init-container-failed"
    OOM_KILLED = "oom-killed"
    CRASH_LOOP = "crash-loop"
    ADMISSION_DENIED = "admission-denied"
    QUOTA_EXCEEDED = "quota-exceeded"
    UNSCHEDULABLE = "unschedulable"
    STATEFULSET_STUCK = "statefulset-stuck"
    JOB_FAILED = "job-failed"
    PROBE_FAILING = "probe-failing"
    MOUNT_FAILING = "mount-failing"
    SANDBOX_FAILING = "sandbox-failing"
    ADMISSION_UNAVAILABLE = "admission-unavailable"
    NODE_NOT_READY = "node-not-ready"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    INIT_CONTAINER_RUNNING = "init-container-running"
    NOT_OBSERVED = "not-observed"
    NOT_AVAILABLE = "not-available"
    PROGRESS_DEADLINE_EXCEEDED = "progress-deadline-exceeded"
    SMOKE_FAILED = "smoke-failed"


RANK = {code: place for place, code in enumerate(Code)}
"""Which of two causes is the deeper one: an image that is not there explains a deadline, never the other way round."""

_BLAMES_THE_RELEASE = frozenset({
    Code.CRASH_LOOP, Code.OOM_KILLED, Code.INIT_CONTAINER_FAILED, Code.PROBE_FAILING, Code.RUN_CONTAINER_ERROR,
    Code.JOB_FAILED, Code.SMOKE_FAILED,
})  # fmt: skip

_SENTENCES = {
    Code.IMAGE_PULL_FAILED: "{where} can't get its image: {message}",
    Code.INVALID_IMAGE_NAME: "{where} names an image that can't be one: {message}",
    Code.RUN_CONTAINER_ERROR: "{where} can't be started: {message}",
    Code.CONFIG_ERROR: "{where} can't be configured: {message}",
    Code.INIT_CONTAINER_FAILED: "init {where} fails{exit}: {message}",
    Code.OOM_KILLED: "{where} takes more memory than its limit and is killed{exit}",
    Code.CRASH_LOOP: "{where} exits again and again{exit}: {message}",
    Code.ADMISSION_DENIED: "the cluster refuses the pods of {object}: {message}",
    Code.QUOTA_EXCEEDED: "a ResourceQuota is full, {object} gets no pod: {message}",
    Code.UNSCHEDULABLE: "no node takes {object}: {message}",
    Code.STATEFULSET_STUCK: "{object} of another revision stays broken and stops the update; it would have to be "
    "deleted: {message}",
    Code.JOB_FAILED: "{where} failed{exit}: {message}",
    Code.PROBE_FAILING: "{where} is not healthy: {message}",
    Code.PROGRESS_DEADLINE_EXCEEDED: "{object} made no progress within its deadline: {message}",
}


_WRAPPED = {Code.IMAGE_PULL_FAILED, Code.INVALID_IMAGE_NAME}
"""Codes whose messages come through a runtime's layers: the sentence tells the core, the report the whole."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One cause.

    Attributes:
        code: see Code; written into reports as its text.
        object: what it is about, as kubectl prints it: `pod/web-7d9f-x2x1p`.
        container: its container; empty where it is not about one.
        message: the first error text, credentials taken out.
        first_seen: seconds on the feed's clock.
        permanent: whether waiting can't mend it.
        node: where the pod runs; empty where unknown.
        exit_code: of the container, if one exited.
        reason: the machine's own word (`OOMKilled`, `ErrImagePull`, `FailedCreate`).
        count: how many pods show it.
    """

    code: Code
    object: str
    container: str
    message: str
    first_seen: float
    permanent: bool
    node: str = ""
    exit_code: int | None = None
    reason: str = ""
    count: int = 1

    @property
    def sentence(self) -> str:
        """The cause in one sentence, without a final full stop."""
        where = f"container {self.container} of {self.object}" if self.container else self.object
        if self.node:
            where += f" on {self.node}"
        ending = "" if self.exit_code is None else f" (status {self.exit_code}{self._reason_in_words()})"
        template = _SENTENCES.get(self.code, "{where}: {message}")
        if self.message.startswith("exited "):
            template = "init {where} {message}" if self.code is Code.INIT_CONTAINER_FAILED else "{where} {message}"
        message = core(self.message) if self.code in _WRAPPED else self.message
        text = template.format(where=where, object=self.object, message=message, exit=ending)
        return text.removesuffix(": ").removesuffix(".")

    @property
    def depth(self) -> float:
        """Where it stands among causes, the deepest first: a liveness probe that kills explains exits."""
        killed = self.code is Code.PROBE_FAILING and self.exit_code is not None
        return RANK[Code.CRASH_LOOP] - 0.5 if killed else float(RANK[self.code])

    @property
    def blames_the_release(self) -> bool:
        """Whether the release itself is to blame, so that it counts as known bad (contract section 7, "Good")."""
        return self.code in _BLAMES_THE_RELEASE

    def _reason_in_words(self) -> str:
        return f", {self.reason}" if self.reason not in {"", "Error"} else ""


def tidy(message: str) -> str:
    """A message as it may be shown: credentials out, one line, bounded."""
    text = " ".join(scrub(message).split())
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 3] + "..."
