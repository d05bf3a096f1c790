"""Which kubeconfig counts and what it says of one context: files merged as kubectl merges them, paths made absolute.

The official client reads the result (see `connection`). Merging is done here because the client lets the last file's
current-context win where kubectl lets the first, and because an unknown context must name the known ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from agent.errors import RemoteError, UsageError
from agent.objects import Object

_MOST_BYTES = 4 * 1024 * 1024
_FILES = {"clusters": ("certificate-authority",), "users": ("client-certificate", "client-key", "tokenFile")}
_KEYS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One context of a kubeconfig, with nothing of the others.

    Attributes:
        context: its name.
        namespace: the namespace that it names, else `default`.
        document: a kubeconfig with this context alone; holds credentials, so it stays out of every repr.
        files: what is read again when it changes on disk: the kubeconfig and the token file.
        insecure: whether the server's certificate is not checked.
    """

    context: str
    namespace: str
    document: Object = field(repr=False)
    files: tuple[Path, ...] = ()
    insecure: bool = False

    @property
    def user(self) -> Mapping[str, Any]:
        """The user section; it may hold secrets."""
        return next((entry["user"] or {} for entry in self.document["users"]), {})


def paths(environment: Mapping[str, str]) -> tuple[tuple[Path, ...], bool]:
    """The kubeconfig files to read, and whether KUBECONFIG named them."""
    named = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    if named:
        return tuple(dict.fromkeys(Path(part).expanduser() for part in named)), True
    home = Path(environment["HOME"]) if environment.get("HOME") else Path.home()
    return (home / ".kube" / "config",), False


def choose(files: Iterable[Path], context: str | None) -> Chosen | None:
    """Reads the files that exist; None when none does.

    Raises:
        UsageError: a file is no kubeconfig, or the context is not there.
        RemoteError: a file can't be read.
    """
    present = tuple(path for path in files if path.exists())
    if not present:
        return None
    merged: Object = {key: {} for key in _KEYS}
    current = ""
    for path in present:
        document = _read(path)
        current = current or str(document.get("current-context") or "")
        for section in _KEYS:
            for name, entry in _entries(document, section, path):
                merged[section].setdefault(name, entry)
    name = context or current
    if not name or name not in merged["contexts"]:
        raise _unknown(name, sorted(merged["contexts"]), present, asked=bool(context))
    return _alone(name, merged, present)


def _read(path: Path) -> Object:
    """One file as a mapping."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{path} is no kubeconfig: it is larger than {_MOST_BYTES // 1024 // 1024} MiB")
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise RemoteError(
            f"the cluster was not asked: {path} can't be read: {problem.strerror}",
            hint="KUBECONFIG names the files that are read",
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no kubeconfig: it is not text") from None
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  both are safe
    except (yaml.YAMLError, RecursionError) as problem:
        place = getattr(problem, "problem_mark", None)
        where = f"{path}:{place.line + 1}:{place.column + 1}" if place else str(path)
        raise UsageError(f"{where} is no kubeconfig: it is not YAML") from None  # the text itself may be a secret
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UsageError(f"{path} is no kubeconfig: a mapping was expected")
    return document


def _entries(document: Object, section: str, path: Path) -> Iterable[tuple[str, Object]]:
    """(name, content) of one section, with the paths in it made absolute."""
    listed = document.get(section) or []
    if not isinstance(listed, list):
        raise UsageError(f"{path} is no kubeconfig: '{section}' must be a list")
    for entry in listed:
        content = entry.get(_KEYS[section]) if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not entry.get("name") or not isinstance(content, dict | None):
            raise UsageError(f"{path} is no kubeconfig: an entry of '{section}' has no name or no content")
        yield str(entry["name"]), _absolute(dict(content or {}), section, path)


def _absolute(content: Object, section: str, path: Path) -> Object:
    """Relative paths are relative to the file that they stand in."""
    folder = path.absolute().parent
    for key in _FILES.get(section, ()):
        if content.get(key):
            content[key] = str(folder / str(content[key]))
    plugin = content.get("exec")
    if isinstance(plugin, dict) and "/" in str(plugin.get("command") or ""):
        content["exec"] = plugin | {"command": str(folder / plugin["command"])}
    if content.get("tokenFile") and Path(content["tokenFile"]).is_file():
        content.pop("token", None)  # kubectl: the file, which is kept fresh, goes before the value
    return content


def _unknown(name: str, known: list[str], files: tuple[Path, ...], *, asked: bool) -> UsageError:
    """The complaint about a context that is not there."""
    where = ", ".join(str(path) for path in files)
    names = ", ".join(known) or "none"
    if not name:
        return UsageError(
            f"no context was named, and {where} has no current-context",
            hint=f"known contexts: {names}",
        )
    near = get_close_matches(name, known, 1)
    meant = f"did you mean '{near[0]}'? " if near else ""
    what = "unknown context" if asked else "current-context names an unknown context,"
    return UsageError(f"{what} '{name}' in {where}", hint=f"{meant}known contexts: {names}")


def _alone(name: str, merged: Object, files: tuple[Path, ...]) -> Chosen:
    """A kubeconfig of that one context."""
    context = merged["contexts"][name]
    cluster = str(context.get("cluster") or "")
    if cluster not in merged["clusters"]:
        raise UsageError(f"context '{name}' names the cluster '{cluster}', which no kubeconfig describes")
    server = merged["clusters"][cluster]
    if not server.get("server"):
        raise UsageError(f"the cluster '{cluster}' of context '{name}' has no server")
    user = str(context.get("user") or "")
    if user and user not in merged["users"]:
        raise UsageError(f"context '{name}' names the user '{user}', which no kubeconfig describes")
    credentials = merged["users"].get(user) or {}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {**context, "cluster": cluster, "user": user}}],
        "clusters": [{"name": cluster, "cluster": server}],
        "users": [{"name": user, "user": credentials}] if user else [],
    }
    token = [Path(credentials["tokenFile"])] if credentials.get("tokenFile") else []
    return Chosen(
        name,
        str(context.get("namespace") or "default"),
        document,
        (*files, *token),
        insecure=bool(server.get("insecure-skip-tls-verify")),
    )
