"""`headway status` and `headway history`: what is there, and what the ledger knows of it. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.errors import HeadwayError
from agent.objects import Object
from agent.operations.account import Account
from agent.operations.bookkeeping import Book
from agent.operations.going_back import demand_namespace, live_workload
from agent.operations.mission import Place, Tools
from agent.operations.preparing import is_complete, known_release, serving_now
from agent.operations.undoing import way_back
from agent.release.choice import choose
from agent.release.record import Release
from agent.reports.deploy import serving_dict
from agent.reports.events import Serving


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
        open: what an unfinished operation left, in words; empty if nothing.
        freeze: why no deploys are allowed; empty if they are.
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
    open: str = ""
    freeze: str = ""

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
            },
            "open": self.open,
            "freeze": self.freeze,
        }


def status(tools: Tools, place: Place) -> Status:
    """What the workload is now, with its way back tried on the server.

    Raises:
        NotFoundError: there is no such workload.
    """
    live = live_workload(tools, place)
    book = Book(tools.cluster, place.workload)
    known = known_release(book.ledger, live)
    left = known.number if known else 0
    choice = choose(book.ledger, leaving=left)
    clean, reason = choice.target is not None, choice.reason
    if choice.target is not None:
        try:
            way_back(Account("status", tools, place), book, choice.target, left)
        except HeadwayError as problem:
            clean, reason = False, problem.message.removeprefix("nothing was changed: ")
    intent, freeze = book.ledger.intent, book.ledger.freeze
    return Status(
        place,
        tools.cluster.label,
        serving_now(live, known, place.container),
        is_complete(live),
        _replicas(live),
        known,
        choice.target,
        reason,
        clean,
        f"{intent.kind} of release {intent.release} by {intent.build} since {intent.started}" if intent else "",
        f"{freeze.reason} (by {freeze.by})" if freeze else "",
    )


def _replicas(live: Object) -> tuple[int, int, int]:
    status_ = live.get("status") or {}
    if live.get("kind") == "DaemonSet":
        keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        wanted, updated, available = (int(status_.get(key) or 0) for key in keys)
        return wanted, updated, available
    wanted = int((live.get("spec") or {}).get("replicas", 1))
    return wanted, int(status_.get("updatedReplicas") or 0), int(status_.get("availableReplicas") or 0)


def history(tools: Tools, place: Place) -> tuple[tuple[Release, ...], int]:
    """The releases of a workload, newest first, and the number of the one that serves as far as the ledger knows.

    Raises:
        NotFoundError: there is no such namespace.
    """
    book = Book(tools.cluster, place.workload)
    if not book.exists and tools.cluster.get(place.workload) is None:
        demand_namespace(tools, place, "nothing was read")
    ledger = book.ledger
    return tuple(reversed(ledger.releases)), ledger.current


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
