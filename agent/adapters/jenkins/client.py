"""JenkinsServer: the port of `agent.operations.jobs` over Jenkins' remote API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from agent.adapters.jenkins.answers import Answer, leads_to_item, not_data, refusal
from agent.adapters.jenkins.connection import Connection
from agent.adapters.jenkins.transport import Transport
from agent.errors import InvalidObjectError, NotFoundError, UsageError
from agent.jobs import names
from agent.jobs.definition import Kind
from agent.jobs.inventory import Inventory, Item

_XML = "text/xml; charset=utf-8"
_FIELDS = "fullName,description,_class"
_COMPUTED = frozenset({Kind.MULTIBRANCH.value, "jenkins.branch.OrganizationFolder"})


class JenkinsServer:
    """One controller as one user, for any number of threads.

    Args:
        connection: which one, as whom.
        pause: waits between two attempts of a request.
        notice: hears the status of every answer that makes a retry, 0 for none.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        pause: Callable[[float], None] | None = None,
        notice: Callable[[int], None] | None = None,
    ) -> None:
        self._stop = threading.Event()
        self.notice: Callable[[int], None] = notice or (lambda _status: None)
        self._transport = Transport(connection, pause=pause or self._pause, notice=self._noticed)
        self._connection = connection

    @property
    def url(self) -> str:
        """The controller's URL, without a final slash."""
        return self._connection.url

    def hurry(self) -> None:
        """Cuts every pause between attempts short: the process was told to stop."""
        self._stop.set()

    def _noticed(self, status: int) -> None:
        self.notice(status)

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)

    def inventory(self, levels: int) -> Inventory:
        """Every item down to that many levels, with its marker, in one request.

        What stands below a multibranch job or an organisation folder is theirs and left out.
        """
        tree = ""
        for _ in range(max(1, levels)):
            tree = f"jobs[{_FIELDS}{',' + tree if tree else ''}]"
        what = "the list of jobs not read"
        answer = self._transport.send("GET", "/api/json", what=what, parameters={"tree": tree})
        return Inventory.of(_items(self._data(answer, what).get("jobs")), levels)

    def read(self, full_name: str) -> str | None:
        """The config.xml, byte for byte; None where there is no such item."""
        what = f"config.xml of '{full_name}' not read"
        try:
            answer = self._send("GET", full_name, "/config.xml", what)
        except NotFoundError:
            return None
        if answer.is_html:
            raise not_data(answer, what)
        return answer.text

    def create(self, full_name: str, config_xml: str) -> None:
        """Creates a job or folder in a folder that is there.

        Raises:
            StaleWriteError: there is one of that name already.
        """
        what = f"'{full_name}' not created"
        _path(full_name)  # refuses the name itself, which travels as a parameter
        name = {"name": names.last(full_name)}
        self._send("POST", names.parent(full_name), "/createItem", what, parameters=name, data=config_xml)

    def update(self, full_name: str, config_xml: str) -> None:
        """Replaces the config.xml."""
        self._send("POST", full_name, "/config.xml", f"'{full_name}' not updated", data=config_xml)

    def delete(self, full_name: str) -> None:
        """Deletes an item with its builds; one that is gone already is no error."""
        try:
            self._send("DELETE", full_name, "/", f"'{full_name}' not deleted")
        except NotFoundError:
            return

    def rename(self, full_name: str, new_name: str) -> None:
        """Gives an item another name in its folder; builds stay."""
        what = f"'{full_name}' not renamed to '{new_name}'"
        self._send("POST", full_name, "/confirmRename", what, form={"newName": new_name}, expected=(302,))

    def move(self, full_name: str, folder: str) -> None:
        """Moves an item into another folder (empty: the top); builds stay."""
        what = f"'{full_name}' not moved to '{folder or '/'}'"
        self._send("POST", full_name, "/move/move", what, form={"destination": f"/{folder}"}, expected=(302,))

    def plugins(self) -> dict[str, str]:
        """Version by short name, of all active plugins.

        Raises:
            ForbiddenError: the list is for administrators, and this user is none.
        """
        what = "the list of plugins not read"
        tree = {"tree": "plugins[shortName,version,active]"}
        answer = self._transport.send("GET", "/pluginManager/api/json", what=what, parameters=tree)
        found = self._data(answer, what).get("plugins")
        return {str(one.get("shortName")): str(one.get("version")) for one in _objects(found) if one.get("active")}

    def credentials(self, folder: str) -> frozenset[str]:
        """Ids in the global domain of a folder's store (empty: the system's); never what they hold."""
        what = f"credentials of '{folder or 'the system'}' not listed"
        store = "folder" if folder else "system"
        path = f"{_path(folder)}/credentials/store/{store}/domain/_/api/json"
        answer = self._transport.send("GET", path, what=what, parameters={"tree": "credentials[id]"})
        found = self._data(answer, what).get("credentials")
        return frozenset(str(one.get("id")) for one in _objects(found))

    def save(self, full_name: str) -> None:
        """Makes Jenkins save an item: it is switched off."""
        self._send("POST", full_name, "/disable", f"'{full_name}' not saved", form={}, expected=(302,))

    def read_view(self, folder: str, name: str) -> str | None:
        """The config.xml of a view; None where there is none."""
        try:
            return self._send("GET", folder, _view(name, "/config.xml"), f"view '{name}' not read").text
        except NotFoundError:
            return None

    def create_view(self, folder: str, name: str, config_xml: str) -> None:
        """Creates a view in a folder."""
        _view(name, "")  # refuses the name itself, which travels as a parameter
        what, parameters = f"view '{name}' not created", {"name": name}
        self._send("POST", folder, "/createView", what, parameters=parameters, data=config_xml)

    def update_view(self, folder: str, name: str, config_xml: str) -> None:
        """Replaces the config.xml of a view."""
        self._send("POST", folder, _view(name, "/config.xml"), f"view '{name}' not updated", data=config_xml)

    def _send(
        self,
        method: str,
        full_name: str,
        suffix: str,
        what: str,
        *,
        parameters: Mapping[str, str] | None = None,
        data: str | None = None,
        form: Mapping[str, str] | None = None,
        expected: tuple[int, ...] = (),
    ) -> Answer:
        answer = self._transport.send(
            method,
            _path(full_name) + suffix,
            what=what,
            parameters=parameters,
            data=form if data is None else data.encode(),
            content_type=_XML if data is not None else "",
        )
        status = answer.status
        done = status in expected and leads_to_item(answer.header("location"))
        if done or 200 <= status < 300:  # noqa: PLR2004
            if status == 200 and method == "POST" and answer.is_html and data is not None:  # noqa: PLR2004
                raise not_data(answer, what)
            return answer
        raise self._refusal(answer, what, writes=data is not None)

    def _refusal(self, answer: Answer, what: str, *, writes: bool = False) -> Exception:
        connection = self._connection
        return refusal(answer, what, base=connection.url, user=connection.user, writes=writes)

    def _data(self, answer: Answer, what: str) -> dict[str, Any]:
        if answer.status != 200:  # noqa: PLR2004
            raise self._refusal(answer, what)
        try:
            found = json.loads(answer.text)
        except (ValueError, RecursionError) as problem:
            raise not_data(answer, what) from problem
        if not isinstance(found, dict):
            raise InvalidObjectError(f"{what}: the answer is no object")
        return found


def _path(full_name: str) -> str:
    """`/job/a/job/b`; names that core refuses never get into a URL, where `..` would mean another item.

    Raises:
        UsageError: Jenkins refuses one of the names.
    """
    if not full_name:
        return ""
    if problem := names.full_name_complaint(full_name):
        raise UsageError(f"nothing was sent: Jenkins refuses the name '{full_name}': {problem}")
    return "".join(f"/job/{quote(name, safe='')}" for name in full_name.split("/"))


def _view(name: str, suffix: str) -> str:
    if problem := names.complaint(name):
        raise UsageError(f"nothing was sent: Jenkins refuses the view's name '{name}': {problem}")
    return f"/view/{quote(name, safe='')}{suffix}"


def _items(listed: object) -> Iterator[Item]:
    for one in _objects(listed):
        class_name = str(one.get("_class") or "")
        description = one.get("description")
        yield Item.listed(
            str(one.get("fullName") or ""), class_name, description if isinstance(description, str) else ""
        )
        if class_name not in _COMPUTED:
            yield from _items(one.get("jobs"))


def _objects(listed: object) -> list[dict[str, Any]]:
    """The objects of a list, whatever else a server puts there."""
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
