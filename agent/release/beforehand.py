"""The Jobs that are awaited before a release's workloads are touched: each gets a name of its own in every release."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from agent.errors import UsageError
from agent.objects import Object, name
from agent.release import images, manifests
from agent.release.digest import of
from agent.release.manifests import ManifestFile

LONGEST = 63
KEPT_FOR = 7 * 86_400
"""Seconds that a finished Job is kept, where its manifest doesn't say."""


def from_manifests(files: Sequence[ManifestFile], namespace: str, repository: str, image: str) -> tuple[Object, ...]:
    """The Jobs of `deploy.before`, with the image in place; the names are given later.

    Raises:
        UsageError: a file holds something else than Jobs.
    """
    if not files:
        return ()
    things = manifests.read(files, namespace)
    for thing in things:
        if thing.get("kind") != "Job":
            raise UsageError(
                f"nothing was changed: deploy.before holds {str(thing.get('kind')).lower()}/{name(thing)}",
                hint="only Jobs are awaited; everything else belongs into deploy.manifests",
            )
    replaced, _ = images.replace(things, repository, image)
    return replaced


def from_command(command: str, place: int, workload: Object, container: str) -> Object:
    """A Job that runs a command as the followed container would: its image, environment, account and volumes.

    Args:
        command: for `sh -c`.
        place: where it stands in `deploy.before`, from 1.
        workload: the release's own, with the image in place.
        container: the one whose surroundings it gets.
    """
    template = (workload.get("spec") or {}).get("template") or {}
    spec: dict[str, Any] = copy.deepcopy(template.get("spec") or {})
    box = next(dict(each) for each in spec.get("containers") or () if each.get("name") == container)
    for field in ("livenessProbe", "readinessProbe", "startupProbe", "ports", "lifecycle", "args"):
        box.pop(field, None)
    box["command"] = ["sh", "-c", command]
    spec |= {"containers": [box], "restartPolicy": "Never"}
    spec.pop("initContainers", None)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{name(workload)}-before-{place}",
            "namespace": (workload.get("metadata") or {}).get("namespace", ""),
        },
        "spec": {"backoffLimit": 0, "template": {"spec": spec}},
    }


def numbered(jobs: Iterable[Object], release: int) -> tuple[Object, ...]:
    """The Jobs under the names that they have in one release: `migrate-r42`; a long one ends with its hash instead."""
    result = []
    for job in jobs:
        its, ending = name(job), f"-r{release}"
        if len(its) + len(ending) > LONGEST:
            ending = f"-{of(its)[:8]}{ending}"
            its = its[: LONGEST - len(ending)].rstrip("-.")
        spec = {"ttlSecondsAfterFinished": KEPT_FOR, **(job.get("spec") or {})}
        result.append({**job, "metadata": {**job["metadata"], "name": its + ending}, "spec": spec})
    return tuple(result)
