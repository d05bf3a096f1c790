"""The remote API: how objects become JSON, whatever they are.

Every object carries `_class` whatever was asked for. A field's visibility says how deep `depth=` shows it, as the
`@Exported(visibility=)` of core does: 1 for most, 2 and more for what a listing shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from agent.sandbox.jenkins.controller import Controller
    from agent.sandbox.jenkins.selection import Selection

Getter: TypeAlias = "Callable[[Controller, Any], object]"
Fields: TypeAlias = "Mapping[str, tuple[int, Getter]]"
ModelOf: TypeAlias = "Callable[[object], Model | None]"

ALWAYS = 999
"""The visibility of what every listing shows."""


@dataclass(frozen=True, slots=True)
class Model:
    """What one kind of object exports.

    Args:
        class_name: its `_class`; empty for none.
        fields: by name, each with its visibility and how to get it.
    """

    class_name: str | Callable[[Any], str]
    fields: Fields


@dataclass(frozen=True, slots=True)
class Listed:
    """An object that exists for the API alone.

    Args:
        class_name: its `_class`; empty for none.
        values: its fields.
        inline: what it holds shows as much as it does itself, as `@Exported(inline=true)` says.
    """

    class_name: str
    values: Mapping[str, object]
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Exporter:
    """Turns objects into JSON documents.

    Args:
        controller: the state that fields may look at.
        model_of: the model of an object; None for a plain value.
    """

    controller: Controller
    model_of: ModelOf

    def export(self, value: object, selected: Selection) -> object:
        """The JSON of an object, a list of objects or a plain value."""
        if isinstance(value, list):
            chosen = value[selected.slice] if selected.slice else value
            return [self.export(each, selected) for each in chosen]
        if isinstance(value, Listed):
            return self._listed(value, selected)
        model = self.model_of(value)
        return value if model is None else self._modelled(value, model, selected)

    def _modelled(self, value: object, model: Model, selected: Selection) -> dict[str, object]:
        class_name = model.class_name
        document: dict[str, object] = {}
        if class_name:
            document["_class"] = class_name if isinstance(class_name, str) else class_name(value)
        fields = model.fields
        names = selected.only
        for name in fields if names is None else names:
            found = fields.get(name)
            if found is None:
                continue
            below = selected.below(name, found[0])
            if below is not None:
                held = found[1](self.controller, value)
                document[name] = held if held is None or isinstance(held, str) else self.export(held, below)
        return document

    def _listed(self, value: Listed, selected: Selection) -> dict[str, object]:
        document: dict[str, object] = {"_class": value.class_name} if value.class_name else {}
        for name, held in value.values.items():
            below = selected.below(name, ALWAYS)
            if below is not None:
                document[name] = self.export(held, below.inlined() if value.inline else below)
        return document
