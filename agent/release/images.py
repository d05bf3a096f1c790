"""Image references: read, compared and replaced wherever a repository stands in a release.

`web`, `docker.io/web` and `index.docker.io/library/web:latest` name the same repository to every container runtime;
the rules are those of the distribution project's reference grammar.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.errors import UsageError
from agent.objects import Object, containers, name, pod_spec

_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
DOCKER_HUB = "docker.io"
MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Image:
    """One image reference, taken apart.

    Attributes:
        text: as it was written.
        registry: host and port; `docker.io` where none was written.
        path: below the registry; `library/` stands before official images.
        tag: empty where none was written.
        digest: `sha256:...`, empty where none was written.
    """

    text: str
    registry: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """Registry and path: what two references must share to be one image's versions."""
        return f"{self.registry}/{self.path}"


def parse(text: str) -> Image:
    """Takes a reference apart.

    Raises:
        UsageError: no container runtime would take it.
    """
    rest, _, digest = text.partition("@")
    head, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        head, tag = rest, ""
    first, slash, path = head.partition("/")
    if slash and (
        "." in first or ":" in first or first == "localhost" or first.startswith("[") or first != first.lower()
    ):
        registry = DOCKER_HUB if first in {"index.docker.io", "registry-1.docker.io"} else first
    else:
        registry, path = DOCKER_HUB, head
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    wrong = (
        len(text) > MAX_LENGTH
        or not _PATH.fullmatch(path)
        or not _HOST.fullmatch(registry)
        or (colon and not tag and not head.endswith("]") and rest.endswith(":"))
        or (tag and not _TAG.fullmatch(tag))
        or ("@" in text and not _DIGEST.fullmatch(digest))
    )
    if wrong:
        raise UsageError(
            f"'{text[:200]}' is not an image reference; nothing was changed",
            hint="REGISTRY/REPOSITORY:TAG, or REGISTRY/REPOSITORY@sha256:DIGEST, in lower case",
        )
    return Image(text, registry, path, tag, digest)


def same_repository(one: str, other: str) -> bool:
    """Whether two references name versions of one image; what can't be parsed is no version of anything."""
    try:
        return parse(one).repository == parse(other).repository
    except UsageError:
        return False


def version(reference: str, given: str = "") -> str:
    """`{{ version }}`: what was given, else the tag, else 12 hex digits of the digest (contract section 7)."""
    if given:
        return given
    image = parse(reference)
    return image.tag or image.digest.rpartition(":")[2][:12] or "latest"


def replace(objects: Iterable[Object], repository: str, reference: str) -> tuple[tuple[Object, ...], int]:
    """Copies of the objects with `reference` wherever `repository` stood, and how many places that were.

    Every container and init container of every workload, CronJob and bare Pod is looked at; a tag or digest that
    stands there gives way.
    """
    places = 0
    result: list[Object] = []
    for thing in objects:
        hits = [box for box in containers(pod_spec(thing)) if same_repository(str(box.get("image", "")), repository)]
        if not hits:
            result.append(thing)
            continue
        places += len(hits)
        changed = copy.deepcopy(thing)
        for box in containers(pod_spec(changed)):
            if same_repository(str(box.get("image", "")), repository):
                box["image"] = reference
        result.append(changed)
    return tuple(result), places


def of_container(workload: Object, container: str) -> str:
    """The image of a workload's container; of its first one where `container` is empty; empty where there is none."""
    for box in pod_spec(workload).get("containers") or ():
        if container in {"", box.get("name")}:
            return str(box.get("image", ""))
    return ""


def choose_container(workload: Object, asked: str, repository: str = "") -> str:
    """The container that is watched and smoke-tested: the one named, the only one, or the one with our image.

    Raises:
        UsageError: there are several and none was named, or the one named isn't there.
    """
    boxes = list(pod_spec(workload).get("containers") or ())
    names = [str(box.get("name", "")) for box in boxes]
    if asked:
        if asked not in names:
            raise UsageError(
                f"nothing was changed: {workload.get('kind', '').lower()} {name(workload)} has no container '{asked}'",
                hint=f"deploy.container can be: {', '.join(names)}",
            )
        return asked
    ours = [
        str(box.get("name", ""))
        for box in boxes
        if repository and same_repository(str(box.get("image", "")), repository)
    ]
    if len(names) == 1 or len(ours) == 1:
        return names[0] if len(names) == 1 else ours[0]
    raise UsageError(
        f"nothing was changed: {workload.get('kind', '').lower()} {name(workload)} has {len(names)} containers",
        hint=f"name one in deploy.container: {', '.join(names)}",
    )
