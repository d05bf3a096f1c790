"""A plan as a file: written by `plan --out`, carried out exactly, or refused when Jenkins moved meanwhile. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from agent.errors import HeadwayError, UsageError
from agent.jobs import libraries
from agent.jobs.change import (
    Change,
    Conflict,
    Create,
    Delete,
    Keep,
    Move,
    Reading,
    Replace,
    Update,
    action,
    full_name,
    reads,
)
from agent.jobs.definition import JobDefinition, Kind
from agent.jobs.difference import compare
from agent.jobs.inventory import Inventory, Item
from agent.jobs.marker import Marker
from agent.jobs.plan import Plan, complete
from agent.jobs.secrecy import masked
from agent.jobs.settings import settings
from agent.jobs.triage import Options
from agent.jobs.xmltext import read

FORMAT = "saved-plan"


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan and the Jenkins that it was made for."""

    plan: Plan
    url: str


def dump(plan: Plan, url: str) -> str:
    """The plan as text, with everything that is needed to carry it out."""
    changes = [_data(one) for one in plan.changes if not isinstance(one, Keep)]
    kept = sum(isinstance(one, Keep) for one in plan.changes)
    found = {
        "headway": 1,
        "kind": FORMAT,
        "jenkins": url,
        "owner": plan.options.owner,
        "kept": kept,
        "changes": changes,
    }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def is_saved(text: str) -> bool:
    """Whether a text is (or pretends to be) a saved plan, rather than a spec."""
    return text.lstrip()[:1] == "{" and f'"kind": "{FORMAT}"' in text[:500]


def load(text: str, file: str) -> Saved:
    """The plan that `dump` wrote.

    Raises:
        UsageError: it is none, or of another version.
    """
    try:
        found = json.loads(text)
        if found.get("headway") != 1 or found.get("kind") != FORMAT:
            raise UsageError(f"nothing was sent: {file} is no plan that this Headway understands")
        changes = tuple(_change(one) for one in found["changes"])
        return Saved(Plan(changes, (), Options(owner=str(found["owner"]))), str(found["jenkins"]))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UsageError(
            f"nothing was sent: {file} is no saved plan: {problem}", hint="headway jobs plan --out"
        ) from problem


def moved(plan: Plan, inventory: Inventory, configs: Mapping[str, str]) -> tuple[str, ...]:
    """What is not any more as it was when the plan was made, one sentence an item; empty: apply it.

    Args:
        plan: that was saved.
        inventory: what is there now.
        configs: config.xml now, of the items that the plan read.
    """
    return tuple(sentence for change in plan.changes if (sentence := _moved(change, inventory, configs)))


def completed(plan: Plan, configs: Mapping[str, str]) -> Plan:
    """The plan with what it would send, made from what is there now; only after `moved` has found nothing.

    A saved plan holds no secret of a job, so what an update carries over is taken from the job itself.
    """
    return replace(plan, changes=tuple(complete(change, configs) for change in plan.changes))


def _moved(change: Change, inventory: Inventory, configs: Mapping[str, str]) -> str:
    name = full_name(change)
    if isinstance(change, Keep | Conflict):
        return ""
    if isinstance(change, Create):
        return f"'{name}' is there now" if inventory.get(name) is not None else ""
    if isinstance(change, Move) and inventory.get(name) is not None:
        return f"'{name}' is there now"
    was = reads(change)
    now = configs.get(was)
    if now is None:
        return f"'{was}' is gone"
    return f"'{was}' was changed" if not same(masked(change.reading.before), masked(now)) else ""


def same(before: str, now: str) -> bool:
    """Whether two config.xml mean the same to Jenkins, their descriptions (and markers) included letter by letter."""
    if before == now:
        return True
    try:
        old, new = read(before), read(now)
    except HeadwayError:
        return False
    if (old.findtext("description") or "") != (new.findtext("description") or ""):
        return False
    if (old.findtext("disabled") or "false") != (new.findtext("disabled") or "false"):
        return False
    return not compare(settings(old), settings(new)) and libraries.same(old, new)


def _data(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"action": action(change), "reason": change.reason}
    if isinstance(change, Delete):
        marker = asdict(change.item.marker) if change.item.marker else None
        found["item"] = {"full_name": change.item.full_name, "class_name": change.item.class_name, "marker": marker}
    else:
        job = change.job
        found["job"] = {**asdict(job), "kind": job.kind.value}
    if isinstance(change, Conflict):
        found["adoptable"] = change.adoptable
    if isinstance(change, Update) and change.scans:
        found["scans"] = change.scans
    if isinstance(change, Move):
        found["steps"] = list(change.steps)
    if isinstance(change, Update | Move | Replace | Delete):
        found["before"] = masked(change.reading.before) if change.reading.before else ""
    return found


def _change(data: Mapping[str, Any]) -> Change:  # noqa: PLR0911  one return an action
    reason, kind = str(data["reason"]), data["action"]
    match kind:
        case "create":
            return Create(_job(data["job"]), reason)
        case "update":
            return Update(_job(data["job"]), reason, _reading(data), int(data.get("scans", 0)))
        case "move":
            return Move(_job(data["job"]), tuple(map(str, data["steps"])), reason, _reading(data))
        case "replace":
            return Replace(_job(data["job"]), reason, _reading(data))
        case "conflict":
            return Conflict(_job(data["job"]), reason, bool(data["adoptable"]))
        case "disable":
            return Delete(_item(data["item"]), "disable", reason, _reading(data))
        case "delete":
            return Delete(_item(data["item"]), "delete", reason, _reading(data))
        case _:
            raise ValueError(f"'{kind}' is no action")


def _job(data: Mapping[str, Any]) -> JobDefinition:
    marker = Marker(**data["marker"])
    used = tuple(map(str, data["credentials"]))
    return JobDefinition(**{**data, "kind": Kind(data["kind"]), "marker": marker, "credentials": used})


def _item(data: Mapping[str, Any]) -> Item:
    marker = Marker(**data["marker"]) if data["marker"] else None
    return Item(str(data["full_name"]), str(data["class_name"]), marker)


def _reading(data: Mapping[str, Any]) -> Reading:
    """What the plan read; what is sent is made from it again when the plan is applied, secrets included."""
    return Reading(str(data["before"]))


def names_read(changes: Iterable[Change]) -> tuple[str, ...]:
    """The items whose config.xml has to be read again before the plan is carried out."""
    return tuple(name for change in changes if (name := reads(change)))
