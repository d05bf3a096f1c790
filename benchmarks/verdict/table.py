"""The table and the picture of a run."""

from __future__ import annotations

from typing import Any

TOOLS = ("headway", "kubectl", "helm", "kubedog")
COLOURS = {"headway": "#1a7f4b", "kubectl": "#326ce5", "helm": "#7a4fb0", "kubedog": "#c2571a"}
RIGHT = {"complete": "ok", "failed": "failed", "progressing": "open", "superseded": "superseded"}


def is_right(row: dict[str, Any]) -> bool:
    """Whether the tool's word is the right one."""
    return bool(row.get("word") == RIGHT.get(row.get("right", ""), "?"))


def is_false_failure(row: dict[str, Any]) -> bool:
    """Whether it called a rollout failed that was good or still open."""
    return row.get("word") == "failed" and row.get("right") in {"complete", "progressing"}


def percentile(values: list[float], share: float) -> float | None:
    """The value below which that share lies (nearest rank)."""
    if not values:
        return None
    return sorted(values)[min(len(values) - 1, max(0, round(share * len(values) + 0.5) - 1))]


def latencies(results: dict[str, Any], tool: str) -> list[float]:
    """Seconds from evidence to verdict, where a verdict was possible and the tool's word was right."""
    rows = (rows[tool] for rows in results.values() if tool in rows)
    return [row["latency"] for row in rows if is_right(row) and row.get("latency") is not None]


def markdown(results: dict[str, Any]) -> str:
    """One row a scenario, then one a measure."""
    tools = [tool for tool in TOOLS if any(tool in rows for rows in results.values())]
    lines = ["| scenario | right | " + " | ".join(tools) + " |", "|---|---|" + "---|" * len(tools)]
    for name, rows in sorted(results.items()):
        right = next((row["right"] for row in rows.values() if "right" in row), "?")
        lines.append(f"| {name} | {right} | " + " | ".join(cell(rows.get(tool)) for tool in tools) + " |")
    lines += ["", "| measure | " + " | ".join(tools) + " |", "|---|" + "---|" * len(tools)]
    for title, show in MEASURES.items():
        lines.append(f"| {title} | " + " | ".join(show(results, tool) for tool in tools) + " |")
    return "\n".join(lines) + "\n"


def cell(row: dict[str, Any] | None) -> str:
    """What a tool said and when; wrong words are bold."""
    if not row or "word" not in row:
        return "-"
    text = f"{row['word']} {row['seconds']:.1f} s"
    return text if is_right(row) else f"**{text}**"


def of(results: dict[str, Any], tool: str) -> list[dict[str, Any]]:
    """All rows of a tool that were measured."""
    return [rows[tool] for rows in results.values() if tool in rows and "word" in rows[tool]]


def seconds(value: float | None) -> str:
    """One decimal, or a dash."""
    return "-" if value is None else f"{value:.1f} s"


def middle(results: dict[str, Any], tool: str, key: str) -> str:
    """The median of one cost."""
    value = percentile([row[key] for row in of(results, tool) if key in row], 0.5)
    return "-" if value is None else f"{value:g}"


MEASURES = {
    "right verdicts": lambda r, t: f"{sum(map(is_right, of(r, t)))} of {len(of(r, t))}",
    "false failures": lambda r, t: str(sum(map(is_false_failure, of(r, t)))),
    "evidence to verdict, p50 (right ones)": lambda r, t: seconds(percentile(latencies(r, t), 0.5)),
    "p95": lambda r, t: seconds(percentile(latencies(r, t), 0.95)),
    "max": lambda r, t: seconds(max(latencies(r, t), default=None)),
    "requests, median": lambda r, t: middle(r, t, "requests"),
    "watches, median": lambda r, t: middle(r, t, "watches"),
    "KiB read, median": lambda r, t: middle(r, t, "kib"),
    "memory MiB, median": lambda r, t: middle(r, t, "mib"),
}


def picture(results: dict[str, Any]) -> str:
    """A dot a tool and scenario: seconds until it spoke; hollow where it was wrong."""
    names = sorted(results)
    left, width, row = 210, 640, 20
    height = row * len(names) + 70

    def x(value: float) -> float:
        return left + width * min(max(value, 0.0), 80.0) / 80.0

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 30}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{left + width + 30}" height="{height}" fill="white"/>',
        '<text x="10" y="20" font-size="14">Seconds from the change until the tool spoke (filled: right, hollow: wrong)</text>',
    ]
    for index, tool in enumerate(TOOLS):
        out.append(
            f'<circle cx="{left + 120 * index}" cy="38" r="5" fill="{COLOURS[tool]}"/><text x="{left + 120 * index + 9}" y="42">{tool}</text>'
        )
    for tick in range(0, 81, 10):
        out.append(
            f'<line x1="{x(tick)}" y1="50" x2="{x(tick)}" y2="{height - 16}" stroke="#ddd"/><text x="{x(tick) - 6}" y="{height - 4}" fill="#666">{tick}</text>'
        )
    for index, name in enumerate(names):
        y = 62 + index * row
        out.append(f'<text x="10" y="{y + 4}">{name}</text>')
        for tool in reversed(TOOLS):
            found = results[name].get(tool) or {}
            if "seconds" in found:
                fill = COLOURS[tool] if is_right(found) else "white"
                out.append(
                    f'<circle cx="{x(found["seconds"]):.1f}" cy="{y}" r="5" fill="{fill}" stroke="{COLOURS[tool]}" stroke-width="2"/>'
                )
    return "\n".join([*out, "</svg>"]) + "\n"
