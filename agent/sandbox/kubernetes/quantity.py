"""Quantities as resource.Quantity reads them: 100m, 1.5, 64Mi, 2e3."""

from __future__ import annotations

import re
from decimal import Decimal

_PATTERN = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?$")
_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def parse(text: object) -> Decimal:
    """The amount.

    Raises:
        ValueError: it is no quantity.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(f"{text!r} is no quantity")  # noqa: TRY004 - one error for all that is none
    found = _PATTERN.match(str(text))
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    number, suffix = found.group(1), found.group(2) or ""
    if suffix[:1] in {"e", "E"} and len(suffix) > 1:
        return Decimal(number + suffix)
    return Decimal(number) * _FACTORS[suffix]


def amount(text: object) -> Decimal:
    """The amount; 0 for what is no quantity."""
    try:
        return parse(text)
    except ValueError:
        return Decimal(0)


def show(value: Decimal, like: str = "") -> str:
    """Text of an amount, in the binary or milli form of `like` where that is exact."""
    for suffix in ("Gi", "Mi", "Ki") if "i" in like or value >= _FACTORS["Ki"] else ():
        if value and value % _FACTORS[suffix] == 0:
            return f"{value / _FACTORS[suffix]:f}" + suffix
    if value == value.to_integral_value():
        return f"{value.to_integral_value():f}"
    return f"{(value * 1000).to_integral_value():f}m"
