"""XML text in and out: escaping that refuses what XML can't carry, and reading that trusts no server.

Jenkins writes XML 1.1, which expat doesn't know: the declaration is taken off, and references to the control characters
that only 1.1 allows are kept as private characters until they are written again. A document type is refused (no
entities, no files), and so is a document that is huge or nested beyond reason.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError, XMLParser, tostring

from agent.errors import HeadwayError, InvalidObjectError

DECLARATION = "<?xml version='1.1' encoding='UTF-8'?>\n"
LARGEST = 16 * 1024 * 1024
DEEPEST = 100

_PRIVATE = 0x10FE00
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_ORDINARY = bytes(range(0x20, 0x7F)) + b"\t\n"
_LINE_ENDS_OF_1_1 = {"\x85": "&#x85;", "\u2028": "&#x2028;"}
_PROLOG = re.compile(r"\s*(?:<\?xml[^>]*\?>)?(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_CONTROL_REFERENCE = re.compile(r"&#(?:x0*([0-9a-fA-F]{1,2})|0*([0-9]{1,3}));")


class UnwritableError(HeadwayError):
    """A text has a character that no config.xml can carry; the message names it and where it stands."""


def escaped(text: str) -> str:
    """Text for between two tags.

    Raises:
        UnwritableError: XML has no way to write one of its characters, or a carriage return would be lost.
    """
    # Most text is ordinary, which is found ten times as fast as that nothing of it is refused.
    is_ordinary = text.isascii() and not text.encode().translate(None, _ORDINARY)
    if not is_ordinary and (found := _REFUSED.search(text)):
        line = text.count("\n", 0, found.start()) + 1
        raise UnwritableError(f"character U+{ord(found[0]):04X} in line {line}, which XML can't carry")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if is_ordinary else _with_line_ends(text)


def _with_line_ends(text: str) -> str:
    for char, reference in _LINE_ENDS_OF_1_1.items():
        text = text.replace(char, reference)
    return text


def read(text: str) -> Element:
    """The root element of a config.xml that came from a server.

    Raises:
        InvalidObjectError: it is not XML, has a document type, or is too large or too deep.
    """
    if len(text) > LARGEST:
        raise InvalidObjectError(f"config.xml not read: it has more than {LARGEST >> 20} MiB")
    prolog = _PROLOG.match(text)
    body = text[prolog.end() :] if prolog else text
    if body.startswith("<!"):
        raise InvalidObjectError("config.xml not read: it has a document type, which Jenkins never writes")
    parser = XMLParser(encoding="utf-8")  # noqa: S314  no document type gets here, so no entity does
    try:
        parser.feed(_CONTROL_REFERENCE.sub(_kept, body))
        root = parser.close()
    except (ParseError, ValueError) as problem:
        raise InvalidObjectError(f"config.xml not read: {problem}") from problem
    _check_depth(root)
    return root


def write(root: Element) -> str:
    """The document as Jenkins would store it: its own declaration, no final newline lost."""
    text = tostring(root, encoding="unicode")
    text = re.sub("[\U0010fe00-\U0010fe1f]", lambda found: f"&#x{ord(found[0]) - _PRIVATE:x};", text)
    return DECLARATION + _with_line_ends(text) + "\n"


def _kept(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else int(found[2])
    return chr(_PRIVATE + code) if 0 < code < 0x20 and code not in {9, 10, 13} else found[0]  # noqa: PLR2004


def _check_depth(root: Element) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise InvalidObjectError(f"config.xml not read: it is nested more than {DEEPEST} deep")
        level = [child for parent in level for child in parent]
