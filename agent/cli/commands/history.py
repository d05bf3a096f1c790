"""`headway history SPEC --env ENV`: the releases with verdict, build and image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from agent.cli.console import Console, clean
from agent.cli.options import output_option, talk_options
from agent.cli.output.moments import age, inside
from agent.cli.session import any_place_options, nowhere
from agent.errors import ExitStatus

if TYPE_CHECKING:
    from agent.release.record import Release

HEADINGS = ("RELEASE", "REVISION", "VERSION", "VERDICT", "WHEN", "BUILD", "IMAGE")


@click.command(name="history", short_help="List the releases with verdict, build and image.")
@any_place_options
@output_option()
@talk_options
@click.pass_obj
def command(console: Console, spec: str, environment: str, namespace: str, context: str, output: str) -> ExitStatus:
    """Lists the releases that the ledger knows, newest first; `*` marks the one that serves."""
    from agent.cli import naming, wiring
    from agent.operations.showing import history, history_dict

    chosen = naming.choose_any(spec, environment, namespace)
    shown = []
    for tools in wiring.clusters(chosen, context, nowhere):
        place = chosen.place(tools.cluster)
        releases, current = history(tools, place)
        if output == "json":
            shown.append(history_dict(place, tools.cluster.label, releases, current))
            continue
        head = f"{place.service}{inside(place.environment)} (cluster {tools.cluster.label}, {place.workload})"
        console.data(clean("\n".join([head, *table(releases, current, console.width)])))
    if output == "json":
        console.data(json.dumps(shown if len(shown) > 1 else shown[0], indent=2, ensure_ascii=False))
    return ExitStatus.OK


def table(releases: tuple[Release, ...], current: int, width: int = 0) -> list[str]:
    """The releases as aligned columns; in a narrow terminal the last columns are cut, never wrapped."""
    if not releases:
        return ["  no release yet"]
    rows = [HEADINGS]
    for each in releases:
        ago = age(each.ended or each.started)
        rows.append(
            (
                f"{'* ' if each.number == current else '  '}{each.number}",
                str(each.revision or "-"),
                each.version or "-",
                verdict(each),
                f"{ago} ago" if ago else "-",
                each.build or "-",
                each.image or "-",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    result = []
    for row in rows:
        line = "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        result.append(line if not width or len(line) < width else line[: width - 1] + "…")
    return result


def verdict(release: Release) -> str:
    """What became of it, in a few words."""
    word = {"good": "good", "bad": "bad", "open": "open", "unjudged": release.rollout or "unjudged"}[release.judgement]
    if release.judgement == "bad":
        word = next((f"{step} failed" for step in ("smoke", "soak") if getattr(release, step) == "failed"), "")
        word = word or release.rollout or "bad"
    if release.origin == "external":
        word = f"external, {word}"
    undone = release.undone
    if undone is None:
        return word
    if undone.to:
        result = "left alone" if undone.result == "none" else undone.result
        return f"{word}, undone to {undone.to}{'' if result == 'verified' else f' ({result})'}"
    return f"{word}, nothing to go back to"
