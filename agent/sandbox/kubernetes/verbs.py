"""The verbs of the API on stored objects: get, create, update, patch, apply, delete, deletecollection."""

from __future__ import annotations

from agent.sandbox.http import Request, Response, json_response
from agent.sandbox.kubernetes import bodies, patches, watch
from agent.sandbox.kubernetes.errors import ApiError, conflict, details, not_found
from agent.sandbox.kubernetes.kinds import Kind
from agent.sandbox.kubernetes.objects import Obj, key_of, meta
from agent.sandbox.kubernetes.routes import Route
from agent.sandbox.kubernetes.store import Store
from agent.sandbox.kubernetes.writes import Writes


class Verbs:
    """Carries requests out; the caller holds the store's lock.

    Args:
        store: the objects.
        writes: how they change.
    """

    def __init__(self, store: Store, writes: Writes) -> None:
        self.store = store
        self.writes = writes

    def get(self, route: Route) -> Obj:
        """One object.

        Raises:
            ApiError: 404.
        """
        found = self.store.get(route.kind.kind, (route.namespace, route.name))
        if found is None:
            raise not_found(route.kind, route.name)
        return found

    def create(self, request: Request, route: Route) -> Response:
        """POST to a collection."""
        wanted = bodies.thing(request, route)
        made = self.writes.create(wanted, manager=bodies.manager(request), dry_run=bodies.is_dry_run(request))
        return json_response(201, made)

    def update(self, request: Request, route: Route) -> Response:
        """PUT: the object must be there."""
        wanted = bodies.thing(request, route)
        stored = self.get(route)
        made = self.writes.update(
            stored,
            wanted,
            manager=bodies.manager(request),
            subresource=route.subresource,
            dry_run=bodies.is_dry_run(request),
        )
        return json_response(200, made)

    def patch(self, request: Request, route: Route) -> Response:
        """PATCH by its content type; an apply may create."""
        kind = bodies.content_type(request)
        if kind == bodies.APPLY_PATCH:
            return self._apply(request, route)
        stored = self.get(route)
        after = patched(kind, stored, request, route.kind)
        if after.get("kind") != stored["kind"] or key_of(after) != key_of(stored):
            raise ApiError(400, "the name, the namespace and the kind of an object can't be patched")
        version = bodies.resource_version(after)
        if version == meta(stored)["resourceVersion"]:
            after["metadata"] = meta(after) | {"resourceVersion": ""}
        made = self.writes.update(
            stored,
            after,
            manager=bodies.manager(request),
            subresource=route.subresource,
            dry_run=bodies.is_dry_run(request),
        )
        return json_response(200, made)

    def _apply(self, request: Request, route: Route) -> Response:
        manager = request.parameter("fieldManager")
        if not manager:
            why = "fieldManager: Required value: is required for apply patch"
            cause = {
                "reason": "FieldValueRequired",
                "message": "Required value: is required for apply patch",
                "field": "fieldManager",
            }
            raise ApiError(422, f'PatchOptions.meta.k8s.io "" is invalid: {why}', details={
                "group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]})  # fmt: skip
        document = bodies.decode(request)
        if not isinstance(document, dict) or "kind" not in document or "apiVersion" not in document:
            raise ApiError(400, "error decoding YAML: Object 'Kind' is missing")
        wanted = bodies.placed(document, route)
        if "managedFields" in meta(wanted):
            raise ApiError(400, "metadata.managedFields must be nil")
        dry_run, force = bodies.is_dry_run(request), request.flag("force")
        stored = self.store.get(route.kind.kind, (route.namespace, route.name))
        if stored is None:
            if route.subresource:
                raise not_found(route.kind, route.name)
            if bodies.resource_version(wanted) or meta(wanted).get("uid"):
                why = (
                    "uid mismatch: the provided object specified uid, and no existing object was found"
                    if meta(wanted).get("uid")
                    else ""
                )
                raise conflict(route.kind, route.name, why)
            if route.kind.status:
                wanted = {name: value for name, value in wanted.items() if name != "status"}
            return json_response(201, self.writes.create_applied(wanted, manager=manager, dry_run=dry_run))
        if route.subresource == "status":
            wanted = {name: wanted[name] for name in ("apiVersion", "kind", "metadata", "status") if name in wanted}
        elif route.kind.status:
            wanted = {name: value for name, value in wanted.items() if name != "status"}
        made = self.writes.update_applied(
            stored, wanted, manager=manager, subresource=route.subresource, force=force, dry_run=dry_run
        )
        return json_response(200, made)

    def delete(self, request: Request, route: Route) -> Response:
        """DELETE one object: a Status when it is gone, the object when it is only going."""
        stored = self.get(route)
        options = bodies.delete_options(request)
        self._check(route.kind, stored, options.get("preconditions") or {})
        kind = route.kind
        about = {"name": route.name, "group": kind.group, "kind": kind.plural, "uid": meta(stored)["uid"]}
        success = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {name: value for name, value in about.items() if value},
        }
        if options.get("dryRun"):
            return json_response(200, stored if kind.kind == "Pod" else success)
        left, is_gone = self._delete(stored, options)
        if is_gone and kind.kind != "Pod":
            return json_response(200, success)
        return json_response(200 if kind.kind in {"Pod", "Namespace"} else 202, left)

    def _delete(self, stored: Obj, options: Obj) -> tuple[Obj, bool]:
        return self.writes.delete(
            stored,
            grace=options.get("gracePeriodSeconds"),
            propagation=options.get("propagationPolicy") or "Background",
        )

    def _check(self, kind: Kind, stored: Obj, preconditions: Obj) -> None:
        uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
        name = str(meta(stored)["name"])
        if uid and uid != meta(stored)["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {meta(stored)['uid']}"
            raise conflict(kind, name, why)
        if version and version != meta(stored)["resourceVersion"]:
            have = meta(stored)["resourceVersion"]
            why = (
                f"Precondition failed: ResourceVersion in precondition: {version}, "
                f"ResourceVersion in object meta: {have}"
            )
            raise conflict(kind, name, why)

    def delete_collection(self, request: Request, route: Route) -> Response:
        """DELETE a collection, as selected; answers with what was deleted."""
        test = watch.wanted(request, route.kind, route.namespace)
        options = bodies.delete_options(request)
        found = [thing for thing in self.store.listed(route.kind.kind, route.namespace) if test(thing)]
        version = str(self.store.version)
        if not options.get("dryRun"):
            for thing in found:
                self._delete(thing, options)
        document = {
            "kind": f"{route.kind.kind}List",
            "apiVersion": route.kind.api_version,
            "metadata": {"resourceVersion": version},
            "items": found,
        }
        return json_response(200, document)


def patched(content_type: str, stored: Obj, request: Request, kind: Kind) -> Obj:
    """An object after a JSON, merge or strategic merge patch.

    Raises:
        ApiError: 415 for another kind of patch, 400 or 422 for one that can't be carried out.
    """
    if content_type not in {bodies.JSON_PATCH, bodies.MERGE_PATCH, bodies.STRATEGIC_PATCH}:
        known = ", ".join(bodies.PATCHES)
        raise ApiError(415, f"the body of the request was in an unknown format - accepted media types include: {known}")
    document = bodies.decode(request)
    if content_type == bodies.JSON_PATCH:
        after = patches.json_patch(stored, document)
    elif not isinstance(document, dict):
        raise ApiError(400, "json: cannot unmarshal array into Go value of type map[string]interface {}")
    elif content_type == bodies.MERGE_PATCH:
        after = patches.merge_patch(stored, document)
    else:
        after = patches.strategic_merge(stored, document, kind.kind)
    if not isinstance(after, dict) or not isinstance(after.get("metadata"), dict):
        raise ApiError(
            422, f'{kind.kind} "{meta(stored)["name"]}" is invalid', details=details(kind, meta(stored)["name"])
        )
    return after
