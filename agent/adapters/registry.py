"""Asks an image registry whether an image is still there (OCI distribution API); reads only, briefly, and says why not.

Credentials are those that Docker keeps for that registry (`DOCKER_CONFIG`, else `~/.docker/config.json`). They go to
the registry itself, to a domain above it, or to Docker Hub's own token service; never along a redirect, never over
plain HTTP unless it is this machine.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from agent.adapters.probe import in_words
from agent.ports import ImageAnswer
from agent.release.images import DOCKER_HUB, Image

if TYPE_CHECKING:
    from requests import Response, Session

LIMIT = 3.0
"""Seconds for all requests about one image."""
_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_HUB, _HUB_TOKENS = "registry-1.docker.io", "auth.docker.io"
_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')
_GONE = {"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"}
_BODY = 64 * 1024
_REDIRECTS = 3
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-f]{32,128}")


class UnaskedError(Exception):
    """The registry could not be asked; the reason is the message."""


@dataclass(frozen=True, slots=True)
class _Login:
    """What Docker keeps for a registry; empty: nothing. `helper`: a program keeps it, which we don't run."""

    basic: str = ""
    helper: str = ""


class DockerRegistry:
    """The Registry of this machine.

    Args:
        environment: for DOCKER_CONFIG, HOME and CA bundles; None: the process's own.
        insecure: hosts and networks (CIDR) that are asked over plain HTTP, besides this machine itself; None: those of
            Docker's own /etc/docker/daemon.json.
        limit: seconds for all requests about one image.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        insecure: tuple[str, ...] | None = None,
        limit: float = LIMIT,
    ) -> None:
        self._known = dict(os.environ if environment is None else environment)
        self._insecure = _configured_insecure() if insecure is None else insecure
        self.limit = limit

    def find(self, image: Image) -> ImageAnswer:
        """Whether it is there, by digest if the reference has one, else by tag; never longer than the limit."""
        found = [ImageAnswer("unknown", f"{image.registry} gave no answer within {self.limit:g} s")]

        def ask() -> None:
            try:
                found.append(_Question(self, image, time.monotonic() + self.limit).answer())
            except UnaskedError as problem:
                found.append(ImageAnswer("unknown", str(problem)))
            except ValueError:  # no URL that could be asked: a port of 99999, a realm of nonsense
                found.append(ImageAnswer("unknown", f"{image.registry} can't be asked"))

        asking = threading.Thread(target=ask, daemon=True)  # resolving a name has no time limit of its own
        asking.start()
        asking.join(self.limit + 0.2)
        return found[-1]

    def session(self) -> Session:
        """Without a cookie jar's past, without .netrc."""
        import requests

        session = requests.Session()
        session.trust_env = False
        session.verify = self._known.get("REQUESTS_CA_BUNDLE") or self._known.get("CURL_CA_BUNDLE") or True
        return session

    def scheme(self, host: str) -> str:
        """`https`, but for this machine and for registries that are known to have none."""
        return "http" if is_loopback(host) or any(_lies_in(host, each) for each in self._insecure) else "https"

    def login(self, registry: str) -> _Login:
        """What Docker's config.json has for a registry; what can't be read counts as nothing."""
        home = self._known.get("HOME") or "~"
        folder = Path(self._known.get("DOCKER_CONFIG") or Path(home).expanduser() / ".docker")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            names = {registry, f"https://{registry}", f"http://{registry}", f"https://{registry}/v1/"}
            names |= {f"https://{registry}/v2/", f"{registry}/"}
            if registry == DOCKER_HUB:
                names |= {"https://index.docker.io/v1/", "index.docker.io"}
            entry: dict[str, Any] = next(
                (each for name, each in (config.get("auths") or {}).items() if name in names), {}
            )
            basic = str(entry.get("auth") or "")
            if not basic and entry.get("username"):
                basic = base64.b64encode(f"{entry['username']}:{entry.get('password', '')}".encode()).decode()
            helper = (config.get("credHelpers") or {}).get(registry) or config.get("credsStore") or ""
            return _Login(basic, "" if basic else str(helper))
        except (OSError, ValueError, AttributeError, TypeError):
            return _Login()


class _Question:
    """One image, one registry."""

    def __init__(self, registry: DockerRegistry, image: Image, until: float) -> None:
        self._registry, self._image, self._until = registry, image, until
        self._host = _HUB if image.registry == DOCKER_HUB else image.registry
        self._login = registry.login(image.registry)
        self._session = registry.session()
        name, reference = quote(image.path, safe="/"), quote(image.digest or image.tag or "latest", safe=":")
        self._url = f"{registry.scheme(self._host)}://{self._host}/v2/{name}/manifests/{reference}"

    def answer(self) -> ImageAnswer:
        with self._session:
            response = self._send("HEAD", {})
            headers = {}
            if response.status_code == 401:  # noqa: PLR2004
                headers = self._authorised(response.headers.get("WWW-Authenticate", ""))
                response = self._send("HEAD", headers)
            if response.status_code == 404:  # noqa: PLR2004
                return self._missing(self._send("GET", headers))
            return self._judged(response)

    def _judged(self, response: Response) -> ImageAnswer:
        host, status = self._image.registry, response.status_code
        if status == 200:  # noqa: PLR2004
            digest = response.headers.get("Docker-Content-Digest", "")
            return ImageAnswer("there", f"{host} has it", digest if _DIGEST.fullmatch(digest) else "")
        if status in {401, 403}:
            kept = (
                f"; docker-credential-{self._login.helper} keeps them, which is not asked" if self._login.helper else ""
            )
            why = "does not accept the credentials" if self._login.basic else f"wants credentials{kept}"
            return ImageAnswer("unknown", f"{host} {why}")
        return ImageAnswer("unknown", f"{host} answered with HTTP {status}")

    def _missing(self, response: Response) -> ImageAnswer:
        """Only a registry's own words make an image gone: a proxy or a web page has 404s, too."""
        try:
            raw = response.raw.read(_BODY, decode_content=True)
            codes = {str(each.get("code")) for each in json.loads(raw)["errors"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            codes = set()
        if codes & _GONE:
            return ImageAnswer("gone", f"{self._image.registry} does not have it any more")
        return ImageAnswer("unknown", f"{self._image.registry} answered with HTTP 404, and not as a registry does")

    def _send(self, method: str, headers: dict[str, str]) -> Response:
        url, sent = self._url, {"Accept": _ACCEPT, **headers}
        for _ in range(_REDIRECTS + 1):
            response = self._request(method, url, sent)
            if response.status_code not in {301, 302, 303, 307, 308}:
                return response
            onward = urljoin(url, response.headers.get("Location", ""))
            if urlsplit(onward)[:2] != urlsplit(url)[:2]:
                sent.pop("Authorization", None)
            url = onward
        raise UnaskedError(f"{self._image.registry} redirects in a circle")

    def _authorised(self, challenge: str) -> dict[str, str]:
        """The header that a challenge asks for."""
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic":
            return self._basic(self._url)
        parameters = dict(_PARAMETER.findall(rest))
        if kind.lower() != "bearer" or not parameters.get("realm"):
            raise UnaskedError(f"{self._image.registry} asks for a login that is not known here")
        scope = f"repository:{self._image.path}:pull"
        query = f"service={quote(parameters.get('service', ''), safe='')}&scope={quote(scope, safe='')}"
        realm = parameters["realm"]
        url = f"{realm}{'&' if '?' in realm else '?'}{query}"
        response = self._request("GET", url, self._basic(url))
        try:
            body: Any = json.loads(response.raw.read(_BODY, decode_content=True))
            token = str(body.get("token") or body.get("access_token") or "")
        except (OSError, ValueError, AttributeError):
            token = ""
        if response.status_code != 200 or not re.fullmatch(r"[\x21-\x7e]+", token):  # noqa: PLR2004
            raise UnaskedError(f"{self._image.registry} gives no token for {self._image.path}")
        return {"Authorization": f"Bearer {token}"}

    def _basic(self, url: str) -> dict[str, str]:
        """The credentials, where that URL may have them."""
        parts = urlsplit(url)
        host, own = parts.hostname or "", urlsplit(self._url).hostname or ""
        above = "." in host and own.endswith(f".{host}")
        hub = (own, host) == (_HUB, _HUB_TOKENS)
        same = parts.netloc == urlsplit(self._url).netloc
        safe = parts.scheme == "https" or is_loopback(parts.netloc)
        may = self._login.basic and safe and (same or above or hub)
        return {"Authorization": f"Basic {self._login.basic}"} if may else {}

    def _request(self, method: str, url: str, headers: dict[str, str]) -> Response:
        import requests

        parts = urlsplit(url)
        plain = parts.scheme == "http" and urlsplit(self._url).scheme == "http" == self._registry.scheme(parts.netloc)
        if parts.scheme != "https" and not plain:
            raise UnaskedError(f"{self._image.registry} leads to {parts.scheme or 'nowhere'}, which is not followed")
        left = self._until - time.monotonic()
        if left <= 0:
            raise UnaskedError(f"{self._image.registry} gave no answer in time")
        try:
            self._session.proxies = requests.utils.get_environ_proxies(url)
            self._session.cookies.clear()
            return self._session.request(method, url, headers=headers, timeout=left, allow_redirects=False, stream=True)
        except (requests.RequestException, OSError, ValueError) as problem:
            raise UnaskedError(f"{self._image.registry}: {in_words(problem, self._registry.limit)}") from problem


def is_loopback(host: str) -> bool:
    """Whether `host` or `host:port` is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _lies_in(host: str, known: str) -> bool:
    """Whether a host is one of Docker's insecure registries: named with or without port, or within a network."""
    name = urlsplit(f"//{host}").hostname or ""
    if known in {host, name}:
        return True
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(known)
    except ValueError:
        return False


def _configured_insecure() -> tuple[str, ...]:
    try:
        listed = json.loads(Path("/etc/docker/daemon.json").read_text(encoding="utf-8"))["insecure-registries"]
        return tuple(each for each in listed if isinstance(each, str))
    except (OSError, ValueError, KeyError, TypeError):
        return ()
