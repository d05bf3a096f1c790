"""A stand-in Kubernetes cluster: the API server on loopback, its controllers, one node, and time."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import yaml

from agent.sandbox.clock import Clock
from agent.sandbox.http import Request, Response
from agent.sandbox.kubernetes.admin import Admin
from agent.sandbox.kubernetes.api import Api, Recorded
from agent.sandbox.kubernetes.controllers.daemonset import DaemonSets
from agent.sandbox.kubernetes.controllers.deployment import Deployments
from agent.sandbox.kubernetes.controllers.endpoints import EndpointsController
from agent.sandbox.kubernetes.controllers.garbage import Garbage
from agent.sandbox.kubernetes.controllers.job import Jobs
from agent.sandbox.kubernetes.controllers.namespaces import Namespaces
from agent.sandbox.kubernetes.controllers.replicaset import ReplicaSets
from agent.sandbox.kubernetes.controllers.statefulset import StatefulSets
from agent.sandbox.kubernetes.controllers.storage import Claims, Quotas
from agent.sandbox.kubernetes.faults import Fault, Faults
from agent.sandbox.kubernetes.images import Registry
from agent.sandbox.kubernetes.kubelet import Kubelet
from agent.sandbox.kubernetes.proxy import Proxy
from agent.sandbox.kubernetes.recorder import Recorder
from agent.sandbox.kubernetes.scheduler import Scheduler
from agent.sandbox.kubernetes.state import State, furnish_node
from agent.sandbox.kubernetes.verbs import Verbs
from agent.sandbox.kubernetes.world import World
from agent.sandbox.kubernetes.writes import Writes
from agent.sandbox.server import Server

TOKEN = "sandbox-token"  # noqa: S105 - opens nothing but this stand-in
USER = "system:serviceaccount:default:sandbox"
_CONTROLLERS = (
    Namespaces,
    Deployments,
    ReplicaSets,
    StatefulSets,
    DaemonSets,
    Jobs,
    EndpointsController,
    Garbage,
    Claims,
    Quotas,
)
_IDLE = 0.5
_BATCH = 16
"""So many things are done at a time before requests get their turn."""


class SandboxCluster(State):
    """A cluster to try things on; use it as a context manager, or `start` and `stop` it.

    Args:
        speed: None for time that stands still and moves with `advance`; else N times the wall clock.
        namespaces: those that exist at the start, besides `kube-system`.
        port: of the API server; 0 for one that is free.
        clock: instead of `speed`, a clock shared with others.
        seed: of names, jitter and addresses.
    """

    def __init__(
        self,
        speed: float | None = 1.0,
        *,
        namespaces: Iterable[str] = ("default", "shop"),
        port: int = 0,
        clock: Clock | None = None,
        seed: int = 1,
    ) -> None:
        world = World(clock or Clock(speed), seed)
        super().__init__(world, Writes(world))
        self.recorder = Recorder(self.world, self.writes)
        self.registry = Registry()
        self.faults = Faults()
        self.controllers = [kind(self.world, self.writes, self.recorder) for kind in _CONTROLLERS]
        self.scheduler = Scheduler(self.world, self.writes, self.recorder)
        self.kubelet = Kubelet(self.world, self.writes, self.recorder, self.registry)
        self.api = Api(self.world, Verbs(self.store, self.writes), Proxy(self.kubelet), self.faults)
        self.token = TOKEN
        self.api.tokens[TOKEN] = USER
        self._admin = Admin(self)
        self._server = Server(self._handle, port)
        self._runner: threading.Thread | None = None
        self._stopping = threading.Event()
        self._furnish(namespaces)

    def _furnish(self, namespaces: Iterable[str]) -> None:
        with self.store.lock:
            for name in dict.fromkeys((*namespaces, "kube-system")):
                self.writes.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
                self.controllers[0].sync(("", name))
            furnish_node(self.world, self.writes)
        if self.world.clock.is_manual:
            self.advance(0.2)

    # --- life

    def start(self) -> Self:
        """Listens, and lets time run where it runs by itself."""
        self._server.start()
        if not self.world.clock.is_manual and self._runner is None:
            self._runner = threading.Thread(target=self._run, name="sandbox:controllers", daemon=True)
            self._runner.start()
        return self

    def stop(self) -> None:
        """Stops everything; open connections are cut."""
        self._stopping.set()
        self.api.stopping.set()
        self.faults.clear()
        with self.store.changed:
            self.store.changed.notify_all()
        self._server.stop()
        if self._runner is not None:
            self._runner.join(timeout=5)
            self._runner = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self.store.changed:
                for _ in range(_BATCH):
                    if self.world.agenda.run_next(self.world.now()) is None:
                        break
                due = self.world.agenda.next_wakeup()
                wait = _IDLE if due is None else self.world.clock.wall_seconds(due - self.world.now())
                if wait > 0 and not self._stopping.is_set():
                    self.store.changed.wait(min(wait, _IDLE))

    def _handle(self, request: Request) -> Response:
        if request.path.startswith(("/_sandbox", "/v2")):
            return self._admin.handle(request)
        return self.api.handle(request)

    # --- where and who

    @property
    def url(self) -> str:
        """The API server's URL."""
        return self._server.url

    @property
    def registry_host(self) -> str:
        """HOST:PORT where the registry answers `GET /v2/NAME/manifests/TAG` (the API server's own port)."""
        return self.url.removeprefix("http://")

    def kubeconfig(self, namespace: str = "default") -> str:
        """A kubeconfig (YAML) whose one context, `sandbox`, leads here."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": self.url}}],
            "users": [{"name": "sandbox", "user": {"token": self.token}}],
            "contexts": [
                {"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox", "namespace": namespace}}
            ],
            "current-context": "sandbox",
        }
        text: str = yaml.safe_dump(document, sort_keys=False)
        return text

    # --- time

    def advance(self, seconds: float) -> None:
        """Moves a manual clock on, and does all that is due until then, in order."""
        end = self.world.now() + seconds
        with self.store.changed:
            while (due := self.world.agenda.next_wakeup()) is not None and due <= end:
                self.world.clock.move_to(due)
                self.world.agenda.run_next(due)
            self.world.clock.move_to(end)
            self.store.changed.notify_all()

    def freeze_controllers(self, frozen: bool = True, *, nodes: bool = False) -> None:  # noqa: FBT001, FBT002 - agreed with its users
        """Stops the controllers and the scheduler, or lets them go on; with `nodes` the kubelet too."""
        with self.store.changed:
            for part in ("controllers", "scheduler", *(("kubelet",) if nodes or not frozen else ())):
                self.world.agenda.freeze(part, frozen=frozen)
            self.store.changed.notify_all()

    # --- what was asked, and what goes wrong

    @property
    def requests(self) -> list[Recorded]:
        """Every request so far, oldest first."""
        return list(self.api.requests)

    def writes_seen(self) -> list[Recorded]:
        """The requests that could have changed something."""
        return [entry for entry in self.requests if entry.is_write]

    def forget_requests(self) -> None:
        """Empties the request log."""
        self.api.requests.clear()

    def fault(self, kind: str, *, seconds: float | None = None, **how: Any) -> Fault:
        """Makes something go wrong; see `agent.sandbox.kubernetes.faults` for the kinds.

        Args:
            kind: for example `unavailable`, `throttle`, `conflict`, `cut`, `silence`.
            seconds: for how long, in this world's time; without it and without `times`, until it is cancelled.
            how: `times`, `verb`, `resource`, `name`, `path`, `user_agent`, `delay`, `retry_after`, `message`.
        """
        now = self.world.now()
        fault = self.faults.add(Fault(kind, since=now, until=None if seconds is None else now + seconds, **how))
        with self.store.changed:
            self.store.changed.notify_all()
        return fault

    def refuse_connections(self, refused: bool = True) -> None:  # noqa: FBT001, FBT002 - a switch
        """Stops listening and cuts what is open, or listens again on the same port."""
        if refused:
            self._server.stop()
        else:
            self._server.start()

    def add_token(self, token: str, user: str = USER) -> str:
        """Lets a bearer token in."""
        self.api.tokens[token] = user
        return token

    def expire_token(self, token: str = TOKEN) -> None:
        """From now on the token gets a 401."""
        self.api.tokens.pop(token, None)

    def require_token(self, required: bool = True) -> None:  # noqa: FBT001, FBT002 - a switch
        """Whether requests without a token get a 401 (kubectl sends none over plain HTTP)."""
        self.api.require_token = required

    def compact(self) -> int:
        """Forgets the history: watches from before now get a 410; gives back the oldest version that can be watched."""
        with self.store.changed:
            return self.store.compact()
