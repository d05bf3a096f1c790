"""Endpoints and EndpointSlices: which pods a Service leads to."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.objects import (
    Key,
    Obj,
    is_ready,
    is_terminating,
    key_of,
    labels,
    meta,
    owner_reference,
    spec,
    status,
)
from agent.sandbox.kubernetes.prober import port_number
from agent.sandbox.kubernetes.store import Change


class EndpointsController(Controller):
    """Writes one Endpoints and one EndpointSlice a Service."""

    kind = "Service"
    delay = 0.02

    def heard(self, change: Change) -> None:
        """Services, and pods that a Service selects or selected."""
        if change.kind == "Service":
            self.enqueue(key_of(change.object))
        elif change.kind == "Pod":
            before = labels(change.before) if change.before is not None else {}
            for service in self.store.listed("Service", key_of(change.object)[0]):
                selector = (spec(service).get("selector") or {}).items()
                if selector and (selector <= labels(change.object).items() or selector <= before.items()):
                    self.enqueue(key_of(service))

    def sync(self, key: Key) -> None:
        """Writes what changed."""
        service = self.store.get("Service", key)
        if service is None:
            self.store.remove("Endpoints", key)
            return
        selector = spec(service).get("selector")
        if not selector:
            return
        pods = [
            pod
            for pod in self.store.listed("Pod", key[0])
            if selector.items() <= labels(pod).items()
            and status(pod).get("podIP")
            and status(pod).get("phase") not in {"Succeeded", "Failed"}
        ]
        self._endpoints(key, service, pods)
        self._slice(key, service, pods)

    def _endpoints(self, key: Key, service: Obj, pods: list[Obj]) -> None:
        ready = [_address(pod) for pod in pods if is_ready(pod) and not is_terminating(pod)]
        unready = [_address(pod) for pod in pods if not is_ready(pod) and not is_terminating(pod)]
        subset: Obj = ({"addresses": ready} if ready else {}) | ({"notReadyAddresses": unready} if unready else {})
        if subset:
            subset["ports"] = _ports(service, pods)
        document: Obj = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": key[1], "namespace": key[0], "labels": dict(labels(service))},
        } | ({"subsets": [subset]} if subset else {})
        before = self.store.get("Endpoints", key)
        if before is None:
            self.writes.create(document)
        elif before.get("subsets") != document.get("subsets"):
            kept = {name: value for name, value in before.items() if name != "subsets"}
            self.writes.update(before, kept | ({"subsets": document["subsets"]} if subset else {}))

    def _slice(self, key: Key, service: Obj, pods: list[Obj]) -> None:
        found = next(
            (
                item
                for item in self.store.listed("EndpointSlice", key[0])
                if labels(item).get("kubernetes.io/service-name") == key[1]
            ),
            None,
        )
        endpoints = [
            {
                "addresses": [status(pod)["podIP"]],
                "conditions": {
                    "ready": is_ready(pod) and not is_terminating(pod),
                    "serving": is_ready(pod),
                    "terminating": is_terminating(pod),
                },
                "targetRef": _address(pod)["targetRef"],
                "nodeName": spec(pod).get("nodeName"),
            }
            for pod in pods
        ]
        ports = _ports(service, pods)
        if found is None:
            self.writes.create({
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "generateName": f"{key[1]}-",
                    "namespace": key[0],
                    "labels": labels(service) | {"kubernetes.io/service-name": key[1],
                               "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                    "ownerReferences": [owner_reference(service)],
                },
                "addressType": "IPv4",
                "endpoints": endpoints,
                "ports": ports,
            })  # fmt: skip
        elif found.get("endpoints") != endpoints or found.get("ports") != ports:
            self.writes.update(found, found | {"endpoints": endpoints, "ports": ports})


def _address(pod: Obj) -> Obj:
    namespace, name = key_of(pod)
    target = {"kind": "Pod", "namespace": namespace, "name": name, "uid": meta(pod)["uid"]}
    return {"ip": status(pod)["podIP"], "nodeName": spec(pod).get("nodeName"), "targetRef": target}


def _ports(service: Obj, pods: list[Obj]) -> list[Obj]:
    found: list[Obj] = []
    for port in spec(service).get("ports") or ():
        number = target_port(port, pods[0] if pods else None)
        item: Obj = {"name": port["name"]} if port.get("name") else {}
        found.append(item | {"port": number, "protocol": port.get("protocol", "TCP")})
    return found


def target_port(port: Obj, pod: Obj | None) -> int:
    """The pods' port behind a port of a Service."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return target
    for item in spec(pod).get("containers") or () if pod is not None else ():
        if number := port_number(target, item):
            return number
    return int(port.get("port", 0))
