"""What can't be taken back, as far as it can be told beforehand: migrations of a database, and changes of no return."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.objects import Object, ref
from agent.release.ledger import Ledger
from agent.release.record import Release


def migration_since(ledger: Ledger, target: Release) -> str:
    """Why nothing goes back to the target: a release after it has migrated a database (P51); empty if none has.

    Only the code would go back. It doesn't matter whether that release still serves: its migration stays.
    """
    if ledger.migrated <= target.number:
        return ""
    return f"a database migration of release {ledger.migrated} can't be taken back"


def no_return(wanted: Iterable[Object], target: Iterable[Object]) -> str:
    """What a release changes for good, so that its way back would be refused by the server; empty if nothing (P46).

    A dry run of the way back can't tell: it is made before the change.

    Args:
        wanted: the objects of the release.
        target: those of the release that an undo would go to.
    """
    before = {ref(thing): thing for thing in target}
    for thing in wanted:
        old = before.get(ref(thing))
        if old is None:
            continue
        if thing.get("kind") in {"ConfigMap", "Secret"} and thing.get("immutable") and not old.get("immutable"):
            return f"{ref(thing)} becomes immutable, and can't be what it was again"
        if thing.get("kind") == "PersistentVolumeClaim" and _storage(thing) > _storage(old) > 0:
            return f"{ref(thing)} grows, and a claim never shrinks"
    return ""


def _storage(claim: Object) -> float:
    """Bytes that a claim asks for; 0 where that can't be read."""
    from agent.spec.measures import amount

    resources: Any = (claim.get("spec") or {}).get("resources") or {}
    text = str((resources.get("requests") or {}).get("storage") or "")
    try:
        return float(amount(text))
    except (ValueError, KeyError, ArithmeticError):
        return 0.0
