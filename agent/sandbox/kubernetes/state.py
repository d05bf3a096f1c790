"""The state of a stand-in cluster as data: to be read, edited and put in place by tests and scenes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agent.sandbox.kubernetes import impossible
from agent.sandbox.kubernetes.kinds import BY_KIND
from agent.sandbox.kubernetes.kubelet import NODE
from agent.sandbox.kubernetes.objects import Obj, clone, key_of
from agent.sandbox.kubernetes.patches import strategic_merge
from agent.sandbox.kubernetes.world import NODE_IP, World
from agent.sandbox.kubernetes.writes import Writes


class State:
    """A cluster's objects, as `cluster["Deployment", "shop", "web"]`.

    Args:
        world: the world.
        writes: how `create`, `change` and `delete` change it.
    """

    def __init__(self, world: World, writes: Writes) -> None:
        self.world = world
        self.store = world.store
        self.writes = writes

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

    def pods(self, namespace: str, **selector: str) -> Iterator[Obj]:
        """The pods of a namespace that carry the labels."""
        for pod in self.objects("Pod", namespace):
            if selector.items() <= (pod["metadata"].get("labels") or {}).items():
                yield pod

    def names(self, kind: str, namespace: str = "") -> list[str]:
        """The names of all objects of a kind."""
        return [key_of(thing)[1] for thing in self.objects(kind, namespace)]


def furnish_node(world: World, writes: Writes) -> None:
    """Puts the one node in place."""
    names = {f"kubernetes.io/{name}": value for name, value in (("hostname", NODE), ("os", "linux"), ("arch", "amd64"))}
    about = {"name": NODE, "labels": names}
    writes.create({"apiVersion": "v1", "kind": "Node", "metadata": about, "spec": {"podCIDR": "10.244.1.0/24"}})
    now = world.timestamp()
    sizes = {"cpu": "32", "memory": "64Gi", "pods": "1000", "ephemeral-storage": "100Gi"}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    info = {
        "kubeletVersion": "v1.34.4+sandbox",
        "containerRuntimeVersion": "containerd://2.1",
        "osImage": "sandbox",
        "architecture": "amd64",
        "operatingSystem": "linux",
        "kernelVersion": "0",
    }
    status = {
        "capacity": sizes,
        "allocatable": dict(sizes),
        "conditions": [ready],
        "addresses": [{"type": "InternalIP", "address": NODE_IP}, {"type": "Hostname", "address": NODE}],
        "nodeInfo": info,
    }
    writes.change("Node", ("", NODE), manager="kubelet", status=status)
