"""config.xml between the wire and the store: parsing, and the identity transform that a POST goes through.

Right after a POST the text comes back almost as sent: a declaration with double quotes and nothing after it,
`<a></a>` as `<a/>`, `&quot;` and `&apos;` in text as plain characters, CRLF as LF, no final newline; comments, CDATA,
indentation and unknown elements are kept (recorded exchanges 17, 26, 47). Limits: no DTD is echoed, external entities
are empty, and control characters that only XML 1.1 allows are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterator


class MalformedError(ValueError):
    """The text is no well-formed XML."""


@dataclass(slots=True)
class Node:
    """An element: what the sandbox reads and what a save writes.

    Args:
        tag: its name.
        attributes: in the order in which they stand.
        text: the character data, CDATA included, of an element without child elements.
        children: the child elements; comments and white space between them are gone.
    """

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def find(self, *path: str) -> Node | None:
        """The first element under this path of names."""
        node: Node | None = self
        for tag in path:
            node = next((child for child in node.children if child.tag == tag), None) if node else None
        return node

    def value(self, *path: str) -> str | None:
        """The text of the first element under this path; None when there is none."""
        node = self.find(*path)
        return None if node is None else node.text

    @property
    def class_name(self) -> str:
        """The class that XStream would make: the `class` attribute, else the element's name."""
        return self.attributes.get("class", self.tag)

    def each(self) -> Iterator[Node]:
        """This element and all below, in document order."""
        yield self
        for child in self.children:
            yield from child.each()


@dataclass(frozen=True, slots=True)
class Outline:
    """What every request needs to know of a config.xml without building a tree of it."""

    text: str
    root: str
    description: str | None
    disabled: bool
    display_name: str | None


def parse(text: str) -> Node:
    """The tree of a config.xml.

    Raises:
        MalformedError: it is not well-formed.
    """
    top = Node("")
    stack = [top]
    pieces: list[list[str]] = [[]]

    def start(tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag, attributes)
        stack[-1].children.append(node)
        stack.append(node)
        pieces.append([])

    def end(_tag: str) -> None:
        node, own = stack.pop(), pieces.pop()
        if not node.children:
            node.text = "".join(own)

    def characters(data: str) -> None:
        pieces[-1].append(data)

    parser = _parser()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    _run(parser, text)
    return top.children[0]


def received(text: str) -> Outline:
    """What is stored for a text that was posted: the identity transform, and the facts that listings need.

    Raises:
        MalformedError: it is not well-formed.
    """
    writer = _IdentityWriter()
    parser = _parser()
    parser.XmlDeclHandler = writer.declaration
    parser.StartElementHandler = writer.start
    parser.EndElementHandler = writer.end
    parser.CharacterDataHandler = writer.data
    parser.CommentHandler = writer.comment
    parser.StartCdataSectionHandler = writer.cdata_start
    parser.EndCdataSectionHandler = writer.cdata_end
    parser.ProcessingInstructionHandler = writer.instruction
    _run(parser, text)
    facts = writer.facts
    return Outline(
        text=f'<?xml version="{writer.version}" encoding="UTF-8"?>{"".join(writer.out)}',
        root=writer.root,
        description=facts.get("description"),
        disabled=facts.get("disabled", "").strip() == "true",
        display_name=facts.get("displayName"),
    )


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True
    parser.ordered_attributes = False
    return parser


def _run(parser: expat.XMLParserType, text: str) -> None:
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)  # noqa: FBT003
    except (expat.ExpatError, UnicodeError) as wrong:
        raise MalformedError(str(wrong)) from wrong


class _IdentityWriter:
    """Writes what it reads, as the JDK's identity transform does."""

    def __init__(self) -> None:
        self.version = "1.0"
        self.root = ""
        self.out: list[str] = []
        self.facts: dict[str, str] = {}
        self._depth = 0
        self._open = False
        self._cdata = False
        self._fact = ""

    def declaration(self, version: str, _encoding: str | None, _standalone: int) -> None:
        self.version = version

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._close_start()
        self._depth += 1
        if self._depth == 1:
            self.root = tag
        elif self._depth == 2 and tag in {"description", "disabled", "displayName"}:  # noqa: PLR2004
            self._fact = tag
            self.facts[tag] = ""
        written = "".join(f' {name}="{_attribute(value)}"' for name, value in attributes.items())
        self.out.append(f"<{tag}{written}")
        self._open = True

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._fact = ""
        if self._open:
            self.out.append("/>")
            self._open = False
        else:
            self.out.append(f"</{tag}>")

    def data(self, data: str) -> None:
        self._close_start()
        if self._fact:
            self.facts[self._fact] += data
        self.out.append(data if self._cdata else _text(data))

    def comment(self, data: str) -> None:
        self._close_start()
        self.out.append(f"<!--{data}-->")

    def instruction(self, target: str, data: str) -> None:
        self._close_start()
        self.out.append(f"<?{target} {data}?>")

    def cdata_start(self) -> None:
        self._close_start()
        self._cdata = True
        self.out.append("<![CDATA[")

    def cdata_end(self) -> None:
        self._cdata = False
        self.out.append("]]>")

    def _close_start(self) -> None:
        if self._open:
            self.out.append(">")
            self._open = False


def _text(data: str) -> str:
    return data.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _attribute(value: str) -> str:
    plain = _text(value).replace('"', "&quot;")
    return plain.replace("\n", "&#10;").replace("\t", "&#9;")
