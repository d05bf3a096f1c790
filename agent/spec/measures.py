"""Durations, quantities and ports: the values of a spec that are amounts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from agent.spec.part import complaint
from agent.spec.values import quoted

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+"
_DAY = 86400.0


def seconds(text: str) -> float:
    """A duration such as 90s, 10m, 1h30m or 500ms in seconds.

    Raises:
        PydanticCustomError: it is not one.
    """
    if not re.fullmatch(_DURATION, text):
        if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
            raise complaint(f"{quoted(text)} has no unit", f"write {text}s or {text}m")
        raise complaint(f"{quoted(text)} is not a duration", "a number and a unit: 500ms, 90s, 10m, 1h30m, 2d")
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


@dataclass(frozen=True)
class _Duration:
    """A duration between two bounds, both in seconds."""

    least: float
    most: float

    def check(self, value: object) -> float:
        """The duration in seconds; a bare number is refused because nobody knows its unit."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise complaint("expected a duration", "a number and a unit: 500ms, 90s, 10m, 1h30m, 2d")
        if isinstance(value, float) and not isinstance(value, str):
            raise complaint(f"{quoted(str(value))} has no unit", f"write {value:g}s or {value:g}m")
        found = seconds(str(value).strip())
        if not self.least <= found <= self.most:
            bound = f"at least {spoken(self.least)}" if found < self.least else f"{spoken(self.most)} at most"
            raise complaint(f"{quoted(str(value))} is out of range: {bound}")
        return found

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text in, seconds out."""
        return core_schema.no_info_plain_validator_function(
            self.check, serialization=core_schema.plain_serializer_function_ser_schema(spoken)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Text with a unit."""
        least = r"(?=.*[1-9])" if self.least else ""
        return {"type": "string", "pattern": f"^{least}{_DURATION}$"}


def spoken(value: float) -> str:
    """Seconds as people write them in a spec: 90s, 10m, 1h."""
    if value and value < 1:
        return f"{value * 1000:g}ms"
    for unit in ("d", "h", "m"):
        # A minute is written 60s, an hour 1h and a day 24h, as in the contract's sample.
        if value and value % _UNITS[unit] == 0 and (unit == "h" or value > _UNITS[unit]):
            return f"{value / _UNITS[unit]:g}{unit}"
    return f"{value:g}s"


_QUANTITY = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]{1,2})?"
_POWERS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}


def amount(quantity: str) -> Decimal:
    """A Kubernetes quantity as a number, to compare two of them."""
    matched = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity)
    if matched and matched[2] in _POWERS:
        return Decimal(matched[1]) * _POWERS[matched[2]]
    return Decimal(quantity)


class _Quantity:
    """A Kubernetes resource quantity (k8s.io/apimachinery/pkg/api/resource), not negative."""

    @staticmethod
    def check(value: object) -> str:
        """The quantity as text; plain numbers are quantities too."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise complaint("expected a quantity", "for example 100m or 0.5 (cpu), 128Mi (memory)")
        text = value if isinstance(value, str) else f"{value}"
        if not re.fullmatch(_QUANTITY, text):
            raise complaint(f"{quoted(text)} is not a quantity", _better(text))
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text or a number in, text out."""
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Text with a suffix, or a number."""
        return {"anyOf": [{"type": "string", "pattern": f"^{_QUANTITY}$"}, {"type": "number", "minimum": 0}]}


def _better(text: str) -> str:
    matched = re.fullmatch(r"([0-9.]+)\s*([a-zA-Z]+)", text)
    suffix = {
        "mb": "Mi",
        "mib": "Mi",
        "mi": "Mi",
        "gb": "Gi",
        "gib": "Gi",
        "gi": "Gi",
        "kb": "Ki",
        "ki": "Ki",
        "g": "G",
    }
    if matched and matched[2].lower() in suffix:
        return f"did you mean '{matched[1]}{suffix[matched[2].lower()]}'?"
    return "for example 100m or 0.5 (cpu), 128Mi (memory)"


class _FormatVersion:
    """The version of the format; `true` is none, although Python takes it for 1."""

    @staticmethod
    def check(value: object) -> int:
        """1, the only version there is."""
        if value == 1 and isinstance(value, int) and not isinstance(value, bool):
            return value
        found = quoted(value) if isinstance(value, str) else f"{value}".lower()
        raise complaint(f"expected 1, found {found}", "version is that of the format, not of the service")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """A number in, the same out."""
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """One value."""
        return {"const": 1}


class _Port:
    """A port's number, or its name in the container (IANA_SVC_NAME: at most 15 of a-z, 0-9 and -, with a letter)."""

    @staticmethod
    def check(value: object) -> int | str:
        """The port; a number in quotes is a mistake, because Kubernetes would look for a port of that name."""
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:  # noqa: PLR2004
            return value
        if isinstance(value, str) and re.fullmatch(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?", value):
            return value
        hint = "remove the quotes" if isinstance(value, str) and value.isdigit() else "1 to 65535, or a port's name"
        raise complaint(f"{quoted(str(value))} is not a port", hint)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Number or name in, the same out."""
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Either of both."""
        name = {"type": "string", "pattern": "^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$"}
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, name]}


FormatVersion: TypeAlias = Annotated[int, _FormatVersion()]
Duration: TypeAlias = Annotated[float, _Duration(0.001, 7 * _DAY)]
Patience: TypeAlias = Annotated[float, _Duration(0.0, _DAY)]
Wait: TypeAlias = Annotated[float, _Duration(1.0, 90 * _DAY)]
Quantity: TypeAlias = Annotated[str, _Quantity()]
Port: TypeAlias = Annotated[int | str, _Port()]
PortNumber: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=65535)]
