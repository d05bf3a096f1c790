"""Plan: desired jobs against what is there, complete with differences and the text to be sent. Pure.

The second half: `triage` decided from the inventory, now what was read of single jobs completes its changes. Applying
takes nothing but a Plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import SubElement

from agent.errors import InvalidObjectError, RefusedError
from agent.jobs import change as changes_of
from agent.jobs import libraries
from agent.jobs.carry import carried, is_disabled
from agent.jobs.change import Change, Conflict, Delete, Keep, Move, Reading, Replace, Update
from agent.jobs.definition import JobDefinition, Kind, marked
from agent.jobs.difference import Difference, compare
from agent.jobs.inventory import Inventory
from agent.jobs.marker import Marker, attach, parse
from agent.jobs.settings import settings, tracked
from agent.jobs.triage import DELETES_AT_MOST, Options, orphans, owned, scanning, triage
from agent.jobs.xmltext import read, write

EDITED = "edited in Jenkins"
"""The reason of an update that only a drift check finds."""


class TooMuchError(RefusedError):
    """A plan has more changes or removals than it may; it is there to be looked at, not to be carried out."""

    def __init__(self, made: Plan, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.plan = made


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, item by item.

    Attributes:
        changes: every item: folders first, then jobs by name, then what is pruned.
        orphans: jobs that a prune would take and this plan leaves.
        options: what the plan was allowed to do.
        levels: how deep the inventory was that it was made from.
    """

    changes: tuple[Change, ...]
    orphans: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)
    levels: int = 0

    @property
    def pending(self) -> tuple[Change, ...]:
        """What would be sent."""
        return tuple(one for one in self.changes if not isinstance(one, Keep | Conflict))

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What can't be done."""
        return tuple(one for one in self.changes if isinstance(one, Conflict))

    @property
    def requests(self) -> int:
        """How many writing requests it takes."""
        return sum(changes_of.requests(one) for one in self.changes)

    def counts(self) -> Mapping[str, int]:
        """How many items of each action."""
        return Counter(changes_of.action(one) for one in self.changes)


def plan(
    jobs: Sequence[JobDefinition],
    inventory: Inventory,
    options: Options,
    configs: Mapping[str, str],
) -> Plan:
    """Completes what `triage` finds with the config.xml of the jobs that were read.

    Args:
        jobs: every job of every spec that was given.
        inventory: what is there.
        options: what may be done.
        configs: config.xml by full name; of a job that is missing here, it disappeared while it was read. With those
            of kept jobs too, edits made in Jenkins are found.

    Raises:
        TooMuchError: more changes or more removals than the options allow; nothing is to be sent.
    """
    done = (scanning(complete(change, configs), inventory) for change in triage(jobs, inventory, options))
    # A folder that stays as it is is nothing that anybody asked for.
    found = tuple(change for change in done if not (isinstance(change, Keep) and change.job.kind is Kind.FOLDER))
    left = () if options.prune else tuple(item.full_name for item in orphans(jobs, inventory, options))
    made = Plan(found, left, options, inventory.levels)
    _limit(made, inventory)
    return made


def complete(change: Change, configs: Mapping[str, str]) -> Change:
    """The change with its differences and the text to send, from what was read."""
    match change:
        case Keep():
            return _drifted(change, configs)
        case Delete():
            config = configs.get(change.item.full_name)
            return change if config is None else _removal(change, config)
        case Update() if change.job.kind is Kind.FOLDER:
            return _merged(change, configs.get(change.job.full_name))
        case Update() | Move() | Replace():
            config = configs.get(changes_of.reads(change))
            if config is None:
                return Conflict(change.job, "it disappeared while it was read; plan again", adoptable=False)
            return _completed(change, config)
        case _:
            return change


def _completed(change: Update | Move | Replace, config: str) -> Change:
    if isinstance(change, Replace):
        return replace(change, reading=Reading(config, change.job.config_xml, ()))
    try:
        actual = read(config)
    except InvalidObjectError as problem:
        return replace(
            change, reason=f"{change.reason}; {problem.message}", reading=Reading(config, change.job.config_xml)
        )
    differences = compare(settings(actual), settings(read(change.job.config_xml)), tracked(actual))
    before = parse(actual.findtext("description"))
    enabled = False if before is not None and before.tombstone == "enabled" else None
    return replace(
        change, reading=Reading(config, carried(change.job.config_xml, actual, disabled=enabled), differences)
    )


def _merged(change: Update, config: str | None) -> Change:
    """A folder with its shared libraries in place; whatever else stands in it stays, as its marker does if not ours."""
    if config is None:
        return Conflict(change.job, "it disappeared while it was read; plan again", adoptable=False)
    try:
        root = read(config)
    except InvalidObjectError as problem:
        return Conflict(change.job, problem.message, adoptable=False)
    desired, before, marker = read(change.job.config_xml), parse(root.findtext("description")), change.job.marker
    is_ours = bool(marker.config_sha256) and before is not None and before.owner == marker.owner
    had = set(before.libraries.split(",")) - {""} if before is not None and is_ours else set()
    wanted = set(libraries.names(desired))
    differences = libraries.changes(root, desired, wanted | had)
    if not differences and (before == marker or not is_ours):
        return Keep(change.job)
    libraries.merge(root, desired, had - wanted)
    description = root.find("description")
    if is_ours and description is not None:
        description.text = attach(description.text or "", marker)
    return replace(change, reading=Reading(config, write(root), differences))


def _drifted(change: Keep, configs: Mapping[str, str]) -> Change:
    config = configs.get(change.job.full_name)
    if config is None:
        return change
    if change.job.kind is Kind.FOLDER:
        return _merged(Update(change.job, EDITED), config)
    update = _completed(Update(change.job, EDITED), config)
    assert isinstance(update, Update)
    return update if update.reading.differences or not update.reading.after else change


def _removal(change: Delete, config: str) -> Delete:
    """The first step disables and leaves a tombstone; one that somebody enabled again is disabled again."""
    marker = change.item.marker
    assert marker is not None
    try:
        root = read(config)
    except InvalidObjectError as problem:
        return replace(change, reason=f"{change.reason}; {problem.message}", reading=Reading(config))
    disabled = is_disabled(root)
    if change.stage == "delete" and disabled:
        return replace(change, reading=Reading(config))
    reason = change.reason
    if change.stage == "delete":
        reason = "no spec names it; somebody enabled it after an earlier prune"
    was = marker.tombstone or ("disabled" if disabled else "enabled")
    after = _entombed(config, replace(marker, tombstone=was))
    shown = () if disabled else (Difference("disabled", "false", "true"),)
    return replace(change, stage="disable", reason=reason, reading=Reading(config, after, shown))


def _entombed(config: str, marker: Marker) -> str:
    root = read(config)
    description = root.find("description")
    if description is None:
        return marked(config, marker)
    description.text = attach(description.text or "", marker)
    switch = root.find("disabled")
    if switch is None:
        switch = SubElement(root, "disabled")
        switch.tail = "\n"
    switch.text = "true"
    return write(root)


def _limit(made: Plan, inventory: Inventory) -> None:
    options = made.options
    count = len(made.pending)
    if options.max_changes is not None and count > options.max_changes:
        raise TooMuchError(
            made,
            f"nothing was sent: the plan has {count} changes, more than the {options.max_changes} of --max-changes",
            f"headway jobs plan shows them; if they are right: --max-changes {count}",
        )
    removals = sum(isinstance(one, Delete | Replace) for one in made.changes)
    limit = options.max_deletes
    if limit is None:
        limit = min(DELETES_AT_MOST, max(1, owned(inventory, options) // 10))
    if removals > limit:
        raise TooMuchError(
            made,
            f"nothing was sent: {removals} jobs would be disabled, deleted or replaced, more than {limit}",
            f"headway jobs plan shows them; if that is right: --max-deletes {removals}",
        )
