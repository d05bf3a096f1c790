"""Asks Jenkins whether it has what the jobs of a plan need, before anything is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.errors import ForbiddenError, HeadwayError, RemoteError, StaleWriteError
from agent.jobs import names
from agent.jobs.change import Create, Move, Replace, Update
from agent.jobs.definition import JobDefinition, Kind
from agent.jobs.plan import Plan
from agent.jobs.preflight import credentials, dropped, is_trial, requirements, sample, samples, unmet


class Preflight(Protocol):
    """What is asked of a Jenkins before jobs are sent to it."""

    def plugins(self) -> Mapping[str, str]:
        """Version by short name, of all active plugins. Raises ForbiddenError where the user may not ask."""

    def credentials(self, folder: str) -> frozenset[str]:
        """Ids in the store of a folder (empty: the system's). Raises ForbiddenError where the user may not ask."""

    def read(self, full_name: str) -> str | None:
        """The config.xml; None where there is no such item."""

    def create(self, full_name: str, config_xml: str) -> None:
        """Creates an item."""

    def save(self, full_name: str) -> None:
        """Makes Jenkins save an item, so that it shows what it understood."""

    def delete(self, full_name: str) -> None:
        """Deletes an item."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What Jenkins lacks.

    Attributes:
        problems: what jobs would lose or fail by; nothing should be sent.
        warnings: what could not be found out, and credentials that nobody holds.
    """

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def preflight(jenkins: Preflight, plan: Plan) -> Findings:
    """Checks plugins in one request, else by a try of each type of job; then credentials, one request a store."""
    changes = [one for one in plan.changes if isinstance(one, Create | Update | Move | Replace)]
    jobs = [change.job for change in changes]
    if not jobs:
        return Findings()
    fresh = {change.job.full_name for change in changes if isinstance(change, Create)}
    problems: list[str] = []
    warnings: list[str] = []
    try:
        problems += unmet(requirements(jobs), jenkins.plugins())
    except ForbiddenError:
        for job in samples(jobs):
            problems += _tried(jenkins, job, fresh, warnings)
        if any(job.kind is Kind.FOLDER and job.marker.libraries for job in jobs):
            warnings.append("whether plugin pipeline-groovy-lib is there (shared libraries) could not be found out")
    warnings += _credentials(jenkins, jobs, fresh)
    return Findings(tuple(problems), tuple(warnings))


def _tried(jenkins: Preflight, job: JobDefinition, fresh: set[str], warnings: list[str]) -> Sequence[str]:
    """Creates a job like this one beside it, lets Jenkins save it, compares, and deletes it."""
    folder = next((name for name in reversed(names.ancestors(job.full_name)) if name not in fresh), "")
    text = sample(job)
    # The same name for the same try: what a killed process left is found, and taken away, by the next one.
    name = f"headway-preflight-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    trial = f"{folder}/{name}" if folder else name
    try:
        _try(jenkins, trial, text)
    except HeadwayError as problem:
        warnings.append(f"plugins were not checked: the list is not for this user, and a try failed: {problem.message}")
        return ()
    try:
        jenkins.save(trial)
        lost = dropped(text, jenkins.read(trial) or text)
    except RemoteError as problem:
        warnings.append(f"plugins were not checked: {problem.message}")
        return ()
    finally:
        jenkins.delete(trial)
    return [f"Jenkins drops '{what}' of a {job.kind.words}: its plugin is missing" for what in lost]


def _try(jenkins: Preflight, trial: str, text: str) -> None:
    """Creates the trial; what an earlier try left under its name is deleted first, if it is one."""
    try:
        jenkins.create(trial, text)
    except StaleWriteError:
        left = jenkins.read(trial)
        if left is not None and not is_trial(left):
            raise
        jenkins.delete(trial)
        jenkins.create(trial, text)


def _credentials(jenkins: Preflight, jobs: Sequence[JobDefinition], fresh: set[str]) -> list[str]:
    """Looks into the system's store, and into those of folders only for what is not there."""
    wanted = credentials(jobs)
    if not wanted:
        return []
    try:
        everywhere = jenkins.credentials("")
        elsewhere = {name: users for name, users in wanted.items() if name not in everywhere}
        places = {place for users in elsewhere.values() for job in users for place in _places(job)}
        stores = {folder: jenkins.credentials(folder) for folder in sorted(places - fresh)}
    except RemoteError as problem:
        return [f"credentials were not checked: {problem.message}"]
    return [message for name, users in elsewhere.items() if (message := _missing(name, users, stores))]


def _places(job: JobDefinition) -> tuple[str, ...]:
    """The folders whose stores a job sees; a folder sees its own."""
    above = names.ancestors(job.full_name)
    return (*above, job.full_name) if job.kind is Kind.FOLDER else above


def _missing(name: str, users: Sequence[JobDefinition], stores: Mapping[str, frozenset[str]]) -> str:
    without = [job.full_name for job in users if not any(name in stores.get(place, ()) for place in _places(job))]
    if not without:
        return ""
    more = f" and {len(without) - 1} more" if len(without) > 1 else ""
    return f"credential '{name}' of {without[0]}{more} is in no store that the job can see"
