"""The ownership marker: who owns a job, which spec made it and from what, at the end of its description.

It is an HTML comment, which Jenkins keeps through saves, builds and plugin upgrades, serves with the inventory and
doesn't show on the page (docs/adr/0007). A marker names the job that it was written for: a copy made by hand carries
the marker of its original, and must not pass for ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

_SAFE = "/.:@,+=~"
_ITSELF = re.compile(r"(?:-?[A-Za-z0-9_/.:@,+=~])*-?")
_AT_THE_END = re.compile(r"\n?<!-- headway((?: [a-z0-9-]+=[^\s<>]*)+) -->\s*\Z")
_PAIR = re.compile(r" ([a-z0-9-]+)=([^\s<>]*)")


@dataclass(frozen=True, slots=True)
class Marker:
    """What a job says about itself.

    Attributes:
        owner: whose specs made it (contract section 7, Prune); empty where nothing names one.
        job: full name that it was written for.
        spec: path of its service.yaml, relative to the folder of the topmost headway.yaml; of a folder, the
            headway.yaml that names its shared libraries, else empty.
        team: the spec's team, so that a filter by team can narrow a prune too.
        spec_sha256: of everything that it was made from: equal means Keep without rendering; empty: not known.
        config_sha256: of the config.xml without marker; decides Keep without reading the config.
        libraries: of a folder: the shared libraries that were written into it, with commas between them.
        tombstone: empty, or how the job stood before a prune disabled it: `enabled` or `disabled`.
    """

    owner: str
    job: str
    spec: str = ""
    team: str = ""
    spec_sha256: str = ""
    config_sha256: str = ""
    tombstone: str = ""
    libraries: str = ""

    def text(self) -> str:
        """The comment; `parse` reads the same Marker back."""
        pairs = [
            ("owner", self.owner),
            ("job", self.job),
            ("spec", self.spec),
            ("team", self.team),
            ("spec-sha256", self.spec_sha256),
            ("config-sha256", self.config_sha256),
            ("tombstone", self.tombstone),
            ("libraries", self.libraries),
        ]
        return "<!-- headway " + " ".join(f"{key}={_escaped(value)}" for key, value in pairs if value) + " -->"

    def binds(self, full_name: str) -> bool:
        """Whether it was written for the job that carries it; a copy or a hand-made rename is not bound."""
        return self.job == full_name


def attach(description: str, marker: Marker) -> str:
    """The description with the marker as its last line; one that it had is replaced."""
    text = detach(description)
    return f"{text}\n{marker.text()}" if text else marker.text()


def detach(description: str) -> str:
    """The description without its marker, as people wrote it."""
    found = _AT_THE_END.search(description)
    return description[: found.start()] if found else description


def parse(description: str | None) -> Marker | None:
    """The marker at the end of a description; None where there is none or where it names no job."""
    found = _AT_THE_END.search(description or "")
    if not found:
        return None
    pairs = {key: unquote(value) for key, value in _PAIR.findall(found[1])}
    if not pairs.get("job"):
        return None
    return Marker(
        owner=pairs.get("owner", ""),
        job=pairs["job"],
        spec=pairs.get("spec", ""),
        team=pairs.get("team", ""),
        spec_sha256=pairs.get("spec-sha256", ""),
        config_sha256=pairs.get("config-sha256", ""),
        tombstone=pairs.get("tombstone", ""),
        libraries=pairs.get("libraries", ""),
    )


def _escaped(value: str) -> str:
    """Percent-encoded, so that no space, `>` or `--` can end the comment or begin another pair."""
    return (
        value if _ITSELF.fullmatch(value) else quote(value, safe=_SAFE, errors="surrogatepass").replace("--", "%2D%2D")
    )
