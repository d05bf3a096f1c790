"""A recorded rollout judged again: at every event, and whenever the judge asked to be woken in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.objects import Ref
from agent.rollout.feed import Event
from agent.rollout.policy import Policy
from agent.rollout.recording import RecordingError, decode, decode_header, decode_raw, decode_raw_header
from agent.rollout.snapshot import Snapshot
from agent.rollout.verdict import Progressing, Verdict, judge


@dataclass(frozen=True, slots=True)
class Tape:
    """A recording, read.

    Attributes:
        workload: what was followed.
        policy: the policy that it was judged by; the default one for raw recordings.
        events: what was heard, in order.
        until: the end, in seconds of its clock: silence before that is a fact too.
        expect: what a right verdict is, where the recording says so.
    """

    workload: Ref
    policy: Policy
    events: tuple[Event, ...]
    until: float
    expect: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay came to.

    Attributes:
        verdict: the first one that is not Progressing, else the last one.
        decided_at: seconds after our write; None where the end left it open.
        snapshot: as it was then.
        written_at: when our write was sent, on the recording's clock.
    """

    verdict: Verdict
    decided_at: float | None
    snapshot: Snapshot
    written_at: float


def read(lines: Iterable[Mapping[str, Any]]) -> Tape:
    """The recording that these lines are, in our own form or the raw one.

    Raises:
        RecordingError: they are none.
    """
    all_lines = iter(lines)
    head = next(all_lines, None)
    if head is None:
        raise RecordingError("it is empty")
    if "headway" in head:
        workload, policy = decode_header(head)
        events = tuple(decode(line) for line in all_lines)
    else:
        workload, policy = decode_raw_header(head), Policy()
        events = tuple(_raw(all_lines, workload))
    last = events[-1].at if events else 0.0
    seconds = head.get("seconds")
    until = max(last, float(seconds)) if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) else last
    expect = head.get("expect")
    return Tape(workload, policy, events, until, expect if isinstance(expect, Mapping) else {})


def _raw(lines: Iterator[Mapping[str, Any]], workload: Ref) -> Iterator[Event]:
    from agent.rollout.feed import Applied

    written = False
    for line in lines:
        event = decode_raw(line, workload, written=written)
        if event is not None:
            written = written or isinstance(event, Applied)
            yield event


def replay(tape: Tape, policy: Policy | None = None) -> Outcome:
    """Judges a recording, under its own policy or another one; stops at the first verdict that is final."""
    asked = tape.policy if policy is None else policy
    snapshot = Snapshot(tape.workload)
    verdict: Verdict = judge(snapshot, 0.0, asked)
    for event in tape.events:
        woken = _wake(snapshot, verdict, event.at, asked)
        if woken is not None:
            return woken
        snapshot.fold(event)
        verdict = judge(snapshot, event.at, asked)
        if not isinstance(verdict, Progressing):
            return _outcome(snapshot, verdict, event.at)
    return _wake(snapshot, verdict, tape.until, asked, last=True) or Outcome(
        verdict, None, snapshot, _written(snapshot)
    )


def _wake(snapshot: Snapshot, verdict: Verdict, until: float, policy: Policy, *, last: bool = False) -> Outcome | None:
    """Judges at every `wake_at` before `until`; the outcome if one of them is final."""
    while isinstance(verdict, Progressing) and verdict.wake_at is not None:
        moment = verdict.wake_at
        if moment > until or (moment == until and not last):
            return None
        verdict = judge(snapshot, moment, policy)
        if not isinstance(verdict, Progressing):
            return _outcome(snapshot, verdict, moment)
        if verdict.wake_at is not None and verdict.wake_at <= moment:
            return None
    return None


def _outcome(snapshot: Snapshot, verdict: Verdict, at: float) -> Outcome:
    return Outcome(verdict, max(0.0, at - _written(snapshot)), snapshot, _written(snapshot))


def _written(snapshot: Snapshot) -> float:
    return snapshot.write.at if snapshot.write is not None else 0.0


def with_patience(policy: Policy, changes: Mapping[str, float], timeout: float | None) -> Policy:
    """The policy with some patience, or the timeout, changed."""
    patience = replace(policy.patience, **changes)
    return replace(policy, patience=patience, timeout=policy.timeout if timeout is None else timeout)
