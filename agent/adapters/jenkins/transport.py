"""One request to Jenkins through python-jenkins, which is fenced: our session, our pool, our retries, our crumbs.

What is taken from the library is its way of building and sending a request. What it gets wrong is done here: it never
retries, has no timeout, follows a redirect to the login page and calls that a success, fetches a crumb where none is
needed and never a second one, logs extra headers with their values, and tells errors apart by their text.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import jenkins
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from agent.adapters.jenkins.answers import Answer, lacks_crumb, names_login
from agent.adapters.jenkins.connection import Connection
from agent.adapters.jenkins.pace import Pace
from agent.adapters.jenkins.patience import Patience
from agent.errors import UnauthorizedError, UnreachableError

if TYPE_CHECKING:
    from agent.errors import HeadwayError

_EXTRA_HEADERS = "JENKINS_API_EXTRA_HEADERS"
_BUILDING = threading.Lock()
_LOGIN_PAUSES = (0.5, 2.0)
"""Seconds between attempts when known credentials are sent to a login page."""
_CRUMBS = 3
"""How many fresh crumbs a request gets: one may be stale before it is used."""
_BROKEN_BODIES = 3
"""How often a request is repeated because its answer broke off."""


class _Session(requests.Session):
    """A session that follows no redirect: what a redirect means is decided by `answers`."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """There is none."""
        del resp
        return None


class Transport:
    """Sends requests of many threads over one pool of connections.

    Args:
        connection: to which Jenkins.
        pause: waits between two attempts.
        notice: hears of every answer that made a retry.
    """

    def __init__(
        self, connection: Connection, *, pause: Callable[[float], None], notice: Callable[[int], None]
    ) -> None:
        self.connection = connection
        self._adapter = HTTPAdapter(
            pool_connections=1,
            pool_maxsize=connection.workers,
            pool_block=True,
            max_retries=Patience.granted(pause, notice, connect=1),
        )
        self._patience = Patience.granted(pause, notice)
        self._pace = Pace(connection.max_rps, time.monotonic, pause)
        self._client = _fenced(connection, self._adapter)
        self._crumb: tuple[str, str] | None = None
        self._crumbs = threading.Lock()
        self._notice, self._pause = notice, pause
        self._known = False

    def send(
        self,
        method: str,
        path: str,
        *,
        what: str,
        parameters: Mapping[str, str] | None = None,
        data: bytes | Mapping[str, str] | None = None,
        content_type: str = "",
    ) -> Answer:
        """The answer, whatever its status.

        Args:
            method: of HTTP.
            path: below the controller's URL, quoted, with a leading slash.
            what: what was not done if there is no answer.
            parameters: of the query.
            data: the body.
            content_type: of the body.

        Raises:
            UnreachableError: no answer came.
        """
        for seconds in (*_LOGIN_PAUSES, None):
            crumb = self._crumb if method != "GET" else None
            answer = self._once(method, path, what, parameters, data, content_type, crumb)
            for _ in range(_CRUMBS):
                if method == "GET" or not lacks_crumb(answer):
                    break
                crumb = self._fresh_crumb(crumb, what)
                answer = self._once(method, path, what, parameters, data, content_type, crumb)
            if not self._is_login(answer):
                self._known |= 200 <= answer.status < 300  # noqa: PLR2004
                return answer
            if not self._known or seconds is None:
                return answer
            self._notice(0)
            self._pause(seconds)
        raise AssertionError

    def _is_login(self, answer: Answer) -> bool:
        """Whether the answer sends us to a login page: with credentials that were good a moment ago, it may pass."""
        redirects = 300 <= answer.status < 400  # noqa: PLR2004
        return redirects and names_login(answer.header("location"))

    def _once(
        self,
        method: str,
        path: str,
        what: str,
        parameters: Mapping[str, str] | None,
        data: bytes | Mapping[str, str] | None,
        content_type: str,
        crumb: tuple[str, str] | None,
    ) -> Answer:
        headers = {"Content-Type": content_type} if content_type else {}
        if crumb:
            headers[crumb[0]] = crumb[1]
        request = requests.Request(method, self.connection.url + path, params=parameters, data=data, headers=headers)
        try:
            response = self._whole(request)
        except requests.HTTPError as problem:
            response = problem.response
        except jenkins.TimeoutException as problem:
            raise self._unreachable(what, problem.__context__ or problem) from None
        except jenkins.JenkinsException as problem:
            found = problem.__context__
            if not isinstance(found, requests.HTTPError) or found.response is None:
                raise self._unreachable(what, problem) from None
            response = found.response
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as problem:
            raise self._unreachable(what, problem) from None
        self._adapter.max_retries = self._patience
        return _answer(response)

    def _whole(self, request: requests.Request) -> requests.Response:
        """The response with its whole body; urllib3 repeats a request only until the headers are there."""
        for _ in range(_BROKEN_BODIES):
            try:
                return self._sent(request)
            except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError):
                self._notice(0)
        return self._sent(request)

    def _sent(self, request: requests.Request) -> requests.Response:
        self._pace.turn()
        response = self._client.jenkins_request(request, add_crumb=False, resolve_auth=False)
        return cast("requests.Response", response)

    def _fresh_crumb(self, used: tuple[str, str] | None, what: str) -> tuple[str, str] | None:
        """A crumb that is newer than the one that was refused; only one thread fetches it."""
        with self._crumbs:
            if self._crumb is not None and self._crumb != used:
                return self._crumb
            answer = self._once("GET", "/crumbIssuer/api/json", what, None, None, "", None)
            try:
                found: dict[str, Any] = _json(answer)
                self._crumb = (str(found["crumbRequestField"]), str(found["crumb"]))
            except (ValueError, KeyError, TypeError):
                self._crumb = None
            return self._crumb

    def _unreachable(self, what: str, problem: BaseException) -> HeadwayError:
        text = str(problem)
        url = self.connection.url
        if isinstance(problem, requests.exceptions.SSLError) or "CERTIFICATE_VERIFY" in text:
            return UnreachableError(
                f"{what}: the certificate of {url} is not trusted", hint="--ca-bundle FILE names your own authority"
            )
        if isinstance(problem, requests.exceptions.ProxyError):
            return UnreachableError(f"{what}: the proxy before {url} refuses", hint="check HTTPS_PROXY and NO_PROXY")
        if isinstance(problem, UnicodeError):
            return UnauthorizedError(f"{what}: the user or token has a character that HTTP can't carry")
        return UnreachableError(
            f"{what}: no answer from {url}: {_cause(text)}", hint="check JENKINS_URL and the network"
        )


def _fenced(connection: Connection, adapter: HTTPAdapter) -> Any:
    """python-jenkins with a session of ours; its constructor must not see (and log) the extra headers."""
    with _BUILDING:
        hidden = os.environ.pop(_EXTRA_HEADERS, None)
        try:
            timeout = (connection.connect_timeout, connection.read_timeout)
            client = jenkins.Jenkins(connection.url, timeout=timeout)
        finally:
            if hidden is not None:
                os.environ[_EXTRA_HEADERS] = hidden
    session = _Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    if connection.user:
        session.auth = HTTPBasicAuth(connection.user.encode(), connection.secret.encode())
    else:
        session.auth = _anonymous
    session.headers.update({"User-Agent": "headway", **dict(connection.headers)})
    if connection.ca_bundle:
        session.verify = connection.ca_bundle
    client._session = session  # noqa: SLF001  the library offers no other way to a session that behaves
    return client


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Sends no credentials; without it requests would look for some in ~/.netrc."""
    return request


def _answer(response: requests.Response) -> Answer:
    response.encoding = "utf-8" if "charset" not in response.headers.get("Content-Type", "") else response.encoding
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, response.text)


def _json(answer: Answer) -> dict[str, Any]:
    import json

    found = json.loads(answer.text)
    return found if isinstance(found, dict) else {}


def _cause(text: str) -> str:
    """The heart of what urllib3 says in many brackets."""
    for sign, words in (
        ("Connection refused", "connection refused"),
        ("Name or service not known", "the name is unknown"),
        ("nodename nor servname", "the name is unknown"),
        ("Temporary failure in name resolution", "the name can't be looked up"),
        ("getaddrinfo", "the name is unknown"),
        ("timed out", "timed out"),
        ("Connection reset", "connection reset"),
        ("Remote end closed", "it hung up"),
        ("Connection aborted", "it hung up"),
        ("IncompleteRead", "its answer broke off"),
        ("No route to host", "no route to host"),
        ("Network is unreachable", "the network is unreachable"),
        ("too many 503", "503"),
    ):
        if sign in text:
            return words
    return text.splitlines()[0][:200] if text else "no reason given"
