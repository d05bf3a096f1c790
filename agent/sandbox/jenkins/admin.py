"""The sandbox's own HTTP surface, below `/_sandbox/`: what a test in another language needs to script it.

| request | does |
|---|---|
| GET /_sandbox/ | url, user, password, token, number of items, of requests by method, of requests at once |
| GET /_sandbox/requests | what was asked and answered |
| DELETE /_sandbox/requests | forgets it |
| GET /_sandbox/faults | the faults in force |
| POST /_sandbox/faults | a fault as JSON: `{"kind": "status", "every": 40}` |
| DELETE /_sandbox/faults | everything works again |
| POST /_sandbox/save, build-declarative | as JSON: `{"path": "shop/checkout"}` |
| POST /_sandbox/upgrade-plugins, change-crumbs, restart | |
| POST /_sandbox/credentials | `{"id": "git-shop", "folder": "shop", "kind": "Username with password"}` |
| POST /_sandbox/switches | `{"behind_login_page": true, "plugins_hidden": true, "latency": 0.02}` |
| POST /_sandbox/advance | `{"seconds": 5}` |

It asks for no credentials and is not recorded: it listens on loopback only.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING

from agent.sandbox.jenkins.faults import Fault
from agent.sandbox.jenkins.http import Request, Response, empty, plain_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.sandbox.jenkins.scripting import Scripting

PREFIX = "_sandbox"


def is_meant(request: Request) -> bool:
    """Whether a request is for this surface."""
    return request.segments[:1] == (PREFIX,)


def answer(sandbox: Scripting, request: Request) -> Response:
    """Handles one request; 404 for what is not in the table, 400 with the reason for what can't be done."""
    endpoint = _ENDPOINTS.get((request.method, "/".join(request.segments[1:])))
    if endpoint is None:
        return Response(404, b"no such thing\n", {"Content-Type": "text/plain"})
    try:
        document = json.loads(request.body) if request.body else {}
        if not isinstance(document, dict):
            raise TypeError("a JSON object was expected")  # noqa: TRY301
        made = endpoint(sandbox, document)
    except (ValueError, TypeError, KeyError) as wrong:
        return Response(400, f"{type(wrong).__name__}: {wrong}\n".encode(), {"Content-Type": "text/plain"})
    return empty(204) if made is None else plain_json(made)


def _about(sandbox: Scripting, _given: Mapping[str, object]) -> object:
    return {
        "url": sandbox.url,
        "user": sandbox.user,
        "password": sandbox.password,
        "token": sandbox.token,
        "items": len(sandbox.items),
        "requests": dict(Counter(seen.method for seen in list(sandbox.requests))),
        "mostAtOnce": sandbox.service.most_at_once,
    }


def _requests(sandbox: Scripting, _given: Mapping[str, object]) -> object:
    return [
        {
            "method": seen.method,
            "path": seen.path,
            "query": dict(seen.query),
            "status": seen.status,
            "user": seen.user,
            "contentType": seen.content_type,
            "bytes": len(seen.body),
        }
        for seen in list(sandbox.requests)
    ]


def _forget_requests(sandbox: Scripting, _given: Mapping[str, object]) -> None:
    sandbox.requests.clear()
    sandbox.service.most_at_once = 0


def _faults(sandbox: Scripting, _given: Mapping[str, object]) -> object:
    return [_fault(fault) for fault in sandbox.service.script.faults]


def _fault(fault: Fault) -> dict[str, object]:
    return {each.name: getattr(fault, each.name) for each in fields(fault) if each.init} | {"struck": fault.struck}


def _add_fault(sandbox: Scripting, given: Mapping[str, object]) -> object:
    return _fault(sandbox.fault(**given))  # type: ignore[arg-type]


def _switches(sandbox: Scripting, given: Mapping[str, object]) -> None:
    for name, value in given.items():
        match name, value:
            case "behind_login_page", bool():
                sandbox.stand_behind_login_page(hidden=value)
            case "plugins_hidden", bool():
                sandbox.hide_plugins(hidden=value)
            case "latency", int() | float():
                sandbox.service.latency = float(value)
            case _:
                raise ValueError(f"no such switch: {name}={value!r}")


def _credentials(sandbox: Scripting, given: Mapping[str, object]) -> None:
    sandbox.add_credential(str(given["id"]), str(given.get("folder", "")), str(given.get("kind", "Secret text")))


def _advance(sandbox: Scripting, given: Mapping[str, object]) -> None:
    sandbox.advance(float(str(given["seconds"])))


_ENDPOINTS: dict[tuple[str, str], Callable[[Scripting, dict[str, object]], object]] = {
    ("GET", ""): _about,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): lambda sandbox, _given: sandbox.service.script.clear(),
    ("POST", "save"): lambda sandbox, given: sandbox.save(str(given["path"])),
    ("POST", "build-declarative"): lambda sandbox, given: {"rewritten": sandbox.build_declarative(str(given["path"]))},
    ("POST", "upgrade-plugins"): lambda sandbox, _given: sandbox.upgrade_plugins(),
    ("POST", "change-crumbs"): lambda sandbox, _given: sandbox.change_crumbs(),
    ("POST", "restart"): lambda sandbox, _given: sandbox.restart(),
    ("POST", "credentials"): _credentials,
    ("POST", "switches"): _switches,
    ("POST", "advance"): _advance,
}
