"""The /scale subresource of workloads."""

from __future__ import annotations

from agent.sandbox.http import Request, Response, json_response
from agent.sandbox.kubernetes import bodies, patches
from agent.sandbox.kubernetes.errors import ApiError, Cause, conflict, invalid
from agent.sandbox.kubernetes.objects import Obj, meta, spec, status
from agent.sandbox.kubernetes.routes import Route
from agent.sandbox.kubernetes.writes import Writes


def show(thing: Obj) -> Obj:
    """The autoscaling/v1 Scale of a workload."""
    selector = (spec(thing).get("selector") or {}).get("matchLabels") or {}
    about = meta(thing)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            name: about[name] for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        },
        "spec": {"replicas": spec(thing).get("replicas", 0)},
        "status": {
            "replicas": status(thing).get("replicas", 0),
            "selector": ",".join(f"{name}={value}" for name, value in sorted(selector.items())),
        },
    }


def handle(request: Request, route: Route, thing: Obj, writes: Writes) -> Response:
    """GET, PUT or PATCH of a scale.

    Raises:
        ApiError: 409 for a stale precondition, 422 for a size that is none.
    """
    now = show(thing)
    if route.verb == "get":
        return json_response(200, now)
    document = bodies.decode(request)
    if route.verb == "update":
        wanted = document
    elif bodies.content_type(request) == bodies.JSON_PATCH:
        wanted = patches.json_patch(now, document)
    else:
        wanted = patches.merge_patch(now, document)
    if not isinstance(wanted, dict):
        raise ApiError(400, "the body is no Scale")
    version = bodies.resource_version(wanted)
    if version and version != meta(thing)["resourceVersion"]:
        raise conflict(route.kind, route.name)
    size = spec(wanted).get("replicas", 0)
    if not isinstance(size, int) or size < 0:
        raise invalid(
            route.kind,
            route.name,
            [Cause("spec.replicas", "Invalid value", "must be greater than or equal to 0", str(size))],
        )
    after = thing | {"spec": spec(thing) | {"replicas": size}}
    made = writes.update(
        thing, after, manager=bodies.manager(request), subresource="scale", dry_run=bodies.is_dry_run(request)
    )
    return json_response(200, show(made))
