"""What a folder keeps inside its own config.xml: its views and its credentials.

Both are lost when somebody posts a config.xml without them, as on a real Jenkins: a folder that others use has to be
merged into, never replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.sandbox.jenkins.credentials import Credential
from agent.sandbox.jenkins.views import View, plain
from agent.sandbox.jenkins.xmltext import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FOLDER = "com.cloudbees.hudson.plugins.folder."
_HELD = f"{_FOLDER}properties.FolderCredentialsProvider_-FolderCredentialsProperty"
_LIST = "hudson.model.ListView"
_SHELL = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl"


def views_in(root: Node) -> dict[str, View]:
    """The list views that stand in a folder's config.xml, by name."""
    held = root.find("folderViews", "views")
    found = [node for node in held.children if node.tag == _LIST] if held else []
    named = {node.value("name") or "": node for node in found}
    return {name: View(name, plain(_without_owner(node))) for name, node in named.items()}


def credentials_in(root: Node) -> list[Credential]:
    """The credentials that stand in a folder's config.xml."""
    held = root.find("properties", _HELD)
    found = [node for node in held.each() if node.find("id")] if held else []
    return [Credential(node.value("id") or "", node.value("description") or "Secret text") for node in found]


def put(root: Node, views: Mapping[str, View], credentials: Iterable[Credential]) -> None:
    """Writes views and credentials into a folder's tree."""
    _put_views(_under(root, "folderViews", {"class": f"{_FOLDER}views.DefaultFolderViewHolder"}), views)
    properties = _under(root, "properties")
    properties.children = [node for node in properties.children if node.tag != _HELD]
    listed = [
        Node(_SHELL, {"plugin": "plain-credentials"}, children=[_leaf("id", each.id), _leaf("description", each.kind)])
        for each in credentials
    ]
    if listed:
        properties.children.append(Node(_HELD, children=[Node("domainCredentialsMap", children=[_entry(listed)])]))


def _put_views(holder: Node, views: Mapping[str, View]) -> None:
    held = _under(holder, "views")
    kept = [node for node in held.children if node.tag != _LIST]
    if not kept:
        kept = [Node("hudson.model.AllView", children=[_owner(), _leaf("name", "all")])]
    held.children = [*kept, *(_embedded(view) for view in views.values())]
    _under(holder, "tabBar", {"class": "hudson.views.DefaultViewsTabBar"})


def _embedded(view: View) -> Node:
    root = _without_owner(view.tree)
    root.children = [node for node in root.children if node.tag != "name"]
    root.children[:0] = [_owner(), _leaf("name", view.name)]
    return root


def _without_owner(root: Node) -> Node:
    root.children = [node for node in root.children if node.tag != "owner"]
    return root


def _owner() -> Node:
    return Node("owner", {"class": f"{_FOLDER}Folder", "reference": "../../../.."})


def _entry(listed: list[Node]) -> Node:
    domain = Node("com.cloudbees.plugins.credentials.domains.Domain", children=[Node("specifications")])
    return Node("entry", children=[domain, Node("java.util.concurrent.CopyOnWriteArrayList", children=listed)])


def _leaf(tag: str, text: str) -> Node:
    return Node(tag, text=text)


def _under(parent: Node, tag: str, attributes: Mapping[str, str] | None = None) -> Node:
    """The child of this name; made, with these attributes, when there is none."""
    child = parent.find(tag)
    if child is None:
        child = Node(tag, dict(attributes or {}))
        parent.children.append(child)
    return child
