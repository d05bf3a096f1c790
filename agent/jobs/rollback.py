"""Taking a run of `jobs apply` back: what was noted of each change into the changes that undo it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.errors import HeadwayError
from agent.jobs.change import Change, Conflict, Create, Delete, Keep, Move, Reading, Replace, Update
from agent.jobs.configxml import FLOW, FOLDER, MULTIBRANCH
from agent.jobs.definition import JobDefinition, Kind
from agent.jobs.difference import Difference, compare
from agent.jobs.inventory import Inventory
from agent.jobs.marker import Marker, parse
from agent.jobs.plan import complete
from agent.jobs.saved import same
from agent.jobs.settings import settings
from agent.jobs.xmltext import read

_KINDS = {FLOW: Kind.PIPELINE, MULTIBRANCH: Kind.MULTIBRANCH, FOLDER: Kind.FOLDER}
_CHANGED = "it was changed after that run; look at it and apply by hand"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a run that Jenkins took.

    Attributes:
        job: full name after it.
        action: create, update, move, replace, disable or delete.
        origin: full name before a move.
        before: config.xml before, byte for byte; empty after a create.
        after: config.xml that was sent; empty after a delete.
    """

    job: str
    action: str
    origin: str = ""
    before: str = ""
    after: str = ""


def undoing(entries: Sequence[Entry], inventory: Inventory, configs: Mapping[str, str]) -> tuple[Change, ...]:
    """What takes the run back, the last change first; folders that it made stay.

    Args:
        entries: what the run did, in its order.
        inventory: what is there now.
        configs: config.xml now, of the items that are there.
    """
    found = (_undo(entry, inventory, configs) for entry in reversed(entries))
    return tuple(change for change in found if change is not None)


def _undo(  # noqa: PLR0911  one return a case
    entry: Entry, inventory: Inventory, configs: Mapping[str, str]
) -> Change | None:
    item, now = inventory.get(entry.job), configs.get(entry.job)
    if entry.action == "create":
        return _uncreate(entry, inventory, now)
    job = _definition(entry)
    if job is None:
        return None
    if entry.action == "delete":
        if item is not None:
            return Conflict(job, "there is another one of that name now", adoptable=False)
        return Create(job, "deleted by that run; its builds are lost")
    if item is None or now is None:
        return Conflict(job, "it is not there any more", adoptable=False)
    if same(now, entry.before):
        return Keep(job, "as it was before that run")
    if not same(now, entry.after):
        return Conflict(job, _CHANGED, adoptable=False)
    reading = Reading(now, entry.before, _differences(now, entry.before))
    if entry.action == "replace":
        return Replace(job, "the type that it had before that run", reading)
    if entry.action == "move":
        return Move(job, _back(entry), f"back from {entry.job}", reading)
    return Update(job, "as it was before that run", reading)


def _uncreate(entry: Entry, inventory: Inventory, now: str | None) -> Change | None:
    """A job that the run made is disabled, as a prune would; it may have builds by now."""
    item = inventory.get(entry.job)
    if (
        item is None
        or now is None
        or item.marker is None
        or item.class_name == Kind.FOLDER.value
        or item.marker.tombstone
    ):
        return None
    job = JobDefinition(entry.job, Kind.PIPELINE, entry.after, item.marker)
    if not item.is_bound() or not same(now, entry.after):
        return Conflict(job, _CHANGED, adoptable=False)
    return complete(Delete(item, "disable", "made by that run"), {entry.job: now})


def _back(entry: Entry) -> tuple[str, ...]:
    here, there = entry.job, entry.origin
    folder, name = here.rpartition("/")[::2]
    old_folder, old_name = there.rpartition("/")[::2]
    if folder == old_folder or name == old_name:
        return here, there
    return here, f"{old_folder}/{name}" if old_folder else name, there


def _definition(entry: Entry) -> JobDefinition | None:
    """The item as it was; the marker that it had, or one that says nothing where it had none."""
    name = entry.origin or entry.job
    try:
        root = read(entry.before)
    except HeadwayError:
        return None
    marker = parse(root.findtext("description")) or Marker("", name)
    kind = _KINDS.get(root.tag)
    return JobDefinition(name, kind, entry.before, marker) if kind else None


def _differences(now: str, before: str) -> tuple[Difference, ...]:
    try:
        return compare(settings(read(now)), settings(read(before)))
    except HeadwayError:
        return ()
