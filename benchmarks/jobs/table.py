"""The page of the reference, written from the results of a run: medians, ratios, and each goal with what was reached."""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import Any

Row = dict[str, Any]

_HEAD = """# Jobs by the thousand, measured

<!-- Written by `python -m benchmarks.jobs --page`. Do not edit. -->

{count} jobs in 40 folders; Headway beside jenkins-job-builder 6.5.0 in one run, taking turns, each on an empty controller stand-in of its own (the sandbox's Jenkins over
HTTP on loopback, in its own process). Headway's specs have defaults of the organisation and of the team above them; jenkins-job-builder's jobs hold their script in YAML.
Wall and CPU (user and system) seconds and peak memory (largest resident size) are those of the process that a user starts, the median where a case ran several times;
requests are what the controller saw. Both use 8 threads. The modules of both are compiled before, as pip leaves them.

Headway runs a template once for all specs that differ in texts alone (docs/explanation/jenkinsfile.md), which these do, as jobs of one organisation mostly do.
In the case "unlike each other" every spec has another time limit too, so that the template is run for each.

This run: {machine}, Python {python}, load average {loads} at its beginning and after each controller. Where the load is above the number of
processors others were working too: wall times of both tools are then longer than alone, CPU times somewhat; requests are the same.
"""


def page(rows: list[Row], count: int, large: int, loads: list[float]) -> str:
    """The whole page, as Markdown."""
    machine = f"{os.cpu_count()} processors"
    shown = ", ".join(f"{load:.1f}" for load in loads)
    lines = [_HEAD.format(count=f"{count:,}", machine=machine, python=platform.python_version(), loads=shown)]
    for latency in dict.fromkeys(row["latency"] for row in rows):
        lines += _section(rows, latency)
    lines += ["", "## Goals", "", "| goal | reached |", "|---|---|", *_goals(rows, count, large)]
    return "\n".join(lines) + "\n"


def _section(rows: list[Row], latency: float) -> list[str]:
    title = f"With {latency * 1000:.0f} ms latency" if latency else "Without latency"
    lines = ["", f"## {title}", "", "| case | tool | requests | wall | CPU | memory |", "|---|---|---|---|---|---|"]
    here = [row for row in rows if row["latency"] == latency]
    for case, tool in dict.fromkeys((row["case"], row["tool"]) for row in here):
        runs = [row for row in here if (row["case"], row["tool"]) == (case, tool)]
        seen = ", ".join(f"{number} {method}" for method, number in sorted(runs[-1]["requests"].items())) or "none"
        failed = [row for row in runs if row["status"]]
        note = f" (exit {failed[0]['status']})" if failed else ""
        lines.append(
            f"| {case}{note} | {tool} | {seen} | {_of(runs, 'wall'):.2f} s | {_of(runs, 'cpu'):.2f} s "
            f"| {_of(runs, 'megabytes'):.0f} MB |"
        )
    return lines


def _of(runs: list[Row], what: str) -> float:
    return float(median(row[what] for row in runs))


def _runs(rows: list[Row], case: str, tool: str = "headway") -> list[Row]:
    return [row for row in rows if row["case"].startswith(case) and row["tool"] == tool]


def _goals(rows: list[Row], count: int, large: int) -> list[str]:
    lines: list[str] = []

    def goal(words: str, reached: bool, measured: str) -> None:
        lines.append(f"| {words} | {'yes' if reached else '**no**'}: {measured} |")

    ours, theirs = _runs(rows, "render"), _runs(rows, "render", "jjb")
    wall, cpu, memory = (_of(ours, what) for what in ("wall", "cpu", "megabytes"))
    goal(f"{count:,} specs rendered in 2 s", wall <= 2 * count / 1000, f"{wall:.2f} s wall, {cpu:.2f} s CPU")
    goal("in 80 MB", memory <= 80, f"{memory:.0f} MB")
    if theirs:
        by_wall, by_cpu = _of(theirs, "wall") / wall, _of(theirs, "cpu") / cpu
        goal(
            "4 times faster than jenkins-job-builder",
            by_wall >= 4,
            f"{by_wall:.1f} times by wall, {by_cpu:.1f} times by CPU",
        )
    for case in ("nothing changed, fresh container", "nothing changed, again"):
        most = [row["requests"] for row in _runs(rows, case)]
        if most:
            writes = max(sum(number for method, number in seen.items() if method != "GET") for seen in most)
            reads = max(seen.get("GET", 0) for seen in most)
            goal(f"{case}: at most 3 GET, no POST", reads <= 3 and writes == 0, f"{reads} GET, {writes} POST")
    if created := _runs(rows, "create"):
        posts = max(row["requests"].get("POST", 0) for row in created)
        folders = posts - count
        goal("created with one POST a job, and one a folder", 0 <= folders <= 41, f"{posts} POST, {folders} of folders")
    if drifted := [row for row in rows if row["case"].endswith("edited by hand") and row["tool"] == "headway"]:
        reads = max(row["requests"].get("GET", 0) for row in drifted)
        goal("drift: one GET a job", reads <= count + 3, f"{reads} GET; {drifted[-1]['note'].strip()}")
    if planned := [row for row in rows if row["case"].startswith(f"{large} planned")]:
        slowest, most_cpu = (max(row[what] for row in planned) for what in ("wall", "cpu"))
        goal(f"{large:,} planned in 15 s", slowest <= 15, f"{slowest:.1f} s wall, {most_cpu:.1f} s CPU at most")
    elif large:
        lines.append(f"| {large:,} planned in 15 s | not measured in this run |")
    return lines
