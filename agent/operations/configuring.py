"""The configuration that a release refers to, as it is now: hashed for the pod template and for the ledger.

Secrets are read where that is allowed, hashed with the ledger's own key, and forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from agent.errors import HeadwayError
from agent.objects import Object, Ref, name
from agent.operations.account import Account
from agent.operations.mission import Mission, Tools
from agent.release import references
from agent.release.digest import of, of_secret
from agent.release.record import Release


def hashes(
    tools: Tools, namespace: str, objects: Iterable[Object], salt: str, *, secrets_only: bool = False
) -> dict[tuple[str, str], str]:
    """Hashes of all ConfigMaps and Secrets that the workloads refer to, by (kind, name).

    What the release itself brings counts as it is there, the rest as it is in the cluster; what isn't there, or may not
    be read, is left out.
    """
    things = tuple(objects)
    own = {(str(thing.get("kind")), name(thing)): thing for thing in things}
    found = {}
    for kind, its in references.of_release(things):
        if secrets_only and kind != "Secret":
            continue
        brought = own.get((kind, its))
        reference = brought is not None and kind == "Secret" and not {"data", "stringData"} & set(brought)
        thing = _read(tools, Ref("v1", kind, namespace, its)) if brought is None or reference else brought
        if thing is not None:
            found[kind, its] = of_secret(thing, salt) if kind == "Secret" else _of_config(thing)
    return found


def _of_config(thing: Object) -> str:
    return of([thing.get("data") or {}, thing.get("binaryData") or {}])


def _read(tools: Tools, target: Ref) -> Object | None:
    """The object, or None where it isn't there or may not be read."""
    try:
        return tools.cluster.get(target)
    except HeadwayError:
        return None


def configured(tools: Tools, mission: Mission, salt: str) -> Mission:
    """The mission with the configuration's hash on its pod templates, where `deploy.restart_on` asks for it."""
    content = mission.content
    place = mission.place
    if not mission.restart_on_config:
        found = hashes(tools, place.namespace, content.objects, salt, secrets_only=True)
        return replace(mission, secrets=_secrets(found))
    found = hashes(tools, place.namespace, content.objects, salt)
    changed = replace(content, objects=references.annotated(content.objects, found))
    return replace(mission, content=changed, secrets=_secrets(found))


def _secrets(found: Mapping[tuple[str, str], str]) -> dict[str, str]:
    return {its: value for (kind, its), value in found.items() if kind == "Secret"}


def changed_secrets(
    tools: Tools, namespace: str, release: Release, salt: str, bringing: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Names of the Secrets that a release refers to and that are not what they were (an undo never writes them).

    Args:
        tools: the doors to the outside.
        namespace: where the Secrets are.
        release: the one that an undo would go to.
        salt: the ledger's.
        bringing: hashes of those that a release about to be written will leave; the others are read.
    """
    result = []
    for its, before in release.secrets.items():
        now = (bringing or {}).get(its) or _hash_of(tools, Ref("v1", "Secret", namespace, its), salt)
        if now not in {"", before}:
            result.append(its)
    return tuple(result)


def _hash_of(tools: Tools, target: Ref, salt: str) -> str:
    """The Secret's hash; empty where it isn't there or may not be read."""
    thing = _read(tools, target)
    return of_secret(thing, salt) if thing is not None else ""


def name_secrets(
    account: Account, step: str, release: Release, salt: str, bringing: Mapping[str, str] | None = None
) -> None:
    """Says which Secrets an undo to that release would not put back; see `changed_secrets`."""
    for its in changed_secrets(account.tools, account.place.namespace, release, salt, bringing):
        account.note(step, f"Secret {its} has changed since {release.label}; an undo writes no Secrets")
