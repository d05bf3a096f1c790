"""headway.yaml: defaults that parent folders give to every service below them, and the origin of every value.

Layers, the weakest first: the organisation's headway.yaml, the team's, service.yaml, then what stands below `enforce:`
of the team's and of the organisation's. Below the whole, an environment's `deploy`, `run` and `smoke` are merged over
the spec's own, by the same rules (agent.spec.merge).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agent.spec.merge import Stand, are_named, follow, merge
from agent.spec.nodes import Path
from agent.spec.problem import Problem
from agent.spec.source import Document

OVERRIDABLE = ("deploy", "run", "smoke")
"""What an environment may override under its own path."""

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_]+)\s*\}\}")
_NAMES = ("service", "team", "environment")
_LATER = "version"
_OWN = ("owner", "headway", "jenkins", "enforce", "version")


@dataclass(frozen=True, slots=True)
class Layer:
    """One file, or the `enforce:` of one file.

    Attributes:
        document: where it stands.
        data: what it says about specs, placeholders filled in.
        base: path of that data in the document.
    """

    document: Document
    data: dict[str, Any]
    base: Path = ()


@dataclass(frozen=True)
class Stack:
    """All layers of one spec.

    Attributes:
        layers: the weakest first; the service's own file is `layers[own]`.
        own: number of the service's own layer.
        data: all layers merged, with the overrides of each environment complete.
        problems: placeholders that can't be filled in, and values that are enforced elsewhere.
    """

    layers: tuple[Layer, ...]
    own: int
    data: dict[str, Any]
    problems: tuple[Problem, ...]

    @cached_property
    def _merged(self) -> dict[str, Any]:
        """All layers merged, before the overrides of environments are completed."""
        merged: dict[str, Any] = {}
        for layer in self.layers:
            merged = merge(merged, layer.data)
        return merged

    def origin(self, path: Path) -> tuple[Layer, Path] | None:
        """The file that has the last word on a value, and the value's path there; None for a built-in default."""
        stands = self._stands(path)
        if not stands:
            return None
        layer = self.layers[stands[-1].layer]
        return layer, (*layer.base, *stands[-1].path)

    def origins(self, path: Path) -> list[tuple[Layer, Path]]:
        """Every file that has a say in a value, the strongest last."""
        return [(self.layers[one.layer], (*self.layers[one.layer].base, *one.path)) for one in self._stands(path)]

    def _stands(self, path: Path) -> tuple[Stand, ...]:
        ground = [Stand(index, layer.data, ()) for index, layer in enumerate(self.layers)]
        if len(path) > 2 and path[0] == "environments" and path[2] in OVERRIDABLE:  # noqa: PLR2004 - environments, index, part
            part = str(path[2])
            base = follow(ground, (part,), self._merged)
            own = follow(ground, path[:3], self._merged)
            return follow((*base, *own), path[3:], _at(self.data, path[:3]))
        return follow(ground, path, self._merged)

    def problem(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """A problem at the place where that value, or its nearest parent, is written."""
        document, local, missing = self._written(path)
        if "{raw}" in hint:
            hint = hint.replace("{raw}", document.raw(local) or "...")
        return document.problem(local, message, hint, key=key or missing)

    def mask(self, path: Path) -> None:
        """Shows that value as asterisks from now on."""
        document, local, missing = self._written(path)
        if not missing:
            document.mask(local)

    def _written(self, path: Path) -> tuple[Document, Path, bool]:
        found, written = None, path
        while written and (found := self.origin(written)) is None:
            written = written[:-1]
        layer, local = found or (self.layers[self.own], ())
        return layer.document, local, len(written) < len(path)


def _at(data: Any, path: Path) -> Any:
    """What stands there; None where no layer says anything (an environment that overrides nothing)."""
    for step in path:
        data = data.get(step) if isinstance(data, dict) else data[step]
    return data


def stack(service: Document, parents: tuple[Document, ...] = ()) -> Stack:
    """The layers of a service's file below the headway.yaml files of its parent folders, the topmost first."""
    if not parents:
        layer = Layer(service, service.data)
        return Stack((layer,), 0, complete(service.data), tuple(_unfilled(service)))
    problems = list(_unfilled(service))
    names = _names(service, parents)
    layers = [_filled(Layer(one, defaults(one)), names, problems) for one in parents]
    own = len(layers)
    layers.append(Layer(service, service.data))
    for one in reversed(parents):
        enforced = one.data.get("enforce")
        if isinstance(enforced, dict):
            strong = _filled(Layer(one, enforced, ("enforce",)), names, problems)
            problems += _overridden(strong, [layer for layer in layers if layer.document is not one])
            layers.append(strong)
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge(merged, layer.data)
    return Stack(tuple(layers), own, complete(merged), tuple(problems))


def defaults(document: Document) -> dict[str, Any]:
    """What a headway.yaml says about specs: all of it but its own fields."""
    return {key: value for key, value in document.data.items() if key not in _OWN}


def _names(service: Document, parents: tuple[Document, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    for document in (*parents, service):
        for name in ("service", "team"):
            value = document.data.get(name)
            if isinstance(value, str):
                names[name] = value
    return names


def _filled(layer: Layer, names: Mapping[str, str], problems: list[Problem]) -> Layer:
    if "{{" not in layer.document.text:
        return layer
    data = layer.data
    for path, name in layer.document.remembered(layer.base, lambda: list(_placeholders(layer.data, ()))):
        if name in names:
            data = _filled_at(data, path, names)
        else:
            problems += _unfillable(layer, path, name)
    return Layer(layer.document, data, layer.base)


def _filled_at(node: Any, path: Path, names: Mapping[str, str]) -> Any:
    """A copy with the placeholders of one text filled in; what is beside the way to it is shared."""
    if not path:
        return _fill(node, names)
    copy = node.copy()
    copy[path[0]] = _filled_at(node[path[0]], path[1:], names)
    return copy


def _fill(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, str):
        return _PLACEHOLDER.sub(lambda found: names.get(found[1], found[0]), node) if "{{" in node else node
    if isinstance(node, dict):
        return {key: _fill(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(item, names) for item in node]
    return node


def _placeholders(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _placeholders(value, (*path, key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _placeholders(item, (*path, index))
    elif isinstance(node, str) and "{{" in node:
        yield from ((path, found[1]) for found in _PLACEHOLDER.finditer(node))


def _unfillable(layer: Layer, path: Path, name: str) -> Iterator[Problem]:
    """Problems of a placeholder in a headway.yaml that has no value; commands may have braces of their own."""
    if name == _LATER or (name not in _NAMES and path[-1] == "run"):
        return
    if name == "environment" and path[0] in {*OVERRIDABLE, "environments"}:
        return
    hint = ""
    if name in _NAMES:
        message = f"'{{{{ {name} }}}}' can't be filled in: "
        message += "this field is the same for all environments" if name == "environment" else f"no spec names a {name}"
    else:
        message = f"there is no placeholder '{{{{ {name} }}}}'"
        near = difflib.get_close_matches(name, _NAMES, 1)
        hint = f"did you mean '{{{{ {near[0]} }}}}'?" if near else f"there are {', '.join(_NAMES)}"
    yield layer.document.problem((*layer.base, *path), message, hint)


def _unfilled(service: Document) -> Iterator[Problem]:
    """Problems of placeholders in a service's own file, where nothing fills them in."""
    if "{{" not in service.text:
        return
    for path, name in _placeholders(service.data, ()):
        if name in _NAMES:
            message = f"'{{{{ {name} }}}}' is not filled in here: placeholders stand only in headway.yaml"
            yield service.problem(path, message, "write the value itself")


def complete(merged: dict[str, Any]) -> dict[str, Any]:
    """The merged data with the `deploy`, `run` and `smoke` of each environment merged over the spec's own."""
    environments = merged.get("environments")
    if not isinstance(environments, list):
        return merged
    templated = {part for part in OVERRIDABLE if _mentions_environment(merged.get(part))}
    overridden = any(isinstance(item, dict) and not item.keys().isdisjoint(OVERRIDABLE) for item in environments)
    if not templated and not overridden and not _mentions_environment(environments):
        return merged
    whole_items: list[Any] = []
    for item in environments:
        if not isinstance(item, dict):
            whole_items.append(item)
            continue
        whole = dict(item)
        for part in OVERRIDABLE:
            if part in item:
                whole[part] = merge(merged[part], item[part]) if part in merged else item[part]
            elif part in templated:
                whole[part] = merged[part]
        name = item.get("name")
        whole_items.append(_fill(whole, {"environment": name}) if isinstance(name, str) else whole)
    done = {**merged, "environments": whole_items}
    first = next(
        (item["name"] for item in whole_items if isinstance(item, dict) and isinstance(item.get("name"), str)), ""
    )
    for part in templated:
        # Nothing deploys the spec's own part then; it is judged as the first environment's.
        done[part] = _fill(merged[part], {"environment": first})
    return done


def _mentions_environment(node: Any) -> bool:
    if isinstance(node, dict):
        return any(_mentions_environment(value) for value in node.values())
    if isinstance(node, list):
        return any(_mentions_environment(item) for item in node)
    return isinstance(node, str) and "{{" in node and "environment" in _PLACEHOLDER.findall(node)


def _overridden(enforced: Layer, weaker: list[Layer]) -> Iterator[Problem]:
    for layer in weaker:
        yield from _differs(enforced.data, layer.data, (), (), enforced, layer)


def _differs(strong: Any, weak: Any, there: Path, here: Path, enforced: Layer, layer: Layer) -> Iterator[Problem]:
    """Problems of the values at and below `here` in a weaker layer that differ from the enforced ones at `there`."""
    if isinstance(strong, dict) and isinstance(weak, dict):
        for key in strong.keys() & weak.keys():
            yield from _differs(strong[key], weak[key], (*there, key), (*here, key), enforced, layer)
    elif are_named(strong) and are_named(weak):
        names = {item["name"]: index for index, item in enumerate(weak)}
        for index, item in enumerate(strong):
            if item["name"] in names:
                at = names[item["name"]]
                yield from _differs(item, weak[at], (*there, index), (*here, at), enforced, layer)
    elif strong != weak:
        place = enforced.document.place((*enforced.base, *there))
        field = ".".join(str(step) for step in here)
        yield layer.document.problem(
            (*layer.base, *here),
            f"'{field}' is enforced by {enforced.document.file}:{place.line}",
            "remove it: what is enforced there can't be overridden",
        )
