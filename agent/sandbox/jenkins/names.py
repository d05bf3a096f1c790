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
        if _is_control(character):
            raise NameRefusedError(f"No control code is allowed: {_printable(trimmed)}")
        if character in UNSAFE:
            raise NameRefusedError(f"{quoted(character)} is an unsafe character")
    if trimmed.endswith("."):
        raise NameRefusedError(f"A name cannot end with {quoted('.')}")
    return trimmed


def quoted(text: str) -> str:
    """As Jenkins' messages quote a name; in a header these quotes become blanks."""
    return f"\u2018{text}\u2019"


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


def _printable(name: str) -> str:
    return "".join(f"\\u{ord(character)};" if _is_control(character) else character for character in name)
