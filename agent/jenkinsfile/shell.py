"""Values as shell words: each is one argument, whatever it holds."""

from __future__ import annotations

import shlex

from agent.jenkinsfile.groovy import refuse


def word(value: str) -> str:
    """One word for a POSIX shell, quoted where it must be.

    Raises:
        UsageError: it holds a character that no argument can hold.
    """
    refuse(value)
    return shlex.quote(value)


def filled(value: str, placeholder: str, variable: str) -> str:
    """One word in which a placeholder of the spec becomes the value of a shell variable.

    `filled("v{{ version }}", "{{ version }}", "VERSION")` is `v"$VERSION"`.
    """
    parts = [word(part) if part else "" for part in value.split(placeholder)]
    return f'"${variable}"'.join(parts) or "''"
