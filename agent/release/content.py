"""A spec, an environment and an image -> what a deploy puts into the cluster. Pure; the files were read already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.errors import UsageError
from agent.objects import Object, Ref, ref
from agent.release import generated, images, manifests
from agent.release.digest import of, of_configuration, without_secrets
from agent.release.manifests import ManifestFile
from agent.spec.deploying import Run


@dataclass(frozen=True, slots=True)
class Content:
    """One release before it is applied.

    Attributes:
        objects: all of it, in the order of needs, with the image in place.
        workload: the one that is followed by name and carries the image and the smoke checks.
        container: its container that is watched.
        image: the reference that was put in place.
        version: `{{ version }}`.
    """

    objects: tuple[Object, ...]
    workload: Ref
    container: str
    image: str
    version: str

    @property
    def digest(self) -> str:
        """Names the object set in the ledger."""
        return of(list(without_secrets(self.objects)))

    def pair(self, secrets: Mapping[str, str]) -> str:
        """Configuration and templates without the image: with the image it tells a known-bad pair.

        Args:
            secrets: keyed hashes of the Secrets that it refers to, by name: who mends one has made another pair.
        """
        blank, _ = images.replace(self.objects, images.parse(self.image).repository, "")
        templates = [(thing.get("spec") or {}).get("template") for thing in blank]
        return of([of_configuration(self.objects, secrets), [each for each in templates if each]])

    @property
    def followed(self) -> Object:
        """The workload's object."""
        return next(thing for thing in self.objects if ref(thing) == self.workload)


def from_manifests(
    files: Sequence[ManifestFile],
    *,
    namespace: str,
    workload: str,
    container: str,
    repository: str,
    image: str,
    version: str = "",
) -> Content:
    """The release that the manifests and an image make.

    Args:
        files: what `deploy.manifests` names, read.
        namespace: where it goes.
        workload: name of the workload that is followed.
        container: of it, the one that is watched; empty: the only one.
        repository: `image.repository`: what is replaced wherever it stands.
        image: the reference to put there.
        version: `--version`; empty: from the image.

    Raises:
        UsageError: something of it is wrong; says what, and where.
    """
    objects = manifests.read(files, namespace)
    images.parse(image)
    followed = manifests.named(objects, workload)
    replaced, places = images.replace(objects, repository, image)
    if not places:
        raise UsageError(
            f"nothing was changed: image repository '{repository}' stands nowhere in the manifests",
            hint=f"{ref(followed)} has image '{images.of_container(followed, '') or '(none)'}'; "
            "image.repository must name the same repository",
        )
    chosen = images.choose_container(manifests.named(replaced, workload), container, repository)
    return Content(replaced, ref(followed), chosen, image, images.version(image, version))


def from_run(
    run: Run, *, service: str, namespace: str, workload: str, container: str, image: str, version: str = ""
) -> Content:
    """The release made from `run`."""
    images.parse(image)
    made = generated.objects(
        run, service=service, workload=workload, image=image, container=container, namespace=namespace
    )
    target = ref(manifests.named(made, workload))
    return Content(made, target, container or service, image, images.version(image, version))


def selector(workload: Object) -> str:
    """The label selector of a workload's pods, as the API takes it; a Job's pods carry its name."""
    if workload.get("kind") == "Job":
        return f"job-name={ref(workload).name}"
    raw = (workload.get("spec") or {}).get("selector") or {}
    parts = [f"{key}={value}" for key, value in (raw.get("matchLabels") or {}).items()]
    for each in raw.get("matchExpressions") or ():
        key, values = each.get("key", ""), ",".join(each.get("values") or ())
        parts.append({
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": str(key),
            "DoesNotExist": f"!{key}",
        }.get(str(each.get("operator")), str(key)))  # fmt: skip
    return ",".join(parts)
