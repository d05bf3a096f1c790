"""Revisions of a Deployment: the annotations on its ReplicaSets, and which template is which."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers import deploymentstatus as report
from agent.sandbox.kubernetes.objects import Obj, annotations_of, canonical, clone, meta

_PREFIX = "deployment.kubernetes.io/"
REVISION = f"{_PREFIX}revision"
HISTORY = f"{_PREFIX}revision-history"
DESIRED = f"{_PREFIX}desired-replicas"
MAXIMUM = f"{_PREFIX}max-replicas"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAXIMUM,
    "deprecated.deployment.rollback.to",
}  # fmt: skip


def bare_template(template: Obj) -> str:
    """A template without its hash, as text that is equal for equal templates."""
    bare = clone(template)
    have = {k: v for k, v in (meta(bare).get("labels") or {}).items() if k != "pod-template-hash"}
    bare["metadata"] = {k: v for k, v in meta(bare).items() if k in {"labels", "annotations"} and v} | (
        {"labels": have} if have else {}
    )
    return canonical(bare)


def number(found: Obj) -> int:
    """A ReplicaSet's revision."""
    text = annotations_of(found).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def highest(sets: list[Obj]) -> int:
    """The highest revision."""
    return max((number(item) for item in sets), default=0)


def sizes(thing: Obj) -> dict[str, str]:
    """The annotations by which a ReplicaSet remembers how large its Deployment was."""
    wanted = report.desired(thing)
    surge = report.fenceposts(thing)[0] if wanted else 0
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + surge)}


def annotate(thing: Obj, found: Obj, revision: str, *, exists: bool) -> dict[str, str]:
    """The annotations of the new ReplicaSet: SetNewReplicaSetAnnotations."""
    noted = annotations_of(found) | {k: v for k, v in annotations_of(thing).items() if k not in _NOT_COPIED}
    old = noted.get(REVISION, "")
    if not old.isdigit() or int(old) < int(revision):
        noted = noted | {REVISION: revision}
        if old:
            history = [item for item in noted.get(HISTORY, "").split(",") if item]
            noted[HISTORY] = ",".join([*history, old])
    return noted if exists else noted | sizes(thing)
