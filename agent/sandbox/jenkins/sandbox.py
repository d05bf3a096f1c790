"""`SandboxJenkins`: a stand-in Jenkins on loopback, started and stopped, scripted and looked into from Python."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, cast

from agent.sandbox.jenkins import admin, application, pages, tracker
from agent.sandbox.jenkins.access import Access, Account, Identity
from agent.sandbox.jenkins.controller import Controller
from agent.sandbox.jenkins.credentials import Credential
from agent.sandbox.jenkins.faults import Fault, FaultKind, Script
from agent.sandbox.jenkins.http import Delivery, Request, Response, redirect
from agent.sandbox.jenkins.server import LoopbackServer
from agent.sandbox.jenkins.store import Item, Items, create, find

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from agent.sandbox.jenkins.builds import RunBuild

ADMIN = Account(password="sandbox", token="11sandboxsandboxsandboxsandboxsandbox")  # noqa: S106 - of a stand-in on loopback


@dataclass(frozen=True, slots=True)
class Seen:
    """One request, as it was recorded.

    Args:
        method: GET, POST ...
        path: still percent-encoded.
        query: the query's parameters.
        status: what was answered; 0 when the connection was dropped.
        user: who sent it; empty for the anonymous and for wrong credentials.
        content_type: of the body.
        body: as it came.
    """

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    user: str
    content_type: str
    body: bytes


class SandboxJenkins:
    """A stand-in Jenkins.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        users: accounts by user id; the first is the one that `user`, `password` and `token` name.
        latency: seconds that every request takes; creating an item spends half of it alone in its folder.
        port: 0 for a free one.
        quiet_period: seconds that a build waits in the queue.
        run_build: what builds do: `(job, parameters) -> (console, result)`; None lets them succeed at once.
        hold_builds: builds stay running until `finish`.
        clock: seconds since 1970; `advance` moves it on.
        sleep: how latency and slow bodies pass the time.
    """

    def __init__(
        self,
        users: Mapping[str, Account] | None = None,
        latency: float = 0.0,
        *,
        port: int = 0,
        quiet_period: float = 0.0,
        run_build: RunBuild | None = None,
        hold_builds: bool = False,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        accounts = dict(users) if users else {"admin": ADMIN}
        self.latency = latency
        self.behind_login_page = False
        self.requests: list[Seen] = []
        self.script = Script()
        self._port = port
        self._clock = clock
        self._advanced = 0.0
        self._sleep = sleep
        self._first = next(iter(accounts))
        self._serving = threading.Lock()
        self._server: LoopbackServer | None = None
        self.controller = Controller(Access(accounts), self._now)
        self.controller.executors.quiet_period = quiet_period
        self.controller.executors.run_build = run_build
        self.controller.executors.hold = hold_builds

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Listens on 127.0.0.1 and answers from now on."""
        server = LoopbackServer(self.handle, self._port)
        self.controller.url = f"http://127.0.0.1:{server.port}/"
        server.start()
        self._server = server
        return self

    def stop(self) -> None:
        """Stops listening and hangs up on everybody; the state stays."""
        if self._server is not None:
            self._server.stop()
            self._server = None

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
        fault = Fault(kind, **details)  # type: ignore[arg-type]
        with self._serving:
            return self.script.add(fault)

    def handle(self, request: Request) -> Response:
        """Answers one request and records it; what the server calls, and tests without a socket may call."""
        if admin.is_meant(request):
            return admin.answer(self, request)
        with self._serving:
            fault = self.script.next_for(request)
        who, response = self._pass(request, fault)
        self._record(request, who, response)
        return response

    def _pass(self, request: Request, fault: Fault | None) -> tuple[Identity, Response]:
        early = self._before(fault)
        if early is not None:
            self._wait(self.latency)
            return Identity(), early
        if self.behind_login_page and request.segments[:1] != ("login",):
            self._wait(self.latency)
            return Identity(), _to_login(request)
        who, response = self._slowly(request)
        return who, _after(fault, response)

    def _before(self, fault: Fault | None) -> Response | None:
        """What a fault does before the request could take effect; None lets it go on."""
        if fault is None or fault.after:
            return None
        match fault.kind:
            case "status":
                return _broken(fault)
            case "reset":
                return Response(0, delivery=Delivery.RESET)
            case "login":
                return redirect("/login")
            case "crumb":
                self.change_crumbs()
            case "restart":
                if fault.struck == 1:
                    self.restart()
                return replace(pages.starting(), headers={**pages.starting().headers, **fault.headers})
            case "cut" | "slow":
                pass
        return None

    def _slowly(self, request: Request) -> tuple[Identity, Response]:
        """Handles a request in the time it takes: creation is serialised inside a folder, and only there."""
        if not self.latency:
            return application.answer(self.controller, request)
        if request.method != "POST" or request.segments[-1:] != ("createItem",):
            self._wait(self.latency)
            return application.answer(self.controller, request)
        self._wait(self.latency / 2)
        folder, _ = application.located(self.controller, request.segments)
        with (folder or self.controller.root).creating:
            self._wait(self.latency / 2)
            return application.answer(self.controller, request)

    def _wait(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)

    def _record(self, request: Request, who: Identity, response: Response) -> None:
        seen = Seen(
            request.method,
            request.path,
            request.query,
            response.status,
            who.name,
            request.headers.get("content-type", ""),
            request.body,
        )
        with self._serving:
            self.requests.append(seen)

    def _now(self) -> float:
        return self._clock() + self._advanced


def _to_login(request: Request) -> Response:
    return redirect(f"/login?from={request.path}")


def _broken(fault: Fault) -> Response:
    plain = pages.page("Service Unavailable", "The script of the sandbox says so", fault.status)
    return replace(plain, headers={**plain.headers, **fault.headers})


def _after(fault: Fault | None, response: Response) -> Response:
    """What a fault does to an answer whose request took effect."""
    if fault is None:
        return response
    match fault.kind:
        case "status" if fault.after:
            return _broken(fault)
        case "reset" if fault.after:
            return Response(0, delivery=Delivery.RESET)
        case "cut":
            return replace(response, delivery=Delivery.CUT)
        case "slow":
            return cast("Response", replace(response, delivery=Delivery.SLOW, pace=fault.pace))
        case _:
            return response
