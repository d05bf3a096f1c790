"""How often a Jenkins cron fires, about: a multibranch job's trigger wants an interval beside its cron."""

from __future__ import annotations

import re

MINUTE, HOUR, DAY = 60, 3600, 86_400
_ALIASES = {"@hourly": HOUR, "@daily": DAY, "@midnight": DAY, "@weekly": 7 * DAY}
_STEP = re.compile(r"(?:\*|H(?:\([0-9]+-[0-9]+\))?)/([0-9]+)")
_FIELDS = 5


def seconds_between(cron: str) -> int:
    """Seconds between two firings of the most frequent line; a day where that can't be told simply.

    Only minute and hour steps are understood: the interval is a lower bound that keeps Jenkins from scanning twice for
    one firing, so a value that is too long costs a scan and one that is too short costs nothing.
    """
    found = [_line(line.strip()) for line in cron.splitlines() if line.strip() and not line.startswith(("#", "TZ="))]
    return min(found, default=DAY)


def _line(line: str) -> int:
    if line.startswith("@"):
        return _ALIASES.get(line, 28 * DAY)
    fields = line.split()
    if len(fields) != _FIELDS:
        return DAY
    minute, hour = fields[:2]
    for field, unit in ((minute, MINUTE), (hour, HOUR)):
        if field == "*":
            return unit
        if step := _STEP.fullmatch(field):
            return int(step[1]) * unit
    return DAY
