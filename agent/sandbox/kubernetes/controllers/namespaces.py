"""Namespaces: the ServiceAccount and the CA that each gets, and the end of one with all that is in it."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.objects import Key, is_terminating, key_of, meta
from agent.sandbox.kubernetes.store import Change

_CA = "-----BEGIN CERTIFICATE-----\n(the stand-in cluster speaks plain HTTP on loopback)\n-----END CERTIFICATE-----\n"


class Namespaces(Controller):
    """Furnishes and empties namespaces."""

    kind = "Namespace"
    delay = 0.03

    def heard(self, change: Change) -> None:
        """Namespaces; accounts that were deleted; the last object of one that is ending."""
        namespace = key_of(change.object)[0]
        if change.kind == "Namespace":
            self.enqueue(key_of(change.object))
        elif change.type == "DELETED" and namespace:
            found = self.store.get("Namespace", ("", namespace))
            if found is not None and (is_terminating(found) or change.kind in {"ServiceAccount", "ConfigMap"}):
                self.enqueue(("", namespace))

    def sync(self, key: Key) -> None:
        """Makes what is missing, or deletes what is there."""
        namespace = self.store.get("Namespace", key)
        if namespace is None:
            return
        name = key[1]
        if is_terminating(namespace):
            self._empty(key)
            return
        if self.store.get("ServiceAccount", (name, "default")) is None:
            self.writes.create(
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
            )
        if self.store.get("ConfigMap", (name, "kube-root-ca.crt")) is None:
            about = {"name": "kube-root-ca.crt", "namespace": name}
            self.writes.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"ca.crt": _CA}})

    def _empty(self, key: Key) -> None:
        rest = 0
        for kind, thing in self.store.all():
            if meta(thing).get("namespace") == key[1]:
                if kind == "Event":
                    self.store.remove(kind, key_of(thing))
                    continue
                rest += 1
                if not is_terminating(thing):
                    self.writes.delete(thing)
        if not rest:
            self.store.remove("Namespace", key)
