"""Literal secrets in a spec, found by the name of the variable or the look of the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agent.spec.nodes import Path
from agent.spec.wording import Complaint

NAMES = "PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|TOKEN|CREDENTIALS?|(?:API|ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION)_?KEY"
"""How the names of variables end that hold secrets, as a pattern."""

VALUES = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY|^(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_|AKIA[0-9A-Z]{12})|"
    r"^eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.|://[^/\s:@]+:[^/\s@]+@"
)
"""How well-known tokens and keys look, as a pattern."""

_NAME = re.compile(rf"(?:^|_)(?:{NAMES})$", re.IGNORECASE)
_VALUE = re.compile(VALUES)


def literal_secrets(data: dict[str, Any]) -> Iterator[Complaint]:
    """A complaint for each environment variable or build argument that looks like a secret with its value."""
    yield from _of(_at(data, "run", "env"), ("run", "env"), "use {secret: NAME, key: KEY}")
    hint = "build arguments stay in the image's history; let the build mount a secret"
    yield from _of(_at(data, "build", "args"), ("build", "args"), hint)
    environments = data.get("environments")
    for index, item in enumerate(environments if isinstance(environments, list) else ()):
        path: Path = ("environments", index, "run", "env")
        yield from _of(_at(item, "run", "env"), path, "use {secret: NAME, key: KEY}")


def _at(node: Any, *path: str) -> Any:
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


def _of(variables: Any, path: Path, hint: str) -> Iterator[Complaint]:
    for name, value in variables.items() if isinstance(variables, dict) else ():
        if isinstance(value, str) and value and (_NAME.search(name) or _VALUE.search(value)):
            yield Complaint(
                (*path, name), f"'{name}' looks like a secret, and its value stands here", hint, masked=True
            )
