"""SmokeCheck: one question to a release, and its dictionary form for the ledger (an undo asks a release its own)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast, get_args

from agent.objects import Object, labels, name, pod_spec
from agent.spec.deploying import SmokeCheck as Written

Via: TypeAlias = Literal["pod", "service", "url", "command"]
_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class SmokeCheck:
    """One question.

    Attributes:
        name: as people wrote it; unique in its spec.
        via: how it is asked: each pod or the Service through the API server, a URL, or a command.
        path: HTTP path; empty for commands.
        port: number or name; empty: the only one.
        command: shell command; empty for HTTP.
        status: the HTTP status expected.
        json: what the JSON body must contain, as a subset; None: anything.
        within: seconds until which it is asked again.
    """

    name: str
    via: Via
    path: str = ""
    port: str = ""
    command: str = ""
    status: int = 200
    json: Any = None
    within: float = 60.0

    def to_dict(self) -> dict[str, Any]:
        """The form that the ledger keeps."""
        return {
            "name": self.name,
            "via": self.via,
            "path": self.path,
            "port": self.port,
            "command": self.command,
            "status": self.status,
            "json": self.json,
            "within": self.within,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> SmokeCheck:
        """Reads the form back.

        Raises:
            ValueError: it isn't one of ours.
        """
        via = raw.get("via")
        if via not in get_args(Via) or not isinstance(raw.get("name"), str):
            raise ValueError("not a smoke check")
        return cls(
            name=str(raw["name"]),
            via=cast("Via", via),
            path=str(raw.get("path", "")),
            port=str(raw.get("port", "")),
            command=str(raw.get("command", "")),
            status=int(raw.get("status", 200)),
            json=raw.get("json"),
            within=float(raw.get("within", 60.0)),
        )


def from_spec(written: Written) -> SmokeCheck:
    """The check as a spec has it."""
    return SmokeCheck(
        name=written.name,
        via="command" if written.run else written.via,
        path=written.get,
        port="" if written.port is None else str(written.port),
        command=written.run,
        status=written.expect.status,
        json=written.expect.json_,
        within=float(written.within),
    )


def trusted(recorded: Sequence[SmokeCheck], at_hand: Sequence[SmokeCheck]) -> tuple[SmokeCheck, ...]:
    """The recorded checks, with commands only as the spec at hand has them, found by name; others are left out.

    A ledger is an object of a namespace: whoever may edit it must not get a shell where Headway runs.
    """
    commands = {check.name: check.command for check in at_hand if check.via == "command"}
    asked = (check for check in recorded if check.via != "command" or check.name in commands)
    return tuple(replace(check, command=commands.get(check.name, "")) for check in asked)


def filled(check: SmokeCheck, words: Mapping[str, str]) -> SmokeCheck:
    """The check with `{{ version }}`, `{{ service }}`, `{{ namespace }}`, `{{ environment }}` filled in.

    Commands are left alone: they get these words in their environment, where no quoting can go wrong.
    """
    return replace(check, path=str(_fill(check.path, words)), json=_fill(check.json, words))


def _fill(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda found: words.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: _fill(part, words) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_fill(part, words) for part in value]
    return value


def pod_port(pod: Object, container: str, wanted: str) -> str:
    """The port to ask a pod on: the one wanted, else the container's only one, else the one called http.

    Returns:
        A port number as text; empty when it can't be told.
    """
    boxes = [box for box in pod_spec(pod).get("containers") or () if container in {"", box.get("name")}]
    ports = [port for box in boxes for port in box.get("ports") or ()]
    return _pick(ports, wanted, "containerPort")


def service_port(service: Object, wanted: str) -> str:
    """The port of a Service to ask: the one wanted, else its only one, else the one called http."""
    return _pick((service.get("spec") or {}).get("ports") or (), wanted, "port")


def _pick(ports: Any, wanted: str, field: str) -> str:
    if wanted.isdigit():
        return wanted
    named = {str(port.get("name", "")): str(port.get(field, "")) for port in ports}
    numbers = [str(port.get(field, "")) for port in ports]
    if wanted:
        return named.get(wanted, "")
    if len(set(numbers)) == 1:
        return numbers[0]
    return named.get("http", "")


def serving_service(objects: tuple[Object, ...], workload: Object) -> str:
    """The name of the Service among the objects whose selector matches the workload's pods; empty if there is none."""
    template = ((workload.get("spec") or {}).get("template") or {}) if workload else {}
    marks = labels(template)
    for thing in objects:
        selector = (thing.get("spec") or {}).get("selector") if thing.get("kind") == "Service" else None
        if selector and all(marks.get(key) == value for key, value in selector.items()):
            return name(thing)
    return ""
