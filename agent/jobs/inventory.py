"""What is in Jenkins, as one listing tells it: full names, types and descriptions with their markers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.jobs.definition import Kind
from agent.jobs.marker import Marker, parse

# Items that hold others and take new ones; what a multibranch or organisation folder holds comes from its branches.
_TAKES_ITEMS = frozenset({Kind.FOLDER.value, "hudson.model.Hudson"})
_WORDS: Mapping[str, str] = {
    **{kind.value: kind.words for kind in Kind},
    "hudson.model.FreeStyleProject": "freestyle job",
    "hudson.maven.MavenModuleSet": "Maven job",
    "hudson.matrix.MatrixProject": "matrix job",
    "jenkins.branch.OrganizationFolder": "organisation folder",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One job or folder that is there."""

    full_name: str
    class_name: str
    marker: Marker | None = None

    @classmethod
    def listed(cls, full_name: str, class_name: str, description: str | None) -> Item:
        """As the inventory's answer names it."""
        return cls(full_name, class_name, parse(description))

    @property
    def takes_items(self) -> bool:
        """Whether a job can be created in it."""
        return self.class_name in _TAKES_ITEMS

    @property
    def words(self) -> str:
        """What people call its type."""
        return _WORDS.get(self.class_name, self.class_name.rpartition(".")[2] or "item")

    def is_bound(self) -> bool:
        """Whether it has a marker that was written for it (a copy carries that of its original)."""
        return self.marker is not None and self.marker.binds(self.full_name)


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every item by its full name; `levels` is how deep was asked."""

    items: Mapping[str, Item] = field(default_factory=dict)
    levels: int = 0

    @classmethod
    def of(cls, items: Iterable[Item], levels: int = 0) -> Inventory:
        """From a listing."""
        return cls({item.full_name: item for item in items}, levels)

    def get(self, full_name: str) -> Item | None:
        """The item of that name, or None."""
        return self.items.get(full_name)
