"""Worlds that can't be: what a test may not put into the store, because no real cluster could ever show it."""

from __future__ import annotations

from agent.sandbox.kubernetes.objects import Obj, controller_of, key_of, meta, spec, status
from agent.sandbox.kubernetes.store import Store


def check(thing: Obj, store: Store) -> None:
    """Refuses an impossible object.

    Raises:
        ValueError: says what could not be.
    """
    name = f"{thing['kind']} {'/'.join(key_of(thing))}"
    seen, there = status(thing).get("observedGeneration"), meta(thing).get("generation")
    if isinstance(seen, int) and isinstance(there, int) and seen > there:
        raise ValueError(f"{name} can't be: observedGeneration {seen} is ahead of generation {there}")
    owner = controller_of(thing)
    if owner is not None:
        found = store.get(str(owner.get("kind")), (key_of(thing)[0], str(owner.get("name"))))
        if found is None or meta(found).get("uid") != owner.get("uid"):
            raise ValueError(f"{name} can't be: its owner {owner.get('kind')} {owner.get('name')} does not exist")
    ready, total = status(thing).get("readyReplicas", 0), status(thing).get("replicas", 0)
    if thing["kind"] in {"Deployment", "ReplicaSet", "StatefulSet"} and ready > total:
        raise ValueError(f"{name} can't be: {ready} of {total} replicas are ready")
    if thing["kind"] == "Pod":
        names = {item.get("name") for item in spec(thing).get("containers") or ()}
        for item in status(thing).get("containerStatuses") or ():
            if item.get("name") not in names:
                raise ValueError(
                    f"{name} can't be: it has a status of {item.get('name')}, which is none of its containers"
                )
            if item.get("ready") and "running" not in (item.get("state") or {}):
                raise ValueError(f"{name} can't be: container {item.get('name')} is ready and does not run")
