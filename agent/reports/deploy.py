"""What a deploy, an undo or a smoke run did, as data with a documented, versioned dictionary form.

The form is docs/reference/report.md. It is kept apart from the internal types: they may change, it may only grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from agent.errors import ExitStatus
from agent.reports.events import Serving, Touched
from agent.rollout.diagnosis import Diagnosis

VERSION = 1

Verdict: TypeAlias = Literal["complete", "failed", "timed-out", "superseded", "gone", "interrupted", "refused"]
UndoResult: TypeAlias = Literal["none", "verified", "unverified", "failed", "no-target"]
Phase: TypeAlias = Literal["baseline", "deploy", "soak", "undo"]


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """One smoke check.

    Attributes:
        name: as in the spec.
        phase: `baseline` (before the first write), `deploy`, `soak` (at its end) or `undo`.
        passed: whether it did.
        detail: what was answered, in one line: `200 from 3 pods`, or what was wrong.
        tries: how often it was asked.
        seconds: from the first try to the end.
        answer: the beginning of the last answer's body or output; empty when it passed.
        pod: the pod that gave the last answer, where it was one pod's.
    """

    name: str
    phase: Phase
    passed: bool
    detail: str
    tries: int
    seconds: float
    answer: str = ""
    pod: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The form in report.json."""
        return {
            "name": self.name,
            "phase": self.phase,
            "passed": self.passed,
            "detail": self.detail,
            "tries": self.tries,
            "seconds": round(self.seconds, 3),
            "answer": self.answer,
            "pod": self.pod,
        }


@dataclass(frozen=True, slots=True)
class WorkloadReport:
    """How the rollout of one workload ended; `phase` is `deploy`, `soak` or `undo`."""

    workload: str
    verdict: str
    phase: Literal["deploy", "soak", "undo"]
    text: str
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The form in report.json."""
        return {
            "workload": self.workload,
            "verdict": self.verdict,
            "phase": self.phase,
            "text": self.text,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """A Diagnosis with the time relative to the operation's start and, where it was fetched, the end of the log."""

    diagnosis: Diagnosis
    first_seen: float
    log: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The form in report.json."""
        found = self.diagnosis
        return {
            "code": str(found.code),
            "object": found.object,
            "container": found.container,
            "message": found.message,
            "first_seen": round(self.first_seen, 3),
            "permanent": found.permanent,
            "sentence": found.sentence,
            "node": found.node,
            "exit_code": found.exit_code,
            "reason": found.reason,
            "count": found.count,
            "log": self.log,
        }


@dataclass(frozen=True, slots=True)
class DeployReport:
    """Everything that one operation on one cluster did.

    Attributes:
        command: `deploy`, `undo`, `smoke`, `restart` or `recover`.
        before: what served before; None: nothing did.
        verdict, undo: contract section 5.
        undone_to: the release that was gone back to, where one was.
        interrupted: `SIGINT` or `SIGTERM` when one of them ended it; else empty.
        superseded_by: the newer build that this deploy gave way to; else empty.
        live_seconds: how long the release that failed was being rolled out or served.
        notes: `partial`, `manual`, `zero`.
        remarks: sentences that a reader should see.
        timeline: see `agent.reports.timeline`.
        changed: whether anything in the cluster was changed.
    """

    command: str
    service: str
    environment: str
    cluster: str
    namespace: str
    workload: str
    verdict: Verdict
    undo: UndoResult = "none"
    container: str = ""
    image: str = ""
    version: str = ""
    release: int = 0
    before: Serving | None = None
    undone_to: Serving | None = None
    interrupted: str = ""
    superseded_by: str = ""
    live_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    diagnosis: tuple[Cause, ...] = ()
    undo_diagnosis: tuple[Cause, ...] = ()
    smoke: tuple[SmokeReport, ...] = ()
    workloads: tuple[WorkloadReport, ...] = ()
    objects: tuple[Touched, ...] = ()
    timeline: Mapping[str, Any] = field(default_factory=dict)
    build: str = ""
    commit: str = ""
    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    rehearsal: bool = False
    changed: bool = True

    @property
    def status(self) -> ExitStatus:
        """The exit status that this ends with."""
        if self.rehearsal and self.verdict == "complete":
            return ExitStatus.OK
        return exit_status(self.command, self.verdict, self.undo, self.interrupted)

    def to_dict(self) -> dict[str, Any]:
        """The versioned form: what report.json holds and `-o json` prints."""
        return {
            "headway": VERSION,
            "command": self.command,
            "rehearsal": self.rehearsal,
            "service": self.service,
            "environment": self.environment,
            "cluster": self.cluster,
            "namespace": self.namespace,
            "workload": self.workload,
            "container": self.container,
            "image": self.image,
            "version": self.version,
            "release": self.release,
            "before": serving_dict(self.before),
            "verdict": self.verdict,
            "undo": self.undo,
            "undone_to": serving_dict(self.undone_to),
            "exit_status": int(self.status),
            "interrupted": self.interrupted,
            "superseded_by": self.superseded_by,
            "changed": self.changed,
            "live_seconds": round(self.live_seconds, 3),
            "notes": list(self.notes),
            "remarks": list(self.remarks),
            "diagnosis": [each.to_dict() for each in self.diagnosis],
            "undo_diagnosis": [each.to_dict() for each in self.undo_diagnosis],
            "smoke": [each.to_dict() for each in self.smoke],
            "workloads": [each.to_dict() for each in self.workloads],
            "objects": [
                {"object": each.object, "action": each.action, "changes": list(each.changes)} for each in self.objects
            ],
            "timeline": dict(self.timeline),
            "build": self.build,
            "commit": self.commit,
            "started": self.started,
            "finished": self.finished,
            "seconds": round(self.seconds, 3),
        }


def serving_dict(serving: Serving | None) -> dict[str, Any] | None:
    """A release that served, in the form of report.json."""
    if serving is None:
        return None
    return {
        "release": serving.release,
        "image": serving.image,
        "version": serving.version,
        "since": serving.since,
        "verified": serving.verified,
    }


def exit_status(  # noqa: PLR0911  one return an ending
    command: str, verdict: Verdict, undo: UndoResult, interrupted: str = ""
) -> ExitStatus:
    """Contract section 4, for what ended with a report.

    An undo that a person asked for is done (0) when it was verified; one that came of a failed deploy ends with the
    deploy's own status (1 or 6). Whatever leaves a bad or mixed release serving is 5.
    """
    if verdict == "interrupted":
        return ExitStatus.TERMINATED if interrupted == "SIGTERM" else ExitStatus.INTERRUPTED
    if verdict in {"superseded", "gone"}:
        return ExitStatus.SUPERSEDED
    if verdict == "refused":
        return ExitStatus.REFUSED
    if command == "undo":
        return ExitStatus.OK if undo == "verified" else ExitStatus.NEEDS_A_PERSON
    if verdict == "complete":
        return ExitStatus.OK
    if undo == "verified":
        return ExitStatus.TIMED_OUT if verdict == "timed-out" else ExitStatus.UNDONE
    return ExitStatus.NEEDS_A_PERSON
