"""Times and places in words: how long something took, since when something serves, and where."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.reports.events import Serving


def duration(seconds: float) -> str:
    """`31 ms`, `4.2 s`, `3 min`, `2 h`, `5 d`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    for size, unit in ((86_400 * 2, "d"), (7200, "h"), (0, "min")):
        if seconds >= size:
            return f"{seconds / {'d': 86_400, 'h': 3600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"


def described(now: Serving, moment: datetime | None = None) -> str:
    """`v1 since 2 h, verified`."""
    text = now.version or now.image or "unknown"
    since = age(now.since, moment)
    text += f" since {since}" if since else ""
    if now.release == 0:
        return f"{text}, not known to Headway"
    return f"{text}, {'verified' if now.verified else 'not verified'}"


def age(moment: str, now: datetime | None = None) -> str:
    """How long ago an RFC 3339 moment was; empty where it can't be told."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return ""
    seconds = ((now or datetime.now(UTC)) - then.astimezone(UTC)).total_seconds()
    return duration(max(round(seconds), 1)).replace(".0 s", " s")


def inside(environment: str) -> str:
    """` in staging`; nothing where a workload was named without a spec."""
    return f" in {environment}" if environment else ""
