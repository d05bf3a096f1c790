"""What an endpoint gets and what it may answer: shared by all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.sandbox.jenkins import pages
from agent.sandbox.jenkins.http import Request, Response, json_answer
from agent.sandbox.jenkins.models import model_of
from agent.sandbox.jenkins.remote import Exporter
from agent.sandbox.jenkins.selection import BadTreeError, selection

if TYPE_CHECKING:
    from agent.sandbox.jenkins.access import Account, Identity
    from agent.sandbox.jenkins.controller import Controller
    from agent.sandbox.jenkins.store import Item


@dataclass(frozen=True, slots=True)
class Call:
    """One request, on its way to an endpoint.

    Args:
        jenkins: the state; its lock is held.
        request: as it came.
        who: who sent it.
        account: the rights of that user.
        item: the item that the path names; the root for all other paths.
        rest: what follows the item in the path.
    """

    jenkins: Controller
    request: Request
    who: Identity
    account: Account
    item: Item
    rest: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, str]:
        """Query and form."""
        return self.request.parameters

    @property
    def xml(self) -> str:
        """The body as text: decoded with the declared charset, as Latin-1 without one."""
        try:
            return self.request.body.decode(self.request.charset, "replace").removeprefix("\ufeff")
        except LookupError:
            return self.request.body.decode("iso-8859-1")

    def json(self, value: object) -> Response:
        """The remote API's answer for an object, as far as `tree` or `depth` ask for it."""
        try:
            selected = selection(self.request.query)
        except BadTreeError:
            return pages.oops()
        return json_answer(Exporter(self.jenkins, model_of).export(value, selected))
