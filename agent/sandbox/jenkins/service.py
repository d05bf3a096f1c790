"""What surrounds every request: the script of faults, the simulated latency, the record of what was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.sandbox.jenkins import application, pages
from agent.sandbox.jenkins.access import Identity
from agent.sandbox.jenkins.faults import Fault, Script
from agent.sandbox.jenkins.http import Delivery, Request, Response, redirect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.sandbox.jenkins.controller import Controller


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


@dataclass(eq=False)
class Service:
    """Answers requests to one controller.

    Args:
        controller: the state.
        latency: seconds that every request takes; creating an item spends half of it alone in its folder, as measured
            on the real one (creation is serialised inside a folder, not across).
        sleep: how that time passes.
        behind_login_page: everything but the login page itself is redirected to it.
        requests: what was asked, in the order in which it was answered.
        most_at_once: the largest number of requests that were under way together.
    """

    controller: Controller
    latency: float
    sleep: Callable[[float], None]
    behind_login_page: bool = False
    requests: list[Seen] = field(default_factory=list)
    script: Script = field(default_factory=Script)
    most_at_once: int = 0
    _at_once: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Response:
        """Answers one request and records it."""
        with self._guard:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            fault = self.script.next_for(request)
        try:
            who, response = self._pass(request, fault)
        finally:
            with self._guard:
                self._at_once -= 1
        self._record(request, who, response)
        return response

    def add(self, fault: Fault) -> Fault:
        """Puts a fault in force."""
        with self._guard:
            return self.script.add(fault)

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
                self._change_crumbs()
            case "restart":
                return self._restart(fault)
            case "cut" | "slow":
                pass
        return None

    def _change_crumbs(self) -> None:
        with self.controller.lock:
            self.controller.access.change_crumbs()

    def _restart(self, fault: Fault) -> Response:
        if fault.struck == 1:
            with self.controller.lock:
                self.controller.restart()
        starting = pages.starting()
        return replace(starting, headers={**starting.headers, **fault.headers})

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
            self.sleep(seconds)

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
        with self._guard:
            self.requests.append(seen)


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
            return replace(response, delivery=Delivery.SLOW, pace=fault.pace)
        case _:
            return response
