"""A first service.yaml, written from what a repository shows: its Dockerfile, its manifests, its git remote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import UsageError
from agent.objects import Object, containers, metadata, name, pod_spec
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a folder.

    Attributes:
        folder: its name; names the service where nothing else does.
        manifests: files with the Kubernetes objects in them, by path relative to the folder.
        dockerfile: path of the Dockerfile; empty where there is none.
        port: what the Dockerfile exposes; None where it exposes nothing.
        git: URL of the remote, without credentials; may be empty.
        branch: that is checked out; may be empty.
    """

    folder: str
    manifests: Mapping[str, Sequence[Object]]
    dockerfile: str = ""
    port: int | None = None
    git: str = ""
    branch: str = ""


def draft(found: Found, service: str = "") -> str:
    """The text of a service.yaml that `headway check` takes.

    Args:
        found: what is there.
        service: which workload is meant, when there are several.

    Raises:
        UsageError: there is nothing to begin with, or too much.
    """
    if not found.dockerfile and not found.manifests:
        raise UsageError(
            "nothing was written: there is neither a Dockerfile nor a Kubernetes manifest here",
            hint="name the folder that holds them",
        )
    file, workload = _workload(found, service)
    label = service or (name(workload) if workload else _label(found.folder))
    lines = [f"service: {_scalar(label)}", ""]
    if found.git:
        branch = f", branch: {_scalar(found.branch)}" if found.branch not in {"", "main"} else ""
        lines += [f"source: {{git: {_scalar(found.git)}{branch}}}", ""]
    lines += _image(found, workload, label)
    lines += _deployed(found, file, workload, label)
    lines += _environments(workload, found.branch or "main")
    text = "\n".join(lines) + "\n"
    checked = parse_text(text)
    if not isinstance(checked, ServiceSpec):
        problem = checked[0]
        hint = f"`--service NAME` names it; what was found: {problem.source.strip()}"
        raise UsageError(f"nothing was written: {problem.message}", hint=hint)
    return text


def _workload(found: Found, service: str) -> tuple[str, Object | None]:
    workloads = [
        (file, thing) for file, things in found.manifests.items() for thing in things if thing.get("kind") in WORKLOADS
    ]
    wanted = service or (found.folder if len(workloads) > 1 else "")
    meant = [(file, thing) for file, thing in workloads if wanted in {"", name(thing)}]
    if len(meant) == 1:
        return meant[0]
    if not workloads:
        return "", None
    names = ", ".join(sorted({name(thing) for _, thing in workloads})[:12])
    if service:
        raise UsageError(f"nothing was written: no manifest has a workload '{service}'", hint=f"there is {names}")
    raise UsageError(
        f"nothing was written: the manifests hold {len(workloads)} workloads, and a spec follows one",
        hint=f"choose by --service: {names}",
    )


def _label(folder: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[:63].strip("-") or "service"


def _image(found: Found, workload: Object | None, label: str) -> list[str]:
    lines: list[str] = []
    if workload:
        reference = str(_main(workload, label).get("image", ""))
        lines.append(f"image: {{repository: {_scalar(_repository(reference) or label)}}}")
    else:
        lines += ["image:", f"  repository: {_scalar(f'registry.example.com/{label}')}  # where the image is pushed to"]
    if not found.dockerfile:
        lines += ["", "build: {with: none}  # no Dockerfile here: the image comes from elsewhere"]
    elif found.dockerfile != "Dockerfile":
        context = found.dockerfile.rpartition("/")[0]
        lines += ["", "build:", f"  dockerfile: {_scalar(found.dockerfile)}", f"  context: {_scalar(context or '.')}"]
    return [*lines, ""]


def _repository(reference: str) -> str:
    base = reference.split("@", 1)[0]
    head, colon, tag = base.rpartition(":")
    return head if colon and "/" not in tag else base


def _main(workload: Object, label: str) -> Object:
    """The container that is meant: the one called like the service, else the first."""
    every = list(pod_spec(workload).get("containers") or ()) or list(containers(pod_spec(workload))) or [{}]
    return next((one for one in every if one.get("name") in {label, "server", "app"}), every[0])


def _deployed(found: Found, file: str, workload: Object | None, label: str) -> list[str]:
    if workload is None:
        port = found.port or 8080
        unsure = "" if found.port else "  # the Dockerfile exposes none: is this the one?"
        return ["run:", f"  port: {port}{unsure}", "", *_check("answers", "/", None)]
    main = _main(workload, label)
    lines = ["deploy:", f"  manifests: [{', '.join(map(_scalar, _files(found, file)))}]"]
    if name(workload) != label:
        lines.append(f"  deployment: {_scalar(name(workload))}")
    if len(pod_spec(workload).get("containers") or ()) > 1:
        lines.append(f"  container: {_scalar(str(main.get('name', '')))}")
    return [*lines, "", *_probed(main)]


def _files(found: Found, file: str) -> Iterator[str]:
    """The workload's file, and those that hold objects but no other workload."""
    for path, things in found.manifests.items():
        if path == file or not any(thing.get("kind") in WORKLOADS for thing in things):
            yield path


def _probed(container: Object) -> list[str]:
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        asked: Any = (container.get(probe) or {}).get("httpGet")
        if asked:
            ports = [one for one in container.get("ports") or () if one.get("containerPort")]
            return _check("healthy", str(asked.get("path") or "/"), asked.get("port") if len(ports) != 1 else None)
    return [
        "# No HTTP probe was found to make a smoke check of; for example:",
        "# smoke:",
        "#   - name: healthy",
        "#     get: /healthz",
        "",
    ]


def _check(title: str, path: str, port: int | str | None) -> list[str]:
    asked = [] if port is None else [f"    port: {_scalar(port)}"]
    return ["smoke:", f"  - name: {title}", f"    get: {_scalar(path)}", *asked, ""]


def _environments(workload: Object | None, branch: str) -> list[str]:
    namespace = str(metadata(workload or {}).get("namespace") or "")
    lines = [
        "environments:",
        "  - name: staging",
        "    # cluster: CONTEXT of the kubeconfig; without it, the current one",
    ]
    if namespace:
        lines.append(f"    namespace: {_scalar(namespace)}")
    return [*lines, f"    when: {{branch: {_scalar(branch)}}}"]


def _scalar(value: object) -> str:
    """A value as YAML: plain where every reader takes it for the same text, else in double quotes."""
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z./][A-Za-z0-9./_@:-]*", text) and not text.endswith(":")
    words = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
    return text if plain and text.lower() not in words else json.dumps(text, ensure_ascii=True)
