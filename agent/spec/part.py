"""The base of every part of a spec, and the one way in which a rule of a part complains."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

RULE = "headway"
"""Type of the errors that carry our own words already (see agent.spec.wording)."""


class Part(BaseModel):
    """Frozen, and closed: an unknown key is a problem, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __deepcopy__(self, memo: object = None) -> Self:
        """Itself: it is frozen. Pydantic asks for a copy wherever a part is the default of another."""
        del memo
        return self


def complaint(
    message: str, hint: str = "", *, at: tuple[str | int, ...] = (), key: bool = False, masked: bool = False
) -> PydanticCustomError:
    """The error that a validator raises.

    Args:
        message: what is wrong; values stand in single quotes.
        hint: the way out.
        at: path below the thing that is validated, when one of its fields is to blame.
        key: whether the caret belongs under the key instead of the value.
        masked: whether the value holds a secret, which is not shown then.
    """
    # pydantic formats the template with its context; our text goes in as a value, so braces in it stay braces.
    context = {"message": message, "hint": hint, "at": at, "key": key, "masked": masked}
    return PydanticCustomError(RULE, "{message}", context)
