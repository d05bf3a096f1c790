"""Reading what clients send: JSON, YAML for server-side apply, patches by content type, delete options."""

from __future__ import annotations

import json
from typing import Any

import yaml

from agent.sandbox.http import Request
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import Obj, meta
from agent.sandbox.kubernetes.routes import Route

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def content_type(request: Request) -> str:
    """The media type without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def decode(request: Request) -> Any:
    """The body as data.

    Raises:
        ApiError: 415 for a format that is not understood, 400 for a body that can't be read.
    """
    kind = content_type(request)
    if "protobuf" in kind:
        raise ApiError(
            415,
            f"the body of the request was in an unknown format - accepted media types include: {', '.join(PATCHES)}",
        )
    try:
        if "yaml" in kind:
            return yaml.safe_load(request.body)
        return json.loads(request.body)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise ApiError(400, f"error decoding the body: {error}") from None


def thing(request: Request, route: Route) -> Obj:
    """The object in a POST or PUT, named and placed as the URL says.

    Raises:
        ApiError: 400 where body and URL contradict each other.
    """
    document = decode(request)
    if not isinstance(document, dict):
        raise ApiError(
            400, "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct"
        )
    return placed(document, route)


def placed(document: Obj, route: Route) -> Obj:
    """An object with apiVersion, kind and namespace as the URL says.

    Raises:
        ApiError: 400 where they contradict the URL.
    """
    kind = route.kind
    given = (document.get("apiVersion") or kind.api_version, document.get("kind") or kind.kind)
    if given != (kind.api_version, kind.kind):
        text = f"no kind {given[1]!r} is registered for version {given[0]!r}".replace("'", '"')
        if given[1] != kind.kind or route.verb != "create":
            text = (
                f"the API version in the data ({given[0]}) does not match the expected API version ({kind.api_version})"
                if given[1] == kind.kind
                else f"{kind.kind} in version {kind.version!r} cannot be handled as a {kind.kind}: {text}".replace(
                    "'", '"'
                )
            )
        raise ApiError(400, text)
    about = document.get("metadata")
    if about is not None and not isinstance(about, dict):
        raise ApiError(400, f"{kind.kind}.metadata: Invalid type: expected object")
    about = dict(about or {})
    if route.namespace:
        if about.get("namespace") not in {None, "", route.namespace}:
            raise ApiError(400, "the namespace of the provided object does not match the namespace sent on the request")
        about["namespace"] = route.namespace
    elif kind.namespaced:
        raise ApiError(405, "the server does not allow this method on the requested resource")
    else:
        about.pop("namespace", None)
    if route.name and about.get("name") not in {None, "", route.name}:
        raise ApiError(
            400, f"the name of the object ({about['name']}) does not match the name on the URL ({route.name})"
        )
    if route.name:
        about["name"] = route.name
    return {"apiVersion": kind.api_version, "kind": kind.kind} | document | {"metadata": about}


def is_dry_run(request: Request) -> bool:
    """Whether nothing is to be stored.

    Raises:
        ApiError: 422 for a value that is not All.
    """
    asked = request.parameter("dryRun")
    if asked not in {"", "All"}:
        raise ApiError(
            422,
            f'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: "{asked}": supported values: "All"',
        )
    return asked == "All"


def manager(request: Request) -> str:
    """The field manager: the parameter, else the first word of the User-Agent."""
    asked = request.parameter("fieldManager")
    return asked or request.headers.get("user-agent", "").partition("/")[0] or "unknown"


def delete_options(request: Request) -> Obj:
    """DeleteOptions from the body, with the parameters of the query over it."""
    options: Obj = {}
    if request.body:
        document = decode(request)
        options = document if isinstance(document, dict) else {}
    if text := request.parameter("gracePeriodSeconds"):
        options["gracePeriodSeconds"] = int(text)
    if text := request.parameter("propagationPolicy"):
        options["propagationPolicy"] = text
    if request.parameter("orphanDependents") == "true" or options.get("orphanDependents"):
        options["propagationPolicy"] = "Orphan"
    if request.parameter("dryRun"):
        options["dryRun"] = ["All"]
    return options


def resource_version(document: Obj) -> str:
    """metadata.resourceVersion."""
    return str(meta(document).get("resourceVersion") or "")
