"""Creating, reading, changing, moving and deleting items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.sandbox.jenkins import pages
from agent.sandbox.jenkins.http import XML_TYPES, Response, empty, redirect, xml_answer
from agent.sandbox.jenkins.names import LONGEST_NAME, NameRefusedError, check_name, quoted
from agent.sandbox.jenkins.store import (
    KINDS_BY_ROOT,
    Item,
    Kind,
    UnreadableItemError,
    create,
    find,
)

if TYPE_CHECKING:
    from agent.sandbox.jenkins.endpoint import Call


def create_item(call: Call) -> Response:
    """POST createItem: from XML, by `mode=copy`, or an empty one by `mode` (which python-jenkins does for folders)."""
    mode = call.parameters.get("mode", "")
    kind = call.request.content_type
    if not kind and mode != "copy":
        return pages.failure("No Content-Type header set")
    name = call.parameters.get("name")
    if name is None:
        return pages.failure("Query parameter 'name' is required")
    try:
        name = _free_name(call.item, name)
    except NameRefusedError as refused:
        return pages.failure(str(refused))
    if mode == "copy":
        return _copy(call, name)
    if kind in XML_TYPES:
        return _create_from_xml(call, name)
    return _create_by_mode(call, name, mode)


def read_config(call: Call) -> Response:
    """GET config.xml; HEAD is 400."""
    if call.request.method == "HEAD":
        return pages.container_error(400, "Bad Request", call.request.path)
    return xml_answer(call.item.config)


def update_config(call: Call) -> Response:
    """POST config.xml: 500 when it is malformed or of another type, and the old one stays."""
    try:
        call.item.config = call.xml
    except UnreadableItemError:
        return pages.oops()
    return empty()


def switch(call: Call) -> Response:
    """POST enable or disable: a save."""
    if not call.item.kind.can_be_disabled:
        return pages.not_found()
    call.jenkins.switch(call.item, disabled=call.rest == ("disable",))
    return redirect(call.item.url)


def delete(call: Call) -> Response:
    """POST doDelete answers 302 to the parent, DELETE 204."""
    parent = call.item.parent
    if parent is None:
        return pages.container_error(405, "Method Not Allowed", call.request.path)
    del parent.children[call.item.name]
    _rename_in_views(call, parent, call.item.name, "")
    return empty(204) if call.request.method == "DELETE" else redirect(parent.url)


def rename(call: Call) -> Response:
    """POST confirmRename or doRename: builds and numbers stay."""
    item, parent = call.item, call.item.parent
    if parent is None:
        return pages.not_found()
    try:
        name = _free_name(parent, call.parameters.get("newName", ""))
    except NameRefusedError as refused:
        return pages.failure(str(refused))
    if len(name) > LONGEST_NAME:
        return pages.oops()
    _rename_in_views(call, parent, item.name, name)
    del parent.children[item.name]
    item.name = name
    parent.children[name] = item
    return redirect(item.url.rstrip("/"))


def move(call: Call) -> Response:
    """POST move/move of cloudbees-folder: `destination=/shop/payments`; builds and numbers stay.

    A destination that is none (the item's own folder, a folder inside it, one that holds the name already, no folder at
    all) leads back to where the request came from, with 302 as well, and moves nothing.
    """
    item, destination = call.item, call.parameters.get("destination", "")
    group = find(call.jenkins.root, destination)
    back = redirect(call.request.headers.get("referer") or f"{item.url}move/")
    if not destination.startswith("/") or group is None or not group.kind.takes_items:
        return back
    if item.parent is None or item.name in group.children or _inside(group, item):
        return back
    del item.parent.children[item.name]
    item.parent = group
    group.children[item.name] = item
    return redirect(item.url)


def _rename_in_views(call: Call, group: Item, old: str, new: str) -> None:
    """Views list jobs by name: they follow a rename, and lose what is deleted."""
    showing = [view for view in group.views.values() if old in view.job_names]
    for view in showing:
        view.show(old, shown=False)
        if new:
            view.show(new, shown=True)
    if showing:
        call.jenkins.save_group(group)


def _inside(group: Item, item: Item) -> bool:
    above: Item | None = group
    while above is not None:
        if above is item:
            return True
        above = above.parent
    return False


def _free_name(group: Item, name: str) -> str:
    good = check_name(name)
    if good in group.children:
        raise NameRefusedError(f"A job already exists with the name {quoted(good)}")
    return good


def _create_from_xml(call: Call, name: str) -> Response:
    if len(name) > LONGEST_NAME:
        return pages.oops()
    try:
        create(call.item, name, call.xml)
    except UnreadableItemError:
        return pages.oops()
    return empty()


def _copy(call: Call, name: str) -> Response:
    given = call.parameters.get("from", "")
    if not given:
        return pages.failure("Specify which job to copy")
    start = call.jenkins.root if given.startswith("/") else call.item
    source = find(start, given)
    if source is None or source is call.jenkins.root:
        return pages.failure(f"No such job: {given}")
    copied = _copied(call.item, name, source)
    return redirect(f"{copied.url}configure")


def _copied(group: Item, name: str, source: Item) -> Item:
    copied = create(group, name, source.config)
    for child in source.ordered():
        _copied(copied, child.name, child)
    return copied


def _create_by_mode(call: Call, name: str, mode: str) -> Response:
    if not mode:
        return pages.failure("No mode given")
    roots = {kind.value: root for root, kind in KINDS_BY_ROOT.items() if kind is not Kind.ROOT}
    root = roots.get(mode) or (mode if mode in KINDS_BY_ROOT else "")
    if not root:
        return pages.failure(f"No item type {quoted(mode)} is known")
    if len(name) > LONGEST_NAME:
        return pages.oops()
    made = create(call.item, name, f"<{root}/>")
    call.jenkins.save(made)
    return redirect(f"{made.url}configure")
