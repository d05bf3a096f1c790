"""docs/reference/service-yaml.md, written from the model: every field, what it takes, its default."""

from __future__ import annotations

from typing import Any

from agent.spec.fields import parts
from agent.spec.not_yet import NOT_YET
from agent.spec.part import Part
from agent.spec.schema import schema

_HEAD = """# service.yaml

<!-- Generated from agent/spec by tests/unit/spec/test_reference.py --update-golden. Do not edit. -->

One file for each service. `service` and `image` are needed, all other fields have a default; what every service of a
team or an organisation shares stands in a [headway.yaml](headway-yaml.md) of a parent folder. `headway check` says what
is wrong with a spec, `headway schema` prints the JSON Schema that editors use.

YAML is read as editors read it (YAML 1.2): `no`, `on` and dates are text. What looks like a number where text is wanted
(`1.10`) is a problem until it is quoted. Durations are a number and a unit: `500ms`, `90s`, `10m`, `1h30m`, `2d`.
Paths are relative to the file, and stay inside its repository.
"""

_WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "number": "number"}


def reference() -> str:
    """The whole page, as Markdown."""
    made = schema()
    definitions: dict[str, Any] = {"ServiceSpec": made, **made["$defs"]}
    pages = [_HEAD]
    for name, part in parts().items():
        if name in definitions:
            pages.append(_section(name, part, definitions))
    return "\n".join(pages)


def _section(name: str, part: type[Part], definitions: dict[str, Any]) -> str:
    title = "service.yaml" if name == "ServiceSpec" else name
    text = (part.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")
    lines = [f"## {title}", "", text, "", "| field | takes | default | |", "|---|---|---|---|"]
    fields = definitions[name].get("properties", {})
    for key, field in part.model_fields.items():
        shown = field.alias or key
        takes = fields[shown]
        cells = _takes(takes), _default(takes, field.is_required()), _about(shown, part, takes)
        lines.append(f"| `{shown}` | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _takes(field: dict[str, Any]) -> str:  # noqa: PLR0911 - one a kind
    if "$ref" in field:
        name = str(field["$ref"]).rpartition("/")[2]
        return "any JSON" if name == "JsonValue" else f"[{name}](#{name.lower()})"
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            return " or ".join(dict.fromkeys(_takes(one) for one in field[choice]))
    if field.get("type") == "array":
        return f"list of {_takes(field['items'])}"
    if field.get("type") == "object":
        inner = [*field.get("patternProperties", {}).values(), *[field.get("additionalProperties")]]
        return f"mapping to {_takes(next(one for one in inner if isinstance(one, dict)))}"
    if field.get("not") == {}:
        return "nothing yet"
    if "(ms|s|m|h|d)" in str(field.get("pattern")):
        return "duration"
    return _WORDS.get(str(field.get("type")), "anything")


def _default(field: dict[str, Any], required: bool) -> str:  # noqa: FBT001 - a column of the table
    if required:
        return "**needed**"
    value = field.get("default", "")
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else ""


def _about(name: str, part: type[Part], field: dict[str, Any]) -> str:
    about = str(field.get("description", ""))
    waiting = any(row.path[-1] == name for row in NOT_YET) and part.__name__ in {"Deploy", "Undo", "Pipeline"}
    if waiting and "supported" not in about:
        about += " Not supported yet."
    examples = field.get("examples")
    about += f" Example: `{examples[0]}`" if examples else ""
    return about.replace("|", "\\|")
