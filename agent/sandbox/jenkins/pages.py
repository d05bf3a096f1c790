"""The HTML that people and redirect-following clients get: short, with the status and headers of the real pages.

Two hands write error pages in Jenkins: the servlet container (`container_error`: Latin-1, no X-Jenkins) and Jenkins
itself (`failure`, `oops`, `not_found`: UTF-8, with X-Jenkins). Which one answers was taken from the recording.
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from agent.sandbox.jenkins.http import VERSION, Response

_OURS = {"Content-Type": "text/html;charset=utf-8", "X-Jenkins": VERSION}
_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


def page(title: str, text: str = "", status: int = 200, *, error: str = "") -> Response:
    """A page of Jenkins itself; `error` goes into X-Error, where Jenkins puts the reason of a refusal."""
    body = (
        f"<!DOCTYPE html><html><head><title>{escape(title)} - Jenkins</title></head>"
        f"<body><h1>{escape(title)}</h1><p>{escape(text)}</p></body></html>"
    )
    headers = {**_OURS, "X-Error": header_safe(error)} if error else _OURS
    return Response(status, body.encode(), headers)


def failure(reason: str) -> Response:
    """`hudson.model.Failure`: 400 with the reason in X-Error."""
    return page("Error", reason, 400, error=reason)


def oops() -> Response:
    """An exception that nobody caught: 500, a page that gives no cause."""
    return page("Oops!", "A problem occurred while processing the request. Logging ID=sandbox", 500)


def not_found() -> Response:
    """404 as Jenkins renders it."""
    return page("Not Found", "This page may not exist, or you may not have permission to see it.", 404)


def wrong_method() -> Response:
    """405: the page that offers to send the request again as POST."""
    return page("Form post required", "This URL requires POST", 405)


def forbidden(user: str, permission: str) -> Response:
    """403 for somebody who is known and may not: `admin is missing the Job/Create permission`."""
    reason = f"{user} is missing the {permission} permission"
    shown = page("Access Denied", reason, 403)
    return Response(403, shown.body, {**_OURS, "X-You-Are-Authenticated-As": user})


def login_needed(target: str) -> Response:
    """403 for the anonymous: an HTML redirect to the login page (never 401)."""
    url = f"/login?from={quote(target, safe='')}"
    body = (
        f"<html><head><meta http-equiv='refresh' content='1;url={url}'/><script id='redirect' "
        f"data-redirect-url='{url}' src='/static/sandbox/scripts/redirect.js'></script></head>"
        "<body style='background-color:white; color:white;'>\nAuthentication required\n<!--\n-->\n\n</body></html>"
    )
    return Response(403, body.encode(), _OURS)


def login() -> Response:
    """The login page itself."""
    return page("Sign in", "Sign in to Jenkins")


def container_error(status: int, message: str, path: str) -> Response:
    """An error page of the servlet container."""
    reason = message or _REASONS.get(status, "")
    body = (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>\n'
        f"<title>Error {status} {escape(reason)}</title>\n</head>\n"
        f"<body><h2>HTTP ERROR {status} {escape(reason)}</h2>\n"
        f"<table>\n<tr><th>URI:</th><td>{escape(path)}</td></tr>\n<tr><th>STATUS:</th><td>{status}</td></tr>\n"
        f"<tr><th>MESSAGE:</th><td>{escape(reason)}</td></tr>\n<tr><th>SERVLET:</th><td>Stapler</td></tr>\n</table>\n"
        "</body>\n</html>\n"
    )
    headers = {"Content-Type": "text/html;charset=iso-8859-1"}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = 'Basic realm="Jenkins"'
    return Response(status, body.encode("latin-1", "replace"), headers)


def starting() -> Response:
    """What a controller that is coming up answers to everything."""
    return page("Starting Jenkins", "Please wait while Jenkins is getting ready to work ...", 503)


def header_safe(text: str) -> str:
    """A header's value as the container sends it: typographic quotes become blanks, line ends vanish."""
    return "".join(character if " " <= character <= "~" else " " for character in text).rstrip("\r\n")
