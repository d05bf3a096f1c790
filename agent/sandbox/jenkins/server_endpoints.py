"""What belongs to the controller and not to an item: crumbs, users, plugins, credentials, views, the validator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.sandbox.jenkins import pages, validation
from agent.sandbox.jenkins.access import COOKIE, CRUMB
from agent.sandbox.jenkins.http import XML_TYPES, Response, empty, plain_json, redirect, text_answer, xml_answer
from agent.sandbox.jenkins.models import listed_view
from agent.sandbox.jenkins.names import NameRefusedError, check_name
from agent.sandbox.jenkins.remote import Listed
from agent.sandbox.jenkins.views import View, view_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.sandbox.jenkins.endpoint import Call


def crumb(call: Call) -> Response:
    """GET crumbIssuer/api/json: opens a session when none came along, and binds the crumb to it."""
    access = call.jenkins.access
    session = call.who.session or access.open_session(call.who)
    values = {"crumb": access.crumb(call.who.name, session), "crumbRequestField": CRUMB}
    answer = call.json(Listed("hudson.security.csrf.DefaultCrumbIssuer", values))
    if call.who.session:
        return answer
    cookie = f"{COOKIE}={session}; Path=/; HttpOnly"
    return Response(answer.status, answer.body, {**answer.headers, "Set-Cookie": cookie})


def me(call: Call) -> Response:
    """GET me/api/json."""
    name = call.who.name
    values: dict[str, object] = {
        "absoluteUrl": f"{call.jenkins.url}user/{name}",
        "description": None,
        "fullName": name,
        "id": name,
        "property": [],
    }
    return call.json(Listed("hudson.model.User", values))


def who_am_i(call: Call) -> Response:
    """GET whoAmI/api/json."""
    values = {
        "anonymous": not call.who.name,
        "authenticated": bool(call.who.name),
        "authorities": ["authenticated"],
        "name": call.who.name or "anonymous",
    }
    return call.json(Listed("hudson.security.WhoAmI", values))


def plugin_list(call: Call) -> Response:
    """GET pluginManager/api/json: needs Overall/SystemRead, which a job's token often lacks."""
    if call.jenkins.plugins_hidden or not call.account.may_administer:
        return pages.forbidden(call.who.name, "Overall/SystemRead")
    return call.json(Listed("hudson.LocalPluginManager", {"plugins": list(call.jenkins.plugins.values())}))


def credentials(call: Call) -> Response:
    """GET credentials/store/{system,folder}/domain/_/... of the root or of a folder."""
    match call.rest:
        case ("credentials", "store", store, "domain", domain, *tail):
            pass
        case _:
            return pages.not_found()
    if store != ("system" if call.item.parent is None else "folder"):
        return pages.not_found()
    if store == "system" and not call.account.may_administer:
        return pages.forbidden(call.who.name, "Credentials/View")
    held = [credential for credential in call.item.credentials if credential.domain == domain]
    match tail:
        case ["api", "json"]:
            values = {"credentials": held, "global": domain == "_", "urlName": domain}
            prefix = "com.cloudbees.plugins.credentials.CredentialsStoreAction$DomainWrapper"
            return call.json(Listed(prefix, values))
        case ["credential", wanted, "api", "json"]:
            found = next((credential for credential in held if credential.id == wanted), None)
            return pages.not_found() if found is None else call.json(found)
        case _:
            return pages.not_found()


def create_view(call: Call) -> Response:
    """POST createView?name=X with a view's XML."""
    if call.request.content_type not in XML_TYPES:
        return pages.failure("No view type is specified")
    try:
        name = check_name(call.parameters.get("name", ""))
    except NameRefusedError as refused:
        return pages.failure(str(refused))
    if name in call.item.views or name == "all":
        return pages.failure(f'A view already exists with the name "{name}"')
    try:
        call.item.views[name] = View(name, view_config(call.xml))
    except ValueError:
        return pages.oops()
    call.jenkins.save_group(call.item)
    return empty()


def of_view(call: Call) -> Response:
    """Everything below `/view/x/`."""
    name, tail = call.rest[1], call.rest[2:]
    if name == "all" and tail == ("api", "json"):
        return call.json(call.item)
    view, endpoint = call.item.views.get(name), _OF_VIEW.get(tail)
    if view is None or endpoint is None:
        return pages.not_found()
    return endpoint(call, view)


def validate(call: Call) -> Response:
    """POST pipeline-model-converter/validate (text) and validateJenkinsfile (JSON): 200 whatever is found."""
    text = call.parameters.get("jenkinsfile", "")
    if call.rest[1] == "validate":
        return text_answer(validation.as_text(text))
    return plain_json({"status": "ok", "data": validation.as_data(text)})


def quiet_down(call: Call) -> Response:
    """POST quietDown and cancelQuietDown."""
    call.jenkins.quieting_down = call.rest == ("quietDown",)
    return redirect("/")


def _view_page(_call: Call, view: View) -> Response:
    return pages.page(view.name)


def _view_json(call: Call, view: View) -> Response:
    return call.json(listed_view(call.jenkins, call.item, view))


def _view_jobs(call: Call, view: View) -> Response:
    name = call.parameters.get("name", "")
    if name not in call.item.children:
        return pages.failure(f"Query parameter 'name' does not correspond to a known item: {name}")
    view.show(name, shown=call.rest[2] == "addJobToView")
    call.jenkins.save_group(call.item)
    return empty()


def _delete_view(call: Call, view: View) -> Response:
    del call.item.views[view.name]
    call.jenkins.save_group(call.item)
    return redirect(call.item.url)


def _view_config(call: Call, view: View) -> Response:
    if call.request.method == "GET":
        return xml_answer(view.config)
    try:
        view.config = view_config(call.xml)
    except ValueError:
        return pages.oops()
    call.jenkins.save_group(call.item)
    return empty()


_OF_VIEW: dict[tuple[str, ...], Callable[[Call, View], Response]] = {
    (): _view_page,
    ("api", "json"): _view_json,
    ("config.xml",): _view_config,
    ("addJobToView",): _view_jobs,
    ("removeJobFromView",): _view_jobs,
    ("doDelete",): _delete_view,
}
