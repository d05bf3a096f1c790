"""The side doors: `/_sandbox/` to script the cluster from another process, and `/v2/` where the registry answers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agent.sandbox.http import Request, Response, json_response
from agent.sandbox.kubernetes.faults import KINDS

if TYPE_CHECKING:
    from agent.sandbox.kubernetes.cluster import SandboxCluster

_MANIFEST = re.compile(r"^/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)$")
_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Admin:
    """Answers what is not Kubernetes.

    Args:
        cluster: what it scripts.
    """

    def __init__(self, cluster: SandboxCluster) -> None:
        self.cluster = cluster

    def handle(self, request: Request) -> Response:
        """One request; what is wrong with it is a 400 with the reason."""
        if request.path.startswith("/v2"):
            return self._registry(request)
        try:
            body = json.loads(request.body) if request.body else {}
            return self._script(request, body)
        except (ValueError, TypeError, KeyError, RuntimeError) as error:
            return json_response(400, {"error": str(error)})

    def _script(self, request: Request, body: dict[str, Any]) -> Response:  # noqa: PLR0911 - one answer a door
        cluster, door = self.cluster, request.path.removeprefix("/_sandbox").strip("/")
        match request.method, door:
            case "GET", "":
                doors = ["faults", "compact", "freeze", "advance", "clock", "requests", "kubeconfig", "tokens"]
                return json_response(200, {"doors": doors, "faults": KINDS})
            case "POST", "faults":
                cluster.fault(body.pop("kind"), **body)
                return json_response(201, {"ok": True})
            case "DELETE", "faults":
                cluster.faults.clear()
                return json_response(200, {"ok": True})
            case "POST", "compact":
                return json_response(200, {"compacted": cluster.compact()})
            case "POST", "freeze":
                cluster.freeze_controllers(bool(body.get("frozen", True)), nodes=bool(body.get("nodes")))
                return json_response(200, {"ok": True})
            case "POST", "advance":
                cluster.advance(float(body["seconds"]))
                return json_response(200, {"now": cluster.world.now()})
            case "GET", "clock":
                return json_response(200, {"now": cluster.world.now(), "speed": cluster.world.clock.speed})
            case "GET", "requests":
                return json_response(200, [asdict(entry) for entry in cluster.requests])
            case "DELETE", "requests":
                cluster.forget_requests()
                return json_response(200, {"ok": True})
            case "GET", "kubeconfig":
                return Response(200, cluster.kubeconfig().encode(), {"Content-Type": "application/yaml"})
            case "POST", "tokens":
                return json_response(201, {"token": cluster.add_token(str(body["token"]))})
            case "DELETE", "tokens":
                cluster.expire_token(str(body["token"]))
                return json_response(200, {"ok": True})
            case _:
                return json_response(404, {"error": f"there is no {request.method} {request.path}"})

    def _registry(self, request: Request) -> Response:
        """The part of the registry API that answers which digest a tag has."""
        headers = {"Docker-Distribution-Api-Version": "registry/2.0"}
        if request.path in {"/v2", "/v2/"}:
            return json_response(200, {}, headers)
        found = _MANIFEST.match(request.path)
        if found is None or request.method not in {"GET", "HEAD"}:
            return _no_manifest(404, "NAME_UNKNOWN", "repository name not known to registry", headers)
        name, reference = found["name"], found["reference"]
        refused = {"deny": (401, "UNAUTHORIZED"), "err": (500, "UNKNOWN")}.get(name.partition("/")[0])
        if refused is not None:
            return _no_manifest(*refused, "scripted by the repository's name", headers)
        registry = self.cluster.registry
        tag = registry.tag_of(name, reference) if reference.startswith("sha256:") else reference
        if not tag or not registry.has(name, tag):
            return _no_manifest(404, "MANIFEST_UNKNOWN", "manifest unknown", headers)
        digest = registry.digest(name, tag)
        document = {"schemaVersion": 2, "mediaType": _TYPE, "config": {"digest": digest, "size": 2}, "layers": []}
        return json_response(200, document, headers | {"Docker-Content-Digest": digest, "Content-Type": _TYPE})


def _no_manifest(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    return json_response(status, {"errors": [{"code": code, "message": message}]}, headers)
