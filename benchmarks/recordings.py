"""How soon every recorded rollout is judged after it can be known: `python -m benchmarks.recordings [FOLDER...]`."""

from __future__ import annotations

import gzip
import json
import sys
import time
from pathlib import Path

from agent.rollout.replay import read, replay
from agent.rollout.verdict import word

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"


def main() -> None:
    """The command line."""
    folders = [Path(name) for name in sys.argv[1:]] or [DATA / "recordings", DATA / "recordings-own"]
    late: dict[str, list[float]] = {}
    wrong, open_ends, began, count = [], 0, time.process_time(), 0
    for path in sorted(path for folder in folders for path in folder.glob("*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            tape = read(json.loads(line) for line in stream)
        outcome = replay(tape)
        count += 1
        right, said = tape.expect, word(outcome.verdict)
        codes = [str(item.code) for item in getattr(outcome.verdict, "diagnosis", ())]
        if said != right["verdict"] or right.get("code", "") not in {"", *codes}:
            wrong.append(path.name)
        elif outcome.decided_at is None:
            open_ends += 1
        else:
            late.setdefault(said, []).append(outcome.decided_at - right["known_by"])
    print(f"{count} recordings, {len(wrong)} wrong {wrong or ''}, {open_ends} rightly left open, ", end="")
    print(f"{time.process_time() - began:.1f} s of CPU\n")
    print("| verdict | | median | p95 | most |\n|---|---|---|---|---|")
    for said, found in sorted(late.items()):
        found.sort()
        row = (found[len(found) // 2], found[int(len(found) * 0.95)], found[-1])
        print(f"| {said} | {len(found)} | " + " | ".join(f"{value:+.2f} s" for value in row) + " |")


if __name__ == "__main__":
    main()
