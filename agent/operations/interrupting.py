"""Ctrl-C and SIGTERM: what was left is said and recorded within 4 s; only `headway recover` takes it back."""

from __future__ import annotations

from dataclasses import replace

from agent.operations.account import Account
from agent.operations.bookkeeping import Book
from agent.release.choice import choose
from agent.release.ledger import Ledger

INTERRUPTIONS = {"KeyboardInterrupt": "SIGINT", "Terminated": "SIGTERM"}


def record_interruption(account: Account, book: Book | None, number: int, interruption: KeyboardInterrupt) -> None:
    """Writes down that the operation was interrupted, in the account and, if anything was begun, in the ledger.

    Args:
        account: of the operation.
        book: the ledger; None where the operation writes none.
        number: the release that was being written, or left; 0: none yet.
        interruption: what came.
    """
    account.interrupted = INTERRUPTIONS.get(type(interruption).__name__, "SIGINT")
    account.verdict = "interrupted"
    intent = book.ledger.intent if book is not None else None
    if book is None or intent is None or intent.build != account.tools.builder.name:  # what others left is theirs
        account.note("interrupted", "nothing was changed" if not account.changed else "what was done stands")
        return

    def change(ledger: Ledger) -> Ledger:
        intent = replace(ledger.intent, step="interrupted") if ledger.intent else None
        release = ledger.release(number)
        if release is not None and release.judgement == "open":
            ledger = ledger.changed(number, rollout="interrupted", judgement="unjudged")
        return replace(ledger, intent=intent)

    written = book.last_words(change)
    state = "recorded in the ledger" if written else "the ledger still holds what was written before the change"
    target = choose(book.ledger, leaving=number).target
    way = f"; `headway undo` would go back to {target.label}" if target is not None else ""
    account.note("interrupted", f"the {intent.kind} may be half done; {state}{way}")
