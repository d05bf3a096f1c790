"""The ledger to a ConfigMap and back. What can't be read for certain is refused: never guessed, never overwritten."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from agent.errors import RemoteError
from agent.objects import Object, Ref, labels
from agent.release.ledger import MAX_BYTES, Freeze, Intent, Ledger, ReleaseSet
from agent.release.record import Release

FORMAT = 1
OWNER_LABEL = "app.kubernetes.io/managed-by"
OWNER = "headway"
MAX_PLAIN = 64 * 1024 * 1024
_GZIP = 31


class LedgerError(RemoteError):
    """The ledger is there and can't be used: not ours, damaged, or of a newer Headway."""


def place(workload: Ref) -> Ref:
    """Where the ledger of a workload is kept: `headway.<kind>.<name>` in its namespace."""
    return Ref("v1", "ConfigMap", workload.namespace, f"headway.{workload.kind.lower()}.{workload.name}"[:253])


def encode(ledger: Ledger) -> Object:
    """The ConfigMap, without resourceVersion. Trims until it fits.

    Raises:
        LedgerError: a single release is too large to be recorded.
    """
    _, data = _fitting(ledger)
    target = place(ledger.workload)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": target.name,
            "namespace": target.namespace,
            "labels": {OWNER_LABEL: OWNER},
            "annotations": {"headway.dev/about": f"releases of {ledger.workload}; read them with `headway history`"},
        },
        "binaryData": data,
    }


def kept(ledger: Ledger) -> frozenset[int]:
    """Numbers of the releases that are kept when this ledger is written; sets may be too large for all of them.

    Raises:
        LedgerError: a single release is too large to be recorded.
    """
    return frozenset(each.number for each in _fitting(ledger)[0].releases)


def _fitting(ledger: Ledger) -> tuple[Ledger, dict[str, str]]:
    """As much of the ledger as there is room for, and its packed form."""
    fitting = ledger.trimmed()
    while True:
        data = _packed(fitting)
        size = sum(len(value) for value in data.values()) * 3 // 4
        if size <= MAX_BYTES:
            return fitting, data
        if len(fitting.releases) <= 1:
            raise LedgerError(
                f"the release of {ledger.workload} can't be recorded: its objects take {size // 1024} KiB compressed, "
                f"{MAX_BYTES // 1024} KiB is the limit",
                hint="large ConfigMaps belong into an image or a volume",
            )
        fitting = fitting.trimmed(len(fitting.releases) - 1)


def _packed(ledger: Ledger) -> dict[str, str]:
    index = {
        "headway-ledger": FORMAT,
        "workload": asdict(ledger.workload),
        "service": ledger.service,
        "salt": ledger.salt,
        "current": ledger.current,
        "next": ledger.next_number,
        "served": ledger.served,
        "migrated": ledger.migrated,
        "token": ledger.token,
        "intent": asdict(ledger.intent) if ledger.intent else None,
        "freeze": asdict(ledger.freeze) if ledger.freeze else None,
        "releases": [each.to_dict() for each in ledger.releases],
    }
    data = {"ledger": _pack(index)}
    for key, content in ledger.sets.items():
        data[f"set-{key}"] = _pack(
            {
                "objects": list(content.objects),
                "checks": [dict(check) for check in content.checks],
                "container": content.container,
                "url": content.url,
            }
        )
    return data


def _pack(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    return base64.b64encode(packer.compress(text) + packer.flush()).decode()


def _unpack(text: str) -> Any:
    unpacker = zlib.decompressobj(_GZIP)
    plain = unpacker.decompress(base64.b64decode(text, validate=True), MAX_PLAIN)
    if not unpacker.eof:
        raise ValueError("it is larger than it can be")
    return json.loads(plain)


def decode(thing: Object, workload: Ref) -> Ledger:
    """Reads a ledger.

    Args:
        thing: the ConfigMap.
        workload: whose ledger it should be.

    Raises:
        LedgerError: it isn't ours, is damaged, belongs to another workload, or a newer Headway wrote it.
    """
    where = f"configmap/{place(workload).name} in namespace {workload.namespace}"
    binary = thing.get("binaryData")
    if labels(thing).get(OWNER_LABEL) != OWNER or not isinstance(binary, dict) or "ledger" not in binary:
        raise LedgerError(
            f"nothing was changed: {where} is not a ledger of Headway",
            hint="somebody else made a ConfigMap of that name; rename it, and Headway starts a ledger of its own",
        )
    try:
        index = _unpack(binary["ledger"])
        form = index["headway-ledger"]
        if type(form) is not int or form < 1:
            raise ValueError(f"its format is {form!r}")  # noqa: TRY301
        if form > FORMAT:
            raise LedgerError(
                f"nothing was changed: {where} was written by a newer Headway (format {form}, this one reads {FORMAT})",
                hint="use that version of Headway or a later one",
            )
        sets = {key.removeprefix("set-"): _set(value) for key, value in binary.items() if key.startswith("set-")}
        ledger = _ledger(index, sets)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, zlib.error, RecursionError) as problem:
        raise LedgerError(
            f"nothing was changed: the ledger in {where} is damaged: {problem}",
            hint=f"restore it from a backup, or delete {where}: then the history starts anew",
        ) from problem
    if (ledger.workload.kind, ledger.workload.name) != (workload.kind, workload.name):
        raise LedgerError(f"nothing was changed: the ledger in {where} is that of {ledger.workload}, not of {workload}")
    return replace(ledger, workload=workload)


def _set(text: str) -> ReleaseSet:
    raw = _unpack(text)
    objects = raw["objects"]
    if not isinstance(objects, list) or not all(map(_is_object, objects)):
        raise ValueError("a set of objects isn't one")
    checks = tuple(dict(each) for each in raw.get("checks") or ())
    return ReleaseSet(tuple(objects), checks, str(raw.get("container", "")), str(raw.get("url", "")))


def _is_object(thing: object) -> bool:
    return isinstance(thing, dict) and "kind" in thing and isinstance(thing.get("metadata") or {}, dict)


def _ledger(index: Mapping[str, Any], sets: Mapping[str, ReleaseSet]) -> Ledger:
    releases = tuple(Release.from_dict(each) for each in index["releases"])
    numbers = [each.number for each in releases]
    if numbers != sorted(set(numbers)) or int(index["next"]) <= max(numbers, default=0):
        raise ValueError("its release numbers are out of order")
    missing = {each.objects for each in releases if each.objects} - set(sets)
    if missing:
        raise ValueError(f"the objects of {len(missing)} releases are missing")
    intent, freeze = index.get("intent"), index.get("freeze")
    return Ledger(
        workload=_typed(Ref, index["workload"]),
        service=str(index["service"]),
        salt=str(index["salt"]),
        releases=releases,
        current=int(index["current"]),
        next_number=int(index["next"]),
        served=int(index["served"]),
        migrated=int(index.get("migrated", 0)),
        token=int(index["token"]),
        intent=_typed(Intent, {**intent, "excused": tuple(map(str, intent.get("excused") or ()))}) if intent else None,
        freeze=_typed(Freeze, freeze) if freeze else None,
        sets=sets,
    )


Typed = TypeVar("Typed", Ref, Intent, Freeze)


def _typed(kind: type[Typed], raw: Mapping[str, Any]) -> Typed:
    """Made of its form, with every text a text and every number a number."""
    made = kind(**raw)
    for each in fields(kind):
        wanted = {"str": str, "int": int, str: str, int: int}.get(each.type)  # as text, or as the type itself
        if wanted is not None and type(getattr(made, each.name)) is not wanted:
            raise ValueError(f"{kind.__name__.lower()}.{each.name} is {raw[each.name]!r}")
    return made
