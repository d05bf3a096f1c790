"""The stand-in of every registry: which images exist, what pulling one says, and what each does once it runs.

The tag is the fate, for any repository name; the table is the one of the stand-in registry of the live tests.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

PULL_SECONDS = 0.08
SLOW_PULL_SECONDS = 30.034
HANG_SECONDS = 30.0
SIZE = 2639790

TAGS: dict[str, dict[str, str]] = {
    "v1": {},
    "latest": {},
    "alpine": {},
    "v3": {},
    "v4": {},
    "v5": {},
    "v2": {"API_STATUS": "500"},
    "crash": {"CRASH_AFTER": "0"},
    "crash-late": {"CRASH_AFTER": "15"},
    "unready": {"HEALTH_STATUS": "503"},
    "slow": {"START_DELAY": "20"},
    "flaky": {"UNREADY_AFTER": "20"},
    "slowstop": {"TERM_DELAY": "20"},
    "leak": {"LEAK_MB": "200"},
    "errors": {"ERROR_RATE": "0.2"},
}
_NAMES = {"cartservice": {"PORT": "7070"}, "redis": {"PORT": "6379"}}
_VERSION = re.compile(r"v?\d+(\.\d+)*(-\w+)?")
_HOST = re.compile(r"^(localhost|[^/]*[.:][^/]*)$")
_COMPONENT = re.compile(r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$")
_TAG = re.compile(r"^\w[\w.-]{0,127}$")
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


class InvalidImageError(ValueError):
    """An image reference that can't be parsed; the text is containerd's."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed image reference.

    Attributes:
        host: the registry, `docker.io` by default.
        path: the repository's path, `library/` put before a bare name of docker.io.
        tag: `latest` by default; empty where only a digest is given.
        digest: empty where none is given.
    """

    host: str
    path: str
    tag: str
    digest: str

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rpartition("/")[2]

    @property
    def full(self) -> str:
        """As containerd's messages have it."""
        return f"{self.host}/{self.path}" + (f"@{self.digest}" if self.digest else f":{self.tag}")


@dataclass(frozen=True, slots=True)
class Pulled:
    """A pull that succeeds: after how many seconds, and the environment that is baked in."""

    seconds: float
    digest: str
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotPulled:
    """A pull that fails: after how many seconds, with which error."""

    seconds: float
    error: str


def parse(image: str) -> Reference:
    """Parses an image reference.

    Raises:
        InvalidImageError: it is none.
    """
    first, slash, rest = image.partition("/")
    host, remainder = (first, rest) if slash and _HOST.match(first) else ("docker.io", image)
    path, at, digest = remainder.partition("@")
    path, _, tag = path.partition(":")
    if path != path.lower():
        raise InvalidImageError(f"invalid reference format: repository name ({path}) must be lowercase")
    is_good = all(_COMPONENT.match(part) for part in path.split("/")) and (not at or _DIGEST.match(digest))
    if not is_good or (tag and not _TAG.match(tag)) or remainder.partition("@")[0].endswith(":"):
        raise InvalidImageError("invalid reference format")
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return Reference(host, path, tag or ("" if digest else "latest"), digest)


class Registry:
    """Every registry there is."""

    def __init__(self) -> None:
        self._by_digest: dict[str, tuple[str, str]] = {}

    def has(self, path: str, tag: str) -> bool:
        """Whether a tag exists in a repository."""
        return tag in TAGS or _VERSION.fullmatch(tag) is not None or path.rpartition("/")[2] == "busybox"

    def digest(self, path: str, tag: str) -> str:
        """The digest of a tag, the same in every process; it can be pulled by from then on."""
        path = path.removeprefix("library/")
        found = "sha256:" + hashlib.sha256(f"{path}:{tag}".encode()).hexdigest()
        self._by_digest[found] = (path, tag)
        return found

    def tag_of(self, path: str, digest: str) -> str:
        """The tag that has a digest; empty when none has."""
        path = path.removeprefix("library/")
        for tag in TAGS:
            self.digest(path, tag)
        known, tag = self._by_digest.get(digest, ("", ""))
        return tag if known == path else ""

    def pull(self, reference: Reference) -> Pulled | NotPulled:
        """What a pull brings."""
        behaviour = reference.path.partition("/")[0]
        resolving = (
            f'failed to pull and unpack image "{reference.full}": failed to resolve reference "{reference.full}": '
        )
        wanted = reference.digest or reference.tag
        if reference.host.partition(":")[0].endswith(".invalid"):
            url = f"https://{reference.host}/v2/{reference.path}/manifests/{wanted}"
            server = "10.255.255.53:53"
            why = f"dial tcp: lookup {reference.host} on {server}: dial udp {server}: connect: network is unreachable"
            return NotPulled(0.004, f'{resolving}failed to do request: Head "{url}": {why}')
        if behaviour == "hang":
            url = f"https://{reference.host}/v2/{reference.path}/manifests/{wanted}"
            why = f'{resolving}failed to do request: Head "{url}": context deadline exceeded'
            return NotPulled(HANG_SECONDS, f"rpc error: code = DeadlineExceeded desc = {why}")
        refused = {"deny": "401 Unauthorized", "err": "500 Internal Server Error"}.get(behaviour)
        if refused is not None:
            host = reference.host.replace("localhost", "127.0.0.1")
            return NotPulled(
                0.01, f"{resolving}pulling from host {host} failed with status code [manifests {wanted}]: {refused}"
            )
        tag = self.tag_of(reference.path, reference.digest) if reference.digest else reference.tag
        if not tag or not self.has(reference.path, tag):
            return NotPulled(0.006, f"rpc error: code = NotFound desc = {resolving}{reference.full}: not found")
        environment = {"VERSION": tag} | _NAMES.get(reference.name, {}) | TAGS.get(tag, {})
        seconds = SLOW_PULL_SECONDS if behaviour == "slow" else PULL_SECONDS
        return Pulled(seconds, self.digest(reference.path, tag), environment)
