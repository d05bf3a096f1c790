"""Everything that tests and demos do to a sandbox, and see in it: the Python side of `SandboxJenkins`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.sandbox.jenkins import tracker
from agent.sandbox.jenkins.access import Access, Account
from agent.sandbox.jenkins.controller import Controller
from agent.sandbox.jenkins.credentials import Credential
from agent.sandbox.jenkins.faults import Fault, FaultKind
from agent.sandbox.jenkins.service import Seen, Service
from agent.sandbox.jenkins.store import Item, Items, create, find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Scripting:
    """A controller that is looked into and scripted.

    Args:
        accounts: by user id; the first is the one that `user`, `password` and `token` name.
        latency: seconds that every request takes.
        clock: seconds since 1970; `advance` moves it on.
        sleep: how latency passes.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        latency: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._clock = clock
        self._advanced = 0.0
        self._first = next(iter(accounts))
        self.controller: Controller = Controller(Access(accounts), self._now)
        self.service: Service = Service(self.controller, latency, sleep)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without a final slash."""
        return self.controller.url.rstrip("/")

    @property
    def user(self) -> str:
        """The first user."""
        return self._first

    @property
    def password(self) -> str:
        """The first user's password."""
        return self.controller.access.accounts[self._first].password

    @property
    def token(self) -> str:
        """The first user's API token."""
        return self.controller.access.accounts[self._first].token

    @property
    def requests(self) -> list[Seen]:
        """What was asked so far, in the order in which it was answered; clear it to begin anew."""
        return self.service.requests

    @property
    def items(self) -> Items:
        """All items by full name, parents before what they hold."""
        return Items(self.controller.root)

    def create(self, path: str, config: str) -> Item:
        """Puts an item in place without a request; its folder must be there.

        Raises:
            KeyError: there is no such folder.
        """
        folder, _, name = path.rpartition("/")
        with self.controller.lock:
            group = find(self.controller.root, folder)
            if group is None:
                raise KeyError(folder)
            return create(group, name, config)

    def save(self, path: str) -> None:
        """Does to an item what pressing Save in the UI does."""
        with self.controller.lock:
            self.controller.save(self.controller.item(path))

    def build_declarative(self, path: str) -> bool:
        """Does to a job's config.xml what any build of a declarative pipeline does.

        Returns:
            Whether it was rewritten.
        """
        with self.controller.lock:
            return tracker.build_declarative(self.controller.item(path), self.controller.versions())

    def upgrade_plugins(self) -> None:
        """Gives every plugin a newer version; config.xml files name it after their next save."""
        with self.controller.lock:
            self.controller.upgrade_plugins()

    def stand_behind_login_page(self, *, hidden: bool = True) -> None:
        """Redirects everything to a login page, as a proxy with single sign-on does."""
        self.service.behind_login_page = hidden

    def hide_plugins(self, *, hidden: bool = True) -> None:
        """Answers 403 to who asks for the list of plugins."""
        self.controller.plugins_hidden = hidden

    def remove_plugin(self, name: str) -> None:
        """Uninstalls a plugin: what it brought is dropped at the next save of each item."""
        with self.controller.lock:
            del self.controller.plugins[name]

    def add_credential(self, credential: str, folder: str = "", kind: str = "Secret text") -> None:
        """Puts a credential's id into the system store, or into a folder's."""
        with self.controller.lock:
            group = self.controller.item(folder) if folder else self.controller.root
            group.credentials.append(Credential(credential, kind))
            self.controller.save_group(group)

    def finish(self, path: str, result: str = "SUCCESS", console: str = "") -> None:
        """Ends the newest build of a job that was held running."""
        with self.controller.lock:
            self.controller.executors.finish(self.controller.item(path).builds[-1], result, console)

    def advance(self, seconds: float) -> None:
        """Moves the clock on; what is due leaves the queue."""
        with self.controller.lock:
            self._advanced += seconds
            self.controller.executors.start_due()

    def change_crumbs(self) -> None:
        """Makes every crumb worthless."""
        with self.controller.lock:
            self.controller.access.change_crumbs()

    def restart(self) -> None:
        """Forgets what a restart forgets: sessions, crumbs, running builds."""
        with self.controller.lock:
            self.controller.restart()

    def fault(self, kind: FaultKind, **details: object) -> Fault:
        """Puts a fault in force; `details` are the fields of `Fault`."""
        return self.service.add(Fault(kind, **details))  # type: ignore[arg-type]

    def _now(self) -> float:
        return self._clock() + self._advanced
