"""What operations need from outside, as protocols: a cluster, smoke probes, a clock. Adapters fill them.

(The port to Jenkins stands beside its only user, `agent.operations.jobs`.) Every method raises only errors of
`agent.errors`; no library's exception passes an adapter.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from agent.objects import Object, Ref
from agent.release.images import Image
from agent.rollout.feed import Event


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What one HTTP request brought back.

    Attributes:
        status: HTTP status; 0 when there was no answer at all, then `error` says why.
        body: at most the first 64 KiB, decoded as UTF-8 with replacement.
        seconds: from sending the request to the end of the body.
        error: why there was no answer, in words; empty when there was one.
    """

    status: int
    body: str = ""
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """What one command did: its exit status (None: killed at its time limit) and the end of its output."""

    status: int | None
    output: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """What a registry says of an image.

    Attributes:
        state: `there`, `gone`, or `unknown`: it could not be asked.
        detail: in words; for `unknown`, why.
        digest: what the reference names now, as `sha256:...`; empty where it isn't told.
    """

    state: Literal["there", "gone", "unknown"]
    detail: str
    digest: str = ""


class Registry(Protocol):
    """Image registries, asked briefly and for reading only."""

    def find(self, image: Image) -> ImageAnswer:
        """Whether the image is there, by its digest if it has one, else by its tag; never an exception."""


class Clock(Protocol):
    """Time, injected: tests move it by hand."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    def utc(self) -> str:
        """The wall clock as RFC 3339 in UTC, for people and records; never for durations (P27)."""

    def sleep(self, seconds: float) -> None:
        """Waits; returns early by raising when the process was told to stop."""


class Feed(Protocol):
    """What is heard of one workload: its object, ReplicaSets or ControllerRevisions, pods, and events about them."""

    def next(self, timeout: float) -> Event | None:
        """The next event, or None when `timeout` seconds passed without one. Never blocks longer."""


class Cluster(Protocol):
    """One Kubernetes API server as one user. All objects are raw JSON."""

    @property
    def label(self) -> str:
        """How people call it: the context's name."""

    @property
    def namespace(self) -> str:
        """The namespace of the context, else `default`."""

    def warnings(self) -> tuple[str, ...]:
        """What people must be told, each once and since the last call: Warning headers of the server, an unsafe TLS."""

    def get(self, target: Ref) -> Object | None:
        """The object, or None where there is none."""

    def list(self, api_version: str, kind: str, namespace: str, *, labels: str = "", fields: str = "") -> list[Object]:
        """All objects that the selectors match, each with its apiVersion and kind filled in."""

    def apply(self, thing: Object, *, dry_run: bool = False, force: bool = False) -> Object:
        """Server-side apply as field manager `headway`; a metadata.resourceVersion in `thing` is a precondition.

        Raises:
            FieldConflictError: another manager holds a field and `force` was not given.
            StaleWriteError: the precondition did not hold.
        """

    def create(self, thing: Object, *, dry_run: bool = False) -> Object:
        """POST. Raises StaleWriteError where the object exists already."""

    def replace(self, thing: Object, *, dry_run: bool = False) -> Object:
        """PUT; metadata.resourceVersion is the precondition (StaleWriteError)."""

    def patch(self, target: Ref, patch: object, *, content_type: str, dry_run: bool = False) -> Object:
        """PATCH with one of the server's patch types, e.g. `application/merge-patch+json`."""

    def delete(self, target: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        """DELETE, dependents in the background; `uid` is a precondition. An object that is gone already is no error."""

    def logs(self, namespace: str, pod: str, container: str, *, previous: bool = False, lines: int = 50) -> str:
        """The last lines of a container's log, bounded to 256 KiB and 3 s; empty where there are none."""

    def probe(self, kind: str, namespace: str, name: str, port: str, path: str, *, timeout: float) -> HttpAnswer:
        """GET through the API server's proxy; `kind` is `pods` or `services`. An unreachable pod is an answer too.

        Args:
            kind: `pods` or `services`.
            namespace: of the pod or service.
            name: of the pod or service.
            port: number or name; `https:8443` where the application speaks TLS.
            path: the application's, with its query; redirects are answers.
            timeout: seconds for everything.
        """

    def follow(self, workload: Ref, selector: str) -> AbstractContextManager[Feed]:
        """Lists, then watches, the workload (by name) and what its label selector matches.

        The first events are one `Listed` a resource, the state before any write of ours; the feed then survives closed
        watches, 410s and an API server that is away, which it reports as `Blind` (at: when it was heard last) and
        `Sighted`. Pods and ReplicaSets come without what no judgement needs (environment, mounts, managedFields), so
        nothing of a feed may be written back. Events of the past come only for objects that are not ready, after the
        first `Listed`; a relist of events is told one by one, since a `Listed` would say that the old ones are gone.

        Raises:
            ForbiddenError: listing or watching is not allowed (events alone are done without).
            UsageError: a kind that is no Deployment, StatefulSet, DaemonSet or Job.
        """


class Prober(Protocol):
    """Asks the smoke checks' questions from here: HTTP by URL, and commands."""

    def get(self, url: str, *, timeout: float) -> HttpAnswer:
        """GET; redirects are followed; no answer is an answer with status 0."""

    def run(self, command: str, *, environment: dict[str, str], timeout: float) -> CommandAnswer:
        """Runs a command of the spec in a shell, in the spec's folder."""
