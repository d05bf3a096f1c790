"""What a deploy leaves that a newer build has superseded: said, recorded, and handed over to that one."""

from __future__ import annotations

from dataclasses import replace

from agent.errors import SupersededError
from agent.operations.account import Account
from agent.operations.bookkeeping import Book
from agent.release.ledger import Ledger


def give_way(account: Account, book: Book | None, number: int, before: Ledger, asked: SupersededError) -> None:
    """The older build's side: says and records that it stopped, and for whom.

    What was written stays an open intent, but the newer build's: its deploy closes it, else its `recover`.

    Args:
        account: of the deploy.
        book: the ledger; None where it wasn't read yet.
        number: the release that was being written; 0: none was recorded.
        before: the ledger as it was before that one.
        asked: by whom.
    """
    account.verdict, account.superseded_by, account.release = "superseded", asked.by, number
    left = "what was written is left to it" if account.changed else "nothing was changed"
    account.note("lock", f"superseded by {asked.by}: {left}")
    if book is None or not number:
        return
    now = account.tools.clock.utc()

    def change(ledger: Ledger) -> Ledger:
        ledger = ledger.changed(
            number, rollout="superseded", judgement="unjudged", cause=f"superseded by {asked.by}"[:500], ended=now
        )
        if not account.changed:
            return replace(ledger, current=before.current, migrated=before.migrated, intent=None)
        intent = replace(ledger.intent, step="superseded", build=asked.by) if ledger.intent else None
        return replace(ledger, intent=intent)

    book.close(change, lambda text: account.note("lock", text))
