"""Who may ask: accounts, API tokens, sessions and crumbs, with the refusals that were recorded.

Anonymous is 403 with a redirect in HTML, a wrong password or token 401. A password needs, for a POST, the crumb *and*
the session cookie of the request that fetched it; an API token needs neither.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.sandbox.jenkins.http import Request

COOKIE = "JSESSIONID.sandbox"
CRUMB = "Jenkins-Crumb"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody this Jenkins knows.

    Args:
        password: needs a crumb with every POST.
        token: the API token; empty when there is none.
        may_write: without it, every POST and DELETE but the validation of a Jenkinsfile is 403.
        may_administer: without it, the list of plugins and the system's credentials are 403.
    """

    password: str
    token: str = ""
    may_write: bool = True
    may_administer: bool = True


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a request.

    Args:
        name: the user's id; empty for the anonymous.
        by_token: an API token was used, so no crumb is asked for.
        session: the id of the session whose cookie came along; empty without.
    """

    name: str = ""
    by_token: bool = False
    session: str = ""


class WrongCredentialsError(Exception):
    """An Authorization header that names nobody, or with the wrong secret."""


class Access:
    """Accounts and what was handed out to them.

    Args:
        accounts: by user id.
    """

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self.accounts = dict(accounts)
        self._sessions: dict[str, str] = {}
        self._handed_out = 0
        self._generation = 0

    def identify(self, request: Request) -> Identity:
        """The sender of a request.

        Raises:
            WrongCredentialsError: credentials were sent, and they are wrong.
        """
        session = self._session(request)
        header = request.headers.get("authorization", "")
        if not header:
            return Identity(session=session)
        name, secret = _basic(header)
        account = self.accounts.get(name)
        if account is not None and account.token and secret == account.token:
            return Identity(name, by_token=True, session=session)
        if account is not None and secret == account.password:
            return Identity(name, session=session)
        raise WrongCredentialsError(name)

    def open_session(self, who: Identity) -> str:
        """A new session of this user; its id goes into the cookie."""
        self._handed_out += 1
        session = hashlib.sha256(f"session {self._handed_out} {who.name}".encode()).hexdigest()[:24]
        self._sessions[session] = who.name
        return session

    def crumb(self, user: str, session: str) -> str:
        """The crumb of a user's session; 64 hex digits."""
        return hashlib.sha256(f"crumb {self._generation} {user} {session}".encode()).hexdigest()

    def crumb_fits(self, request: Request, who: Identity) -> bool:
        """Whether the crumb that came along is the one of the session whose cookie came along."""
        sent = request.headers.get(CRUMB.lower()) or request.form.get(CRUMB, "")
        return bool(who.session) and sent == self.crumb(who.name, who.session)

    def change_crumbs(self) -> None:
        """Makes every crumb handed out so far worthless, as a restart or an expired session does."""
        self._generation += 1

    def forget_sessions(self) -> None:
        """What a restart does to sessions and their crumbs."""
        self._sessions.clear()
        self.change_crumbs()

    def _session(self, request: Request) -> str:
        try:
            morsel = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        return morsel.value if morsel is not None and morsel.value in self._sessions else ""


def _basic(header: str) -> tuple[str, str]:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        raise WrongCredentialsError(scheme)
    try:
        text = base64.b64decode(coded.strip(), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as wrong:
        raise WrongCredentialsError("unreadable") from wrong
    name, _, secret = text.partition(":")
    return name, secret
