"""What an answer of Jenkins means: status, X-Error and redirects into errors of our own, HTML into a sentence."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent.errors import (
    ForbiddenError,
    HeadwayError,
    InvalidObjectError,
    NotFoundError,
    RemoteError,
    StaleWriteError,
    UnauthorizedError,
    UnreachableError,
)

LONGEST_REASON = 300
_LOGIN = re.compile(r"/(login|securityRealm/\w+|oauth2?/|saml|adfs|signin|auth/)", re.IGNORECASE)
_NO_CRUMB = "No valid crumb"
_EXISTS = re.compile(r"already exists", re.IGNORECASE)
_TOKEN_HINT = "check JENKINS_USER_ID and JENKINS_API_TOKEN (user page, Security, API Token)"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, without the library's object around it."""

    status: int
    headers: dict[str, str]
    text: str = ""

    def header(self, name: str) -> str:
        """The header whatever its case; empty when it is not there."""
        return self.headers.get(name.lower(), "")

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people."""
        return "html" in self.header("content-type")


def lacks_crumb(answer: Answer) -> bool:
    """Whether the POST was refused for want of a (fresh) crumb; core checks that before it does anything."""
    return answer.status == 403 and _NO_CRUMB in answer.text  # noqa: PLR2004


def names_login(location: str) -> bool:
    """Whether a redirect leads to a page that is plainly one to log in."""
    return bool(_LOGIN.search(urlsplit(location).path))


def leads_to_item(location: str) -> bool:
    """Whether a redirect is Jenkins' answer to something done: it leads to the item's page, whatever the host.

    The host is that of Jenkins' own root URL, which may be another one than was asked.
    """
    return "/job/" in urlsplit(location).path and not names_login(location)


def leads_to_login(location: str, base: str) -> bool:
    """Whether a redirect means `log in first`: Jenkins' own page, or another host's."""
    target, own = urlsplit(location), urlsplit(base)
    return names_login(location) or bool(target.hostname and target.hostname != own.hostname)


def refusal(  # noqa: PLR0911  one return a status
    answer: Answer, what: str, *, base: str, user: str, writes: bool
) -> HeadwayError:
    """The error that an answer is.

    Args:
        answer: it is no success.
        what: what was not done: `job 'x' not created`.
        base: URL of the controller.
        user: as whom it was asked.
        writes: whether config.xml was sent: a 500 then means that Jenkins could not read it.
    """
    status, reason = answer.status, said(answer)
    who = f"user '{user}'" if user else "anonymous"
    match status:
        case 401 | 403:
            return _not_allowed(answer, what, who, reason)
        case 404:
            return NotFoundError(f"{what}: Jenkins knows no such item (404)")
        case 400 if _EXISTS.search(answer.header("x-error")):
            return StaleWriteError(f"{what}: {answer.header('x-error').strip()}")
        case 400 | 405 | 409 | 413 | 415 | 422:
            return InvalidObjectError(f"{what}: Jenkins refuses it ({status}{_then(reason)})")
        case 500 if writes:
            return InvalidObjectError(
                f"{what}: Jenkins can't read this config.xml (500{_then(reason)})",
                hint="a plugin may be missing; the controller's log has the cause",
            )
        case _ if 300 <= status < 400:  # noqa: PLR2004
            return _redirected(answer, what, base)
        case _ if status >= 500:  # noqa: PLR2004
            return UnreachableError(
                f"{what}: Jenkins answers {status}{_then(reason)}", hint="it may be starting; try again"
            )
        case _:
            return RemoteError(f"{what}: Jenkins answers {status}{_then(reason)}")


def _not_allowed(answer: Answer, what: str, who: str, reason: str) -> HeadwayError:
    if answer.status == 401:  # noqa: PLR2004
        return UnauthorizedError(f"{what}: Jenkins does not accept the credentials of {who} (401)", hint=_TOKEN_HINT)
    if "Authentication required" in answer.text or "/login?from=" in answer.text:
        return UnauthorizedError(f"{what}: Jenkins wants a login, and none was given (403)", hint=_TOKEN_HINT)
    missing = answer.header("x-required-permission") or reason
    return ForbiddenError(
        f"{what}: {who} may not do that (403{_then(missing)})", hint="ask for that permission in Jenkins"
    )


def not_data(answer: Answer, what: str) -> HeadwayError:
    """The error of a 200 that is a page where data should be."""
    if answer.is_html:
        return UnauthorizedError(
            f"{what}: a page came back instead of data: a login page or a proxy stands before this Jenkins",
            hint="use an API token, and a URL that reaches Jenkins itself",
        )
    return UnreachableError(f"{what}: the answer is not JSON; is this URL a Jenkins?")


def said(answer: Answer) -> str:
    """Why, as the answer itself says it: X-Error, else the title of its page; short, one line, no markup."""
    text = answer.header("x-error")
    if not text and answer.is_html:
        found = re.search(r"<title>(.*?)</title>", answer.text, re.DOTALL | re.IGNORECASE)
        text = re.sub(r"^Error \d+ ", "", found[1].strip()) if found else ""
    elif not text:
        text = answer.text
    plain = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text[:10_000])).split())
    return plain if len(plain) <= LONGEST_REASON else plain[: LONGEST_REASON - 1] + "…"


def _then(reason: str) -> str:
    return f": {reason}" if reason else ""


def _redirected(answer: Answer, what: str, base: str) -> HeadwayError:
    location = answer.header("location")
    if leads_to_login(location, base):
        return UnauthorizedError(f"{what}: Jenkins redirects to a login page ({answer.status})", hint=_TOKEN_HINT)
    return UnreachableError(
        f"{what}: Jenkins redirects to {location or 'nowhere'} ({answer.status})",
        hint="JENKINS_URL should be the address that it redirects to",
    )
