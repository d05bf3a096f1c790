"""What a save by Jenkins makes of a config.xml: it reads the text into objects and writes the objects out again.

So the declaration becomes `<?xml version='1.1' encoding='UTF-8'?>` and a line end, comments and unknown elements are
gone, `'` and `"` are escaped, `plugin` names the installed version, defaults stand where nothing stood, and the whole
is indented anew (recorded exchanges 24 and 36).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.sandbox.jenkins.schema import SHAPES, Holds, Slot, owner_of
from agent.sandbox.jenkins.xmltext import Node, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

_DECLARATION = "<?xml version='1.1' encoding='UTF-8'?>\n"
_KEPT_ATTRIBUTES = ("class", "reference", "resolves-to", "serialization")
_NO_CONCURRENCY = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"


def saved(root: Node, versions: Mapping[str, str]) -> str:
    """The text that Jenkins writes for this tree.

    Args:
        root: as parsed from what was there before.
        versions: of the plugins that are active, by short name.
    """
    _migrate(root)
    writer = _Writer(versions)
    writer.item(root)
    return _DECLARATION + "\n".join(writer.lines)


def fragment(node: Node, versions: Mapping[str, str]) -> str:
    """One object as a save writes it; empty when nobody knows its class. Two objects are equal when these are."""
    writer = _Writer(versions)
    writer.known(node, "", 0)
    return "\n".join(writer.lines)


def _migrate(root: Node) -> None:
    """Turns the old `concurrentBuild` of a pipeline into its property, as loading does."""
    old = root.value("concurrentBuild")
    properties = root.find("properties")
    if root.tag == "flow-definition" and old == "false":
        if properties is None:
            properties = Node("properties")
            root.children.append(properties)
        if properties.find(_NO_CONCURRENCY) is None:
            properties.children.append(Node(_NO_CONCURRENCY))


@dataclass(slots=True)
class _Writer:
    versions: Mapping[str, str]
    lines: list[str] = field(default_factory=list)

    def item(self, root: Node) -> None:
        shape = SHAPES[root.tag]
        self._element(root, shape.slots, shape.plugin, owner="", depth=0)

    def _element(self, node: Node, slots: tuple[Slot, ...], plugin: str, owner: str, depth: int) -> None:
        """An object whose class is known: its fields, in their order."""
        start = self._start(node, plugin, owner)
        at = len(self.lines)
        self.lines.append("")
        for slot in slots:
            self._slot(node.find(slot.name), slot, plugin or owner, depth + 1)
        self._enclose(at, start, node.tag, depth)

    def _slot(self, node: Node | None, slot: Slot, owner: str, depth: int) -> None:
        if node is None:
            if slot.default is None:
                return
            fallback = parse(slot.default) if slot.default.startswith("<") else Node(slot.name, text=slot.default)
            node = fallback
        match slot.holds:
            case Holds.TEXT:
                self._leaf(node, node.text, depth)
            case Holds.BOOLEAN:
                self._leaf(node, "true" if node.text.strip().lower() == "true" else "false", depth)
            case Holds.NUMBER:
                self._leaf(node, node.text.strip(), depth)
            case Holds.OBJECT | Holds.ANYTHING:
                self.known(node, owner, depth, free=slot.holds is Holds.ANYTHING)
            case Holds.LIST:
                self._list(node, owner, depth)

    def _list(self, node: Node, owner: str, depth: int) -> None:
        at = len(self.lines)
        self.lines.append("")
        for child in node.children:
            self.known(child, owner, depth + 1)
        self._enclose(at, self._start(node, "", owner), node.tag, depth)

    def known(self, node: Node, owner: str, depth: int, *, free: bool = False) -> None:
        """An object of whatever class it says; nothing at all when nobody knows the class.

        Args:
            node: the element.
            owner: the plugin of the object around it.
            depth: for the indentation.
            free: it stands in a field of a fixed name, so the element's name is no class.
        """
        class_name = node.attributes.get("class", "" if free else node.tag)
        named = node.attributes.get("plugin", "").partition("@")[0]
        plugin = owner_of(class_name) if class_name else named
        if plugin is None:
            plugin = named or None
        if plugin is None or (plugin and plugin not in self.versions):
            return
        shape = SHAPES.get(class_name)
        if "reference" in node.attributes:
            self.lines.append(f"{'  ' * depth}<{self._start(node, '', '')}/>")
        elif shape is not None:
            self._element(node, shape.slots, plugin, owner, depth)
        elif node.children:
            at = len(self.lines)
            self.lines.append("")
            for child in node.children:
                self.known(child, plugin or owner, depth + 1, free="." not in child.tag)
            self._enclose(at, self._start(node, plugin, owner), node.tag, depth)
        elif node.text.strip() or ("class" not in node.attributes and "." not in node.tag):
            self._leaf(node, node.text, depth)
        else:
            self.lines.append(f"{'  ' * depth}<{self._start(node, plugin, owner)}/>")

    def _leaf(self, node: Node, text: str, depth: int) -> None:
        self.lines.append(f"{'  ' * depth}<{self._start(node, '', '')}>{_escaped(text)}</{node.tag}>")

    def _start(self, node: Node, plugin: str, owner: str) -> str:
        kept = [(name, node.attributes[name]) for name in _KEPT_ATTRIBUTES if name in node.attributes]
        if plugin and plugin != owner:
            kept.append(("plugin", f"{plugin}@{self.versions.get(plugin, '')}"))
        return node.tag + "".join(f' {name}="{_escaped(value)}"' for name, value in kept)

    def _enclose(self, at: int, start: str, tag: str, depth: int) -> None:
        """Puts the tags around the lines from `at` on; without any, one empty element."""
        indent = "  " * depth
        if at == len(self.lines) - 1:
            self.lines[at] = f"{indent}<{start}/>"
            return
        self.lines[at] = f"{indent}<{start}>"
        self.lines.append(f"{indent}</{tag}>")


def _escaped(text: str) -> str:
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace('"', "&quot;").replace("'", "&apos;").replace("\r", "&#xd;")
