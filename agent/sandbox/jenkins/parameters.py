"""The parameters that a job's config.xml defines, and what a request makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.sandbox.jenkins.store import Item

_CHOICE = "hudson.model.ChoiceParameterDefinition"


class BadValueError(ValueError):
    """A value that the parameter does not take: a choice that is not offered."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One parameter of a job.

    Args:
        class_name: its class.
        name: as the build sees it.
        description: for people; None when there is none.
        default: what a build gets when nothing is given.
        choices: of a choice; empty for all others.
    """

    class_name: str
    name: str
    description: str | None
    default: str
    choices: tuple[str, ...] = ()


def definitions(item: Item) -> list[Definition]:
    """The parameters of a job, in their order; empty for a job without."""
    found = item.tree.find("properties", "hudson.model.ParametersDefinitionProperty", "parameterDefinitions")
    listed: list[Definition] = []
    for node in found.children if found else []:
        offered = node.find("choices")
        choices = tuple(leaf.text for leaf in offered.each() if leaf.tag == "string") if offered else ()
        default = choices[0] if choices else node.value("defaultValue") or ""
        name = node.value("name") or ""
        listed.append(Definition(node.class_name, name, node.value("description"), default, choices))
    return listed


def resolve(defined: list[Definition], given: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a build: what was given, else the default; names that nobody defined are ignored.

    Raises:
        BadValueError: a choice that is not offered.
    """
    values: dict[str, str] = {}
    for definition in defined:
        value = given.get(definition.name, definition.default)
        if definition.class_name == _CHOICE and value not in definition.choices:
            raise BadValueError(f"{definition.name}: {value!r}")
        values[definition.name] = value
    return values
