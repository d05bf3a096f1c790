"""The tree of items: folders, jobs and the rules of their names.

Names are case-sensitive and listed by code point, as recorded. The root is an item too, without a name.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import quote

from agent.sandbox.jenkins import folders
from agent.sandbox.jenkins.xmltext import Node, Outline, parse, received

if TYPE_CHECKING:
    from agent.sandbox.jenkins.credentials import Credential
    from agent.sandbox.jenkins.views import View


class Kind(Enum):
    """What an item is; the value is its class."""

    ROOT = "hudson.model.Hudson"
    FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
    PIPELINE = "org.jenkinsci.plugins.workflow.job.WorkflowJob"
    MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
    ORGANIZATION = "jenkins.branch.OrganizationFolder"
    FREESTYLE = "hudson.model.FreeStyleProject"

    @property
    def is_group(self) -> bool:
        """It holds items."""
        return self not in {Kind.PIPELINE, Kind.FREESTYLE}

    @property
    def takes_items(self) -> bool:
        """People create items in it; those of a multibranch project come from its branches."""
        return self in {Kind.ROOT, Kind.FOLDER}

    @property
    def is_job(self) -> bool:
        """It is built."""
        return self in {Kind.PIPELINE, Kind.FREESTYLE}

    @property
    def can_be_disabled(self) -> bool:
        """Everything but a plain folder and the root."""
        return self not in {Kind.ROOT, Kind.FOLDER}


KINDS_BY_ROOT: Mapping[str, Kind] = {
    "flow-definition": Kind.PIPELINE,
    "project": Kind.FREESTYLE,
    Kind.FOLDER.value: Kind.FOLDER,
    Kind.MULTIBRANCH.value: Kind.MULTIBRANCH,
    Kind.ORGANIZATION.value: Kind.ORGANIZATION,
}


_RUNS = {
    Kind.PIPELINE: "org.jenkinsci.plugins.workflow.job.WorkflowRun",
    Kind.FREESTYLE: "hudson.model.FreeStyleBuild",
}


class UnreadableItemError(ValueError):
    """A config.xml that Jenkins answers with 500: malformed, an unknown root, another type."""


@dataclass(eq=False)
class Item:
    """A folder or a job, or the root.

    `config` is what GET config.xml would answer now; assigning to it is what a POST does. `scans` counts how often a
    multibranch project was told to index its branches: at each POST of its config.xml. `jenkinsfile` is what the
    repository of a job from source control would hold.
    """

    name: str
    kind: Kind
    parent: Item | None = None
    children: dict[str, Item] = field(default_factory=dict)
    builds: list[Build] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    credentials: list[Credential] = field(default_factory=list)
    next_number: int = 1
    scans: int = 0
    jenkinsfile: str = ""
    creating: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _outline: Outline = field(default=Outline("", "", None, disabled=False, display_name=None), repr=False)

    @property
    def config(self) -> str:
        """The config.xml."""
        return self._outline.text

    @config.setter
    def config(self, text: str) -> None:
        outline = outlined(text)
        if KINDS_BY_ROOT[outline.root] is not self.kind:
            raise UnreadableItemError(f"expected {self.kind.value}, got {outline.root}")
        self.take(outline)

    def take(self, outline: Outline) -> None:
        """Takes over what was posted: a folder with the views and credentials in it, and no others."""
        self._outline = outline
        if self.kind is Kind.FOLDER and (
            self.views
            or self.credentials
            or "<folderViews" in outline.text
            or "FolderCredentialsProperty" in outline.text
        ):
            root = self.tree
            self.views, self.credentials = folders.views_in(root), folders.credentials_in(root)
        self.scans += self.kind is Kind.MULTIBRANCH or self.kind is Kind.ORGANIZATION

    def rewrite(self, text: str) -> None:
        """Takes over what a save wrote, letter by letter."""
        outline = received(text)
        self._outline = Outline(
            text, outline.root, outline.description, disabled=outline.disabled, display_name=outline.display_name
        )

    @property
    def path(self) -> str:
        """The full name: `shop/payments/checkout`; empty for the root."""
        if self.parent is None or not self.parent.name:
            return self.name
        return f"{self.parent.path}/{self.name}"

    @property
    def url(self) -> str:
        """The path of its page: `/job/shop/job/checkout/`."""
        if self.parent is None:
            return "/"
        return f"{self.parent.url}job/{quote(self.name, safe='')}/"

    @property
    def description(self) -> str | None:
        """As it stands in config.xml."""
        return self._outline.description

    @property
    def display_name(self) -> str:
        """As it stands in config.xml, else the name."""
        return self._outline.display_name or self.name

    @property
    def disabled(self) -> bool:
        """The operator's switch."""
        return self._outline.disabled

    @property
    def tree(self) -> Node:
        """The config.xml, parsed anew."""
        return parse(self.config)

    @property
    def script(self) -> str:
        """The Jenkinsfile: the inline one, else what the repository is said to hold."""
        return self.tree.value("definition", "script") or self.jenkinsfile

    def ordered(self) -> list[Item]:
        """The children as a listing shows them."""
        return [self.children[name] for name in sorted(self.children)]

    def walk(self) -> Iterator[Item]:
        """All items below, parents first."""
        for child in self.ordered():
            yield child
            yield from child.walk()


@dataclass(eq=False, slots=True)
class Build:
    """One run of a job.

    Args:
        item: the job.
        number: counts from 1 in each job.
        user: who started it.
        queue_id: the queue item that it came from.
        parameters: as they were given, defaults included.
        started: milliseconds since 1970.
        console: the log so far, with LF.
        result: None while it runs.
        duration: milliseconds; 0 while it runs.
    """

    item: Item
    number: int
    user: str
    queue_id: int
    parameters: Mapping[str, str]
    started: int
    console: str = ""
    result: str | None = None
    duration: int = 0

    @property
    def building(self) -> bool:
        """It runs."""
        return self.result is None

    @property
    def url(self) -> str:
        """The path of its page."""
        return f"{self.item.url}{self.number}/"

    @property
    def class_name(self) -> str:
        """The class of a build of such a job."""
        return _RUNS[self.item.kind]


def outlined(text: str) -> Outline:
    """The identity transform of a config.xml that Jenkins can read.

    Raises:
        UnreadableItemError: malformed, or a root that is no type of item.
    """
    try:
        outline = received(text)
    except ValueError as wrong:
        raise UnreadableItemError(str(wrong)) from wrong
    if outline.root not in KINDS_BY_ROOT:
        raise UnreadableItemError(f"no such type: {outline.root}")
    return outline


def create(group: Item, name: str, text: str) -> Item:
    """Puts a new item into a group.

    Raises:
        UnreadableItemError: Jenkins answers this text with 500.
    """
    outline = outlined(text)
    item = Item(name, KINDS_BY_ROOT[outline.root], group)
    item.take(outline)
    group.children[name] = item
    return item


class Items(Mapping[str, Item]):
    """All items by full name, for tests and demos: `sandbox.items["shop/checkout"].config`."""

    def __init__(self, root: Item) -> None:
        self._root = root

    def __getitem__(self, path: str) -> Item:
        item = find(self._root, path)
        if item is None or item is self._root:
            raise KeyError(path)
        return item

    def __iter__(self) -> Iterator[str]:
        return (item.path for item in self._root.walk())

    def __len__(self) -> int:
        return sum(1 for _ in self._root.walk())


def find(root: Item, path: str) -> Item | None:
    """The item of a full name; the root for an empty one; None when there is none."""
    item: Item | None = root
    for name in path.split("/"):
        if name and item is not None:
            item = item.children.get(name)
    return item
