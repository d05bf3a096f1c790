"""Digests by which releases are told apart: of pod templates, of configuration, of whole sets of objects.

Two templates are the same when their canonical JSON is: sorted keys, no whitespace, without the fields that the
server or a controller writes. Numbers of revisions are for display only (P37).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping

from agent.objects import Object, name, ref
from agent.release.order import CONFIGURATION

VOLATILE_ANNOTATIONS = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/last-applied-configuration")
RESTARTED = ("kubectl.kubernetes.io/restartedAt", "headway.dev/restarted-at")
"""Annotations of a pod template that a restart leaves: the same release, with new pods."""

SERVER_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


def canonical(value: object) -> bytes:
    """JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def of(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def of_template(workload: Mapping[str, object]) -> str:
    """The digest of a workload's pod template; empty where there is none. Labels of controllers don't count."""
    spec = workload.get("spec")
    template = spec.get("template") if isinstance(spec, Mapping) else None
    if not isinstance(template, Mapping):
        return ""
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != "pod-template-hash"}
    notes = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in RESTARTED}
    cleaned_meta = {"labels": labels, "annotations": notes}
    return of({"metadata": cleaned_meta, "spec": template.get("spec") or {}})


def of_configuration(objects: Iterable[Object], secrets: Mapping[str, str] | None = None) -> str:
    """The digest of all ConfigMaps (by content) and Secrets (by their salted hashes) of a release."""
    content: dict[str, object] = {}
    for thing in objects:
        if thing.get("kind") == "ConfigMap":
            content[f"configmap/{name(thing)}"] = [thing.get("data") or {}, thing.get("binaryData") or {}]
    content.update({f"secret/{key}": value for key, value in (secrets or {}).items()})
    return of(content) if content else ""


def of_secret(secret: Mapping[str, object], salt: str) -> str:
    """A keyed hash of a Secret's content: tells a change, tells nothing else. `stringData` counts as data.

    Args:
        secret: the Secret object.
        salt: the ledger's own random key, so that equal Secrets of two services don't show as equal.
    """
    import base64

    data = dict(_mapping(secret.get("data")))
    for key, text in _mapping(secret.get("stringData")).items():
        data[key] = base64.b64encode(str(text).encode()).decode()
    content = canonical({"data": data, "type": secret.get("type") or "Opaque"})
    return hmac.new(salt.encode(), content, hashlib.sha256).hexdigest()[:32]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def cleaned(thing: Object) -> Object:
    """A live object as somebody might have written it: without status and what server and controllers fill in."""
    result = {key: value for key, value in thing.items() if key != "status"}
    meta = {key: value for key, value in (thing.get("metadata") or {}).items() if key not in SERVER_METADATA}
    notes = {
        key: value for key, value in (meta.get("annotations") or {}).items() if not key.startswith(VOLATILE_ANNOTATIONS)
    }
    meta.pop("annotations", None)
    if notes:
        meta["annotations"] = notes
    result["metadata"] = meta
    return result


def same_but_for_the_server(before: Object, after: Object) -> bool:
    """Whether a write would change nothing that counts: neither content nor who owns which field."""
    if cleaned(before) != cleaned(after):
        return False
    return _ownership(before) == _ownership(after)


def holds(live: object, wanted: object) -> bool:
    """Whether everything that a manifest says is so in a live object; what else is there doesn't matter."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            value is None or (key in live and holds(live[key], value)) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(holds, live, wanted))
    return live == wanted


def _ownership(thing: Object) -> object:
    entries = (thing.get("metadata") or {}).get("managedFields") or []
    return sorted(
        canonical({key: entry.get(key) for key in ("manager", "operation", "subresource", "fieldsV1")})
        for entry in entries
        if entry.get("manager") == "headway"
    )


def without_secrets(objects: Iterable[Object]) -> tuple[Object, ...]:
    """The objects of a release as the ledger keeps them: Secrets by reference only, never their values."""
    return tuple(
        {
            "apiVersion": thing.get("apiVersion", "v1"),
            "kind": "Secret",
            "metadata": {"name": name(thing), "namespace": ref(thing).namespace},
        }
        if thing.get("kind") == "Secret"
        else thing
        for thing in objects
    )


def configuration_names(objects: Iterable[Object]) -> tuple[str, ...]:
    """`configmap/x`, `secret/y` of a release, sorted."""
    return tuple(sorted(str(ref(thing)) for thing in objects if thing.get("kind") in CONFIGURATION))
