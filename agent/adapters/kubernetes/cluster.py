"""`agent.ports.Cluster` on a real API server: the verbs, each as one or two JSON calls."""

from __future__ import annotations

from contextlib import AbstractContextManager

from agent.adapters.kubernetes import access
from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.errors import Answer, names_object, refusal
from agent.adapters.kubernetes.feed import Following
from agent.adapters.kubernetes.kinds import Kinds, group_path
from agent.adapters.kubernetes.rest import Repeat, Rest, decoded, encoded
from agent.adapters.kubernetes.transport import Request, Transport
from agent.errors import NotFoundError, StaleWriteError
from agent.objects import Object, Ref, metadata, ref
from agent.ports import Clock, Feed, HttpAnswer

FIELD_MANAGER = "headway"
_OK = 300
_NOT_FOUND = 404
_APPLY = "application/apply-patch+yaml"  # JSON is YAML; servers before 1.32 know no apply-patch+json
_IDEMPOTENT_PATCHES = {"application/merge-patch+json", "application/strategic-merge-patch+json"}


class KubernetesCluster:
    """One API server as one user.

    Args:
        label: how people call it.
        namespace: the context's.
        transport: how requests are sent.
        clock: time.
        worries: warnings about the connection itself.
    """

    def __init__(
        self, label: str, namespace: str, transport: Transport, clock: Clock, *, worries: tuple[str, ...] = ()
    ) -> None:
        self._label = label
        self._namespace = namespace
        self._clock = clock
        self._rest = Rest(transport, clock)
        self._kinds = Kinds(self._discover)
        self._worries = worries

    @classmethod
    def over(cls, connection: Connection, transport: Transport, clock: Clock) -> KubernetesCluster:
        """The cluster behind a connection."""
        return cls(connection.label, connection.namespace, transport, clock, worries=connection.warnings)

    def __repr__(self) -> str:
        return f"KubernetesCluster({self._label!r})"

    @property
    def label(self) -> str:
        """See ports.Cluster."""
        return self._label

    @property
    def namespace(self) -> str:
        """See ports.Cluster."""
        return self._namespace

    def warnings(self) -> tuple[str, ...]:
        """See ports.Cluster."""
        worries, self._worries = self._worries, ()
        return worries + self._rest.warnings()

    def get(self, target: Ref) -> Object | None:
        """See ports.Cluster."""
        doing = f"{target} was not read"
        answer = self._rest.answer(Request("GET", self._kinds.item(target)), doing)
        if _is_gone(answer):
            return None
        if answer.status >= _OK:
            raise refusal(answer, doing)
        return decoded(answer, doing)

    def list(self, api_version: str, kind: str, namespace: str, *, labels: str = "", fields: str = "") -> list[Object]:
        """See ports.Cluster."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        path = self._kinds.collection(api_version, kind, namespace)
        doing = f"the {path.rpartition('/')[2]} of {namespace or 'the cluster'} were not listed"
        items, _ = self._rest.items(path, {key: value for key, value in query.items() if value}, doing)
        return [{**item, "apiVersion": api_version, "kind": kind} for item in items]

    def apply(self, thing: Object, *, dry_run: bool = False, force: bool = False) -> Object:
        """See ports.Cluster."""
        target = ref(thing, self._namespace)
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"} | _dry(dry_run)
        sure = metadata(thing).get("resourceVersion") and not dry_run
        request = Request("PATCH", self._kinds.item(target), query, encoded(thing), _APPLY, timeout=60.0)
        return self._write(request, f"{target} was not applied", Repeat.UNSENT if sure else Repeat.ALWAYS)

    def create(self, thing: Object, *, dry_run: bool = False) -> Object:
        """See ports.Cluster."""
        target = ref(thing, self._namespace)
        path = self._kinds.collection(target.api_version, target.kind, target.namespace)
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        request = Request("POST", path, query, encoded(thing), timeout=60.0)
        return self._write(request, f"{target} was not created", Repeat.ALWAYS if dry_run else Repeat.UNSENT)

    def replace(self, thing: Object, *, dry_run: bool = False) -> Object:
        """See ports.Cluster."""
        target = ref(thing, self._namespace)
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        request = Request("PUT", self._kinds.item(target), query, encoded(thing), timeout=60.0)
        return self._write(request, f"{target} was not replaced", Repeat.ALWAYS if dry_run else Repeat.UNSENT)

    def patch(self, target: Ref, patch: object, *, content_type: str, dry_run: bool = False) -> Object:
        """See ports.Cluster."""
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        request = Request("PATCH", self._kinds.item(target), query, encoded(patch), content_type, timeout=60.0)
        pinned = isinstance(patch, dict) and "resourceVersion" in (patch.get("metadata") or {})
        twice = dry_run or (content_type in _IDEMPOTENT_PATCHES and not pinned)
        return self._write(request, f"{target} was not patched", Repeat.ALWAYS if twice else Repeat.UNSENT)

    def delete(self, target: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        """See ports.Cluster."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            options["dryRun"] = ["All"]  # beside a body the server does not read the query
        doing = f"{target} was not deleted"
        request = Request("DELETE", self._kinds.item(target), _dry(dry_run), encoded(options), timeout=60.0)
        answer = self._rest.answer(request, doing, Repeat.ALWAYS if uid or dry_run else Repeat.UNSENT)
        if answer.status >= _OK and not _is_gone(answer):
            raise refusal(answer, doing)

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 50) -> str:
        """See ports.Cluster."""
        return access.logs(self._rest.transport, namespace, pod, container, previous=previous, lines=lines)

    def probe(self, kind: str, namespace: str, name: str, port: str, path: str, *, timeout: float) -> HttpAnswer:
        """See ports.Cluster."""
        where = access.Backend(kind, namespace, name, port, path)
        return access.probe(self._rest.transport, self._clock, where, timeout=timeout)

    def follow(self, workload: Ref, selector: str) -> AbstractContextManager[Feed]:
        """See ports.Cluster."""
        return Following(self._rest.transport, self._kinds, self._clock, workload, selector)

    def close(self) -> None:
        """Closes idle connections."""
        self._rest.transport.close()

    def _write(self, request: Request, doing: str, repeat: Repeat) -> Object:
        """A write whose answer is the object."""
        answer = self._rest.answer(request, doing, repeat)
        if request.method == "PUT" and _is_gone(answer):
            raise StaleWriteError(f"{doing}: it is gone")
        if answer.status >= _OK:
            raise refusal(answer, doing)
        return decoded(answer, doing)

    def _discover(self, api_version: str) -> Object | None:
        """The resource list of one apiVersion."""
        try:
            return self._rest.call(Request("GET", group_path(api_version)), f"the kinds of {api_version} were not read")
        except NotFoundError:
            return None


def _is_gone(answer: Answer) -> bool:
    """Whether the object itself is not there, rather than its namespace or kind."""
    return answer.status == _NOT_FOUND and names_object(answer) not in {"", "namespaces"}


def _dry(dry_run: bool) -> dict[str, str]:  # noqa: FBT001  it is the one thing this function is about
    """The query of a dry run."""
    return {"dryRun": "All"} if dry_run else {}
