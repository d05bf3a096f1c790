"""Kubernetes YAML to plain JSON objects, each with the line it begins at; hostile files are refused.

PyYAML's safe loader speaks YAML 1.1 more loosely than kubectl does: `12:30` would become 750 and `2026-01-01` a date.
This reader keeps to what the API server takes (JSON), and bounds what aliases may blow up to.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any, ClassVar

import yaml

from agent.errors import UsageError

MAX_BYTES = 8 * 1024 * 1024
MAX_NODES = 400_000


class _Loader(yaml.SafeLoader):
    """YAML without dates, sexagesimal numbers and other surprises."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {  # type: ignore[misc]
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[1] in {"bool", "null", "merge"}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*|0o?[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("0o", "0")
    sign, digits = (-1 if text.startswith("-") else 1), text.lstrip("+-")
    if digits.startswith("0x"):
        return sign * int(digits, 16)
    return sign * int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)


_Loader.add_constructor("tag:yaml.org,2002:int", _int)


def documents(path: str, text: str) -> Iterator[tuple[int, object]]:
    """Every document that isn't empty, as (line, JSON value).

    Args:
        path: how the file is called in messages.
        text: its content.

    Raises:
        UsageError: it isn't YAML, isn't JSON-like, refers to itself, or is too large; with file and line.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{path} was not read: it is larger than {MAX_BYTES // 1024 // 1024} MiB")
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                break
            _measure(path, node)
            value = loader.construct_document(node)
            if value is not None:
                yield node.start_mark.line + 1, plain(path, node.start_mark.line + 1, value)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        reason = getattr(problem, "problem", None) or str(problem).splitlines()[0]
        raise UsageError(f"{path}{line}: not YAML: {reason}; nothing was sent anywhere") from problem
    except (RecursionError, ValueError, TypeError) as problem:
        raise UsageError(
            f"{path}: not YAML that a cluster would take: {problem}; nothing was sent anywhere"
        ) from problem
    finally:
        if loader is not None:
            loader.dispose()


def _measure(path: str, root: yaml.Node) -> None:
    """Refuses aliases that go in circles or multiply beyond reason, before anything is built from them."""
    left = MAX_NODES
    pending: list[tuple[yaml.Node, frozenset[int]]] = [(root, frozenset())]
    while pending:
        node, above = pending.pop()
        left -= 1
        place = f"{path}:{node.start_mark.line + 1}"
        if left < 0:
            raise UsageError(f"{place}: its aliases make more than {MAX_NODES} nodes of it; nothing was sent anywhere")
        if not isinstance(node, yaml.CollectionNode):
            continue
        if id(node) in above:
            raise UsageError(f"{place}: an alias refers to itself; nothing was sent anywhere")
        if isinstance(node, yaml.MappingNode):
            _refuse_twins(path, node)
            children = [part for pair in node.value for part in pair]
        else:
            children = list(node.value)
        within = above | {id(node)}
        pending.extend((child, within) for child in children)


def _refuse_twins(path: str, node: yaml.MappingNode) -> None:
    """A key that stands twice: YAML takes the last one silently, a reader sees the first."""
    seen: set[Hashable] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value != "<<":
            if key.value in seen:
                place = f"{path}:{key.start_mark.line + 1}:{key.start_mark.column + 1}"
                raise UsageError(f"{place}: '{key.value}' stands here twice; nothing was sent anywhere")
            seen.add(key.value)


def plain(path: str, line: int, value: object) -> Any:
    """The value with text as keys; what JSON can't say is refused."""
    if isinstance(value, dict):
        result: dict[str, Any] = {}
        for key, part in value.items():
            if not isinstance(key, str | int | float | bool):
                raise UsageError(f"{path}:{line}: a key is neither text nor a number; nothing was sent anywhere")
            name = str(key).lower() if isinstance(key, bool) else str(key)
            result[name] = plain(path, line, part)
        return result
    if isinstance(value, list):
        return [plain(path, line, part) for part in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise UsageError(
        f"{path}:{line}: a value of type {type(value).__name__} has no place in a manifest; nothing was sent anywhere"
    )
