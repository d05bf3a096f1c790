"""The same story as a worse day tells it: slower, faster, out of step, twice, with a gap and a new list after it.

Only what the API allows: events about one object keep their order, watches of different resources don't wait for each
other, Event objects may be lost, and a watch that broke is followed by a list of everything.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from agent.objects import Object, uid
from agent.rollout.feed import Applied, Blind, Changed, Event, Listed, Sighted

Warp = Callable[[float], float]


def perturbed(
    heard: list[Event], seed: int, *, keep_events: bool, factor: float = 0.2
) -> tuple[list[Event], Warp, float]:
    """The story of a seed; how its times map to the new ones, and by how much news may be late.

    `factor` is by how much a gap may be longer or shorter than told: 0.2 is a fifth.
    """
    dice = random.Random(seed)
    told, warp = _warped(heard, dice, factor)
    late = 0.0
    if dice.random() < 0.5:
        told, late = _with_gap(told, dice)
    if not keep_events and dice.random() < 0.5:
        told = [item for item in told if not _is_loss(item, dice)]
    told, lag = _out_of_step(told, dice)
    return _doubled(told, dice), warp, late + lag


def _warped(heard: list[Event], dice: random.Random, factor: float) -> tuple[list[Event], Warp]:
    """Every gap after our write stretched or squeezed by its own factor."""
    marks = sorted({item.at for item in heard if item.at > 0})
    moved, last, now = {}, 0.0, 0.0
    for mark in marks:
        now += (mark - last) * dice.uniform(1 - factor, 1 + factor)
        last, moved[mark] = mark, now

    def warp(at: float) -> float:
        if at <= 0:
            return at
        before = max((mark for mark in marks if mark <= at), default=0.0)
        return moved.get(before, 0.0) + (at - before)

    return [replace(item, at=warp(item.at)) for item in heard], warp


def _with_gap(told: list[Event], dice: random.Random) -> tuple[list[Event], float]:
    """A watch that breaks and is listed anew: what happened meanwhile is only seen in the list."""
    start = next((index for index, item in enumerate(told) if isinstance(item, Applied)), 0) + 1
    free = range(start, len(told))
    if not free or any(isinstance(item, Blind) for item in told):
        return told, 0.0
    first = dice.choice(free)
    length = dice.uniform(0.1, 3.0)
    last = first
    while last < len(told) and told[last].at <= told[first].at + length:
        last += 1
    known: dict[str, dict[str, Object]] = {}
    for item in told[:last]:
        _remember(known, item)
    end = max(item.at for item in told[first:last])
    lists = [Listed(end, resource, tuple(items.values())) for resource, items in known.items()]
    return [*told[:first], *lists, *told[last:]], end - told[first].at


def _remember(known: dict[str, dict[str, Object]], item: Event) -> None:
    if isinstance(item, Listed):
        known[item.resource] = {uid(thing): thing for thing in item.items}
    elif isinstance(item, Changed):
        there = known.setdefault(item.resource, {})
        if item.type == "DELETED":
            there.pop(uid(item.object), None)
        else:
            there[uid(item.object)] = item.object


def _is_loss(item: Event, dice: random.Random) -> bool:
    return isinstance(item, Changed) and item.resource == "events" and dice.random() < 0.3


def _out_of_step(told: list[Event], dice: random.Random) -> tuple[list[Event], float]:
    """Every watch lags by its own time; the answer to our write may come after its first effects."""
    if any(isinstance(item, Blind | Sighted) for item in told):
        return told, 0.0
    lags: dict[str, float] = {}
    arrivals: list[tuple[float, int, Event]] = []
    for place, item in enumerate(told):
        if isinstance(item, Applied):
            arrivals.append((item.at + dice.choice([0.0, 0.0, 0.04]), place, item))
        elif item.at <= 0:
            arrivals.append((item.at, place, item))
        else:
            lag = lags.setdefault(getattr(item, "resource", ""), dice.uniform(0, 0.4))
            arrivals.append((item.at + lag, place, replace(item, at=item.at + lag)))
    return [item for _, _, item in sorted(arrivals, key=lambda entry: entry[:2])], 0.4


def _doubled(told: list[Event], dice: random.Random) -> list[Event]:
    """One event in five comes again, at once or a little later."""
    out: list[Event] = []
    for item in told:
        out.append(item)
        if isinstance(item, Changed) and dice.random() < 0.2:
            out.append(item)
        if len(out) > 4 and dice.random() < 0.1:
            again = out[-dice.randrange(2, 5)]
            if isinstance(again, Changed):
                out.append(replace(again, at=item.at))
    return out
