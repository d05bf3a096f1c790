"""`headway replay FILE...`: judges recorded rollouts again, perhaps under another policy."""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from agent.cli.console import Console, clean
from agent.cli.options import output_option, talk_options
from agent.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from agent.rollout.diagnosis import Diagnosis
    from agent.rollout.replay import Outcome, Tape

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_PATIENCE = ("registry", "reference", "quota", "unschedulable")


class Duration(click.ParamType[float]):
    """Seconds, or a number with a unit: 45, 90s, 10m."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The duration in seconds."""
        if isinstance(value, float):
            return value
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"'{value}' is not a duration such as 45s or 10m", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class PatienceOf(click.ParamType[tuple[str, float]]):
    """`registry=2m`."""

    name = "name=duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        """The name of a patience and its seconds."""
        name, _, seconds = str(value).partition("=")
        if name not in _PATIENCE:
            self.fail(f"'{name}' is none of {', '.join(_PATIENCE)}", param, ctx)
        return name, Duration().convert(seconds, param, ctx)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--patience", multiple=True, type=PatienceOf(), help="Another patience, e.g. registry=2m; repeatable.")
@click.option("--timeout", type=Duration(), help="Another timeout, e.g. 5m.")
@click.option("--explain", is_flag=True, help="Say which rules fired, and on what evidence.")
@output_option()
@talk_options
@click.pass_obj
def command(
    console: Console,
    files: tuple[str, ...],
    patience: tuple[tuple[str, float], ...],
    timeout: float | None,
    explain: bool,  # noqa: FBT001  click's
    output: str,
) -> ExitStatus:
    """Judges recorded rollouts again.

    FILE is an events.ndjson of a report, or a raw recording of an API server's watches, plain or gzipped; `-` is stdin.
    The exit status is 0 whatever the verdicts are, and 2 if a file can't be read.
    """
    from agent.rollout.replay import replay, with_patience

    status = ExitStatus.OK
    for file in files:
        try:
            tape = _read(file)
        except UsageError as problem:
            console.fail(problem)
            status = ExitStatus.USAGE
            continue
        outcome = replay(tape, with_patience(tape.policy, dict(patience), timeout))
        if output == "json":
            console.data(json.dumps(_as_json(file, outcome, explain=explain)))
        else:
            console.data(clean("\n".join(_as_text(file, tape, outcome, explain=explain))))
    return status


def _read(file: str) -> Tape:
    """The recording in a file.

    Raises:
        UsageError: it can't be read, or is no recording.
    """
    from agent.rollout.recording import RecordingError
    from agent.rollout.replay import read

    try:
        with _open(file) as stream:
            return read(_lines(stream))
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise _unreadable(file, "its gzip data is cut off or damaged") from problem
    except UnicodeDecodeError as problem:
        raise _unreadable(file, "it is not text") from problem
    except (RecordingError, RecursionError) as problem:
        why = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise _unreadable(file, why) from problem
    except OSError as problem:
        raise _unreadable(file, problem.strerror or str(problem)) from problem


def _unreadable(file: str, why: str) -> UsageError:
    hint = "a recording is the events.ndjson of a report, or what record.py writes, plain or gzipped"
    return UsageError(f"{file} was not judged: {why}", hint=hint)


@contextmanager
def _open(file: str) -> Iterator[IO[str]]:
    """The file as text, whether it is gzipped or not."""
    with ExitStack() as closing:
        stdin = cast("io.BufferedReader", sys.stdin.buffer)
        raw = stdin if file == "-" else closing.enter_context(Path(file).open("rb"))
        packed = raw.peek(2)[:2] == b"\x1f\x8b"
        plain = cast("IO[bytes]", closing.enter_context(gzip.GzipFile(fileobj=raw))) if packed else raw
        yield io.TextIOWrapper(plain, encoding="utf-8")


def _lines(stream: IO[str]) -> Iterator[dict[str, Any]]:
    """The JSON object of each line; the last one may be cut off, as a killed recorder leaves it."""
    from agent.rollout.recording import RecordingError

    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as problem:
            if number > 1 and not line.endswith("\n"):
                return
            raise RecordingError(f"line {number} is not JSON") from problem
        if not isinstance(value, dict):
            raise RecordingError(f"line {number} is not a JSON object")
        yield value


def _as_json(file: str, outcome: Outcome, *, explain: bool) -> dict[str, Any]:
    """One object a file (contract section 3)."""
    from agent.rollout.verdict import Progressing, word

    verdict = outcome.verdict
    found: dict[str, Any] = {
        "file": file,
        "verdict": word(verdict),
        "diagnosis": [],
        "decided_at": None if outcome.decided_at is None else round(outcome.decided_at, 3),
        "notes": list(getattr(verdict, "notes", ())),
        "why": getattr(verdict, "why", ""),
    }
    key = "suspicions" if isinstance(verdict, Progressing) else "diagnosis"
    found[key] = [_diagnosis(item, outcome.written_at) for item in _diagnoses(outcome)]
    if explain:
        found["rules"] = [{"rule": item.rule, "evidence": item.evidence} for item in verdict.rules]
    return found


def _diagnosis(item: Diagnosis, written_at: float) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(item) | {"code": str(item.code), "first_seen": round(item.first_seen - written_at, 3)}


def _diagnoses(outcome: Outcome) -> tuple[Diagnosis, ...]:
    """The causes of a failure; of an open rollout, what is suspected."""
    from agent.rollout.verdict import Failed, Progressing, TimedOut

    verdict = outcome.verdict
    if isinstance(verdict, Failed | TimedOut):
        return verdict.diagnosis
    return verdict.suspicions if isinstance(verdict, Progressing) else ()


def _as_text(file: str, tape: Tape, outcome: Outcome, *, explain: bool) -> Iterator[str]:
    from agent.rollout.verdict import Progressing, word

    said = word(outcome.verdict)
    when = "open at the end" if outcome.decided_at is None else f"after {outcome.decided_at:.1f} s"
    notes = "".join(f", {note}" for note in getattr(outcome.verdict, "notes", ()))
    expected = tape.expect.get("verdict", said)
    doubt = "" if expected == said else f"  (expected: {expected})"
    yield f"{file}: {said}{notes}, {when}{doubt}"
    if why := getattr(outcome.verdict, "why", ""):
        yield f"  why: {why}"
    label = "suspected" if isinstance(outcome.verdict, Progressing) else "cause"
    for item in _diagnoses(outcome):
        yield f"  {label}: {item.code}: {item.sentence}"
    for fired in outcome.verdict.rules if explain else ():
        yield f"  {fired.rule}: {fired.evidence}"
