"""A workload's Lease as an object: its place, how it is made out and changed, when it is free. No I/O, no clock."""

from __future__ import annotations

from typing import Any

from agent.objects import Object, Ref, metadata
from agent.operations.mission import LockRules
from agent.operations.superseding import OPERATION

API = "coordination.k8s.io/v1"
PROCESS = "headway.dev/process"


def place(workload: Ref) -> Ref:
    """Where the lease of a workload stands: beside it."""
    return Ref(API, "Lease", workload.namespace, f"headway.{workload.kind.lower()}.{workload.name}"[:253])


def taken(live: Object | None, at: Ref, rules: LockRules, holder: str, operation: str, moment: str) -> Object:
    """The lease as its new holder writes it: with a fencing token that is one higher, over the one that was read.

    Args:
        live: as it was read; None where there is none.
        at: its place.
        rules: how long it lasts, and which process we are.
        holder: the build.
        operation: what it is taken for.
        moment: now, RFC 3339.
    """
    now = micro(moment)
    thing: Object = {
        "apiVersion": API,
        "kind": "Lease",
        "metadata": {
            "name": at.name,
            "namespace": at.namespace,
            "labels": {"app.kubernetes.io/managed-by": "headway"},
            "annotations": {PROCESS: rules.process, OPERATION: operation},
        },
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": max(int(rules.length), 1),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": token_of(live) + 1,
        },
    }
    if live is not None:
        thing["metadata"]["resourceVersion"] = metadata(live)["resourceVersion"]
    return thing


def changed(live: Object, operation: str, **spec: str | int) -> Object:
    """Our own lease with other fields, under the version that was read."""
    meta = {key: value for key, value in metadata(live).items() if key != "managedFields"}
    notes = {**(meta.get("annotations") or {}), OPERATION: operation}
    return {**live, "metadata": {**meta, "annotations": notes}, "spec": {**live["spec"], **spec}}


def is_free(live: Object | None, unchanged: float, rules: LockRules) -> bool:
    """Whether it may be taken: nobody holds it, its holder is known to be dead, or it has lapsed (P27, P54).

    Args:
        live: as it was read.
        unchanged: seconds for which we have watched it without a renewal, by our own clock.
        rules: who is known to be dead; the length where the lease names none.
    """
    spec = spec_of(live)
    if not spec.get("holderIdentity"):
        return True
    process = str((metadata(live or {}).get("annotations") or {}).get(PROCESS) or "")
    if process and (process == rules.process or rules.known_dead(process)):
        return True
    return unchanged >= float(spec.get("leaseDurationSeconds") or rules.length)


def spec_of(live: Object | None) -> dict[str, Any]:
    """Its spec; empty where there is none."""
    return (live or {}).get("spec") or {}


def token_of(live: Object | None) -> int:
    """The fencing token: how often it was taken."""
    return int(spec_of(live).get("leaseTransitions") or 0)


def micro(moment: str, fraction: int = 0) -> str:
    """An RFC 3339 moment as the API's MicroTime; the fraction makes two renewals of one second differ."""
    return f"{moment.rstrip('Z').partition('.')[0]}.{fraction % 1_000_000:06d}Z"
