"""The story of a deploy on the console: one line a step, the cause before the detail, what to do last.

The same lines come out of a pipe and a terminal; in a terminal a last, moving line shows how far a rollout is.
Everything that comes from a cluster, a spec or a service goes through `clean`.
"""

from __future__ import annotations

from datetime import datetime

from agent.cli.console import Console, clean
from agent.cli.output.ending import endings
from agent.cli.output.live import Live
from agent.cli.output.moments import described, duration, inside
from agent.objects import Ref
from agent.reports.deploy import DeployReport
from agent.reports.events import (
    Applied,
    Event,
    Judged,
    Noted,
    Opened,
    Progressed,
    Rehearsed,
    Smoked,
    Touched,
    Undoing,
    Undone,
)

LABEL = 10
TEXT = 74
NARROWEST = 30
NAME = 26


class Story:
    """Tells events; `emit` is what operations get.

    Args:
        console: where to.
        now: the wall clock, for "since 2 h".
    """

    def __init__(self, console: Console, *, now: datetime | None = None) -> None:
        self._console = console
        self._now = now
        self._live = Live(console)
        self._last_label = ""
        self._workload: Ref | None = None
        room = console.width - LABEL - 2 - 10 if console.width else TEXT
        self._width = max(min(room, TEXT), NARROWEST)
        self._smoke_began: set[str] = set()
        self._undoing = False
        self._several = False

    def emit(self, event: Event) -> None:
        """Tells one event, if a person needs it."""
        match event:
            case Opened():
                self._opened(event)
            case Noted():
                self._step(event.step, event.text)
            case Rehearsed():
                self._rehearsed(event)
            case Applied():
                self._applied(event)
            case Progressed():
                self._live.show(f"{self._pad(event.workload)}{clean(event.text)}")
            case Judged():
                self._judged(event)
            case Smoked():
                self._smoked(event)
            case Undoing():
                self._undoing = True
                self._console.detail(f"  going back to {clean(event.target)}: {clean(event.reason)}")
            case Undone():
                self._undone(event)
            case _:
                pass

    def close(self) -> None:
        """Ends the moving line."""
        self._live.clear()

    def ending(self, report: DeployReport, where: str) -> None:
        """The last lines: what serves now, why, and where the report lies."""
        self.close()
        for text, *styles in endings(report, where):
            self._console.line(self._console.paint(clean(text), *styles))

    # -- steps --------------------------------------------------------------------------------------------------

    def _opened(self, event: Opened) -> None:
        self._workload = event.workload
        place = f"(cluster {event.cluster}, namespace {event.namespace})"
        there = inside(event.environment)
        back = f" back to {event.version or event.image}" if event.version or event.image else ""
        head = {
            "deploy": f"{event.service} {event.version} to {event.environment} {place}",
            "undo": f"{event.service}{back}{there} {place}",
            "recover": f"{event.service} {event.version}{there} {place}, left open",
            "restart": f"{event.service} {event.version} restarts{there} {place}",
        }.get(event.command, f"{event.service} {event.version}{there} {place}")
        rehearsal = "rehearsal: " if event.rehearsal else ""
        self._console.line(clean(f"{rehearsal}{head}{self._now_text(event)}"))

    def _now_text(self, event: Opened) -> str:
        now = event.now
        if event.command == "smoke":
            return ""
        if now is None:
            return ", first deploy" if event.first else f", {event.workload} is not there"
        return f", now {described(now, self._now)}"

    def _rehearsed(self, event: Rehearsed) -> None:
        if event.possible:
            self._step("rehearse", f"undo to {event.target} would apply cleanly")
        elif event.target:
            self._step("rehearse", f"NO WAY BACK to {event.target}: {event.reason}", "yellow")
        else:
            self._step("rehearse", f"NO WAY BACK: {event.reason}", "yellow")

    def _applied(self, event: Applied) -> None:
        kinds = [each.object.partition("/")[0] for each in event.objects]
        self._several = sum(kind in {"deployment", "statefulset", "daemonset"} for kind in kinds) > 1
        if self._undoing and event.step == "undo":
            return
        self._step("apply", _objects(event.objects))
        shown = event.seconds == 0.0
        for touched in event.objects:
            for line in touched.changes:
                text = f"{touched.object}  {line}"
                if shown:
                    self._step("", text)
                else:
                    self._console.detail(f"            {clean(text)}")

    def _judged(self, event: Judged) -> None:
        self._live.clear()
        if event.step == "undo" or self._undoing:
            self._console.detail(f"  undo      {clean(self._pad(event.workload) + event.text)}")
            return
        style = () if event.verdict == "complete" else ("red",)
        label = event.step if event.step in {"before", "soak"} else "rollout"
        self._step(label, f"{self._pad(event.workload)}{event.text}", *style, seconds=event.seconds)

    def _pad(self, workload: Ref) -> str:
        """Names the workload where a release has several, or where it isn't the service's own."""
        return f"{workload.name}: " if self._several or workload != self._workload else ""

    def _smoked(self, event: Smoked) -> None:
        if not event.final:
            self._live.show(f"{event.name}: {clean(event.text)}, trying again")
            return
        if event.step == "undo" or (event.step == "baseline" and event.passed):
            return
        name = f"{event.name:<{NAME}}  "
        label = "soak" if event.step == "soak" else "smoke"
        if event.passed:
            self._step(label, name + event.text, seconds=event.seconds)
        elif event.step == "baseline":
            self._step("baseline", f"{name}fails already: {event.text}", "yellow")
        else:
            self._step(label, f"{name}FAILED  {event.text}", "red")

    def _undone(self, event: Undone) -> None:
        if event.result == "no-target":
            self._step("undo", f"nothing to go back to; {event.text}", "yellow")
            return
        style = () if event.result == "verified" else ("red",)
        self._step("undo", f"to {event.target}: {event.text}", *style, seconds=event.seconds)

    def _step(self, label: str, text: str, *styles: str, seconds: float | None = None) -> None:
        self._live.clear()
        if self._console.quiet or label == "interrupted":  # the headline says the same
            return
        shown = "" if label == self._last_label else label
        self._last_label = label or self._last_label
        body = clean(" ".join(text.splitlines()) if "\n" in text else text)
        line = f"  {shown:<{LABEL}}{self._console.paint(body, *styles)}"
        if seconds is not None:
            line += " " * max(self._width - len(body), 2) + f"{duration(seconds):>8}"
        self._console.line(line.rstrip())


def _objects(touched: tuple[Touched, ...]) -> str:
    """`ServiceAccount, Deployment: 1 changed, 3 as they were`."""
    kinds = dict.fromkeys(each.object.partition("/")[0] for each in touched)
    words = {"create": "created", "change": "changed", "delete": "deleted"}
    counts = [
        f"{sum(each.action == action for each in touched)} {word}"
        for action, word in words.items()
        if any(each.action == action for each in touched)
    ]
    kept = sum(each.action == "keep" for each in touched)
    if kept:
        counts.append(f"{kept} as {'it was' if kept == 1 else 'they were'}")
    names = ", ".join(KINDS.get(kind, kind) for kind in kinds)
    return f"{names}: {', '.join(counts)}" if counts else names


KINDS = {
    kind.lower(): kind
    for kind in (
        "ConfigMap", "CronJob", "DaemonSet", "Deployment", "HorizontalPodAutoscaler", "Ingress", "Job",
        "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget", "Role", "RoleBinding", "Secret", "Service",
        "ServiceAccount", "StatefulSet",
    )
}  # fmt: skip
"""Kinds as their authors write them; others stay as kubectl prints them."""
