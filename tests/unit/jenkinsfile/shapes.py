"""Specs of every shape that renders differently, with a value of the caller's choice in every rendered field."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text

BUILDERS = ("docker", "buildx", "buildah", "kaniko", "command", "none")
KINDS = ("inline", "scm", "multibranch")
AGENTS = ("label", "docker", "kubernetes", "")
SHAPES = tuple(itertools.product(BUILDERS, KINDS, AGENTS))

Values = Callable[[str], str]
"""A value for the field of that name; the same name always gives the same value."""

TEXT = """
service: s
source: {git: "https://h/p", credentials: c}
image: {repository: r, credentials: c}
test:
  - {name: a, run: x, junit: a/*.xml}
  - {name: b, run: x, in: image}
  - {name: c, run: x, in: image, junit: a/b.xml}
run: {port: 8080}
environments:
  - {name: one, namespace: n, cluster: {context: k, credentials: c}, when: {branch: main}}
  - name: two
    namespace: n
    clusters: [{context: a, credentials: c}, {context: b, credentials: d}]
    approval: {submitters: [x, y]}
"""


@cache
def spec(yaml: str) -> ServiceSpec:
    """The spec that a text says; it must be right."""
    found = parse_text(yaml)
    assert isinstance(found, ServiceSpec), found
    return found


def changed(part: Any, **values: Any) -> Any:
    """A copy that nobody validates: what stands in it may be worse than any spec could say."""
    return part.model_copy(update=values)


def shaped(builder: str, kind: str, agent: str, value: Values) -> ServiceSpec:
    """A spec with `value(field)` wherever a text of it reaches the Jenkinsfile."""
    base = spec(TEXT)
    inside = builder in {"docker", "buildx", "buildah", "command"}
    tests = [changed(base.test[0], name=value("test.name"), run=value("test.run"), junit=value("test.junit"))]
    if inside:
        tests.append(changed(base.test[1], name=value("image.test.name"), run=value("image.test.run")))
    if inside and builder != "buildah":
        reports = "".join(char for char in value("image.test.junit") if char not in "*?,/")
        tests.append(changed(base.test[2], name="c", run=value("image.test.run"), junit=f"out/{reports}/x.xml"))
    pipeline = changed(
        base.pipeline,
        kind=kind,
        spec=value("pipeline.spec"),
        agent=changed(base.pipeline.agent, **({agent: value("agent")} if agent else {})),
        triggers=changed(base.pipeline.triggers, push=True, poll=value("poll")),
    )
    return changed(
        base,
        service=value("service"),
        team=value("team"),
        description=value("description"),
        source=changed(base.source, git=value("git"), branch=value("branch"), credentials=value("git.credentials")),
        image=changed(
            base.image, repository=f"registry.example.com/{value('image')}", credentials=value("image.credentials")
        ),
        build=changed(
            base.build,
            with_=builder,
            dockerfile=value("dockerfile"),
            context=value("context"),
            args={value("arg.name"): value("arg"), "VERSION": "{{ version }}" + value("arg.version")},
            run=value("build.run"),
        ),
        test=tuple(tests),
        environments=_environments(base, value, kind),
        pipeline=pipeline,
    )


def _environments(base: ServiceSpec, value: Values, kind: str) -> tuple[Any, ...]:
    one, two = base.environments
    when = changed(one.when, branch=value("when.branch")) if kind == "multibranch" else None
    return (
        changed(
            one,
            name=value("environment"),
            namespace=value("namespace"),
            cluster=changed(one.cluster, context=value("context.name"), credentials=value("kubeconfig")),
            when=when,
        ),
        changed(
            two,
            clusters=tuple(changed(c, credentials=value(f"kubeconfig.{n}")) for n, c in enumerate(two.clusters)),
            approval=changed(two.approval, submitters=(value("submitter"), value("submitter.2"))),
        ),
    )
