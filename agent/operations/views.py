"""Keeps the list views of teams: reads each, then sends what is missing or different."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.errors import HeadwayError
from agent.jobs.views import View, decide


class Views(Protocol):
    """The views of one Jenkins."""

    def read_view(self, folder: str, name: str) -> str | None:
        """The view's config.xml; None where there is none (or no such folder yet)."""

    def create_view(self, folder: str, name: str, config_xml: str) -> None:
        """Creates a view."""

    def update_view(self, folder: str, name: str, config_xml: str) -> None:
        """Replaces a view's config.xml."""


@dataclass(frozen=True, slots=True)
class ViewReport:
    """One view: what is to be done (`create`, `update`, `keep`, `conflict`), and why it failed; empty: it did not."""

    view: View
    action: str
    problem: str = ""


def look(jenkins: Views, wanted: Sequence[View]) -> tuple[ViewReport, ...]:
    """What is to be done with each view; sends nothing."""
    return tuple(ViewReport(view, decide(view, jenkins.read_view(view.folder, view.name))) for view in wanted)


def keep_views(jenkins: Views, wanted: Sequence[View]) -> tuple[ViewReport, ...]:
    """Brings every view into its form; one that fails stops no other, one that is not ours is left alone."""
    return tuple(_kept(jenkins, found) for found in look(jenkins, wanted))


def _kept(jenkins: Views, found: ViewReport) -> ViewReport:
    view = found.view
    try:
        if found.action == "create":
            jenkins.create_view(view.folder, view.name, view.config_xml)
        elif found.action == "update":
            jenkins.update_view(view.folder, view.name, view.config_xml)
    except HeadwayError as problem:
        return ViewReport(view, found.action, problem.message)
    return found
