"""One command that does something to a cluster: its story, its report, its exit status."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent.cli.console import Console
from agent.errors import ExitStatus, HeadwayError, RefusedError

if TYPE_CHECKING:
    from agent.cli.output.recorder import Recorder
    from agent.operations.mission import Tools
    from agent.reports.deploy import DeployReport
    from agent.reports.events import Emit, Event
    from agent.rollout.policy import Policy

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def place_options(function: Decorated) -> Decorated:
    """SPEC, --env and --context: which service, where."""
    for option in (
        click.option("--context", default="", help="Context of the kubeconfig, instead of those that the spec names."),
        click.option("--env", "environment", required=True, metavar="ENV", help="Environment of the spec."),
        click.argument("spec", metavar="SPEC"),
    ):
        function = option(function)
    return function


def any_place_options(function: Decorated) -> Decorated:
    """SPEC and --env, or without a spec `-n NAMESPACE deployment/NAME`: at 3 am the ledger is enough."""
    for option in (
        click.option("--context", default="", help="Context of the kubeconfig, instead of those that the spec names."),
        click.option("-n", "--namespace", default="", help="Namespace of deployment/NAME; default: the context's."),
        click.option("--env", "environment", default="", metavar="ENV", help="Environment of the spec."),
        click.argument("spec", metavar="SPEC|KIND/NAME"),
    ):
        function = option(function)
    return function


def lock_options(function: Decorated) -> Decorated:
    """--lock-wait and --lock-length: for operations that write."""
    for option in (
        click.option(
            "--lock-length",
            type=click.FloatRange(2, 3600),
            default=30.0,
            show_default=True,
            metavar="SECONDS",
            help="Silence after which others may take our lock over.",
        ),
        click.option(
            "--lock-wait",
            type=click.FloatRange(0),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait for another operation on the workload.",
        ),
    ):
        function = option(function)
    return function


def report_option(function: Decorated) -> Decorated:
    """--report DIR."""
    return click.option(
        "--report",
        default="",
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="Write report.json, report.html, junit.xml and events.ndjson there.",
    )(function)


class Session:
    """Runs an operation on one cluster after the other and says what became of it.

    Args:
        console: where to.
        output: `text` or `json`.
        report: folder for reports; empty: none.
        policy: for the recording's header.
    """

    def __init__(self, console: Console, output: str, report: str, policy: Policy) -> None:
        self._console = console
        self._output = output
        self._report = report
        self._policy = policy
        self._emit: Emit = nowhere

    def emit(self, event: Event) -> None:
        """Where the operation's events go: the story and the recording of the cluster at hand."""
        self._emit(event)

    def run(
        self, clusters: Iterable[Tools], operation: Callable[[Tools], DeployReport], *, several: bool
    ) -> ExitStatus:
        """Each cluster in turn; stops at the first that doesn't end well.

        Args:
            clusters: in their order.
            operation: what is done to each.
            several: whether there are several clusters, so that each gets a report folder of its own.
        """
        reports: list[dict[str, Any]] = []
        status = ExitStatus.OK
        for tools in clusters:
            folder = str(Path(self._report) / _safe(tools.cluster.label)) if several and self._report else self._report
            try:
                report = self._one(tools, operation, folder)
            except HeadwayError as problem:
                if reports:
                    problem.message = f"{tools.cluster.label}: {problem.message} (done before: {_names(reports)})"
                if isinstance(problem, RefusedError) and problem.report is not None:
                    reports.append(problem.report)
                if reports:
                    self._print(reports if several else reports[-1])
                raise
            reports.append(report.to_dict())
            status = report.status
            if status is not ExitStatus.OK:
                break
        self._print(reports if several else reports[-1])
        return status

    def _print(self, data: object) -> None:
        if self._output == "json":
            self._console.data(json.dumps(data, indent=2, ensure_ascii=False))

    def _one(self, tools: Tools, operation: Callable[[Tools], DeployReport], folder: str) -> DeployReport:
        from agent.cli.output.recorder import Recorder
        from agent.cli.output.story import Story

        story = Story(_talk(self._console) if self._output == "json" else self._console)
        recorder = Recorder(folder, self._policy, self._console)
        self._emit = _both(recorder, story.emit)
        try:
            report = operation(tools)
        except RefusedError as problem:
            if problem.report is not None:
                recorder.close(problem.report)
            raise
        finally:
            story.close()
            self._emit = nowhere
        where = recorder.close(report.to_dict())
        story.ending(report, where)
        for warning in tools.cluster.warnings():
            self._console.detail(f"the API server warns: {warning}")
        return report


def _both(recorder: Recorder, tell: Emit) -> Emit:
    def emit(event: Event) -> None:
        recorder.emit(event)
        tell(event)

    return emit


def nowhere(event: Event) -> None:
    """For operations that tell no story."""
    del event


def _talk(console: Console) -> Console:
    """The console with its story on stderr, since stdout is the JSON's."""
    talk = Console(
        console.err_stream, console.err_stream, colour=console.colour, watched=console.watched, width=console.width
    )
    talk.quiet, talk.verbose = console.quiet, console.verbose
    return talk


def _safe(label: str) -> str:
    """A context's name as a folder's: contexts of clouds have slashes and colons."""
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in label).strip(".") or "cluster"


def _names(reports: list[dict[str, Any]]) -> str:
    return ", ".join(str(report["cluster"]) for report in reports)
