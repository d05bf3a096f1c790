"""Asking for builds, watching and stopping them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agent.sandbox.jenkins import pages
from agent.sandbox.jenkins.http import Response, empty, redirect, text_answer
from agent.sandbox.jenkins.parameters import BadValueError, definitions, resolve
from agent.sandbox.jenkins.remote import Listed
from agent.sandbox.jenkins.store import Build, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.sandbox.jenkins.endpoint import Call

_ALIASES: dict[str, Callable[[Build], bool]] = {
    "lastBuild": lambda _build: True,
    "lastCompletedBuild": lambda build: not build.building,
    "lastSuccessfulBuild": lambda build: build.result in {"SUCCESS", "UNSTABLE"},
    "lastFailedBuild": lambda build: build.result == "FAILURE",
}


def build(call: Call) -> Response:
    """POST build: 400 "Nothing is submitted" for a job with parameters, unless the form carries them as JSON."""
    if not call.item.kind.is_job:
        return _scan(call)
    if call.item.disabled:
        return _not_buildable(call)
    defined = definitions(call.item)
    if not defined:
        return _queued(call, {})
    form = call.parameters.get("json", "")
    if not form:
        return pages.container_error(400, "Nothing is submitted", call.request.path)
    try:
        given = _submitted(form)
        return _queued(call, resolve(defined, given))
    except ValueError:
        return pages.oops()


def build_with_parameters(call: Call) -> Response:
    """POST buildWithParameters: 500 for a job without parameters and for a choice that is not offered."""
    if not call.item.kind.is_job:
        return pages.not_found()
    if call.item.disabled:
        return _not_buildable(call)
    defined = definitions(call.item)
    if not defined:
        return pages.oops()
    try:
        return _queued(call, resolve(defined, call.parameters))
    except BadValueError:
        return pages.oops()


def queue(call: Call) -> Response:
    """The queue, one item of it, or taking one out."""
    executors = call.jenkins.executors
    match call.rest:
        case ("queue", "api", "json"):
            return call.json(
                Listed("hudson.model.Queue", {"discoverableItems": [], "items": executors.waiting}, inline=True)
            )
        case ("queue", "item", number, "api", "json") if number.isdigit() and int(number) in executors.queue:
            return call.json(executors.queue[int(number)])
        case ("queue", "cancelItem"):
            number = call.parameters.get("id", "")
            queued = executors.queue.get(int(number)) if number.isdigit() else None
            if queued is not None:
                executors.cancel(queued)
            return empty(204)
        case _:
            return pages.not_found()


def find_build(call: Call) -> Build | None:
    """The build that the path names, by number or by a permalink."""
    name, builds = call.rest[0], call.item.builds
    if name.isdigit():
        return next((build for build in builds if build.number == int(name)), None)
    wanted = _ALIASES.get(name)
    return next((build for build in reversed(builds) if wanted(build)), None) if wanted else None


def of_build(call: Call) -> Response:
    """Everything below `/job/x/7/`."""
    found = find_build(call)
    if found is None:
        return pages.not_found()
    endpoint = _OF_BUILD.get(call.rest[1:])
    return pages.not_found() if endpoint is None else endpoint(call, found)


def next_number(call: Call) -> Response:
    """POST nextbuildnumber/submit, of the plugin of that name."""
    number = call.parameters.get("nextBuildNumber", "")
    if number.isdigit() and int(number) >= call.item.next_number:
        call.item.next_number = int(number)
    return redirect(call.item.url)


def _scan(call: Call) -> Response:
    if call.item.kind in {Kind.MULTIBRANCH, Kind.ORGANIZATION}:
        call.item.scans += 1
        return redirect(call.request.headers.get("referer", "."))
    return pages.not_found()


def _not_buildable(call: Call) -> Response:
    return pages.container_error(409, f"{call.item.path} is not buildable", call.request.path)


def _queued(call: Call, parameters: Mapping[str, str]) -> Response:
    delay = call.parameters.get("delay", "").removesuffix("sec")
    quiet = float(delay) if delay.isdigit() else None
    queued = call.jenkins.executors.schedule(call.item, call.who.name, parameters, quiet)
    return empty(201, Location=call.jenkins.url + queued.url)


def _submitted(form: str) -> dict[str, str]:
    """The parameters of the page's form: `{"parameter": [{"name": "A", "value": "b"}]}`."""
    document = json.loads(form)
    listed = document.get("parameter", []) if isinstance(document, dict) else []
    entries = [listed] if isinstance(listed, dict) else listed
    return {str(entry["name"]): str(entry.get("value", "")) for entry in entries if "name" in entry}


def _stop(call: Call, found: Build) -> Response:
    if call.request.method != "POST":
        return pages.wrong_method()
    call.jenkins.executors.stop(found)
    return redirect(found.url)


def _page(call: Call, found: Build) -> Response:
    return pages.page(f"{call.item.path} #{found.number}", found.result or "running")


def _json(call: Call, found: Build) -> Response:
    return call.json(found)


def _console(_call: Call, found: Build) -> Response:
    return text_answer(found.console)


def _delete(call: Call, found: Build) -> Response:
    if call.request.method != "POST":
        return pages.wrong_method()
    call.item.builds.remove(found)
    return redirect(call.item.url)


def _progressive(call: Call, found: Build) -> Response:
    """The log from a byte on; X-Text-Size is where to go on, X-More-Data stands while the build runs."""
    start, log = call.parameters.get("start", "0"), found.console.encode()
    at = int(start) if start.isdigit() and int(start) <= len(log) else 0
    more = {"X-More-Data": "true"} if found.building else {}
    text = log[at:].decode("utf-8", "replace").replace("\n", "\r\n")
    return text_answer(text, **{"X-Text-Size": str(len(log)), **more})


_OF_BUILD: dict[tuple[str, ...], Callable[[Call, Build], Response]] = {
    (): _page,
    ("api", "json"): _json,
    ("consoleText",): _console,
    ("logText", "progressiveText"): _progressive,
    ("stop",): _stop,
    ("term",): _stop,
    ("kill",): _stop,
    ("doDelete",): _delete,
}
