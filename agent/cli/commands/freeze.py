"""`headway freeze` and `headway thaw`: no deploys of a service, with a reason and an end."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from agent.cli.console import Console, clean
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.cli.session import any_place_options, nowhere
from agent.errors import ExitStatus

if TYPE_CHECKING:
    from agent.operations.mission import Place

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(m|h|d)")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
FORM = "%Y-%m-%dT%H:%M:%SZ"


class Until(click.ParamType[str]):
    """`2h`, `3d`, or an RFC 3339 moment; becomes RFC 3339 in UTC."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The moment."""
        text = str(value)
        found = _SPAN.fullmatch(text)
        if found is not None:
            seconds = min(float(found[1]) * _SECONDS[found[2]], 10 * 365 * 86_400.0)
            return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime(FORM)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"'{text}' is neither a time such as 2h or 3d nor a moment such as 2026-01-31T18:00:00Z", param, ctx
            )
        if moment.tzinfo is None:
            self.fail(f"'{text}' names no time zone: add Z or +01:00", param, ctx)
        if moment <= datetime.now(UTC):
            self.fail(f"'{text}' is over", param, ctx)
        return moment.astimezone(UTC).strftime(FORM)


@click.command(name="freeze", short_help="No deploys, with a reason and an end.")
@any_place_options
@click.option("--reason", required=True, help="Told to everybody who tries to deploy.")
@click.option("--until", type=Until(), default=None, help="2h, 3d, or a moment; default: until `headway thaw`.")
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def command(
    console: Console,
    spec: str,
    environment: str,
    namespace: str,
    context: str,
    reason: str,
    until: str | None,
    output: str,
    *,
    dry_run: bool,
) -> ExitStatus:
    """Forbids deploys (they end with status 9) until `headway thaw` or the time given; undo is always allowed."""
    from agent.cli import naming, wiring
    from agent.operations.freezing import freeze

    reason = " ".join(reason.split())
    if not reason:
        raise click.BadParameter("it is empty, and everybody who tries to deploy is told it", param_hint="'--reason'")
    chosen = naming.choose_any(spec, environment, namespace)
    shown: list[dict[str, Any]] = []
    for tools in wiring.clusters(chosen, context, nowhere):
        place = chosen.place(tools.cluster)
        made = freeze(tools, place, reason, until or "", dry_run=dry_run)
        end = f" until {made.until}" if made.until else " until `headway thaw`"
        said = "would be frozen" if dry_run else "frozen"
        found = _found("freeze", place, tools.cluster.label, f"{said}{end}: {made.reason}", dry_run=dry_run)
        _tell(console, output, shown, {**found, "frozen": True})
    return _done(console, output, shown)


@click.command(name="thaw", short_help="Allow deploys again.")
@any_place_options
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def thaw_command(
    console: Console, spec: str, environment: str, namespace: str, context: str, output: str, *, dry_run: bool
) -> ExitStatus:
    """Lifts a freeze."""
    from agent.cli import naming, wiring
    from agent.operations.freezing import thaw

    chosen = naming.choose_any(spec, environment, namespace)
    shown: list[dict[str, Any]] = []
    for tools in wiring.clusters(chosen, context, nowhere):
        place = chosen.place(tools.cluster)
        before = thaw(tools, place, dry_run=dry_run)
        said = (
            f"{'would be ' if dry_run else ''}thawed; it was frozen by {before.by}: {before.reason}" if before else ""
        )
        found = _found("thaw", place, tools.cluster.label, said or "was not frozen", dry_run=dry_run)
        _tell(console, output, shown, {**found, "frozen": False})
    return _done(console, output, shown)


def _found(name: str, place: Place, cluster: str, text: str, *, dry_run: bool) -> dict[str, Any]:
    """The form that `-o json` prints (docs/reference/report.md)."""
    return {
        "headway": 1,
        "command": name,
        "rehearsal": dry_run,
        "cluster": cluster,
        "namespace": place.namespace,
        "workload": str(place.workload),
        "text": text,
    }


def _tell(console: Console, output: str, shown: list[dict[str, Any]], found: dict[str, Any]) -> None:
    if output == "json":
        shown.append(found)
        return
    where = f"{found['workload']} (cluster {found['cluster']}, namespace {found['namespace']})"
    console.line(clean(f"{where}: {found['text']}"))


def _done(console: Console, output: str, shown: list[dict[str, Any]]) -> ExitStatus:
    if output == "json":
        console.data(json.dumps(shown if len(shown) > 1 else shown[0], indent=2, ensure_ascii=False))
    return ExitStatus.OK
