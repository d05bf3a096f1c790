"""From a request to its answer: who asks, may they, what is it about, which endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.sandbox.jenkins import build_endpoints, item_endpoints, pages, server_endpoints
from agent.sandbox.jenkins.access import Account, Identity, WrongCredentialsError
from agent.sandbox.jenkins.endpoint import Call
from agent.sandbox.jenkins.http import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.sandbox.jenkins.controller import Controller
    from agent.sandbox.jenkins.store import Item

    Endpoint = Callable[[Call], Response]

_READING = {"GET", "HEAD"}
_VALIDATOR = "pipeline-model-converter"
_GROUPS_ONLY = {"createItem", "createView", "view"}


def _config(call: Call) -> Response:
    if call.request.method == "POST":
        return item_endpoints.update_config(call)
    return item_endpoints.read_config(call)


_OF_ITEM: dict[tuple[str, ...], tuple[str, Endpoint]] = {
    ("createItem",): ("POST", item_endpoints.create_item),
    ("createView",): ("POST", server_endpoints.create_view),
    ("config.xml",): ("", _config),
    ("doDelete",): ("POST", item_endpoints.delete),
    ("enable",): ("POST", item_endpoints.switch),
    ("disable",): ("POST", item_endpoints.switch),
    ("confirmRename",): ("POST", item_endpoints.rename),
    ("doRename",): ("POST", item_endpoints.rename),
    ("move", "move"): ("POST", item_endpoints.move),
    ("build",): ("POST", build_endpoints.build),
    ("buildWithParameters",): ("POST", build_endpoints.build_with_parameters),
    ("nextbuildnumber", "submit"): ("POST", build_endpoints.next_number),
    ("api", "json"): ("", lambda call: call.json(call.item)),
}
_OF_ROOT: dict[tuple[str, ...], tuple[str, Endpoint]] = {
    ("crumbIssuer", "api", "json"): ("", server_endpoints.crumb),
    ("me", "api", "json"): ("", server_endpoints.me),
    ("whoAmI", "api", "json"): ("", server_endpoints.who_am_i),
    ("pluginManager", "api", "json"): ("", server_endpoints.plugin_list),
    ("quietDown",): ("POST", server_endpoints.quiet_down),
    ("cancelQuietDown",): ("POST", server_endpoints.quiet_down),
    (_VALIDATOR, "validate"): ("POST", server_endpoints.validate),
    (_VALIDATOR, "validateJenkinsfile"): ("POST", server_endpoints.validate),
}


def answer(controller: Controller, request: Request) -> tuple[Identity, Response]:
    """Handles one request; takes the controller's lock."""
    with controller.lock:
        controller.executors.start_due()
        if request.segments[:1] in {("login",), ("static",)}:
            return Identity(), pages.login()
        try:
            who = controller.access.identify(request)
        except WrongCredentialsError:
            return Identity(), pages.container_error(401, "Unauthorized", request.path)
        if not who.name:
            return who, pages.login_needed(request.target)
        refused = _refusal(controller, request, who)
        return who, refused or _routed(controller, request, who)


def located(controller: Controller, segments: tuple[str, ...]) -> tuple[Item | None, tuple[str, ...]]:
    """The item that a path names, and what follows; None when there is no such item."""
    item, rest = controller.root, segments
    while len(rest) > 1 and rest[0] == "job":
        child = item.children.get(rest[1])
        if child is None:
            return None, rest
        item, rest = child, rest[2:]
    return item, rest


def _refusal(controller: Controller, request: Request, who: Identity) -> Response | None:
    """The crumb, then the right to write; the validator needs neither."""
    if request.method in _READING or request.segments[:1] == (_VALIDATOR,):
        return None
    if not who.by_token and not controller.access.crumb_fits(request, who):
        return pages.container_error(403, "No valid crumb was included in the request", request.path)
    if not controller.access.accounts[who.name].may_write:
        return pages.forbidden(who.name, "Job/Configure")
    return None


def _routed(controller: Controller, request: Request, who: Identity) -> Response:
    item, rest = located(controller, request.segments)
    if item is None:
        return pages.not_found()
    account: Account = controller.access.accounts[who.name]
    call = Call(controller, request, who, account, item, rest)
    if request.method == "DELETE":
        return item_endpoints.delete(call) if not rest else pages.not_found()
    found = _OF_ITEM.get(rest) or (_OF_ROOT.get(rest) if item.parent is None else None)
    if found is None:
        return _by_prefix(call)
    method, endpoint = found
    if method and request.method != method:
        return pages.wrong_method()
    return endpoint(call) if _has(item, rest) else pages.not_found()


def _has(item: Item, rest: tuple[str, ...]) -> bool:
    """Whether this kind of item has such an endpoint at all."""
    if rest == ("createItem",):
        return item.kind.takes_items
    if rest[0] in {"api", *_GROUPS_ONLY}:
        return item.kind.is_group or rest[0] == "api"
    return item.parent is not None or rest in _OF_ROOT


def _by_prefix(call: Call) -> Response:
    """Paths with a name in the middle: pages, views, credentials, the queue, builds."""
    rest = call.rest
    if not rest or rest == ("configure",):
        return pages.page(call.item.path or "Dashboard")
    if rest[0] == "view" and len(rest) > 1 and call.item.kind.is_group:
        return server_endpoints.of_view(call)
    if rest[0] == "credentials" and call.item.kind.is_group:
        return server_endpoints.credentials(call)
    if rest[0] == "queue" and call.item.parent is None:
        return build_endpoints.queue(call)
    return build_endpoints.of_build(call) if call.item.kind.is_job else pages.not_found()
