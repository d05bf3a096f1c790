"""Who is deploying: the Jenkins build that we run in, else a person at a machine."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]+")
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Build:
    """Who is deploying, and from what.

    Attributes:
        id: what tells this build from every other: BUILD_URL, else `user@host` (contract section 7).
        name: for people: BUILD_TAG (`jenkins-shop-checkout-42`), else the same as `id`.
        url: BUILD_URL, or empty.
        commit: GIT_COMMIT, or empty.
    """

    id: str
    name: str
    url: str = ""
    commit: str = ""


def of_process(environment: Mapping[str, str] | None = None) -> Build:
    """The build that this process belongs to.

    Args:
        environment: None: the process's own.
    """
    known = os.environ if environment is None else environment
    url, tag, commit = (_line(known.get(key, "")) for key in ("BUILD_URL", "BUILD_TAG", "GIT_COMMIT"))
    identity = url or f"{_user(known)}@{_line(socket.gethostname())}"
    return Build(identity, tag or identity, url, commit)


def _user(environment: Mapping[str, str]) -> str:
    """The user's name; a container's user may have none."""
    named = environment.get("USER") or environment.get("LOGNAME")
    if named:
        return _line(named)
    try:
        return _line(getpass.getuser())
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"


def _line(text: str) -> str:
    """The value as one word of sane length: it goes into annotations, leases and logs."""
    return _CONTROL.sub("", text)[:_LONGEST]
