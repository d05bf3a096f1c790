"""Names of Jenkins items: what core takes (Jenkins.checkGoodName), and full names taken apart.

Checked before anything is sent, because a path such as `team/../x` would reach another job without complaint.
"""

from __future__ import annotations

import re

UNSAFE = "?*/\\%!@#$^&|<>[]:;"
_REFUSED = re.compile(rf"[{re.escape(UNSAFE)}\x00-\x1f\x7f-\x9f]")
LONGEST = 255
"""Bytes of one name: Jenkins makes a folder of that name in its file system."""


def complaint(name: str) -> str:  # noqa: PLR0911  one return a rule of core
    """Why Jenkins refuses this name of one item; empty when it takes it."""
    if not name.strip():
        return "an empty name"
    if name in {".", ".."}:
        return f"'{name}' means another place"
    if refused := _REFUSED.search(name):
        char = refused[0]
        return f"'{char}' is an unsafe character" if char in UNSAFE else f"a control character ({ord(char):#04x})"
    if name != name.strip():
        return "a space at its beginning or end"
    if name.endswith("."):
        return "a full stop at its end"
    if len(name.encode("utf-8", "replace")) > LONGEST:
        return f"more than {LONGEST} bytes"
    return ""


def full_name_complaint(full_name: str) -> str:
    """Why Jenkins refuses this full name (`folder/folder/job`); empty when it takes it."""
    for name in full_name.split("/"):
        if problem := complaint(name):
            return problem
    return ""


def parent(full_name: str) -> str:
    """Full name of the folder that holds the item; empty for the top."""
    return full_name.rpartition("/")[0]


def last(full_name: str) -> str:
    """The item's own name."""
    return full_name.rpartition("/")[2]


def ancestors(full_name: str) -> tuple[str, ...]:
    """The folders above an item, outermost first: `a/b/c` -> `a`, `a/b`."""
    parts = full_name.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))


def is_below(full_name: str, folder: str) -> bool:
    """Whether the item is the folder itself or anywhere in it; everything is below the top."""
    return not folder or full_name == folder or full_name.startswith(folder + "/")
