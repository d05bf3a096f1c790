"""Cron expressions as Jenkins reads them: five fields, `H`, `@daily` and friends, a time zone on the first line.

The grammar is that of hudson.scheduler.CrontabParser: names of months and days are unknown there, 0 and 7 are both
Sunday, `H` may carry a range and a step, and lines that are empty or begin with # are comments.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from agent.spec.part import complaint
from agent.spec.values import quoted

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_ALIASES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_TERM = re.compile(r"(?:(\*)|(H)(?:\(([0-9]{1,4})-([0-9]{1,4})\))?|([0-9]{1,4})(?:-([0-9]{1,4}))?)(?:/([0-9]{1,4}))?")
_EXAMPLE = "minute hour day month weekday, for example H/30 * * * * or H 4 * * 1-5"

_NUMBERS = ("[0-9]|[1-5][0-9]", "1?[0-9]|2[0-3]", "[1-9]|[12][0-9]|3[01]", "[1-9]|1[0-2]", "[0-7]")


class _Cron:
    """A whole trigger specification, perhaps of several lines."""

    @staticmethod
    def check(text: str) -> str:
        """The text itself, when every line of it is a schedule.

        Raises:
            PydanticCustomError: one is not.
        """
        lines = [line.strip() for line in text.splitlines()]
        if lines and lines[0].startswith("TZ="):
            if not re.fullmatch(r"TZ=[A-Za-z0-9_+/-]+", lines[0]):
                raise complaint(f"{quoted(lines[0])} is not a time zone", "for example TZ=Europe/Berlin")
            lines = lines[1:]
        schedules = [line for line in lines if line and not line.startswith("#")]
        if not schedules:
            raise complaint("expected a cron expression, found nothing", _EXAMPLE)
        for line in schedules:
            _line(line)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text only."""
        return core_schema.no_info_after_validator_function(
            lru_cache(maxsize=256)(self.check), core_schema.str_schema(strict=True)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As much as a pattern can say: five fields with numbers of the right size, or an alias."""
        fields = "[ \\t]+".join(_pattern(number) for number in _NUMBERS)
        line = rf"(TZ=\S+|#.*|@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{fields})?"
        return {"type": "string", "minLength": 1, "pattern": rf"^[ \t]*{line}[ \t]*(\r?\n[ \t]*{line}[ \t]*)*$"}


def _pattern(number: str) -> str:
    """A field as far as a pattern can say it: all but ranges that run backwards."""
    one = rf"0*(?:{number})"
    term = rf"(?:\*|H(?:\({one}-{one}\))?|{one}(?:-{one})?)(?:/(?!0+(?![0-9])){one})?"
    return f"{term}(?:,{term})*"


def _line(line: str) -> None:
    if line.startswith("@"):
        if line not in _ALIASES:
            raise complaint(f"{quoted(line)} is not a schedule that Jenkins knows", "one of " + ", ".join(_ALIASES))
        return
    fields = line.split()
    if len(fields) != len(_FIELDS):
        count = f"{len(fields)} field" + ("s" if len(fields) != 1 else "")
        raise complaint(f"a cron expression has 5 fields, {quoted(line)} has {count}", _EXAMPLE)
    for field, (what, least, most) in zip(fields, _FIELDS, strict=True):
        for term in field.split(","):
            _term(term, what, least, most)


def _term(term: str, what: str, least: int, most: int) -> None:
    matched = _TERM.fullmatch(term)
    if not matched:
        hint = (
            "Jenkins knows numbers only, no names" if re.search(r"[A-GI-Za-z]", term) else "*, H, 5, 1-5, H(0-29), */15"
        )
        raise complaint(f"{quoted(term)} is not a {what}", hint)
    for number in filter(None, matched.group(3, 4, 5, 6)):
        if not least <= int(number) <= most:
            raise complaint(f"{number} is not a {what}: {least} to {most}")
    for low, high in (matched.group(3, 4), matched.group(5, 6)):
        if low and high and int(low) > int(high):
            raise complaint(f"{quoted(term)} runs backwards: {low} is more than {high}")
    step = matched.group(7)
    if step and not 1 <= int(step) <= most:
        raise complaint(f"{quoted(term)} steps by {step}, which no {what} allows", f"1 to {most}")


Cron: TypeAlias = Annotated[str, _Cron()]
