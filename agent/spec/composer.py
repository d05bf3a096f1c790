"""YAML text into nodes: libyaml's parser where PyYAML was built with it, else the pure one; both with a depth limit."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import Composer
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

DEEPEST = 60
"""Levels of mappings and lists inside each other; libyaml's composer recurses in C and would end the process."""


class _Depth:
    """The hooks that PyYAML's composers call; nodes stay untagged, agent.spec.source resolves them."""

    def __init__(self) -> None:
        self.depth = 0

    def descend_resolver(self, parent: Any, index: Any) -> None:  # noqa: ARG002 - PyYAML's signature
        """One level down."""
        self.depth += 1
        if self.depth > DEEPEST:
            mark = parent.start_mark if parent is not None else None
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {DEEPEST} levels", mark)

    def ascend_resolver(self) -> None:
        """One level up."""
        self.depth -= 1

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:  # noqa: ARG002 - PyYAML's signature
        """No tag: plain text is resolved later, as YAML 1.2 does."""
        return ""


class _PureComposer(_Depth, Reader, Scanner, Parser, Composer):
    def __init__(self, text: str) -> None:
        _Depth.__init__(self)
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


def _composers() -> tuple[type[Any], ...]:
    try:
        from yaml._yaml import CParser
    except ImportError:  # PyYAML without libyaml: the same nodes, twenty times slower
        return (_PureComposer,)

    class FastComposer(_Depth, CParser):
        def __init__(self, text: str) -> None:
            _Depth.__init__(self)
            CParser.__init__(self, text)

    return FastComposer, _PureComposer


COMPOSERS = _composers()
"""What can compose here, the fastest first."""


def compose(text: str, composer: type[Any] | None = None) -> yaml.Node | None:
    """The root node of a text with one document; None when there is none.

    Args:
        text: of the file.
        composer: one of COMPOSERS; default: the fastest.

    Raises:
        yaml.MarkedYAMLError: it is not YAML, not one document, or nested too deeply.
    """
    stream = (composer or COMPOSERS[0])(text)
    try:
        node: yaml.Node | None = stream.get_single_node()
    finally:
        stream.dispose()
    return node
