"""`headway init`: a first service.yaml from the Dockerfile and the manifests that are there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.console import Console
from agent.cli.options import dry_run_option, output_option, talk_options
from agent.errors import UsageError

if TYPE_CHECKING:
    from agent.objects import Object
    from agent.spec.draft import Found

DEEPEST = 4
MOST_FILES = 500
LARGEST = 1 << 20
SKIPPED = frozenset({"node_modules", "vendor", "venv", "target", "build", "dist", "testdata"})


@click.command(name="init", short_help="Write a first service.yaml from a Dockerfile and manifests.")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--service", metavar="NAME", default="", help="Which workload is meant, where there are several.")
@dry_run_option
@output_option()
@talk_options
@click.pass_obj
def command(console: Console, folder: Path, service: str, output: str, *, dry_run: bool) -> None:
    """Writes DIR/service.yaml from the Dockerfile and the Kubernetes manifests found in DIR; never over another one."""
    from agent.spec.draft import draft

    file = folder / "service.yaml"
    if os.path.lexists(file) and not dry_run:
        raise UsageError(f"nothing was written: {file} is there already", hint=f"headway check {file}")
    text = draft(_found(folder), service)
    if not dry_run:
        _write(file, text)
    if output == "json":
        done = {"headway": 1, "command": "init", "file": str(file), "written": not dry_run, "text": text}
        console.data(json.dumps(done, indent=2, ensure_ascii=False))
    elif dry_run:
        console.data(text)
        console.say(f"{file} was not written: --dry-run")
    else:
        console.line(f"{file} written; look it over, then: headway check {file}")


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as problem:
        raise UsageError(f"{file} was not written: {problem.strerror}") from problem


def _found(folder: Path) -> Found:
    from agent.spec.draft import Found

    manifests: dict[str, tuple[Object, ...]] = {}
    dockerfiles: list[str] = []
    for path in _files(folder):
        shown = path.relative_to(folder).as_posix()
        if path.name in {"Dockerfile", "Containerfile"}:
            dockerfiles.append(shown)
        elif path.suffix in {".yaml", ".yml"} and (objects := _objects(path)):
            manifests[shown] = objects
    dockerfile = min(dockerfiles, key=lambda one: (one.count("/"), one), default="")
    git, branch = _git(folder)
    name = folder.resolve().name
    return Found(name, manifests, dockerfile, _port(folder / dockerfile) if dockerfile else None, git, branch)


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for here, folders, names in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        kept = sorted(one for one in folders if not one.startswith(".") and one not in SKIPPED)
        folders[:] = kept if depth < DEEPEST else []
        for name in sorted(names):
            path = Path(here, name)
            if path.is_file() and path.stat().st_size <= LARGEST:
                seen += 1
                yield path
            if seen >= MOST_FILES:
                return


def _objects(path: Path) -> tuple[Object, ...]:
    """The Kubernetes objects of a file; none if it is something else (a Helm template, a values file, not YAML)."""
    from agent.release.yamldocs import documents

    try:
        found = [thing for _, thing in documents(str(path), path.read_text(encoding="utf-8"))]
    except (UsageError, OSError, UnicodeDecodeError):
        return ()
    objects = [thing for thing in found if isinstance(thing, dict) and thing.get("apiVersion") and thing.get("kind")]
    kustomized = any("kustomize" in str(thing["apiVersion"]) for thing in objects)
    return () if kustomized or len(objects) < len(found) else tuple(objects)


def _port(dockerfile: Path) -> int | None:
    try:
        exposed = re.search(
            r"(?mi)^\s*EXPOSE\s+([0-9]{1,5})\b", dockerfile.read_text(encoding="utf-8", errors="replace")
        )
    except OSError:
        return None
    return int(exposed[1]) if exposed and 0 < int(exposed[1]) < 1 << 16 else None


def _git(folder: Path) -> tuple[str, str]:
    """The remote's URL, without user and password, and the branch; empty where there is no repository."""
    for here in (folder.resolve(), *folder.resolve().parents):
        if (here / ".git").is_dir():
            break
    else:
        return "", ""
    try:
        config = (here / ".git" / "config").read_text(encoding="utf-8", errors="replace")
        head = (here / ".git" / "HEAD").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    url = re.search(r'(?ms)^\[remote "origin"\][^\[]*?^\s*url\s*=\s*(\S+)', config)
    branch = re.match(r"ref: refs/heads/(\S+)", head)
    cleaned = re.sub(r"^(https?://)[^/@]*@", r"\1", url[1]) if url else ""
    usable = re.match(r"https?://|ssh://|git@", cleaned)
    return cleaned if usable else "", branch[1] if branch else ""
