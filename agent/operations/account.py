"""What an operation has done so far: events are passed on and folded, and become the report at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from agent.errors import HeadwayError, RefusedError
from agent.objects import controller_uid, labels
from agent.operations import pods
from agent.operations.mission import Place, Tools
from agent.reports.deploy import (
    Cause,
    DeployReport,
    SmokeReport,
    UndoResult,
    Verdict,
    WorkloadReport,
)
from agent.reports.events import Applied, Event, Heard, Judged, Noted, Opened, Rehearsed, Serving, Touched
from agent.reports.timeline import Timeline
from agent.rollout.diagnosis import Code, Diagnosis
from agent.rollout.feed import Changed
from agent.rollout.verdict import Complete


def _free() -> None:
    """No lock is asked for: a rehearsal, or smoke checks alone."""


class Account:
    """Collects; `tools` is what the operation must use, so that nothing is missed.

    Args:
        command: `deploy`, `undo`, `smoke`, `restart` or `recover`.
        tools: the doors to the outside.
        place: where.
    """

    def __init__(self, command: str, tools: Tools, place: Place) -> None:
        self.command = command
        self.place = place
        self._emit = tools.emit
        self.tools = replace(tools, emit=self.hear)
        self.began = tools.clock.monotonic()
        self.started = tools.clock.utc()
        self._timeline = Timeline(self.began)
        self.image = self.version = self.interrupted = ""
        self.release = 0
        self.before: Serving | None = None
        self.undone_to: Serving | None = None
        self.undo: UndoResult = "none"
        self.verdict: Verdict = "complete"
        self.causes: tuple[Cause, ...] = ()
        self.undo_causes: tuple[Cause, ...] = ()
        self.smoke: list[SmokeReport] = []
        self.rehearsal = self.free_stuck = False
        self.guard: Callable[[], None] = _free
        self.heed: Callable[[], None] = _free
        self.firm: Callable[[], None] = _free
        self.superseded_by = ""
        self.changed = False
        self.wrote_at: float | None = None
        self.left_at: float | None = None
        self._workloads: list[WorkloadReport] = []
        self._image_ids: dict[str, str] = {}
        self._objects: tuple[Touched, ...] = ()
        self._notes: dict[str, None] = {}
        self._remarks: dict[str, None] = {}

    def hear(self, event: Event) -> None:
        """Takes an event in and passes it on."""
        self._timeline.fold(event)
        match event:
            case Opened():
                self.before, self.image, self.version = event.now, event.image, event.version
            case Noted():
                self._remarks[event.text] = None
            case Rehearsed():
                if not event.possible:
                    self._remarks[f"no way back: {event.reason}"] = None
            case Applied():
                if event.step == "apply" or not self._objects:
                    self._objects = event.objects
            case Judged():
                self._workloads.append(
                    WorkloadReport(
                        str(event.workload),
                        event.verdict,
                        "undo" if event.step == "undo" else "soak" if event.step == "soak" else "deploy",
                        event.text,
                        event.seconds,
                    )
                )
            case Heard():
                self._images(event)
            case _:
                pass
        self._emit(event)

    def _images(self, heard: Heard) -> None:
        """Remembers which image the nodes really run, by owner or revision of the pods."""
        event = heard.event
        if isinstance(event, Changed) and event.resource == "pods" and heard.workload == self.place.workload:
            found = pods.image_digest([event.object], self.place.container)
            if found:
                marks = labels(event.object)
                for key in (controller_uid(event.object), marks.get("controller-revision-hash", "")):
                    self._image_ids[key] = found

    def image_of(self, revision: str) -> str:
        """The image digest of a ReplicaSet (UID) or ControllerRevision (name); empty where no pod has told it."""
        return self._image_ids.get(revision, "") if revision else ""

    def open(self, version: str, image: str, now: Serving | None, *, first: bool = False) -> None:
        """Says what is about to be done, and what serves now; `first`: nothing was ever released."""
        place = self.place
        self.hear(
            Opened(
                at=self.began,
                command=self.command,
                service=place.service,
                version=version,
                environment=place.environment,
                cluster=self.tools.cluster.label,
                namespace=place.namespace,
                workload=place.workload,
                image=image,
                now=now,
                rehearsal=self.rehearsal,
                first=first,
            )
        )

    def waiting(self, holder: str) -> None:
        """Says whom the lock is waited for."""
        self.note("lock", f"waiting for another operation on {self.place.workload}: {holder}")

    def note(self, step: str, text: str) -> None:
        """A remark under a step's heading."""
        self.hear(Noted(self.tools.clock.monotonic(), step, text))

    def notes_of(self, verdicts: Iterable[object]) -> None:
        """Takes the notes of complete rollouts: partial, manual, zero."""
        for verdict in verdicts:
            if isinstance(verdict, Complete):
                self._notes |= dict.fromkeys(verdict.notes)

    @property
    def elapsed(self) -> float:
        """Seconds since the operation began."""
        return self.tools.clock.monotonic() - self.began

    def report(self) -> DeployReport:
        """Everything so far, as the report."""
        tools, place = self.tools, self.place
        left = self.left_at if self.left_at is not None else tools.clock.monotonic()
        live = max(left - self.wrote_at, 0.0) if self.wrote_at is not None and self.verdict != "complete" else 0.0
        return DeployReport(
            command=self.command,
            service=place.service,
            environment=place.environment,
            cluster=tools.cluster.label,
            namespace=place.namespace,
            workload=str(place.workload),
            container=place.container,
            verdict=self.verdict,
            undo=self.undo,
            image=self.image,
            version=self.version,
            release=self.release,
            before=self.before,
            undone_to=self.undone_to,
            interrupted=self.interrupted,
            superseded_by=self.superseded_by,
            live_seconds=live,
            notes=tuple(self._notes),
            remarks=tuple(self._remarks),
            diagnosis=self.causes,
            undo_diagnosis=self.undo_causes,
            smoke=tuple(self.smoke),
            workloads=tuple(self._workloads),
            objects=self._objects,
            timeline=self._timeline.to_dict(),
            build=tools.builder.name,
            commit=tools.builder.commit,
            started=self.started,
            finished=tools.clock.utc(),
            seconds=self.elapsed,
            rehearsal=self.rehearsal,
            changed=self.changed,
        )

    def refused(self, why: str) -> DeployReport:
        """The report of an operation that policy forbids."""
        self.verdict, self.release = "refused", 0
        self._remarks[why] = None
        return self.report()


@contextmanager
def said_first(account: Account | None = None, begin: str = "nothing was changed") -> Iterator[None]:
    """An error before anything was changed opens with that; a refusal has a report all the same."""
    try:
        yield
    except HeadwayError as problem:
        if not (account and account.changed) and not problem.message.startswith("nothing "):
            problem.message = f"{begin}: {problem.message}"
        if account and not account.changed and isinstance(problem, RefusedError):
            problem.report = account.refused(problem.message).to_dict()
        raise


def smoke_causes(failed: Iterable[SmokeReport], container: str, at: float) -> tuple[Cause, ...]:
    """Failed smoke checks as causes."""
    return tuple(
        Cause(
            Diagnosis(
                code=Code.SMOKE_FAILED,
                object=f"pod/{check.pod}" if check.pod else f"smoke check {check.name}",
                container=container if check.pod else "",
                message=f'smoke check "{check.name}"{" got " if check.detail[:1].isdigit() else ": "}{check.detail}',
                first_seen=at,
                permanent=True,
            ),
            at,
            check.answer,
        )
        for check in failed
    )


def as_verdict(word: str) -> Verdict:
    """A rollout's verdict as the report's."""
    return cast("Verdict", word if word in {"complete", "failed", "timed-out", "superseded", "gone"} else "failed")
