"""Which Jenkins, as whom, and how patiently."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agent.errors import UsageError


@dataclass(frozen=True, slots=True)
class Connection:
    """What is needed to talk to one Jenkins. The secret never shows in its text.

    Attributes:
        url: of the controller, with its context path, without a final slash.
        user: user id; empty: anonymous.
        secret: API token (or password: then crumbs are fetched).
        ca_bundle: file of the certificate authority; empty: the system's.
        workers: requests in flight at most.
        max_rps: requests a second at most; 0: as many as the controller bears.
        connect_timeout: seconds to reach it.
        read_timeout: seconds without a byte of the answer.
        headers: sent with every request, for proxies that ask for one; values never show.
    """

    url: str
    user: str = ""
    secret: str = field(default="", repr=False)
    ca_bundle: str = ""
    workers: int = 8
    max_rps: float = 0.0
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def to(cls, url: str, *, user: str = "", secret: str = "", ca_bundle: str = "", workers: int = 8) -> Connection:
        """A connection from what a user gave.

        Raises:
            UsageError: the URL is none, or holds a password, which would stand in logs.
        """
        text = url.strip()
        try:
            parts = urlsplit(text)
            hostname, username, _ = parts.hostname, parts.username, parts.port
        except ValueError as problem:
            raise UsageError(f"nothing was sent: '{_shown(text)}' is not a URL: {problem}") from problem
        if username is not None:
            raise UsageError(
                "nothing was sent: the Jenkins URL has a user or password in it, which would stand in logs",
                hint="JENKINS_USER_ID and JENKINS_API_TOKEN are the places for them",
            )
        if parts.scheme not in {"http", "https"} or not hostname or any(char.isspace() for char in text):
            raise UsageError(
                f"nothing was sent: '{_shown(text)}' is not the URL of a Jenkins",
                hint="for example https://jenkins.example.com or https://ci.example.com/jenkins",
            )
        base = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
        return cls(base, user, secret.strip(), ca_bundle, workers)

    def headers_from(self, text: str) -> Connection:
        """The same with the headers of JENKINS_API_EXTRA_HEADERS: `Name: value`, one a line."""
        from dataclasses import replace

        pairs = [line.partition(":") for line in text.splitlines() if ":" in line]
        return replace(self, headers=tuple((name.strip(), value.strip()) for name, _, value in pairs))


def _shown(text: str) -> str:
    return text if text.isprintable() and len(text) <= 200 else "that"  # noqa: PLR2004
