"""`headway freeze` and `headway thaw`: no deploys of a workload, with a reason and an end; undos are always allowed."""

from __future__ import annotations

from dataclasses import replace

from agent.errors import NotFoundError
from agent.operations.account import said_first
from agent.operations.bookkeeping import Book
from agent.operations.going_back import demand_namespace
from agent.operations.mission import Place, Tools
from agent.release.ledger import Freeze


def freeze(tools: Tools, place: Place, reason: str, until: str = "", *, dry_run: bool = False) -> Freeze:
    """Forbids deploys.

    Args:
        tools: the doors to the outside.
        place: of what.
        reason: told to everybody who tries.
        until: RFC 3339, UTC; empty: until thawed.
        dry_run: change nothing.

    Raises:
        NotFoundError: there is neither such a workload nor a history of it.
    """
    with said_first(begin="nothing was frozen"):
        return _freeze(tools, place, Freeze(reason, tools.builder.name, tools.clock.utc(), until), dry_run=dry_run)


def _freeze(tools: Tools, place: Place, wanted: Freeze, *, dry_run: bool) -> Freeze:
    book = Book(tools.cluster, place.workload)
    if not book.exists and tools.cluster.get(place.workload) is None:
        demand_namespace(tools, place, "nothing was frozen")
        raise NotFoundError(f"nothing was frozen: there is no {place.workload} in namespace {place.namespace}")
    if not dry_run:
        book.write(lambda ledger: replace(ledger, freeze=wanted))
    return wanted


def thaw(tools: Tools, place: Place, *, dry_run: bool = False) -> Freeze | None:
    """Allows deploys again; what was lifted, or None where nothing was frozen.

    Raises:
        NotFoundError: there is no such namespace.
    """
    with said_first(begin="nothing was thawed"):
        book = Book(tools.cluster, place.workload)
        if not book.exists:
            demand_namespace(tools, place, "nothing was thawed")
        before = book.ledger.freeze
        if before is not None and not dry_run:
            book.write(lambda ledger: replace(ledger, freeze=None))
    return before
