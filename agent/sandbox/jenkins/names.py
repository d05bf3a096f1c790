"""The rules of names, as core's `Jenkins.checkGoodName` has them."""

UNSAFE = "?*/\\%!@#$^&|<>[]:;"
LONGEST_NAME = 255
"""What a file system takes; one more is an exception, hence 500."""


class NameRefusedError(ValueError):
    """A name that Jenkins refuses; the text is what stands in X-Error."""


def check_name(name: str) -> str:
    """The name, trimmed, if it is a good one (core's `Jenkins.checkGoodName`).

    Raises:
        NameRefusedError: it is not.
    """
    trimmed = name.strip()
    if not trimmed:
        raise NameRefusedError("No name is specified")
    if trimmed in {".", ".."}:
        raise NameRefusedError(f"“{trimmed}” is not an allowed name")
    for character in trimmed:
        if ord(character) < ord(" ") or ord(character) == 127:  # noqa: PLR2004
            raise NameRefusedError(f"No control code is allowed: {ord(character)}")
        if character in UNSAFE:
            raise NameRefusedError(f"{quoted(character)} is an unsafe character")
    if trimmed.endswith("."):
        raise NameRefusedError(f"A name cannot end with {quoted('.')}")
    return trimmed


def quoted(text: str) -> str:
    """As Jenkins' messages quote a name; in a header these quotes become blanks."""
    return f"\u2018{text}\u2019"
