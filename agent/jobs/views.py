"""List views: one for each team, in the folder above all jobs, owned by the marker in its description. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.errors import HeadwayError
from agent.jobs import names
from agent.jobs.definition import marked, sha256
from agent.jobs.marker import Marker, parse
from agent.jobs.xmltext import DECLARATION, escaped, read

_COLUMNS = ("Status", "Weather", "Job", "LastSuccess", "LastFailure", "LastDuration", "BuildButton")


@dataclass(frozen=True, slots=True)
class View:
    """One list view as it should be.

    Attributes:
        folder: full name of the folder that it is in; empty: the top.
        name: its own name, which is the team's.
        config_xml: what would be sent.
        marker: its marker; as `job` it bears `FOLDER/view:NAME`.
    """

    folder: str
    name: str
    config_xml: str
    marker: Marker

    @property
    def title(self) -> str:
        """How messages call it."""
        return f"{self.folder}/{self.name}" if self.folder else self.name


def views(jobs: Mapping[str, str], owner: str) -> tuple[View, ...]:
    """A view for each team that has jobs, by name.

    Args:
        jobs: the team of every job by the job's full name; unfiltered, or a view would lose jobs.
        owner: whose views these are.
    """
    folder = _above([names.parent(name) for name in jobs])
    teams: dict[str, list[str]] = {}
    for name, team in jobs.items():
        if team:
            teams.setdefault(team, []).append(name.removeprefix(f"{folder}/" if folder else ""))
    return tuple(_view(folder, team, sorted(teams[team]), owner) for team in sorted(teams))


def decide(view: View, found: str | None) -> str:
    """What is to be done: `create`, `update`, `keep`, or `conflict` when the view is not ours.

    Args:
        view: as it should be.
        found: the config.xml that is there; None: there is no such view.
    """
    if found is None:
        return "create"
    try:
        root = read(found)
    except HeadwayError:
        return "conflict"
    marker = parse(root.findtext("description"))
    if marker is None or marker.owner != view.marker.owner or marker.job != view.marker.job:
        return "conflict"
    listed = sorted(one.text or "" for one in root.findall("jobNames/string"))
    wanted = sorted(one.text or "" for one in read(view.config_xml).findall("jobNames/string"))
    return "keep" if marker == view.marker and listed == wanted else "update"


def _above(folders: list[str]) -> str:
    """The deepest folder that holds all of them."""
    if not folders:
        return ""
    shared = folders[0].split("/")
    for folder in folders[1:]:
        parts = folder.split("/")
        count = next((i for i, pair in enumerate(zip(shared, parts, strict=False)) if pair[0] != pair[1]), None)
        shared = shared[: min(len(shared), len(parts)) if count is None else count]
    return "/".join(shared)


def _view(folder: str, team: str, listed: list[str], owner: str) -> View:
    rows = "".join(f"    <string>{escaped(name)}</string>\n" for name in listed)
    columns = "".join(f"    <hudson.views.{column}Column/>\n" for column in _COLUMNS)
    text = (
        f"{DECLARATION}<hudson.model.ListView>\n  <name>{escaped(team)}</name>\n"
        f"  <description>Jobs of team {escaped(team)}.</description>\n"
        "  <filterExecutors>false</filterExecutors>\n  <filterQueue>false</filterQueue>\n"
        '  <properties class="hudson.model.View$PropertyList"/>\n'
        '  <jobNames>\n    <comparator class="hudson.util.CaseInsensitiveComparator"/>\n'
        f"{rows}  </jobNames>\n  <jobFilters/>\n  <columns>\n{columns}  </columns>\n"
        "  <recurse>true</recurse>\n</hudson.model.ListView>\n"
    )
    title = f"{folder}/view:{team}" if folder else f"view:{team}"
    marker = Marker(owner, title, team=team, config_sha256=sha256(text))
    return View(folder, team, marked(text, marker), marker)
