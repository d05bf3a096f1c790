"""What a write would change, as lines that a person reads: `spec.replicas: 3 -> 5`. Values of Secrets never appear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agent.objects import Object
from agent.release.digest import cleaned

MOST_LINES = 40
_WIDTH = 100
_KEYS = ("name", "key", "containerPort", "port", "mountPath", "ip", "type")


def changes(before: Object | None, after: Object) -> tuple[str, ...]:
    """The lines for one object; empty for an object that is new or stays as it is."""
    if before is None:
        return ()
    secret = after.get("kind") == "Secret"
    found = []
    for path, old, new in _walk("", cleaned(before), cleaned(after)):
        if secret and path.startswith(("data", "stringData")):
            found.append(f"{path}: changed")
        else:
            found.append(f"{path}: {_show(old)} -> {_show(new)}")
    if len(found) > MOST_LINES:
        found[MOST_LINES:] = [f"... and {len(found) - MOST_LINES} more"]
    return tuple(found)


_ABSENT = object()


def _walk(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from _walk(inner, old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif isinstance(old, list) and isinstance(new, list) and _keyed(old) and _keyed(new):
        olds, news = _keyed(old), _keyed(new)
        for key in [*olds, *(key for key in news if key not in olds)]:
            yield from _walk(f"{path}[{key}]", olds.get(key, _ABSENT), news.get(key, _ABSENT))
    elif old != new:
        yield path, old, new


def _keyed(items: list[Any]) -> dict[str, Any]:
    """The list as a mapping by what names its items; empty where nothing does."""
    for key in _KEYS:
        if items and all(isinstance(item, dict) and key in item for item in items):
            named = {str(item[key]): item for item in items}
            if len(named) == len(items):
                return named
    return {}


def _show(value: Any) -> str:
    if value is _ABSENT:
        return "(none)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
