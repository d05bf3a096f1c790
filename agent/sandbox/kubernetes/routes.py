"""What a URL of the API names: a kind, a namespace, an object, a subresource."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from agent.sandbox.http import Request
from agent.sandbox.kubernetes.kinds import BY_PATH, Kind

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True)
class Route:
    """A parsed URL.

    Attributes:
        kind: what it is about.
        namespace: empty for all, or for what has none.
        name: empty for a collection.
        subresource: empty, or `status`, `scale`, `log`, `proxy`, ...
        rest: what follows the subresource: the path behind a proxy, with its leading slash.
        verb: get, list, watch, create, update, patch, delete, deletecollection.
    """

    kind: Kind
    namespace: str
    name: str
    subresource: str
    rest: str
    verb: str

    @property
    def resource(self) -> str:
        """As in RBAC rules: `pods/log`."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def parse(request: Request) -> Route | None:
    """The route of a request; None when no kind is served there."""
    parts = request.path.split("/")[1:]
    if parts[:2] == ["api", "v1"]:
        group, version, parts = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) > 2:  # noqa: PLR2004 - /apis/GROUP/VERSION
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in {"status", "finalize"}:  # noqa: PLR2004
        namespace, parts = unquote(parts[1]), parts[2:]
    kind = BY_PATH.get((group, version, parts[0])) if parts else None
    if kind is None or (bool(namespace) and not kind.namespaced):
        return None
    name = unquote(parts[1]) if len(parts) > 1 else ""
    subresource = parts[2] if len(parts) > 2 else ""  # noqa: PLR2004
    rest = "/" + "/".join(parts[3:])
    return Route(kind, namespace, name, subresource, rest, _verb(request, name, subresource))


def _verb(request: Request, name: str, subresource: str) -> str:
    if request.method in {"GET", "HEAD"}:
        if request.flag("watch") and not subresource:
            return "watch"
        return "get" if name else "list"
    if request.method == "DELETE":
        return "delete" if name else "deletecollection"
    return _VERBS.get(request.method, request.method.lower())
