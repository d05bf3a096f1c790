"""Creating, changing and deleting objects: the part of the API server between a request and the store."""

from __future__ import annotations

from typing import Any

from agent.sandbox.clock import rfc3339
from agent.sandbox.kubernetes import apply
from agent.sandbox.kubernetes.admission import Admission
from agent.sandbox.kubernetes.defaults import apply_defaults
from agent.sandbox.kubernetes.errors import ApiError, already_exists, conflict, details, not_found
from agent.sandbox.kubernetes.fields import Manager
from agent.sandbox.kubernetes.kinds import BY_KIND, Kind
from agent.sandbox.kubernetes.objects import Obj, clone, key_of, meta, spec
from agent.sandbox.kubernetes.validation import validate
from agent.sandbox.kubernetes.world import World

CONTROLLER_MANAGER = "kube-controller-manager"
_KEPT = ("uid", "creationTimestamp", "name", "namespace", "deletionTimestamp", "deletionGracePeriodSeconds",
         "generation", "generateName")  # fmt: skip


class Writes:
    """Every write to the world goes through here, the controllers' own too.

    Args:
        world: where it writes.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.admission = Admission(world)

    def create(self, thing: Obj, *, manager: str = CONTROLLER_MANAGER, dry_run: bool = False) -> Obj:
        """POST.

        Raises:
            ApiError: it is not valid, not admitted, or there already.
        """
        kind = BY_KIND[thing["kind"]]
        fresh = self.prepare(kind, apply_defaults(thing))
        writer = Manager(manager, "Update", kind.api_version)
        managed = apply.track_update(None, fresh, writer, self.world.timestamp())
        return self._insert(kind, fresh, managed, dry_run=dry_run)

    def create_applied(self, thing: Obj, *, manager: str, dry_run: bool = False) -> Obj:
        """Server-side apply of an object that is not there yet."""
        kind = BY_KIND[thing["kind"]]
        empty: Obj = {"apiVersion": thing["apiVersion"], "kind": thing["kind"], "metadata": {}}
        writer = Manager(manager, "Apply", kind.api_version)
        managed = meta(apply.apply(empty, thing, writer, self.world.timestamp(), force=True)).get("managedFields") or []
        fresh = self.prepare(kind, apply_defaults(thing))
        return self._insert(kind, fresh, managed, dry_run=dry_run)

    def prepare(self, kind: Kind, thing: Obj) -> Obj:
        """Names, numbers, admits and validates an object that is to be created."""
        about: Obj = thing.setdefault("metadata", {})
        if kind.namespaced:
            self._check_namespace(kind, about)
        self.admission.mutate(kind, thing)
        if not about.get("name") and about.get("generateName"):
            about["name"] = about["generateName"] + self.world.suffix()
        validate(kind, thing)
        if self.world.store.get(kind.kind, key_of(thing)) is not None:
            raise already_exists(kind, about["name"])
        self.admission.admit(kind, thing)
        for name in ("resourceVersion", "managedFields", "deletionTimestamp", "selfLink"):
            about.pop(name, None)
        about["uid"] = self.world.uid()
        about["creationTimestamp"] = self.world.timestamp()
        if kind.generation:
            about["generation"] = 1
        if kind.status and "status" in thing:
            thing["status"] = apply_defaults(_without_status(thing)).get("status", {})
        self.admission.finish(kind, thing)
        return thing

    def _check_namespace(self, kind: Kind, about: Obj) -> None:
        found = self.world.store.get("Namespace", ("", about.get("namespace", "")))
        if found is None:
            raise not_found(BY_KIND["Namespace"], about.get("namespace", ""))
        if meta(found).get("deletionTimestamp"):
            name, where = about.get("name") or about.get("generateName", ""), about["namespace"]
            why = f"unable to create new content in namespace {where} because it is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": why, "field": "metadata.namespace"}
            about_it = details(kind, name, causes=[cause])
            raise ApiError(403, f'{kind.resource} "{name}" is forbidden: {why}', details=about_it)

    def _insert(self, kind: Kind, fresh: Obj, managed: list[Obj], *, dry_run: bool) -> Obj:
        fresh["metadata"] = meta(fresh) | {"managedFields": managed}
        return fresh if dry_run else self.world.store.put(kind.kind, fresh)

    def update(
        self,
        before: Obj,
        after: Obj,
        *,
        manager: str = CONTROLLER_MANAGER,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Obj:
        """PUT, or a patch carried out: `after` replaces `before`, as far as that part may.

        Raises:
            ApiError: a precondition does not hold, or the result is not valid.
        """
        kind = BY_KIND[before["kind"]]
        after = self._next(kind, before, after, subresource)
        writer = Manager(manager, "Update", kind.api_version, subresource)
        managed = apply.track_update(before, after, writer, self.world.timestamp())
        return self._store(kind, before, after, managed, dry_run=dry_run)

    def update_applied(
        self, before: Obj, wanted: Obj, *, manager: str, subresource: str, force: bool, dry_run: bool
    ) -> Obj:
        """Server-side apply onto an object that is there."""
        kind = BY_KIND[before["kind"]]
        writer = Manager(manager, "Apply", kind.api_version, subresource)
        after = apply.apply(before, wanted, writer, self.world.timestamp(), force=force)
        managed = meta(after).get("managedFields") or []
        after["metadata"] = meta(after) | {"resourceVersion": meta(wanted).get("resourceVersion", "")}
        after = self._next(kind, before, after, subresource)
        return self._store(kind, before, after, managed, dry_run=dry_run)

    def _next(self, kind: Kind, before: Obj, after: Obj, subresource: str) -> Obj:
        """What is stored of a write: preconditions checked, untouchable parts put back, generation counted."""
        name = str(meta(before)["name"])
        if meta(after).get("resourceVersion") not in {None, "", meta(before)["resourceVersion"]}:
            raise conflict(kind, name)
        if meta(after).get("uid") not in {None, "", meta(before)["uid"]}:
            wanted, there = meta(after)["uid"], meta(before)["uid"]
            why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {there}"
            raise conflict(kind, name, why)
        if subresource == "status":
            wanted = meta(after)
            after = before | {"status": clone(after.get("status") or {})}
            if kind.kind == "Deployment" and "annotations" in wanted:  # the one thing beside it that /status may write
                after["metadata"] = meta(before) | {"annotations": wanted["annotations"]}
        else:
            after = apply_defaults(after)
            if kind.status:
                after = _with_status(after, before)
        about = {key: value for key, value in meta(after).items() if key not in _KEPT}
        about |= {key: meta(before)[key] for key in _KEPT if key in meta(before)}
        about["resourceVersion"] = meta(before)["resourceVersion"]
        after = after | {"metadata": about}
        if subresource != "status":
            self.admission.keep(kind, before, after)
            validate(kind, after, before)
            if kind.generation and _bumps(kind, before, after):
                about["generation"] = int(meta(before).get("generation", 1)) + 1
        return after

    def _store(self, kind: Kind, before: Obj, after: Obj, managed: list[Obj], *, dry_run: bool) -> Obj:
        after["metadata"] = meta(after) | {"managedFields": managed}
        if _same(before, after):
            return before
        if dry_run:
            return after
        if meta(after).get("deletionTimestamp") and not meta(after).get("finalizers") and kind.kind != "Pod":
            self.world.store.put(kind.kind, after)
            return self.world.store.remove(kind.kind, key_of(after)) or after
        return self.world.store.put(kind.kind, after)

    def change(self, kind: str, key: tuple[str, str], *, manager: str = CONTROLLER_MANAGER, **parts: Any) -> Obj | None:
        """Replaces top-level parts of an object as it is now: `change("Pod", key, status={...})`."""
        before = self.world.store.get(kind, key)
        if before is None:
            return None
        subresource = "status" if set(parts) == {"status"} else ""
        after = before | parts
        after["metadata"] = {name: value for name, value in meta(after).items() if name != "resourceVersion"}
        return self.update(before, after, manager=manager, subresource=subresource)

    def delete(self, before: Obj, *, grace: int | None = None, propagation: str = "Background") -> tuple[Obj, bool]:
        """DELETE: the object, and whether it is gone already.

        Args:
            before: the object as it is.
            grace: gracePeriodSeconds; None for the object's own.
            propagation: Background, Foreground or Orphan.
        """
        kind = BY_KIND[before["kind"]]
        finalizers = list(meta(before).get("finalizers") or ())
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation)
        if extra is not None and extra not in finalizers and self._has_dependents(before):
            finalizers.append(extra)
        seconds = self._grace(kind, before, grace)
        if not finalizers and not seconds and kind.kind != "Namespace":
            return self.world.store.remove(kind.kind, key_of(before)) or before, True
        about = meta(before) | ({"finalizers": finalizers} if finalizers else {})
        if not about.get("deletionTimestamp"):
            if "generation" in about:
                about["generation"] += 1
        elif kind.kind != "Pod" or about.get("deletionGracePeriodSeconds", 0) <= seconds:
            return before, False
        about["deletionTimestamp"] = rfc3339(self.world.now() + seconds)
        about["deletionGracePeriodSeconds"] = seconds
        after = before | {"metadata": about}
        if kind.kind == "Namespace":
            after["status"] = {"phase": "Terminating"}
        return self.world.store.put(kind.kind, after), False

    def _grace(self, kind: Kind, before: Obj, grace: int | None) -> int:
        if kind.kind != "Pod":
            return 0
        if not spec(before).get("nodeName") or (before.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
            return 0
        return int(spec(before).get("terminationGracePeriodSeconds", 30) if grace is None else max(grace, 0))

    def _has_dependents(self, owner: Obj) -> bool:
        uid = meta(owner)["uid"]
        return any(
            reference.get("uid") == uid
            for _, thing in self.world.store.all()
            for reference in meta(thing).get("ownerReferences") or ()
        )


def _without_status(thing: Obj) -> Obj:
    return {name: value for name, value in thing.items() if name != "status"}


def _with_status(after: Obj, before: Obj) -> Obj:
    kept = _without_status(after)
    return kept | ({"status": before["status"]} if "status" in before else {})


def _bumps(kind: Kind, before: Obj, after: Obj) -> bool:
    if kind.kind == "Deployment" and meta(before).get("annotations") != meta(after).get("annotations"):
        return True
    return bool(before.get("spec") != after.get("spec"))


def _same(before: Obj, after: Obj) -> bool:
    """Whether nothing changed but the times in managedFields."""

    def bare(thing: Obj) -> Obj:
        about = {name: value for name, value in meta(thing).items() if name not in {"resourceVersion", "managedFields"}}
        managed = [
            {name: value for name, value in entry.items() if name != "time"}
            for entry in meta(thing).get("managedFields") or ()
        ]
        return thing | {"metadata": about, "managed": managed}

    return bare(before) == bare(after)
