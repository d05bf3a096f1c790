"""Many lines that say the same, folded: what a thousand jobs have in common must not scroll away what few have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

MANY = 20
"""So many of one kind are all shown."""
SHOWN = 3


def folded(entries: Sequence[tuple[Hashable, Sequence[str]]], more: Callable[[int, Hashable], str]) -> Iterator[str]:
    """The lines of the entries; of more than MANY that are alike only the first, and how many more there are.

    Args:
        entries: what they say apart from their name (None: never folded), and their lines.
        more: the line in place of so many others that say the same.
    """
    counts = Counter(said for said, _ in entries if said is not None)
    seen = Counter[Hashable]()
    for said, lines in entries:
        seen[said] += 1
        if counts[said] <= MANY or seen[said] <= SHOWN:
            yield from lines
        elif seen[said] == SHOWN + 1:
            yield more(counts[said] - SHOWN, said)
