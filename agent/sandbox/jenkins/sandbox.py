"""`SandboxJenkins`: a stand-in Jenkins on loopback, started and stopped, scripted and looked into from Python."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from agent.sandbox.jenkins import admin
from agent.sandbox.jenkins.access import Account
from agent.sandbox.jenkins.http import Request, Response
from agent.sandbox.jenkins.scripting import Scripting
from agent.sandbox.jenkins.server import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from agent.sandbox.jenkins.builds import RunBuild

ADMIN = Account(password="sandbox", token="11sandboxsandboxsandboxsandboxsandbox")  # noqa: S106 - of a stand-in on loopback


class SandboxJenkins(Scripting):
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
        super().__init__(users or {"admin": ADMIN}, latency, clock, sleep)
        self._port = port
        self._server: LoopbackServer | None = None
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

    def handle(self, request: Request) -> Response:
        """Answers one request; what the server calls, and tests without a socket may call."""
        if admin.is_meant(request):
            return admin.answer(self, request)
        return self.service.handle(request)
