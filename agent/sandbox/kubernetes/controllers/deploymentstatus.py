"""The status of a Deployment, without side effects (pkg/controller/deployment: progress.go, sync.go, util)."""

from __future__ import annotations

from agent.sandbox.clock import from_rfc3339, rfc3339
from agent.sandbox.kubernetes.objects import Obj, annotations_of, condition, meta, spec, status

_AVAILABLE = "NewReplicaSetAvailable"
_TIMED_OUT = "ProgressDeadlineExceeded"


def desired(thing: Obj) -> int:
    """spec.replicas."""
    return int(spec(thing).get("replicas", 1))


def resolve(value: object, total: int, *, up: bool) -> int:
    """A number or a percentage of `total`, rounded."""
    if isinstance(value, str) and value.endswith("%"):
        share = int(value[:-1]) * total
        return -(-share // 100) if up else share // 100
    return int(value) if isinstance(value, int | str) else 0


def fenceposts(thing: Obj) -> tuple[int, int]:
    """MaxSurge and maxUnavailable in pods; both 0 would stand still, so then one may be unavailable."""
    strategy = spec(thing).get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling, total = strategy.get("rollingUpdate") or {}, desired(thing)
    surge = resolve(rolling.get("maxSurge", "25%"), total, up=True)
    unavailable = resolve(rolling.get("maxUnavailable", "25%"), total, up=False)
    return surge, 1 if not surge and not unavailable else min(unavailable, total)


def with_condition(thing: Obj, kind: str, value: str, reason: str, message: str, now: str) -> list[Obj]:
    """SetDeploymentCondition: the conditions with this one last, or as they were when it says nothing new."""
    return _set(list(status(thing).get("conditions") or ()), kind, (value, reason, message), now)


def _set(conditions: list[Obj], kind: str, fact: tuple[str, str, str], now: str) -> list[Obj]:
    old = next((item for item in conditions if item["type"] == kind), None)
    if old is not None and (old["status"], old["reason"]) == fact[:2]:
        return conditions
    since = old["lastTransitionTime"] if old is not None and old["status"] == fact[0] else now
    new = {
        "type": kind,
        "status": fact[0],
        "lastUpdateTime": now,
        "lastTransitionTime": since,
        "reason": fact[1],
        "message": fact[2],
    }
    return [item for item in conditions if item["type"] != kind] + [new]


def paused_condition(thing: Obj, now: str) -> list[Obj] | None:
    """The conditions after a pause or its end; None where nothing changes."""
    found = condition(thing, "Progressing")
    if spec(thing).get("progressDeadlineSeconds") is None or (found is not None and found["reason"] == _TIMED_OUT):
        return None
    is_noted = found is not None and found["reason"] == "DeploymentPaused"
    if spec(thing).get("paused") and not is_noted:
        return with_condition(thing, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now)
    if not spec(thing).get("paused") and is_noted:
        return with_condition(thing, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", now)
    return None


def _count(sets: list[Obj], name: str) -> int:
    return sum(int(status(item).get(name, 0)) for item in sets)


def _calculate(thing: Obj, new: Obj | None, sets: list[Obj], now: str) -> Obj:
    available = _count(sets, "availableReplicas")
    wanted = sum(int(spec(item).get("replicas", 0)) for item in sets)
    counts = {
        "replicas": _count(sets, "replicas"),
        "updatedReplicas": int(status(new).get("replicas", 0)) if new is not None else 0,
        "readyReplicas": _count(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(wanted - available, 0),
    }
    document: Obj = {"observedGeneration": meta(thing).get("generation", 1)}
    document |= {name: count for name, count in counts.items() if count}
    if status(thing).get("collisionCount"):
        document["collisionCount"] = status(thing)["collisionCount"]
    fact = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    if available >= desired(thing) - fenceposts(thing)[1]:
        fact = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    document["conditions"] = _set(list(status(thing).get("conditions") or ()), "Available", fact, now)
    return document


def plain(thing: Obj, new: Obj | None, sets: list[Obj], now: float) -> Obj:
    """syncDeploymentStatus: the counts and Available alone."""
    return _calculate(thing, new, sets, rfc3339(now))


def is_complete(thing: Obj, document: Obj) -> bool:
    """DeploymentComplete."""
    wanted = desired(thing)
    return (
        document.get("updatedReplicas", 0) == wanted
        and document.get("replicas", 0) == wanted
        and document.get("availableReplicas", 0) == wanted
        and int(document.get("observedGeneration", 0)) >= int(meta(thing).get("generation", 1))
    )


def _has_progressed(before: Obj, after: Obj) -> bool:
    def old(document: Obj) -> int:
        return int(document.get("replicas", 0)) - int(document.get("updatedReplicas", 0))

    return (
        after.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or old(after) < old(before)
        or after.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or after.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )


def rollout(thing: Obj, new: Obj | None, sets: list[Obj], now: float) -> tuple[Obj, float | None]:
    """SyncRolloutStatus.

    Returns:
        The status, and in how many seconds to look again whether the deadline has passed (None: no need).
    """
    moment = rfc3339(now)
    document = _calculate(thing, new, sets, moment)
    found = condition(thing, "Progressing")
    deadline = spec(thing).get("progressDeadlineSeconds")
    conditions: list[Obj] = document["conditions"]
    is_done = (
        document.get("replicas", 0) == document.get("updatedReplicas", 0)
        and found is not None
        and found["reason"] == _AVAILABLE
    )
    if deadline is None:
        conditions = [item for item in conditions if item["type"] != "Progressing"]
    elif not is_done:
        name = meta(new)["name"] if new is not None else ""
        who = f'ReplicaSet "{name}"' if new is not None else f'Deployment "{meta(thing)["name"]}"'
        if is_complete(thing, document):
            conditions = _set(
                conditions, "Progressing", ("True", _AVAILABLE, f"{who} has successfully progressed."), moment
            )
        elif _has_progressed(status(thing), document):
            since = found["lastTransitionTime"] if found is not None and found["status"] == "True" else moment
            conditions = [item for item in conditions if item["type"] != "Progressing"]
            conditions.append({
                "type": "Progressing", "status": "True", "lastUpdateTime": moment, "lastTransitionTime": since,
                "reason": "ReplicaSetUpdated", "message": f"{who} is progressing.",
            })  # fmt: skip
        elif _is_timed_out(found, float(deadline), now):
            conditions = _set(
                conditions, "Progressing", ("False", _TIMED_OUT, f"{who} has timed out progressing."), moment
            )
    document["conditions"] = _failures(conditions, new, sets, moment)
    return document, _next_look(thing, document, deadline, now)


def _is_timed_out(found: Obj | None, deadline: float, now: float) -> bool:
    if found is None or found["reason"] == _AVAILABLE:
        return False
    return found["reason"] == _TIMED_OUT or from_rfc3339(found["lastUpdateTime"]) + deadline < now


def _failures(conditions: list[Obj], new: Obj | None, sets: list[Obj], now: str) -> list[Obj]:
    """The ReplicaFailure of the new ReplicaSet, else of any other."""
    for item in [*([new] if new is not None else []), *sets]:
        found = condition(item, "ReplicaFailure")
        if found is not None:
            return _set(conditions, "ReplicaFailure", ("True", found["reason"], found["message"]), now)
    return [item for item in conditions if item["type"] != "ReplicaFailure"]


def _next_look(thing: Obj, document: Obj, deadline: object, now: float) -> float | None:
    """RequeueStuckDeployment."""
    found = next((item for item in document["conditions"] if item["type"] == "Progressing"), None)
    if deadline is None or found is None or is_complete(thing, document) or found["reason"] in {_TIMED_OUT, _AVAILABLE}:
        return None
    due = from_rfc3339(found["lastUpdateTime"]) + float(str(deadline)) - now
    return max(due, 0.0) + 1.0


def proportions(thing: Obj, new: Obj | None, sets: list[Obj]) -> list[tuple[Obj, int]]:
    """The sizes of the ReplicaSets after only the Deployment's size changed (scale, in sync.go)."""
    wanted = desired(thing)
    active = [item for item in sets if int(spec(item).get("replicas", 0)) > 0]
    if len(active) <= 1:
        only = active[0] if active else new if new is not None else (sets[-1] if sets else None)
        return [(only, wanted)] if only is not None else []
    if new is not None and int(spec(new).get("replicas", 0)) == wanted == int(status(new).get("availableReplicas", 0)):
        return [(item, 0) for item in active if item is not new]
    if (spec(thing).get("strategy") or {}).get("type") == "Recreate":
        return []
    total = sum(int(spec(item).get("replicas", 0)) for item in active)
    allowed = wanted + fenceposts(thing)[0] if wanted else 0
    rest = allowed - total
    found: list[tuple[Obj, int]] = []
    for item in sorted(active, key=lambda item: -int(spec(item)["replicas"])):
        size = int(spec(item)["replicas"])
        share = _fraction(item, size, total, allowed)
        share = max(min(share, rest), 0) if rest > 0 else min(max(share, rest), 0)
        rest -= share
        found.append((item, max(size + share, 0)))
    if rest and found:
        item, size = found[0]
        found[0] = (item, max(size + rest, 0))
    return found


def _fraction(item: Obj, size: int, total: int, allowed: int) -> int:
    known = annotations_of(item).get("deployment.kubernetes.io/max-replicas", "")
    base = int(known) if known.isdigit() and int(known) else total
    return round(size * allowed / base) - size
