"""A Jenkins in memory: items by full name with their config.xml; what was written is noted."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import ParseError

from agent.errors import HeadwayError, NotFoundError, StaleWriteError
from agent.jobs import names
from agent.jobs.change import Change, full_name
from agent.jobs.configxml import FLOW, FOLDER, MULTIBRANCH
from agent.jobs.inventory import Inventory, Item
from agent.jobs.xmltext import read
from agent.reports.jobs import ItemReport

CLASSES = {
    FLOW: "org.jenkinsci.plugins.workflow.job.WorkflowJob",
    FOLDER: FOLDER,
    MULTIBRANCH: MULTIBRANCH,
    "project": "hudson.model.FreeStyleProject",
}


class StillClock:
    """A clock that stands still."""

    def monotonic(self) -> float:
        return 0.0

    def utc(self) -> str:
        return "2026-11-23T22:01:02Z"

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits {seconds} s here")


class Notes:
    """A journal in memory."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[tuple[str, str]] = []

    def before(self, change: Change, at: str) -> None:
        self.began.append(full_name(change))

    def after(self, item: ItemReport, at: str) -> None:
        self.ended.append((full_name(item.change), item.outcome.value))


class FakeJenkins:
    def __init__(self, items: dict[str, str] | None = None) -> None:
        self.items = dict(items or {})
        self.writes: list[tuple[str, str]] = []
        self.reads: list[str] = []
        self.broken: dict[str, HeadwayError] = {}
        self.notice: Callable[[int], None] = lambda _status: None
        self.before_write: Callable[[str, str], None] = lambda _verb, _name: None
        self.hurried = False

    @property
    def url(self) -> str:
        return "https://jenkins.example.com"

    def inventory(self, levels: int) -> Inventory:
        self.reads.append("")
        return Inventory.of((self._item(name) for name in self.items if name.count("/") < levels), levels)

    def _item(self, name: str) -> Item:
        try:
            root = read(self.items[name])
        except (HeadwayError, ParseError):
            return Item.listed(name, "Unknown", "")
        return Item.listed(name, CLASSES.get(root.tag, root.tag), root.findtext("description"))

    def read(self, full_name: str) -> str | None:
        self.reads.append(full_name)
        return self.items.get(full_name)

    def create(self, full_name: str, config_xml: str) -> None:
        self._write("create", full_name)
        if full_name in self.items:
            raise StaleWriteError("there is one already")
        if names.parent(full_name) and names.parent(full_name) not in self.items:
            raise NotFoundError("no folder")
        self.items[full_name] = config_xml

    def update(self, full_name: str, config_xml: str) -> None:
        self._write("update", full_name)
        if full_name not in self.items:
            raise NotFoundError("no such job")
        self.items[full_name] = config_xml

    def delete(self, full_name: str) -> None:
        self._write("delete", full_name)
        self.items.pop(full_name, None)

    def rename(self, full_name: str, new_name: str) -> None:
        self._write("rename", full_name)
        parent = names.parent(full_name)
        self._take(full_name, f"{parent}/{new_name}" if parent else new_name)

    def move(self, full_name: str, folder: str) -> None:
        self._write("move", full_name)
        self._take(full_name, f"{folder}/{names.last(full_name)}" if folder else names.last(full_name))

    def hurry(self) -> None:
        self.hurried = True

    def _take(self, origin: str, target: str) -> None:
        if origin not in self.items:
            raise NotFoundError("no such job")
        if target in self.items:
            raise StaleWriteError("taken")
        self.items[target] = self.items.pop(origin)

    def _write(self, verb: str, full_name: str) -> None:
        self.before_write(verb, full_name)
        if full_name in self.broken:
            raise self.broken[full_name]
        self.writes.append((verb, full_name))
