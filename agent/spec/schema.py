"""The JSON Schema of service.yaml, for editors: generated from the model, so that both say the same.

It never refuses a file that `headway check` takes. A field that a headway.yaml above may provide is therefore not
required; what only the whole of all files can tell (two specs for one job, a missing url) a schema can't say.
"""

from __future__ import annotations

from typing import Any

from agent.spec import secrets
from agent.spec.fields import parts as all_parts
from agent.spec.measures import spoken
from agent.spec.model import ServiceSpec
from agent.spec.not_yet import NOT_YET
from agent.spec.part import Part

ID = "https://headway.example/schema/v1.json"

_NEEDED = {"ServiceSpec": ["service"], "Test": ["name"], "SmokeCheck": ["name"], "Environment": ["name"]}
"""What no headway.yaml can provide; all other required fields may come from above."""

_WHOLE = {"SecretValue", "ConfigValue", "BeforeCommand"}
"""Small mappings that are written as a whole."""

_TOGETHER: dict[str, dict[str, Any]] = {
    "SmokeCheck": {
        "not": {
            "anyOf": [
                {"required": ["get", "run"]},
                {"required": ["via", "port"], "properties": {"via": {"const": "url"}}},
            ]
        },
        "dependentSchemas": {"run": {"properties": {"via": False, "port": False, "expect": False}}},
    },
    "Agent": {"maxProperties": 1},
    "EnvFrom": {"minProperties": 1, "maxProperties": 1},
    "Environment": {"not": {"required": ["cluster", "clusters"]}},
    "Build": {"dependentSchemas": {"run": {"properties": {"with": {"const": "command"}}}}},
    "ServiceSpec": {"not": {"required": ["run", "deploy"], "properties": {"deploy": {"required": ["manifests"]}}}},
}
"""Rules about several fields, which validators of the model say in Python; one row a part."""


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of service.yaml."""
    made = ServiceSpec.model_json_schema(by_alias=True)
    parts: dict[str, dict[str, Any]] = made.pop("$defs")
    root: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": ID, **made}
    for name, part in {"ServiceSpec": root, **parts}.items():
        _relaxed(name, part)
        _described(all_parts().get(name), part)
    root["title"] = "service.yaml"
    for field in (parts["Run"]["properties"]["env"], parts["Build"]["properties"]["args"]):
        _without_secrets(field)
    for field in parts["Resources"]["properties"].values():
        field["properties"] = {"memory": {"not": {"type": "string", "pattern": "m$"}}}
    parts["Environment"]["properties"]["clusters"]["uniqueItems"] = True
    # Fields that do nothing yet; the parts are shared, so overrides of environments follow.
    owners = {"deploy": parts["Deploy"], "undo": parts["Undo"], "pipeline": parts["Pipeline"]}
    for row in NOT_YET:
        _not_yet(owners[row.path[-2]], row.path[-1], row.accepted)
    return {**root, "$defs": dict(sorted(_used(root, parts).items()))}


def _relaxed(name: str, part: dict[str, Any]) -> None:
    if name not in _WHOLE:
        part.pop("required", None)
    if name in _NEEDED:
        part["required"] = _NEEDED[name]
    part.pop("title", None)
    part.update(_TOGETHER.get(name, {}))
    for field in (part.get("properties") or {}).values():
        _plain(field)


def _described(model: type[Part] | None, part: dict[str, Any]) -> None:
    """With the description of every field, which pydantic leaves out where a field is a whole part, and durations."""
    for name, field in model.model_fields.items() if model else ():
        shown = part["properties"][field.alias or name]
        shown["description"] = field.description
        if isinstance(field.default, float):
            shown["default"] = spoken(field.default)


def _plain(field: dict[str, Any]) -> None:
    """Without titles that repeat the key, and without null: an empty field is a problem."""
    field.pop("title", None)
    if not isinstance(field.get("default", {}), bool | int | float | str) or field.get("default") == "":
        field.pop("default", None)
    if "patternProperties" in field:
        field["additionalProperties"] = False
    choices = [choice for choice in field.get("anyOf", ()) if choice != {"type": "null"}]
    if choices and len(choices) < len(field["anyOf"]):
        del field["anyOf"]
        field.update(choices[0] if len(choices) == 1 else {"anyOf": choices})
    flat = [inner for choice in field.get("anyOf", ()) for inner in choice.get("anyOf", [choice])]
    if flat:
        field["anyOf"] = flat


def _without_secrets(field: dict[str, Any]) -> None:
    """Without literal values that look like secrets, or stand under a name that does."""
    literal = {"type": "string", "minLength": 1}
    (named,) = field["patternProperties"].values()
    for text in named.get("oneOf", [named]):
        if text.get("type") == "string":
            text["not"] = {"pattern": secrets.VALUES}
    field["patternProperties"][f"^(?:[A-Za-z0-9_]*_)?(?:{secrets.NAMES})$"] = {"not": literal}


def _not_yet(part: dict[str, Any], name: str, accepted: tuple[str, ...]) -> None:
    field = part["properties"][name]
    if accepted:
        field.pop("const", None)
        field["enum"] = list(accepted)
        field["description"] = f"{field['description']} Other values are not supported yet."
    else:
        part["properties"][name] = {"not": {}, "description": f"{field['description']} Not supported yet."}


def _used(root: dict[str, Any], parts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parts that something refers to."""
    used: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in used:
                used[name] = parts[name]
                waiting.append(parts[name])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return used
