"""`headway status SPEC --env ENV`: the workload now, with its way back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from agent.cli.console import Console, clean
from agent.cli.options import output_option, talk_options
from agent.cli.session import any_place_options, nowhere
from agent.errors import ExitStatus

if TYPE_CHECKING:
    from agent.operations.showing import Status


SHOWN = 5
"""Lines of drift, at most."""
REGISTRY = {"there": "", "moved": "MOVED: ", "gone": "GONE: ", "unknown": "could not be asked: "}


@click.command(name="status", short_help="Show the workload now, with its way back.")
@any_place_options
@click.option(
    "--registry/--no-registry",
    "ask_registry",
    default=True,
    show_default=True,
    help="Ask the image's registry (3 s at most) whether the way back is still there.",
)
@output_option()
@talk_options
@click.pass_obj
def command(
    console: Console,
    spec: str,
    environment: str,
    namespace: str,
    context: str,
    output: str,
    *,
    ask_registry: bool,
) -> ExitStatus:
    """Shows what runs, whether it is verified, and where an undo would go: tried on the server, its image looked for.

    The registry is asked with the credentials that Docker keeps for it, if there are any. Nothing is changed.
    """
    from agent.cli import naming, wiring
    from agent.operations.showing import status

    chosen = naming.choose_any(spec, environment, namespace)
    registry = wiring.registry() if ask_registry else None
    found = [
        status(tools, chosen.place(tools.cluster), registry) for tools in wiring.clusters(chosen, context, nowhere)
    ]
    if output == "json":
        shown = [each.to_dict() for each in found]
        console.data(json.dumps(shown if len(shown) > 1 else shown[0], indent=2, ensure_ascii=False))
        return ExitStatus.OK
    console.data(clean("\n".join(line for each in found for line in lines(each))))
    return ExitStatus.OK


def lines(status: Status) -> list[str]:
    """The status as lines."""
    from agent.cli.output.moments import described, inside

    place, (wanted, updated, available) = status.place, status.replicas
    head = f"{place.service}{inside(place.environment)} (cluster {status.cluster}, namespace {place.namespace})"
    state = "complete" if status.complete else "NOT complete"
    found = [
        head,
        f"  now       {described(status.now)}",
        f"  workload  {place.workload}: {available} of {wanted} available, {updated} updated, {state}",
        f"  image     {status.now.image}",
    ]
    if status.known is not None:
        smoke = {"passed": "smoke passed", "failed": "SMOKE FAILED", "none": "no smoke checks"}.get(
            status.known.smoke, ""
        )
        build = f", by {status.known.build}" if status.known.build else ""
        found.append(
            f"  release   {status.known.number}: {status.known.judgement}{f', {smoke}' if smoke else ''}{build}"
        )
    found.extend(_drift(status))
    if status.back is None:
        found.append(f"  way back  NONE: {status.reason}")
    elif status.clean:
        found.append(f"  way back  {status.back.label}, {status.reason}; would apply cleanly")
    else:
        found.append(f"  way back  {status.back.label} would NOT apply: {status.reason}")
    if status.image is not None:
        found.append(f"  registry  {REGISTRY[status.image.state]}{status.image.detail}")
    if status.secrets:
        names = ", ".join(status.secrets)
        found.append(f"  secrets   CHANGED since: {names}; an undo writes no Secrets")
    if status.open:
        found.append(f"  open      {status.open}; `headway recover`, or the next deploy, closes it")
    if status.freeze:
        found.append(f"  frozen    {status.freeze}")
    return found


def _drift(status: Status) -> list[str]:
    """What somebody has changed since, and how it comes back."""
    lost = status.drift
    if status.untold:
        return [f"  drift     could not be told: {status.untold}"]
    if not lost:
        return []
    more = [f"            ... and {len(lost) - SHOWN} more"] if len(lost) > SHOWN else []
    found = [f"  {label:<10}{text}" for label, text in zip(["drift", *[""] * SHOWN], lost[:SHOWN], strict=False)]
    number = status.known.number if status.known else 0
    return [*found, *more, f"            `headway undo --to-release {number}` puts it back"]
