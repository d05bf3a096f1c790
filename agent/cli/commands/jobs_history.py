"""`headway jobs history JOB`: what runs did to a job, by whom and from what, as their audit says it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.cli.commands.jobs_given import Given
from agent.cli.commands.jobs_settings import settled_here
from agent.cli.commands.jobs_wiring import runs_option
from agent.cli.console import Console, clean
from agent.cli.options import output_option, talk_options
from agent.errors import ExitStatus


@click.command("history")
@click.argument("job", metavar="JOB")
@runs_option
@output_option()
@talk_options
@click.pass_obj
def history_command(console: Console, job: str, runs: Path | None, output: str) -> ExitStatus:
    """What was done to JOB (a full name), by whom and from what; reads the notes of runs and asks no Jenkins."""
    from agent.adapters.runs import BEGUN, history

    place = settled_here(Given.for_jenkins("", "", "", runs), console).notes
    found = history(place, job.strip("/"))
    if output == "json":
        data = {"headway": 1, "command": "jobs history", "job": job.strip("/"), "changes": found}
        console.data(json.dumps(data, indent=2, ensure_ascii=False))
        return ExitStatus.OK
    if not found:
        console.data(clean(f"no run in {place} changed '{job}'"))
        return ExitStatus.OK
    for one in found:
        outcome = {BEGUN: "cut off", "done": ""}.get(one.get("outcome", ""), one.get("outcome", ""))
        words = [one.get("at", ""), one.get("action", "") + (f" ({outcome})" if outcome else "")]
        words += [f"by {one.get('actor') or 'anonymous'}", f"from {one.get('spec')}" if one.get("spec") else ""]
        words += [one[name][:12] if name == "git" else one[name] for name in ("git", "build") if one.get(name)]
        console.data(clean("  ".join(filter(None, words))))
        why = one.get("message") or one.get("reason", "")
        console.data(clean(f"    {why}; `headway jobs rollback {one.get('run', '')}` takes that run back"))
    return ExitStatus.OK
