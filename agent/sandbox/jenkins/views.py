"""List views: a name, a config.xml, and which jobs it shows."""

from __future__ import annotations

from dataclasses import dataclass

from agent.sandbox.jenkins.xmltext import Node, parse, received

ROOTS = {"hudson.model.ListView", "hudson.model.AllView", "hudson.model.MyView"}
_DECLARATION = '<?xml version="1.1" encoding="UTF-8"?>'


@dataclass(eq=False)
class View:
    """One view of a group.

    Args:
        name: unique in its group.
        config: its config.xml.
    """

    name: str
    config: str

    @property
    def tree(self) -> Node:
        """The config.xml, parsed anew."""
        return parse(self.config)

    @property
    def class_name(self) -> str:
        """The class of the view."""
        return self.tree.tag

    @property
    def job_names(self) -> list[str]:
        """What stands in its list, sorted, whether it exists or not."""
        names = self.tree.find("jobNames")
        return sorted(node.text for node in names.children if node.tag == "string") if names else []

    @property
    def description(self) -> str | None:
        """What people wrote."""
        return self.tree.value("description")

    def show(self, name: str, *, shown: bool) -> None:
        """Adds a job to the list, or takes it out."""
        names = sorted({*self.job_names, name} if shown else set(self.job_names) - {name})
        root = self.tree
        listed = root.find("jobNames")
        if listed is None:
            listed = Node("jobNames")
            root.children.append(listed)
        comparator = [child for child in listed.children if child.tag == "comparator"]
        listed.children = [*comparator, *(Node("string", text=text) for text in names)]
        self.config = plain(root)


def view_config(text: str) -> str:
    """The text to store for a view that was posted.

    Raises:
        ValueError: malformed, or no view.
    """
    outline = received(text)
    if outline.root not in ROOTS:
        raise ValueError(f"no such view: {outline.root}")
    return outline.text


def plain(root: Node) -> str:
    """The text of a view's tree: views carry no plugin attributes."""
    from xml.sax.saxutils import escape, quoteattr

    def write(node: Node, depth: int) -> str:
        indent = "  " * depth
        start = node.tag + "".join(f" {name}={quoteattr(value)}" for name, value in node.attributes.items())
        if node.children:
            inside = "\n".join(write(child, depth + 1) for child in node.children)
            return f"{indent}<{start}>\n{inside}\n{indent}</{node.tag}>"
        return f"{indent}<{start}>{escape(node.text)}</{node.tag}>" if node.text else f"{indent}<{start}/>"

    return f"{_DECLARATION}{write(root, 0)}"
