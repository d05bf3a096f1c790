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

TOO_DEEP = f"nested deeper than {DEEPEST} levels"

_HARMLESS = 400


class _Untagged:
    """What PyYAML's composers ask while they compose; nodes stay untagged, agent.spec.nodes resolves them."""

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """One level down."""

    def ascend_resolver(self) -> None:
        """One level up."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """No tag: plain text is resolved later, as YAML 1.2 does."""
        del kind, value, implicit
        return ""


class _Limited(_Untagged):
    """Counts levels, at the cost of two calls a node."""

    depth = 0

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """One level down, and no further than DEEPEST."""
        del index
        self.depth += 1
        if self.depth > DEEPEST:
            mark = parent.start_mark if parent is not None else None
            raise yaml.composer.ComposerError(None, None, TOO_DEEP, mark)

    def ascend_resolver(self) -> None:
        """One level up."""
        self.depth -= 1


class _PureComposer(_Limited, Reader, Scanner, Parser, Composer):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)


def _composers() -> tuple[type[Any], type[Any]]:
    """What composes files that can't be deep, and what composes all others."""
    try:
        from yaml._yaml import CParser
    except ImportError:  # PyYAML without libyaml: the same nodes, twenty times slower
        return _PureComposer, _PureComposer

    class FastComposer(CParser):
        resolve = _Untagged.resolve
        descend_resolver = _Untagged.descend_resolver
        ascend_resolver = _Untagged.ascend_resolver

    class LimitedComposer(_Limited, CParser):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)

    return FastComposer, LimitedComposer


_SHALLOW, _ANY = _composers()


def compose(text: str, *, pure: bool = False) -> yaml.Node | None:
    """The root node of a text with one document; None when there is none.

    Args:
        text: of the file.
        pure: without libyaml.

    Raises:
        yaml.MarkedYAMLError: it is not YAML, not one document, or nested too deeply.
    """
    stream = (_PureComposer if pure else _SHALLOW if _is_shallow(text) else _ANY)(text)
    try:
        node: yaml.Node | None = stream.get_single_node()
    finally:
        stream.dispose()
    return node


def _is_shallow(text: str) -> bool:
    """Whether the text can't be deep enough to hurt: flow levels need a bracket each, block levels half a column."""
    return text.count("[") + text.count("{") < _HARMLESS and max(map(len, text.splitlines()), default=0) < _HARMLESS
