"""One release in the ledger, and its versioned dictionary form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

Origin: TypeAlias = Literal["deploy", "external"]
Judgement: TypeAlias = Literal["open", "good", "bad", "unjudged"]
Smoked: TypeAlias = Literal["passed", "failed", "none", "not-run"]
Soaked: TypeAlias = Literal["", "passed", "failed", "not-run"]


@dataclass(frozen=True, slots=True)
class Undone:
    """How a release was left.

    Attributes:
        to: number of the release that serves instead; 0 where there was none to go to.
        result: `verified`, `unverified`, `failed` or `no-target`.
        at: RFC 3339, UTC.
        build: who did it: BUILD_URL, else user and host.
    """

    to: int
    result: str
    at: str
    build: str


@dataclass(frozen=True, slots=True)
class Release:
    """What one deploy put into the cluster, and what became of it.

    Attributes:
        number: Headway's own number; never given twice.
        origin: `deploy`, or `external` for what somebody else made and we found serving.
        image: reference of the followed container.
        image_digest: what the nodes really ran, as the pods report it; empty where that isn't known.
        version: `{{ version }}` of the deploy.
        objects: SHA-256 of the object set that the ledger holds for it.
        template: digest of the live pod template, as the server filled it in.
        pair: digest of configuration and pod template without the image; with `image` it tells known-bad pairs.
        secrets: keyed hashes of the Secrets that it refers to, by name (never a value).
        created: objects that did not exist before it, as `kind/name`.
        build, commit: BUILD_URL and GIT_COMMIT of who deployed it; else user and host.
        started, ended: RFC 3339, UTC; `ended` is empty while it is open.
        rollout: verdict of the rollout (contract section 5); empty while it is open.
        smoke: what the smoke checks said.
        soak: what the time after the smoke checks said; empty where `deploy.soak` wanted none.
        judgement: `good` only after the smoke checks passed (or there were none).
        to_blame: whether the release itself was at fault (a crash, OOM, probes, smoke checks), not a registry, a
            quota, a scheduler or an abort: only then is the pair known bad.
        cause: the root cause in one sentence; empty where nothing went wrong.
        revision: the Kubernetes revision, for display only (P37).
        replica_set: UID of its ReplicaSet (name of the ControllerRevision for other kinds).
        served: rises each time a release becomes the one that serves; orders the way back.
        withdrawn: a person went away from it on purpose although it was good.
        undone: how it was left; None while it wasn't.
    """

    number: int
    origin: Origin = "deploy"
    image: str = ""
    image_digest: str = ""
    version: str = ""
    objects: str = ""
    template: str = ""
    pair: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    created: tuple[str, ...] = ()
    build: str = ""
    commit: str = ""
    started: str = ""
    ended: str = ""
    rollout: str = ""
    smoke: Smoked = "not-run"
    soak: Soaked = ""
    judgement: Judgement = "open"
    to_blame: bool = False
    cause: str = ""
    revision: int = 0
    replica_set: str = ""
    served: int = 0
    withdrawn: bool = False
    undone: Undone | None = None

    @property
    def label(self) -> str:
        """`release 41 (v1)`, as people read it."""
        return f"release {self.number} ({self.version})" if self.version else f"release {self.number}"

    def to_dict(self) -> dict[str, Any]:
        """The form that the ledger keeps; empty values are left out."""
        values = {key: value for key, value in asdict(self).items() if value or key == "number"}
        if "created" in values:
            values["created"] = list(self.created)
        return values

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Release:
        """Reads the form back.

        Raises:
            ValueError: a value has another type than it should, or isn't one of those that are known.
        """
        values = dict(raw)
        unknown = set(values) - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        _expect(values, "number", int, minimum=1)
        for name in ("revision", "served"):
            _expect(values, name, int)
        for each in fields(cls):
            if each.type == "str":
                _expect(values, each.name, str)
            if each.type == "bool":
                _expect(values, each.name, bool)
        for name, allowed in (("origin", Origin), ("judgement", Judgement), ("smoke", Smoked), ("soak", Soaked)):
            if name in values and values[name] not in get_args(allowed):
                raise ValueError(f"{name} {values[name]!r} is not known")
        values["created"] = tuple(str(one) for one in values.get("created") or ())
        values["secrets"] = {str(key): str(value) for key, value in (values.get("secrets") or {}).items()}
        undone = values.get("undone")
        if undone is not None:
            values["undone"] = Undone(
                to=int(undone["to"]), result=str(undone["result"]), at=str(undone["at"]), build=str(undone["build"])
            )
        return cls(**values)


def _expect(values: Mapping[str, Any], name: str, kind: type[int | str | bool], *, minimum: int = 0) -> None:
    if name not in values:
        if minimum:
            raise ValueError(f"{name} is missing")
        return
    value: Any = values[name]
    if type(value) is not kind or (kind is int and int(value) < minimum):
        raise ValueError(f"{name} is {value!r}")
