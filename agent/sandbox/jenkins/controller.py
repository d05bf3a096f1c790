"""The state of one Jenkins: items, plugins, accounts, queue, clock. No HTTP in here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.sandbox.jenkins import folders, plugins, saving
from agent.sandbox.jenkins.builds import Executors
from agent.sandbox.jenkins.store import Item, Kind, find
from agent.sandbox.jenkins.xmltext import Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.sandbox.jenkins.access import Access


@dataclass(eq=False)
class Controller:
    """Everything that a request can see or change; `lock` is held while one is handled.

    Args:
        access: who may ask.
        now: seconds since 1970.
        url: what Jenkins thinks its own address is, with the final slash.
        plugins_hidden: the list of plugins is 403 for everybody.
    """

    access: Access
    now: Callable[[], float]
    url: str = "http://127.0.0.1/"
    plugins_hidden: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    root: Item = field(default_factory=lambda: Item("", Kind.ROOT))
    plugins: dict[str, plugins.Plugin] = field(default_factory=plugins.recorded)
    executors: Executors = field(init=False)
    quieting_down: bool = False

    def __post_init__(self) -> None:
        self.executors = Executors(self.lock, self.now, self.versions)

    def versions(self) -> dict[str, str]:
        """The version of each active plugin."""
        return {plugin.short_name: plugin.version for plugin in self.plugins.values() if plugin.active}

    def item(self, path: str) -> Item:
        """The item of a full name.

        Raises:
            KeyError: there is none.
        """
        item = find(self.root, path)
        if item is None or item is self.root:
            raise KeyError(path)
        return item

    def save(self, item: Item) -> None:
        """Rewrites an item's config.xml, as a save in the UI does."""
        item.rewrite(saving.saved(item.tree, self.versions()))

    def save_group(self, group: Item) -> None:
        """Writes a folder's views and credentials into its config.xml; of other groups' there is no config.xml here."""
        if group.kind is Kind.FOLDER:
            root = group.tree
            folders.put(root, group.views, group.credentials)
            group.rewrite(saving.saved(root, self.versions()))

    def switch(self, item: Item, *, disabled: bool) -> None:
        """Disables or enables, which is a save."""
        root = item.tree
        switch = root.find("disabled")
        if switch is None:
            switch = Node("disabled")
            root.children.append(switch)
        switch.text = "true" if disabled else "false"
        item.rewrite(saving.saved(root, self.versions()))

    def upgrade_plugins(self) -> None:
        """Every plugin gets a newer version; nothing is saved by that."""
        for plugin in self.plugins.values():
            plugin.version = plugins.newer(plugin.version)

    def restart(self) -> None:
        """Sessions, crumbs and running builds are gone; items stay, as they were loaded from their files."""
        self.access.forget_sessions()
        self.executors.forget()
        self.quieting_down = False
