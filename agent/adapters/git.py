"""The git remote of a checkout, read from its files: no git is needed, and none is run."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

_SECTION = re.compile(r'\s*\[\s*remote\s+"(.*)"\s*\]')
_URL = re.compile(r"\s*url\s*=\s*(\S+)")


def remote(folder: Path) -> str:
    """The remote `origin` (else the first one) of the repository that holds a folder, normalised; empty: none."""
    return normalised(place(folder)[1])


def place(folder: Path) -> tuple[str, str]:
    """The root of the repository that holds a folder, and the URL of its remote as it is written; empty: none."""
    here = folder.absolute()
    for above in (here, *here.parents):
        git = above / ".git"
        if git.exists():
            return str(above), _origin(_config(git))
    return "", ""


def normalised(url: str) -> str:
    """One name for all ways to reach a repository: `git@host:a/b.git` and `https://u:p@host/a/b` are `host/a/b`."""
    if "://" in url:
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path
    elif found := re.fullmatch(r"(?:[^@/]+@)?([^:/]+):(.*)", url):
        host, path = found[1].lower(), found[2]
    else:
        host, path = "", url
    path = path.strip("/").removesuffix(".git")
    return re.sub(r"[^A-Za-z0-9._/-]", "-", f"{host}/{path}" if host else path).strip("-/.")


def _config(git: Path) -> str:
    """Text of the repository's config; in a worktree or submodule `.git` is a file that names the place."""
    try:
        if git.is_file():
            named = git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
            git = git.parent / named
            common = git / "commondir"
            if common.exists():
                git /= common.read_text(encoding="utf-8").strip()
        return (git / "config").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _origin(config: str) -> str:
    urls: dict[str, str] = {}
    section = ""
    for line in config.splitlines():
        if line.lstrip().startswith("["):
            found = _SECTION.match(line)
            section = found[1] if found else ""
        elif section and (url := _URL.match(line)):
            urls.setdefault(section, url[1])
    return urls.get("origin") or next(iter(urls.values()), "")
