"""A spec and a template into the text of a Jenkinsfile: the same bytes for the same spec, anywhere, at any time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from agent.errors import UsageError
from agent.jenkinsfile import templates
from agent.jenkinsfile.deploys import deploys, unreached
from agent.jenkinsfile.form import Form, Outline, outlined
from agent.jenkinsfile.fragment import assemble
from agent.spec.building import Test
from agent.spec.model import ServiceSpec

_ENGINES = {"docker": "docker", "buildx": "docker", "command": "docker", "buildah": "buildah"}
_ASKED = ("service", "source", "image", "build", "pipeline")
"""What Headway's own templates ask a spec for; the rest of it is in the other facts, or makes no difference."""
_DECIDE = frozenset({"engine", "version"})
"""Texts among the facts that templates may decide by."""
_DOCKER_HUB = "https://index.docker.io/v1/"


def render(spec: ServiceSpec, *, library: str = "", near: Path | None = None, headway_version: str = "") -> str:
    """The Jenkinsfile of a service.

    Args:
        spec: checked.
        library: version of the shared library `headway` to use (`headway.library` in headway.yaml); empty: none, the
            pipeline then binds the credentials and calls the agent itself.
        near: the spec's folder, where a team's own templates are looked for; None: only Headway's own.
        headway_version: for a team's own template. Headway's own don't print it: an upgrade would change every job.

    Raises:
        UsageError: the spec asks for what no pipeline can do, its template is missing or wrong, or one of its values
            can't be written down.
    """
    _check(spec)
    template = templates.load(spec.pipeline.template, near)
    facts = _facts(spec, library)
    if templates.is_headways(template):
        outline, texts = outlined(facts | {"spec": {name: getattr(spec, name) for name in _ASKED}}, _DECIDE)
        return _form(spec.pipeline.template, outline).filled_in(texts)
    own = facts | {"spec": spec, "headway_version": headway_version}
    return assemble(templates.fill(template, own)).filled_in(())


@lru_cache(maxsize=256)
def _form(template: str, outline: Outline) -> Form:
    """What one of Headway's own templates makes of an outline; they stay as they are while a process runs."""
    return assemble(templates.fill(templates.load(template, None), outline))


@dataclass(frozen=True, slots=True)
class _TestStep:
    """A test, with the folder that its reports are copied into and what is copied out of the image."""

    test: Test
    target: str
    reports: str

    @property
    def title(self) -> str:
        """Name of its stage."""
        return f"Test {self.test.name}"


@lru_cache(maxsize=256)
def _reports(pattern: str) -> tuple[str, str]:
    """The parent of a pattern's fixed folder, and that folder: `build/reports/**/*.xml` -> build, build/reports."""
    fixed = list(takewhile(lambda part: not set(part) & set("*?,"), pattern.split("/")[:-1]))
    return "/".join(fixed[:-1]) or ".", "/".join(fixed)


def _check(spec: ServiceSpec) -> None:
    """Refuses what would render and then fail in every build."""
    name = f"nothing was rendered: {spec.service}"
    if spec.pipeline.kind == "inline" and spec.source is None:
        raise UsageError(
            f"{name} has an inline pipeline and no source, so there is nothing to build",
            hint="add 'source: {git: https://...}', or 'pipeline: {kind: multibranch}'",
        )
    inside = [test for test in spec.test if test.in_ == "image"]
    if inside and spec.build.with_ not in _ENGINES:
        raise UsageError(
            f"{name} has a test inside the image ('{inside[0].name}'), "
            f"and 'build.with: {spec.build.with_}' has no way to run one",
            hint=f"build with one of {', '.join(_ENGINES)}",
        )
    for test in inside:
        if test.junit and spec.build.with_ == "buildah":
            raise UsageError(
                f"{name} wants JUnit reports out of an image that buildah runs, which is not supported yet"
            )
        if test.junit and not _reports(test.junit)[1]:
            raise UsageError(
                f"{name} wants JUnit reports '{test.junit}' out of the image, which would copy everything there",
                hint="let the test write them into a folder of their own, for example reports/*.xml",
            )


def _facts(spec: ServiceSpec, library: str) -> dict[str, object]:
    """What a template may ask for."""
    reached, host = deploys(spec), registry(spec.image.repository)
    return {
        "spec": spec,
        "deploys": reached,
        "unreached": unreached(spec),
        "library": f"headway@{library}" if library else "",
        "multibranch": spec.pipeline.kind == "multibranch",
        "inline": spec.pipeline.kind == "inline",
        "registry": host,
        "registry_key": _DOCKER_HUB if host == "docker.io" else host,
        "engine": _ENGINES.get(spec.build.with_, ""),
        "repository_colon": f"{spec.image.repository}:",
        "branch_ref": f"refs/heads/{spec.source.branch}" if spec.source else "",
        "builds_kept": str(spec.pipeline.keep.builds),
        "side_by_side": any(deploy.submitters or not deploy.lock for deploy in reached),
        "builds": spec.build.with_ != "none",
        "version": "{{ version }}",
        "tests": tuple(_TestStep(test, *_reports(test.junit)) for test in spec.test),
    }


def registry(repository: str) -> str:
    """The registry's host (and port), as Docker reads a repository; Docker Hub's for `library/web` and `web`."""
    first, slash, _ = repository.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else "docker.io"
