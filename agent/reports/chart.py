"""The timeline of a report as SVG: ready replicas by revision above, one bar a pod below.

Only presentation attributes are used, no styles: Jenkins' content policy leaves those alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

WIDTH, LEFT, RIGHT = 960, 250, 20
AREA, BAR, GAP, TOP = 90, 16, 6, 24
LINES, LETTERS, LABEL = 12, 34, 12
"""At most so many lines of the grid, letters of a pod's name, and columns a mark's number may need."""
LOOKS = 'font-family="sans-serif" font-size="12" role="img" aria-label="pods over time"'
COLOURS = {
    "starting": "#b9c7d8",
    "running": "#f2c14e",
    "ready": "#2e9e6b",
    "in trouble": "#d0453c",
    "stopping": "#a99bbd",
    "succeeded": "#a99bbd",
    "failed": "#7a2e2a",
}
REVISIONS = ("#7fb3e6", "#2e9e6b", "#f2a33c", "#9a6fc4", "#d0453c")


@dataclass(frozen=True, slots=True)
class _Span:
    """One pod in one state; `says` is the machine's word where it is in trouble."""

    start: float
    end: float
    state: str
    says: str


@dataclass(frozen=True, slots=True)
class _Bar:
    """One pod's row."""

    name: str
    revision: str
    spans: tuple[_Span, ...]


def render(timeline: Mapping[str, Any], seconds: float) -> str:
    """The picture.

    Args:
        timeline: the form of `agent.reports.timeline`, with at least one pod.
        seconds: where it ends; pods that are there then are drawn up to it.
    """
    seconds = max(seconds, 0.1)
    rows = [_bar(pod, seconds) for pod in timeline["pods"]]
    rows = [row for row in rows if row.spans]
    bars = TOP + AREA + 30
    bottom = bars + len(rows) * (BAR + GAP)
    height = bottom + 78
    scale = _Scale(seconds)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0 0 {WIDTH} {height}" {LOOKS}>',
        *_grid(scale, bottom),
        *_areas(rows, scale, seconds),
        *_bars(rows, scale, bars),
        *_marks(timeline["marks"], scale, bottom),
        *_legend(rows, bottom + 38),
        "</svg>",
    ]
    return "\n".join(parts)


def _bar(pod: Mapping[str, Any], seconds: float) -> _Bar:
    """States with their starts become spans; any word that isn't one of ours is the machine's for trouble."""
    states = pod["states"]
    ends = [state["at"] for state in states[1:]] + [seconds]
    spans = tuple(
        _Span(max(state["at"], 0.0), end, state["state"] if state["state"] in COLOURS else "in trouble", state["state"])
        for state, end in zip(states, ends, strict=True)
        if state["state"] != "gone" and end > 0
    )
    return _Bar(pod["pod"], pod["revision"], spans)


class _Scale:
    """Seconds to columns."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, at: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(at, self.seconds) / self.seconds, 1)


def _grid(scale: _Scale, bottom: int) -> list[str]:
    """A line every 1, 2, 5, 10 ... seconds: six to twelve of them."""
    step = next((step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if scale.seconds / step <= LINES), 1800)
    parts, at = [], 0
    while at <= scale.seconds:
        x = scale(at)
        parts.append(f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}" stroke="#e3e7eb"/>')
        parts.append(f'<text x="{x}" y="{bottom + 14}" fill="#5b6672" text-anchor="middle">{at} s</text>')
        at += step
    return parts


def _areas(rows: list[_Bar], scale: _Scale, seconds: float) -> list[str]:
    """Ready pods by revision, stacked: how much of the old and of the new served at any moment."""
    revisions = _revisions(rows)
    spans = [(span, row.revision) for row in rows for span in row.spans if span.state == "ready"]
    moments = sorted({0.0, seconds} | {edge for span, _ in spans for edge in (span.start, span.end)})
    counts = [
        [sum(mine == each and span.start <= moment < span.end for span, mine in spans) for each in revisions]
        for moment in moments[:-1]
    ]
    top = max((sum(count) for count in counts), default=0) or 1
    unit = AREA / top
    parts = [f'<text x="{LEFT - 8}" y="{TOP + 10}" text-anchor="end" fill="#5b6672">{top} ready</text>']
    for (start, end), count in zip(pairwise(moments), counts, strict=True):
        base = float(TOP + AREA)
        for index, number in enumerate(count):
            base -= number * unit
            if number:
                parts.append(
                    f'<rect x="{scale(start)}" y="{base:.1f}" width="{max(scale(end) - scale(start), 0.5):.1f}" '
                    f'height="{number * unit:.1f}" fill="{REVISIONS[index % len(REVISIONS)]}" fill-opacity="0.75"/>'
                )
    return parts


def _revisions(rows: list[_Bar]) -> list[str]:
    """In the order of appearance: the old one first."""
    return list(dict.fromkeys(row.revision for row in rows))


def _bars(rows: list[_Bar], scale: _Scale, top: int) -> list[str]:
    revisions = _revisions(rows)
    parts = []
    for number, row in enumerate(rows):
        y = top + number * (BAR + GAP)
        colour = REVISIONS[revisions.index(row.revision) % len(REVISIONS)]
        name = escape(row.name if len(row.name) <= LETTERS else "\u2026" + row.name[1 - LETTERS :])
        parts.append(f'<rect x="{LEFT - 6}" y="{y}" width="4" height="{BAR}" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT - 12}" y="{y + 12}" text-anchor="end">{name}</text>')
        for span in row.spans:
            width = max(scale(span.end) - scale(span.start), 1.0)
            says = f"{row.name} ({row.revision}): {span.says}, {span.start:.1f} s to {span.end:.1f} s"
            parts.append(
                f'<rect x="{scale(span.start)}" y="{y}" width="{width:.1f}" height="{BAR}" '
                f'fill="{COLOURS[span.state]}"><title>{escape(says)}</title></rect>'
            )
    return parts


def _marks(marks: list[dict[str, Any]], scale: _Scale, bottom: int) -> list[str]:
    """The moments that mattered: a line each; what it was is told when one points at it, and numbered above."""
    parts, last = [], -1000.0
    for number, mark in enumerate(marks, 1):
        x = scale(max(mark["at"], 0.0))
        title = f"<title>{mark['at']:.1f} s: {escape(mark['text'])}</title>"
        parts.append(f'<line x1="{x}" y1="{TOP}" x2="{x}" y2="{bottom}" stroke="#1c2430" stroke-dasharray="3 3"/>')
        if x - last >= LABEL:
            parts.append(f'<text x="{x}" y="{TOP - 6}" fill="#1c2430" text-anchor="middle">{number}{title}</text>')
            last = x
    return parts


def _legend(rows: list[_Bar], y: int) -> list[str]:
    """The states that occur, and below them the revisions."""
    used = {span.state for row in rows for span in row.spans}
    states = [(state, colour) for state, colour in COLOURS.items() if state in used]
    revisions = [(each or "?", REVISIONS[n % len(REVISIONS)]) for n, each in enumerate(_revisions(rows))]
    parts = []
    for line, (entries, width) in enumerate(((states, 90), (revisions, 150))):
        for column, (word, colour) in enumerate(entries):
            x, top = LEFT + column * width, y + line * 18
            parts.append(f'<rect x="{x}" y="{top}" width="11" height="11" fill="{colour}"/>')
            parts.append(f'<text x="{x + 16}" y="{top + 10}" fill="#5b6672">{escape(word)}</text>')
    return parts
