"""JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch."""

from __future__ import annotations

from typing import Any

from agent.sandbox.kubernetes import schema
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.objects import Obj, clone


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return clone(patch)
    merged: Obj = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902.

    Raises:
        ApiError: 400 for what is no patch, 422 for a path that is not there or a test that fails.
    """
    if not isinstance(operations, list):
        raise ApiError(400, "json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    document = clone(target)
    for operation in operations:
        document = _operate(document, operation)
    return document


def _operate(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict) or "op" not in operation or "path" not in operation:
        raise ApiError(400, "error decoding patch: an operation needs op and path")
    verb, path = operation["op"], _pointer(operation["path"])
    if verb in {"move", "copy"}:
        source = _pointer(operation.get("from", ""))
        value = clone(_look(document, source))
        if verb == "move":
            document = _change(document, source, "remove", None)
        return _change(document, path, "add", value)
    if verb == "test":
        if _look(document, path) != operation.get("value"):
            raise _unprocessable(f"testing value {operation['path']} failed")
        return document
    if verb not in {"add", "remove", "replace"}:
        raise ApiError(400, f"Unexpected kind: {verb}")
    return _change(document, path, verb, clone(operation.get("value")))


def _unprocessable(why: str) -> ApiError:
    return ApiError(422, f"the server rejected our request due to an error in our request: {why}")


def _pointer(text: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _look(document: Any, path: list[str]) -> Any:
    for step in path:
        try:
            document = document[int(step)] if isinstance(document, list) else document[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise _unprocessable(f"path {'/'.join(path)} does not exist") from None
    return document


def _change(document: Any, path: list[str], verb: str, value: Any) -> Any:
    if not path:
        return value
    parent, last = _look(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        _change_list(parent, last, verb, value)
    elif isinstance(parent, dict):
        if verb != "add" and last not in parent:
            raise _unprocessable(f"Unable to {verb} nonexistent key: {last}")
        if verb == "remove":
            del parent[last]
        else:
            parent[last] = value
    else:
        raise _unprocessable(f"path {'/'.join(path)} does not exist")
    return document


def _change_list(parent: list[Any], last: str, verb: str, value: Any) -> None:
    if not (last.isdigit() or (last == "-" and verb == "add")):
        raise _unprocessable(f"invalid index: {last}")
    index = len(parent) if last == "-" else int(last)
    if index > len(parent) or (verb != "add" and index >= len(parent)):
        raise _unprocessable(f"index {last} is out of range")
    if verb == "add":
        parent.insert(index, value)
    elif verb == "remove":
        del parent[index]
    else:
        parent[index] = value


def strategic_merge(target: Obj, patch: Obj, kind: str) -> Obj:
    """Strategic merge patch, with the directives that kubectl sends."""
    merged = _strategic(target, patch, (), kind)
    return merged if isinstance(merged, dict) else {}


def _strategic(target: Any, patch: Any, path: schema.Path, kind: str) -> Any:
    if not isinstance(patch, dict):
        return clone(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: clone(value) for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    merged: Obj = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            merged[field] = [item for item in merged.get(field) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            merged.pop(key, None)
        elif isinstance(value, list):
            order = patch.get(f"$setElementOrder/{key}")
            merged[key] = _strategic_list(merged.get(key), value, (*path, key), kind, order)
        else:
            merged[key] = _strategic(merged.get(key), value, (*path, key), kind)
    return merged


def _strategic_list(target: Any, patch: list[Any], path: schema.Path, kind: str, order: Any) -> list[Any]:
    have: list[Any] = list(target) if isinstance(target, list) else []
    if schema.is_strategic_set(path):
        return have + [item for item in patch if item not in have]
    key = schema.strategic_key(path, kind)
    if key is None or not all(isinstance(item, dict) for item in patch):
        return list(clone(patch))
    if any(item.get("$patch") == "replace" for item in patch):
        return [clone(item) for item in patch if "$patch" not in item]
    for item in patch:
        if key not in item:
            raise ApiError(400, f"map: {item} does not contain declared merge key: {key}")
        place = next((index for index, old in enumerate(have) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            have = [old for old in have if old.get(key) != item[key]]
        elif place is None:
            have.append(_strategic({}, item, path, kind))
        else:
            have[place] = _strategic(have[place], item, path, kind)
    if isinstance(order, list):
        wanted = [item.get(key) for item in order if isinstance(item, dict)]
        have.sort(key=lambda item: wanted.index(item.get(key)) if item.get(key) in wanted else len(wanted))
    return have
