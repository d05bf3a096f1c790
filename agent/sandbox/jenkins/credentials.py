"""Credentials by id, as the listing shows them. There are no secrets in here: a listing never has any."""

from __future__ import annotations

from dataclasses import dataclass

STORES = {"system", "folder"}


@dataclass(slots=True)
class Credential:
    """One credential of a store.

    Args:
        id: what a Jenkinsfile names.
        kind: as the page words it.
        description: what people wrote.
        domain: `_` for the global one.
    """

    id: str
    kind: str = "Secret text"
    description: str = ""
    domain: str = "_"

    @property
    def display_name(self) -> str:
        """As the page shows it."""
        return self.description or self.id
