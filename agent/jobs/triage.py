"""The first half of a plan: what the inventory alone decides. Pure.

Owner and config hash in the markers tell most jobs apart without reading one config.xml; only what will change, and
for a drift check what is kept, is read (`agent.jobs.change.reads`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from agent.errors import UsageError
from agent.jobs import names
from agent.jobs.change import Change, Conflict, Create, Delete, Keep, Move, Replace, Update, full_name
from agent.jobs.definition import JobDefinition, Kind, Shared, folders
from agent.jobs.inventory import Inventory, Item
from agent.jobs.marker import Marker

DELETES_AT_MOST = 10
"""How many jobs one prune takes without being told a number; or a tenth of the owner's jobs, if that is less."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan may do.

    Attributes:
        owner: whose jobs these are; empty when nothing names one.
        prune: also what is ours and in no spec.
        scopes: folders (relative, as in Marker.spec; "" is all) whose specs were all read; only there is pruned.
        adopt: take over what is not ours; its builds stay.
        only: globs of full names; empty: all.
        teams: teams; empty: all.
        max_changes: refuse a plan with more changes; None: any number.
        max_deletes: refuse a plan that disables or deletes more; None: see DELETES_AT_MOST.
        shared: the shared libraries of folders, by full name.
    """

    owner: str = ""
    prune: bool = False
    scopes: tuple[str, ...] = ()
    adopt: bool = False
    only: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    max_changes: int | None = None
    max_deletes: int | None = None
    shared: Mapping[str, Shared] = field(default_factory=dict)

    def takes(self, full_name: str, team: str) -> bool:
        """Whether the filters let an item through; they only ever narrow."""
        if self.only and not any(fnmatchcase(full_name, glob) for glob in self.only):
            return False
        return not self.teams or team in self.teams


def triage(jobs: Sequence[JobDefinition], inventory: Inventory, options: Options) -> tuple[Change, ...]:
    """What is to be done, folders first, then by name; changes still lack what must be read.

    Args:
        jobs: every job of every spec that was given, unfiltered: what is desired decides what is an orphan.
        inventory: what is there.
        options: what may be done.
    """
    wanted = [job for job in jobs if options.takes(job.full_name, job.marker.team)]
    named = {job.full_name for job in jobs}
    changes = [_job(job, inventory, options, named) for job in wanted]
    found: list[Change] = [*_folders(changes, inventory, options), *sorted(changes, key=full_name)]
    if options.prune:
        found += [_removal(item) for item in orphans(jobs, inventory, options)]
    return tuple(found)


def orphans(jobs: Iterable[JobDefinition], inventory: Inventory, options: Options) -> list[Item]:
    """Jobs of this owner, made from a spec in one of the scopes, that no spec names any more."""
    named = {job.full_name for job in jobs} | {job.moved_from for job in jobs}
    if not options.owner:
        return []
    found = [
        item
        for item in inventory.items.values()
        if item.full_name not in named and is_ours(item, options) and _in_scope(item, options)
    ]
    return sorted(found, key=lambda item: item.full_name)


def is_ours(item: Item, options: Options) -> bool:
    """Whether this owner made it, and made it under this name."""
    marker = item.marker
    return marker is not None and marker.owner == options.owner and item.is_bound()


def owned(inventory: Inventory, options: Options) -> int:
    """How many jobs (not folders) this owner has."""
    return sum(
        1 for item in inventory.items.values() if is_ours(item, options) and item.class_name != Kind.FOLDER.value
    )


def check(jobs: Sequence[JobDefinition]) -> None:
    """Refuses jobs that can't all be there.

    Raises:
        UsageError: two specs want one job, or a job stands where another one needs a folder.
    """
    seen: dict[str, JobDefinition] = {}
    for job in jobs:
        if job.full_name in seen:
            raise UsageError(
                f"two specs want the job '{job.full_name}': {seen[job.full_name].file} and {job.file}",
                hint="give one of them another pipeline.job or pipeline.folder",
            )
        seen[job.full_name] = job
    for job in jobs:
        for above in names.ancestors(job.full_name):
            if above in seen:
                raise UsageError(
                    f"{job.file} needs a folder '{above}', which is the job of {seen[above].file}",
                    hint="give one of them another pipeline.folder",
                )


def _in_scope(item: Item, options: Options) -> bool:
    marker = item.marker
    if marker is None or not marker.spec or item.class_name == Kind.FOLDER.value:
        return False
    if not any(names.is_below(marker.spec, scope) for scope in options.scopes):
        return False
    return options.takes(item.full_name, marker.team)


def _removal(item: Item) -> Delete:
    if item.marker is not None and item.marker.tombstone:
        return Delete(item, "delete", "no spec names it; an earlier prune disabled it")
    return Delete(item, "disable", "no spec names it; the next prune deletes it if it is still disabled")


def _folders(changes: Iterable[Change], inventory: Inventory, options: Options) -> list[Change]:
    """Missing folders of what will be there, and shared libraries; else those that exist are left as they are."""
    jobs = [change.job for change in changes if not isinstance(change, Conflict | Delete)]
    found: list[Change] = []
    for one in folders(jobs, options.owner, options.shared):
        item = inventory.get(one.full_name)
        if item is None:
            found.append(Create(one, "holds the jobs below"))
        elif item.class_name == Kind.FOLDER.value:
            found += _libraries(one, item, options)
    return found


def scanning(change: Change, inventory: Inventory) -> Change:
    """An update of a folder with what else it sets off."""
    if not isinstance(change, Update) or change.job.kind is not Kind.FOLDER:
        return change
    within = change.job.full_name + "/"
    listed = inventory.items.values()
    scans = sum(one.class_name == Kind.MULTIBRANCH.value and one.full_name.startswith(within) for one in listed)
    return replace(change, scans=scans)


def _libraries(folder: JobDefinition, item: Item, options: Options) -> list[Change]:
    """What becomes of a folder that is there: only what concerns shared libraries."""
    marker, wanted = item.marker, folder.marker.libraries
    if marker is None or not is_ours(item, options):
        # No marker is put there, so it says nothing: such a folder is read each time.
        shown = replace(folder, marker=marker or Marker("", item.full_name))
        return [Update(shown, "shared libraries are merged into a folder that is not ours")] if wanted else []
    if marker.config_sha256 == folder.marker.config_sha256 and marker.libraries == wanted:
        return [Keep(folder)] if wanted else []
    if wanted:
        return [Update(folder, "the spec changed")]
    # What says nothing of libraries may be a part of what makes jobs in this folder; all of it has to be given.
    covered = any(names.is_below(marker.spec, scope) for scope in options.scopes)
    return (
        [Update(folder, "no headway.yaml names its shared libraries any more")] if marker.libraries and covered else []
    )


def _job(job: JobDefinition, inventory: Inventory, options: Options, named: set[str]) -> Change:
    for above in names.ancestors(job.full_name):
        folder = inventory.get(above)
        if folder is not None and not folder.takes_items:
            return Conflict(job, f"'{above}' is a {folder.words}, so nothing can be created in it", adoptable=False)
    item = inventory.get(job.full_name)
    if item is None:
        return _absent(job, inventory, options, named)
    marker = item.marker
    if marker is None or marker.owner not in {options.owner, ""}:
        return _foreign(job, item, options)
    if item.class_name != job.kind.value:
        if marker.owner != options.owner or not item.is_bound():
            return Conflict(
                job, f"a {item.words} stands there, which a {job.kind.words} can't take over", adoptable=False
            )
        return Replace(job, f"it is a {item.words} and becomes a {job.kind.words}; its builds are lost")
    return _present(job, item, options)


def _present(job: JobDefinition, item: Item, options: Options) -> Change:
    marker = item.marker
    assert marker is not None
    if marker.tombstone:
        return Update(job, "a prune had disabled it; a spec names it again")
    if not item.is_bound():
        return Update(job, f"it carries the marker of '{marker.job}': copied or renamed by hand")
    if marker.owner != options.owner:
        return Update(job, f"it had no owner and gets '{options.owner}'")
    if marker.config_sha256 != job.marker.config_sha256:
        return Update(job, "the spec changed")
    if marker.spec != job.marker.spec or marker.team != job.marker.team:
        return Update(job, f"its spec is now {job.marker.spec}")
    return Keep(job)


def _foreign(job: JobDefinition, item: Item, options: Options) -> Change:
    owner = item.marker.owner if item.marker else ""
    whose = f"it belongs to '{owner}'" if owner else "it was not made by Headway"
    if item.class_name != job.kind.value:
        return Conflict(job, f"{whose} and is a {item.words}, not a {job.kind.words}", adoptable=False)
    if options.adopt:
        return Update(job, f"adopted: {whose}")
    return Conflict(job, whose, adoptable=True)


def _absent(job: JobDefinition, inventory: Inventory, options: Options, named: set[str]) -> Change:
    origin = inventory.get(job.moved_from) if job.moved_from else None
    if origin is None:
        halfway = _halfway(job, inventory, options)
        return Move(job, (halfway, job.full_name), f"from {halfway}") if halfway else Create(job)
    where = f"'{job.moved_from}', from which it moves,"
    if job.moved_from in named:
        return Conflict(job, f"{where} is the job of another spec", adoptable=False)
    if origin.class_name != job.kind.value:
        return Conflict(job, f"{where} is a {origin.words}, not a {job.kind.words}", adoptable=False)
    if not is_ours(origin, options) and not options.adopt:
        return Conflict(job, f"{where} is not ours", adoptable=True)
    steps = _steps(job, inventory, named)
    if not steps:
        return Conflict(job, f"{where} can't be moved: the names in between are taken", adoptable=False)
    return Move(job, steps, f"from {job.moved_from}")


def _halfway(job: JobDefinition, inventory: Inventory, options: Options) -> str:
    """Where a move in two steps left the job when it was cut off after the first; empty: nowhere."""
    for between in _between(job) if job.moved_from else ():
        item = inventory.get(between)
        if item is None or item.marker is None or item.class_name != job.kind.value:
            continue
        if item.marker.owner == options.owner and item.marker.job == job.moved_from:
            return between
    return ""


def _between(job: JobDefinition) -> tuple[str, ...]:
    """The two names over which a job can get both another folder and another name."""
    origin, target = job.moved_from, job.full_name
    pairs = (names.parent(target), names.last(origin)), (names.parent(origin), names.last(target))
    return tuple(f"{folder}/{name}" if folder else name for folder, name in pairs)


def _steps(job: JobDefinition, inventory: Inventory, named: set[str]) -> tuple[str, ...]:
    """From the former full name to the new one, over a name that nobody has; empty where there is none."""
    origin, target = job.moved_from, job.full_name
    if names.parent(origin) == names.parent(target) or names.last(origin) == names.last(target):
        return origin, target
    for between in _between(job):
        if inventory.get(between) is None and between not in named:
            return origin, between, target
    return ()
