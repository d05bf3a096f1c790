"""Discovery: /version, /api, /apis and what is below, legacy and aggregated, and an OpenAPI just enough for kubectl."""

from __future__ import annotations

from agent.sandbox.http import Request, Response, json_response
from agent.sandbox.kubernetes.kinds import GROUPS, KINDS, Kind, versions
from agent.sandbox.kubernetes.objects import Obj

VERSION = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "33",
    "gitVersion": "v1.34.4+sandbox",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.24",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_AGGREGATED = "apidiscovery.k8s.io"
_SERVED = (*GROUPS, "authorization.k8s.io")
_REVIEWS = {"selfsubjectaccessreviews": "SelfSubjectAccessReview", "selfsubjectrulesreviews": "SelfSubjectRulesReview"}


def answer(request: Request) -> Response | None:
    """The answer to a discovery request; None for any other."""
    path = request.path.rstrip("/")
    if path == "/version":
        return json_response(200, VERSION)
    if path in {"/healthz", "/livez", "/readyz"}:
        return Response(200, b"ok", {"Content-Type": "text/plain; charset=utf-8"})
    if path.startswith("/openapi/v3"):
        return _openapi(path)
    if path in {"/api", "/apis"} and _AGGREGATED in request.headers.get("accept", ""):
        return _aggregate([""] if path == "/api" else list(_SERVED))
    return _legacy(path)


def _legacy(path: str) -> Response | None:
    parts = path.split("/")[1:]
    if parts[0] == "api":
        whole = json_response(200, {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        return whole if len(parts) == 1 else _resources("", "v1") if parts[1:] == ["v1"] else None
    if parts == ["apis"]:
        groups = [_group(group) for group in _SERVED]
        return json_response(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    if parts[0] != "apis" or parts[1] not in _SERVED:
        return None
    if len(parts) == 2:  # noqa: PLR2004 - /apis/GROUP
        return json_response(200, {"kind": "APIGroup", "apiVersion": "v1"} | _group(parts[1]))
    if len(parts) == 3 and parts[2] in _versions(parts[1]):  # noqa: PLR2004 - /apis/GROUP/VERSION
        return _resources(parts[1], parts[2])
    return None


def _versions(group: str) -> tuple[str, ...]:
    return ("v1",) if group == "authorization.k8s.io" else versions(group)


def _group(group: str) -> Obj:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in _versions(group)]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _subresources(kind: Kind) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    if kind.status:
        found.append(("status", ["get", "patch", "update"]))
    if kind.scale:
        found.append(("scale", ["get", "patch", "update"]))
    if kind.kind == "Pod":
        found += [("log", ["get"]), ("proxy", ["get", "create", "delete", "patch", "update"]), ("eviction", ["create"])]
    if kind.kind == "Service":
        found.append(("proxy", ["get", "create", "delete", "patch", "update"]))
    return found


def _sub_kind(kind: Kind, name: str) -> Obj:
    if name == "scale":
        return {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    if name == "eviction":
        return {"group": "policy", "version": "v1", "kind": "Eviction"}
    shown = {"log": "Pod", "proxy": f"{kind.kind}ProxyOptions"}.get(name, kind.kind)
    return {"group": kind.group, "version": kind.version, "kind": shown}


def _resources(group: str, version: str) -> Response:
    resources: list[Obj] = []
    for kind in KINDS:
        if (kind.group, kind.version) != (group, version):
            continue
        item: Obj = {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": _VERBS,
        }
        resources.append(item | ({"shortNames": list(kind.short)} if kind.short else {}) | _categories(kind))
        for name, verbs in _subresources(kind):
            entry = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
            resources.append(entry | _sub_kind(kind, name) | {"verbs": verbs})
    if group == "authorization.k8s.io":
        for plural, name in _REVIEWS.items():
            resources.append(
                {"name": plural, "singularName": name.lower(), "namespaced": False, "kind": name, "verbs": ["create"]}
            )
    shown = f"{group}/{version}" if group else version
    document = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": shown, "resources": resources}
    return json_response(200, document)


def _categories(kind: Kind) -> Obj:
    in_all = {
        "Pod",
        "Service",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "HorizontalPodAutoscaler",
    }
    return {"categories": ["all"]} if kind.kind in in_all else {}


def _aggregate(groups: list[str]) -> Response:
    items: list[Obj] = []
    for group in groups:
        served = [
            {"version": version, "freshness": "Current", "resources": _aggregated(group, version)}
            for version in (_versions(group) if group else ("v1",))
        ]
        items.append({"metadata": {"name": group} if group else {"creationTimestamp": None}, "versions": served})
    document = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}
    return json_response(200, document, {
        "Content-Type": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"})  # fmt: skip


def _aggregated(group: str, version: str) -> list[Obj]:
    found: list[Obj] = []
    for kind in KINDS:
        if (kind.group, kind.version) != (group, version):
            continue
        scope = "Namespaced" if kind.namespaced else "Cluster"
        item: Obj = {
            "resource": kind.plural,
            "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
            "scope": scope,
            "singularResource": kind.singular,
            "verbs": _VERBS,
        }
        item |= ({"shortNames": list(kind.short)} if kind.short else {}) | _categories(kind)
        subs = [
            {"subresource": name, "responseKind": _sub_kind(kind, name), "verbs": verbs}
            for name, verbs in _subresources(kind)
        ]
        found.append(item | ({"subresources": subs} if subs else {}))
    if group == "authorization.k8s.io":
        for plural, name in _REVIEWS.items():
            kind_document = {"group": group, "version": version, "kind": name}
            found.append({"resource": plural, "responseKind": kind_document, "scope": "Cluster",
                          "singularResource": name.lower(), "verbs": ["create"]})  # fmt: skip
    return found


def _openapi(path: str) -> Response | None:
    """Only what kubectl looks for before a write: that PATCH knows `fieldValidation`."""
    places = {f"apis/{group}/{version}": (group, version) for group in GROUPS for version in versions(group)}
    places["api/v1"] = ("", "v1")
    rest = path.removeprefix("/openapi/v3").strip("/")
    if not rest:
        listed = {place: {"serverRelativeURL": f"/openapi/v3/{place}?hash=0"} for place in places}
        return json_response(200, {"paths": listed})
    if rest not in places:
        return None
    group, version = places[rest]
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation", "force")
    ]
    paths: Obj = {}
    for kind in KINDS:
        if (kind.group, kind.version) == (group, version):
            middle = "/namespaces/{namespace}" if kind.namespaced else ""
            marker = {"group": kind.group, "kind": kind.kind, "version": kind.version}
            patch = {
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": "patch",
                "x-kubernetes-group-version-kind": marker,
            }
            paths[f"/{rest}{middle}/{kind.plural}/{{name}}"] = {"patch": patch}
    document = {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.34.4"}, "paths": paths}
    return json_response(200, document)
