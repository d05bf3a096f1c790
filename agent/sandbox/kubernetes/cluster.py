"""A stand-in Kubernetes cluster: the API server on loopback, its controllers, one node, and time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import yaml

from agent.sandbox.clock import Clock
from agent.sandbox.http import Request, Response
from agent.sandbox.kubernetes import impossible
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
from agent.sandbox.kubernetes.kinds import BY_KIND
from agent.sandbox.kubernetes.kubelet import NODE, Kubelet
from agent.sandbox.kubernetes.objects import Obj, clone, key_of
from agent.sandbox.kubernetes.proxy import Proxy
from agent.sandbox.kubernetes.recorder import Recorder
from agent.sandbox.kubernetes.scheduler import Scheduler
from agent.sandbox.kubernetes.verbs import Verbs
from agent.sandbox.kubernetes.world import NODE_IP, World
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


class SandboxCluster:
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
        self.world = World(clock or Clock(speed), seed)
        self.store = self.world.store
        self.writes = Writes(self.world)
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
            self.writes.create({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}},
                "spec": {"podCIDR": "10.244.1.0/24"},
            })  # fmt: skip
            now = self.world.timestamp()
            sizes = {"cpu": "32", "memory": "64Gi", "pods": "1000", "ephemeral-storage": "100Gi"}
            ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                     "lastHeartbeatTime": now, "lastTransitionTime": now}  # fmt: skip
            status = {
                "capacity": sizes,
                "allocatable": dict(sizes),
                "conditions": [ready],
                "addresses": [{"type": "InternalIP", "address": NODE_IP}, {"type": "Hostname", "address": NODE}],
                "nodeInfo": {"kubeletVersion": "v1.34.4+sandbox", "containerRuntimeVersion": "containerd://2.1", "osImage": "sandbox",
                             "architecture": "amd64", "operatingSystem": "linux", "kernelVersion": "0"},
            }  # fmt: skip
            self.writes.change("Node", ("", NODE), manager="kubelet", status=status)
        if self.world.clock.is_manual:
            self.advance(0.2)

    # --- life

    def start(self) -> SandboxCluster:
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

    def __enter__(self) -> SandboxCluster:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self.store.changed:
                while self.world.agenda.run_next(self.world.now()) is not None:
                    pass
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

    # --- state

    def __getitem__(self, wanted: tuple[str, str, str]) -> Obj:
        """A copy of an object: `cluster["Deployment", "shop", "web"]`.

        Raises:
            KeyError: there is none.
        """
        kind, namespace, name = wanted
        with self.store.lock:
            found = self.store.get(kind, (namespace, name))
            if found is None:
                raise KeyError(wanted)
            return dict(clone(found))

    def __contains__(self, wanted: tuple[str, str, str]) -> bool:
        kind, namespace, name = wanted
        with self.store.lock:
            return self.store.get(kind, (namespace, name)) is not None

    def __setitem__(self, wanted: tuple[str, str, str], thing: Obj) -> None:
        """Puts an object as it is, past defaults, validation and admission.

        Raises:
            ValueError: such a state can't be, see `agent.sandbox.kubernetes.impossible`.
        """
        kind, namespace, name = wanted
        about = {"uid": self.world.uid(), "creationTimestamp": self.world.timestamp()} | (thing.get("metadata") or {})
        about |= {"name": name} | ({"namespace": namespace} if namespace else {})
        whole = {"apiVersion": BY_KIND[kind].api_version, "kind": kind} | clone(thing) | {"metadata": about}
        with self.store.changed:
            impossible.check(whole, self.store)
            self.store.put(kind, whole)

    def __delitem__(self, wanted: tuple[str, str, str]) -> None:
        """Removes an object at once, whatever holds it."""
        kind, namespace, name = wanted
        with self.store.changed:
            if self.store.remove(kind, (namespace, name)) is None:
                raise KeyError(wanted)

    @contextmanager
    def edit(self, kind: str, namespace: str, name: str) -> Iterator[Obj]:
        """An object to be changed in a `with` block and put back at its end."""
        with self.store.changed:
            thing = self[kind, namespace, name]
            yield thing
            self[kind, namespace, name] = thing

    def objects(self, kind: str, namespace: str = "") -> list[Obj]:
        """Copies of all objects of a kind."""
        with self.store.lock:
            return [clone(thing) for thing in self.store.listed(kind, namespace)]

    def create(self, thing: Obj, *, manager: str = "kubectl-create") -> Obj:
        """Creates an object as a POST would; the namespace is `default` where none is given.

        Raises:
            ApiError: as the API server would refuse it.
        """
        document = clone(thing)
        about = document.setdefault("metadata", {})
        if BY_KIND[document["kind"]].namespaced:
            about.setdefault("namespace", "default")
        with self.store.changed:
            return dict(clone(self.writes.create(document, manager=manager)))

    def change(self, kind: str, namespace: str, name: str, patch: Any, *, manager: str = "kubectl-patch") -> Obj:
        """Changes an object as a strategic merge patch would.

        Raises:
            KeyError: there is none.
        """
        from agent.sandbox.kubernetes.patches import strategic_merge

        with self.store.changed:
            found = self.store.get(kind, (namespace, name))
            if found is None:
                raise KeyError((kind, namespace, name))
            after = strategic_merge(found, patch, kind)
            return dict(clone(self.writes.update(found, after, manager=manager)))

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Deletes an object as a DELETE in the background would."""
        with self.store.changed:
            found = self.store.get(kind, (namespace, name))
            if found is None:
                raise KeyError((kind, namespace, name))
            self.writes.delete(found)

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

    def pods(self, namespace: str, **selector: str) -> Iterator[Obj]:
        """The pods of a namespace that carry the labels."""
        for pod in self.objects("Pod", namespace):
            if selector.items() <= (pod["metadata"].get("labels") or {}).items():
                yield pod

    def names(self, kind: str, namespace: str = "") -> list[str]:
        """The names of all objects of a kind."""
        return [key_of(thing)[1] for thing in self.objects(kind, namespace)]
