"""`headway status` and `headway history`: what is there, and what the ledger knows of it. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.errors import HeadwayError, UsageError
from agent.objects import Object, ref
from agent.operations.account import Account
from agent.operations.applying import plan
from agent.operations.bookkeeping import Book
from agent.operations.configuring import changed_secrets
from agent.operations.going_back import demand_namespace, live_workload
from agent.operations.mission import Place, Tools
from agent.operations.serving import is_complete, known_release, left_release, serving_now
from agent.operations.ways import Way, applicable
from agent.ports import Registry
from agent.release import images, oneway
from agent.release.choice import choose
from agent.release.digest import of_template
from agent.release.ledger import Freeze, Ledger
from agent.release.record import Release
from agent.reports.deploy import serving_dict
from agent.reports.events import Serving


@dataclass(frozen=True, slots=True)
class InRegistry:
    """What the registry says of a release's image.

    Attributes:
        state: `there`, `moved` (the tag names another image than the one that ran), `gone`, or `unknown`: not told.
        detail: in words; for `unknown`, why.
        digest: what the reference names now.
    """

    state: str
    detail: str
    digest: str = ""

    def to_dict(self) -> dict[str, str]:
        """The form that `-o json` prints."""
        return {"state": self.state, "detail": self.detail, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Status:
    """The workload now.

    Attributes:
        now: what it runs; `release` is 0 where the ledger doesn't know it.
        complete: whether it is rolled out completely.
        replicas: wanted, updated and available.
        known: the release of the ledger that it is.
        back: the release that an undo would go to; None: there is none, and `reason` says why.
        reason: why that one, or why none.
        clean: whether the server would take it (a dry run); the problem stands in `reason` where not.
        image: whether the registry still has the target's image; None: not asked.
        secrets: names of the Secrets that the target refers to and that have changed since; an undo writes none.
        open: what an unfinished operation left, in words; empty if nothing.
        freeze: why no deploys are allowed; empty if they are.
        drift: what somebody has changed or deleted of that release since, a line each; the server was asked.
        untold: why that can't be told; empty where it could.
    """

    place: Place
    cluster: str
    now: Serving
    complete: bool
    replicas: tuple[int, int, int]
    known: Release | None
    back: Release | None
    reason: str
    clean: bool
    image: InRegistry | None = None
    secrets: tuple[str, ...] = ()
    open: str = ""
    freeze: str = ""
    drift: tuple[str, ...] = ()
    untold: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The form that `-o json` prints (docs/reference/report.md)."""
        wanted, updated, available = self.replicas
        return {
            "headway": 1,
            "command": "status",
            "service": self.place.service,
            "environment": self.place.environment,
            "cluster": self.cluster,
            "namespace": self.place.namespace,
            "workload": str(self.place.workload),
            "now": serving_dict(self.now),
            "complete": self.complete,
            "replicas": {"wanted": wanted, "updated": updated, "available": available},
            "judgement": self.known.judgement if self.known else "unknown",
            "way_back": {
                "release": self.back.number if self.back else 0,
                "image": self.back.image if self.back else "",
                "version": self.back.version if self.back else "",
                "reason": self.reason,
                "would_apply": self.clean,
                "registry": self.image.to_dict() if self.image else {"state": "not-asked", "detail": "", "digest": ""},
                "secrets_changed": list(self.secrets),
            },
            "open": self.open,
            "freeze": self.freeze,
            "drift": list(self.drift),
            "drift_untold": self.untold,
        }


def in_registry(registry: Registry, release: Release) -> InRegistry:
    """Whether the image of a release is still what it was, as far as its registry tells."""
    try:
        image = images.parse(release.image)
    except UsageError:
        return InRegistry("unknown", "the recorded image is no image reference")
    found = registry.find(image)
    ran = release.image_digest.rpartition("@")[2]
    if found.state == "there" and found.digest and ran and not image.digest and found.digest != ran:
        now = f"tag {image.tag or 'latest'} names {found.digest[:19]} now"
        detail = f"{now}, and {ran[:19]} ran then: it would be another image"
        return InRegistry("moved", detail, found.digest)
    return InRegistry(found.state, found.detail, found.digest)


def status(tools: Tools, place: Place, registry: Registry | None = None) -> Status:
    """What the workload is now, with its way back tried on the server.

    Args:
        tools: the doors to the outside.
        place: where.
        registry: asked for the target's image; None: nobody is.

    Raises:
        NotFoundError: there is no such workload.
    """
    book = Book(tools.cluster, place.workload)
    live = live_workload(tools, place, book.ledger)
    known = known_release(book.ledger, live)
    leaving = left_release(book.ledger, live)
    left = leaving.number if leaving else 0
    back, reason, clean = _way_back(Account("status", tools, place), book, left)
    changed = changed_secrets(tools, place.namespace, back, book.ledger.salt) if back else ()
    intent, freeze = book.ledger.intent, book.ledger.freeze
    return Status(
        place,
        tools.cluster.label,
        serving_now(live, known, place.container),
        is_complete(live),
        _replicas(live),
        known,
        back,
        reason,
        clean,
        in_registry(registry, back) if registry and back else None,
        changed,
        f"{intent.kind} of release {intent.release} by {intent.build} since {intent.started}" if intent else "",
        _frozen(freeze) if freeze is not None and freeze.holds(tools.clock.utc()) else "",
        *_drift(tools, place, book.ledger, known, live),
    )


def _frozen(freeze: Freeze) -> str:
    until = f", until {freeze.until}" if freeze.until else ""
    return f"{freeze.reason} (by {freeze.by}{until})"


def _drift(
    tools: Tools, place: Place, ledger: Ledger, known: Release | None, live: Object
) -> tuple[tuple[str, ...], str]:
    """What applying the good release that serves once more would put back, or why that can't be told."""
    if known is None or known.judgement != "good" or known.template != of_template(live):
        return (), ""
    content = ledger.sets.get(known.objects)
    if content is None:
        return (), ""
    whole = frozenset(ref(thing) for thing in content.objects)
    try:
        steps = plan(tools.cluster, place.namespace, content.objects, known=(live,), settled=whole)
    except HeadwayError as problem:
        return (), problem.message.removeprefix("nothing was changed: ")
    gone = [f"{step.ref} is not there" for step in steps if step.action == "create"]
    return (*gone, *(f"{step.ref} {line}" for step in steps for line in step.touched.changes)), ""


def _way_back(account: Account, book: Book, left: int) -> tuple[Release | None, str, bool]:
    """Where an undo would go, why there (or why not), and whether it could: tried on the server."""
    choice = choose(book.ledger, leaving=left)
    if choice.target is None:
        return None, choice.reason, False
    if kept := oneway.migration_since(book.ledger, choice.target):
        return choice.target, kept, False
    try:
        way, _, _ = applicable(account, book, Way(choice.target, choice.reason, on_purpose=True), left)
    except HeadwayError as problem:
        return choice.target, problem.message.removeprefix("nothing was changed: "), False
    return way.target, way.reason, True


def _replicas(live: Object) -> tuple[int, int, int]:
    status_ = live.get("status") or {}
    if live.get("kind") == "DaemonSet":
        keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        wanted, updated, available = (int(status_.get(key) or 0) for key in keys)
        return wanted, updated, available
    wanted = int((live.get("spec") or {}).get("replicas", 1))
    return wanted, int(status_.get("updatedReplicas") or 0), int(status_.get("availableReplicas") or 0)


def history(tools: Tools, place: Place) -> tuple[tuple[Release, ...], int]:
    """The releases of a workload, newest first, and the number of the one that is there now; 0: none of them.

    Somebody else may have put another one back, or something that the ledger doesn't know.

    Raises:
        NotFoundError: there is no such namespace.
    """
    book = Book(tools.cluster, place.workload)
    live = tools.cluster.get(place.workload)
    if live is None and not book.exists:
        demand_namespace(tools, place, "nothing was read")
    known = known_release(book.ledger, live)
    return tuple(reversed(book.ledger.releases)), known.number if known else 0


def history_dict(place: Place, cluster: str, releases: tuple[Release, ...], current: int) -> dict[str, Any]:
    """The form that `headway history -o json` prints (docs/reference/report.md)."""
    return {
        "headway": 1,
        "command": "history",
        "service": place.service,
        "environment": place.environment,
        "cluster": cluster,
        "namespace": place.namespace,
        "workload": str(place.workload),
        "current": current,
        "releases": [_release(each) for each in releases],
    }


def _release(release: Release) -> dict[str, Any]:
    undone = release.undone
    return {
        "release": release.number,
        "origin": release.origin,
        "image": release.image,
        "image_digest": release.image_digest,
        "version": release.version,
        "revision": release.revision,
        "rollout": release.rollout,
        "smoke": release.smoke,
        "soak": release.soak,
        "judgement": release.judgement,
        "known_bad": release.to_blame,
        "cause": release.cause,
        "build": release.build,
        "commit": release.commit,
        "started": release.started,
        "ended": release.ended,
        "withdrawn": release.withdrawn,
        "undone": {"to": undone.to, "result": undone.result, "at": undone.at, "build": undone.build}
        if undone
        else None,
    }
