"""What a rollout tells a watcher, freed of names and times: the words in which recordings and the sandbox are compared.

A rollout is a set of *chains*. A chain is what one facet of one subject said, one value after the other, repetitions
in a row being one: the reasons of the workload's Progressing condition, the states of a container of the first new pod,
the events about the new ReplicaSet ... How the chains interleave is left to chance in a real cluster, so it is not
compared. Values that the real cluster shows or swallows by chance (a kubelet reports at its own pace) are left out: see
`BY_CHANCE`.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"
# A status that is overwritten within milliseconds is seen in some recordings and not in others.
BY_CHANCE = {"waiting/ContainerCreating", "waiting/PodInitializing", "ReplicaSetUpdated"}
_OWN = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}


@dataclass
class Recording:
    head: dict[str, Any]
    lists: dict[str, list[dict[str, Any]]]
    steps: list[dict[str, Any]]
    events: list[tuple[str, str, dict[str, Any]]]

    @property
    def plural(self) -> str:
        return self.head["workload"].partition("/")[0]


def read(path: Path) -> Recording:
    with gzip.open(path, "rt") as lines:
        head, *rest = [json.loads(line) for line in lines]
    lists = {line["resource"]: line["list"]["items"] for line in rest if "list" in line}
    steps = [line for line in rest if "request" in line]
    start = steps[0]["t"]
    events = [
        (line["resource"], line["event"]["type"], line["event"]["object"])
        for line in rest
        if "event" in line and line["event"]["type"] != "BOOKMARK" and line["t"] >= start
    ]
    return Recording(head, lists, steps, events)


def chains(events: Iterable[tuple[str, str, dict[str, Any]]], before: set[str]) -> dict[tuple[str, ...], list[str]]:
    """All chains of a rollout.

    Args:
        events: (resource, type of the watch event, object) in the order in which they came.
        before: UIDs and names of the pods and ReplicaSets that were there before the change; a pod of a StatefulSet has
            the name of the one that it replaces, so the UID decides where there is one.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    order: dict[str, int] = {}

    def say(chain: tuple[str, ...], value: str) -> None:
        said = found.setdefault(chain, [])
        if value not in BY_CHANCE and (not said or said[-1] != value):
            said.append(value)

    for resource, verb, thing in events:
        about = thing["metadata"]
        if resource == "events":
            subject = thing["involvedObject"]
            role = "old" if subject["uid"] in before else "new"
            who = _subject(subject["kind"], role, subject["uid"], order)
            if who is not None:
                _events(found, who, thing)
            continue
        role = "old" if about["uid"] in before else "new"
        if resource in _OWN:
            for item in thing.get("status", {}).get("conditions", []):
                say(("workload", item["type"]), item["reason"] if item["type"] == "Progressing" else item["status"])
        elif resource == "replicasets":
            say(("replicaset", role, "failure"), _failure(thing))
        elif resource == "pods":
            if role == "new":
                order.setdefault(about["uid"], len(order))
            who = _subject("Pod", role, about["uid"], order)
            if who is not None:
                _pod(say, who, thing, verb)
    return {chain: said for chain, said in found.items() if said}


def _subject(kind: str, role: str, uid: str, order: dict[str, int]) -> tuple[str, ...] | None:
    """Which subject an object is; of the new pods only the first has chains of its own, of the old ones none has."""
    if kind in _OWN.values():
        return ("workload",)
    if kind == "Pod":
        return ("pod", "new") if role == "new" and order.get(uid, 0) == 0 else None
    return (kind.lower(), role)


def _failure(thing: dict[str, Any]) -> str:
    conditions = thing.get("status", {}).get("conditions", [])
    return next(
        (f"{item['reason']}: {_plain(item['message'])}" for item in conditions if item["type"] == "ReplicaFailure"),
        "none",
    )


def _pod(say: Any, who: tuple[str, ...], thing: dict[str, Any], verb: str) -> None:
    if thing["metadata"].get("deletionTimestamp") or verb == "DELETED":
        return
    status = thing.get("status", {})
    say((*who, "phase"), status.get("phase", ""))
    for item in status.get("conditions", []):
        if item["type"] in {"Ready", "PodScheduled"}:
            say(
                (*who, item["type"]),
                f"{item['status']} {item.get('reason', '')} {_plain(item.get('message', ''))}".strip(),
            )
    for section in ("initContainerStatuses", "containerStatuses"):
        for item in status.get(section, []):
            name = next(iter(item["state"]), "waiting")
            detail = item["state"].get(name, {})
            last: dict[str, Any] = next(iter(item.get("lastState", {}).values()), {})
            words = [f"{name}/{detail['reason']}" if detail.get("reason") else name]
            words += [f"exit {detail['exitCode']}"] if "exitCode" in detail else []
            words += [f"restarts {item['restartCount']}"] if item["restartCount"] else []
            words += [f"last {last['reason']} {last['exitCode']}"] if last else []
            words += [_plain(detail["message"])] if detail.get("message") else []
            say((*who, item["name"]), ", ".join(words))


def _events(found: dict[tuple[str, ...], list[str]], who: tuple[str, ...], thing: dict[str, Any]) -> None:
    """Events by reason: the messages of each, in order of their first coming, and whether any came again."""
    combined = thing["message"].startswith("(combined")
    text = f"{thing['type']}: {'combined' if combined else _plain(thing['message'])}"
    said = found.setdefault((*who, "event", thing["reason"]), [])
    if text not in said:
        said.append(text)


def _plain(message: str) -> str:
    """A message without the names, numbers and addresses that differ from run to run."""
    message = re.sub(r"web-[a-z0-9]{6,10}(-[a-z0-9]{5})?(?![a-z0-9])", "web-X", message)
    message = re.sub(r"web-X-(?=\")", "web-X", message)
    message = re.sub(r"rec-[a-z-]+(?=/|\b)", "NS", message)
    message = re.sub(r"_NS\([0-9a-f-]{36}\)|_shop\([0-9a-f-]{36}\)", "_NS(UID)", message)
    message = re.sub(r"pod web-[a-z0-9]{5}_", "pod web-X_", message)
    message = re.sub(r"\bpod=web-[a-z0-9]{5}_", "pod=web-X_", message)
    message = re.sub(r"\d+\.\d+\.\d+\.\d+(?=:8080)", "IP", message)
    message = re.sub(r"in \d+(\.\d+)?m?s \(.*?\)\. Image size: \d+ bytes", "in T", message)
    message = re.sub(r"NS/web-[a-z0-9]{5} to", "NS/web-X to", message)
    return re.sub(
        r"Created pod: web-[a-z0-9]+|Deleted pod: web-[a-z0-9]+", lambda found: found.group(0).split(":")[0], message
    )
