"""Rules across the parts of a spec; each one names the parts that it looks at, so that it waits until they are sound.

R1 something is deployed, by manifests or by `run`, not both. R2 `via: url` needs an url. R3 `scm` and `multibranch`
need a source. R4 a test inside the image needs an image that is built. R5 a Service's name begins with a letter.
R6 an HTTP check needs a port. R7 a workload of an environment is one: no two environments on one explicit target.
R8 a soak ends before its stage's timeout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.spec.deploying import Deploy
from agent.spec.measures import spoken
from agent.spec.model import ServiceSpec
from agent.spec.wording import Complaint


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        parts: top-level fields that it looks at; it is skipped while one of them is wrong by itself.
        check: the complaints about a spec.
    """

    parts: frozenset[str]
    check: Callable[[ServiceSpec], Iterator[Complaint]]


def _something_to_deploy(spec: ServiceSpec) -> Iterator[Complaint]:
    both = "a spec has either 'deploy.manifests' or 'run', not both"
    if spec.run and spec.deploy.manifests:
        yield Complaint(("run",), both, "remove one of them", key=True)
        return
    for index, environment in enumerate(spec.environments):
        deploy = environment.deploy or spec.deploy
        run = environment.run or spec.run
        if deploy.manifests and run:
            part = "run" if environment.run else "deploy"
            yield Complaint(("environments", index, part), both, "remove one of them", key=True)
        if not deploy.manifests and not run:
            message = f"environment '{environment.name}' has nothing to deploy: neither 'deploy.manifests' nor 'run'"
            hint = "add 'deploy: {manifests: [k8s/*.yaml]}' or 'run: {port: 8080}'"
            yield Complaint(("environments", index, "name"), message, hint)


def _urls(spec: ServiceSpec) -> Iterator[Complaint]:
    for index, environment in enumerate(spec.environments):
        checks = spec.smoke if environment.smoke is None else environment.smoke
        by_url = [check.name for check in checks if check.via == "url"]
        if by_url and not environment.url:
            message = f"environment '{environment.name}' has no url, and smoke check '{by_url[0]}' asks 'via: url'"
            yield Complaint(("environments", index, "name"), message, "add 'url: https://...' to the environment")


def _source(spec: ServiceSpec) -> Iterator[Complaint]:
    if spec.pipeline.kind != "inline" and spec.source is None:
        message = f"'kind: {spec.pipeline.kind}' needs the repository, and there is no 'source'"
        yield Complaint(("pipeline", "kind"), message, "add 'source: {git: https://...}'")


def _image_tests(spec: ServiceSpec) -> Iterator[Complaint]:
    if spec.build.with_ != "none":
        return
    for index, test in enumerate(spec.test):
        if test.in_ == "image":
            message = "'in: image' is the image just built, and 'build.with' is none"
            yield Complaint(("test", index, "in"), message, "run it on the agent")


def _service_name(spec: ServiceSpec) -> Iterator[Complaint]:
    if spec.run and spec.run.port is not None and spec.service[0].isdigit():
        message = f"'{spec.service}' begins with a digit, and the name of a Kubernetes Service begins with a letter"
        yield Complaint(("service",), message)


def _ports(spec: ServiceSpec) -> Iterator[Complaint]:
    if spec.run is None or spec.run.port is not None:
        return
    for index, check in enumerate(spec.smoke):
        if check.get and check.via != "url" and (check.port is None or check.via == "service"):
            message = f"smoke check '{check.name}' asks a port, and 'run' has none"
            yield Complaint(("smoke", index, "get"), message, "add 'port: 8080' to 'run'", key=True)


def _targets(spec: ServiceSpec) -> Iterator[Complaint]:
    seen: dict[tuple[str, str, str], str] = {}
    for index, environment in enumerate(spec.environments):
        for cluster in environment.where:
            target = (cluster.context, environment.namespace, spec.workload(environment))
            if cluster.context and seen.setdefault(target, environment.name) != environment.name:
                message = f"environment '{environment.name}' deploys where '{seen[target]}' does: cluster "
                message += f"'{cluster.context}', namespace '{environment.namespace or 'of the context'}'"
                yield Complaint(("environments", index, "name"), message, "give it another cluster or namespace")


def _soak(spec: ServiceSpec) -> Iterator[Complaint]:
    limit = spec.pipeline.timeout
    written: list[tuple[tuple[str | int, ...], Deploy]] = [(("deploy", "soak"), spec.deploy)]
    written += [
        (("environments", index, "deploy", "soak"), environment.deploy)
        for index, environment in enumerate(spec.environments)
        if environment.deploy and environment.deploy.soak != spec.deploy.soak
    ]
    for place, deploy in written:
        if deploy.soak >= limit:
            message = f"a soak of {spoken(deploy.soak)} doesn't end within the {spoken(limit)} of 'pipeline.timeout'"
            yield Complaint(place, message, "make it shorter, or the pipeline's timeout longer")


RULES: tuple[Rule, ...] = (
    Rule(frozenset({"deploy", "run", "environments"}), _something_to_deploy),
    Rule(frozenset({"smoke", "environments"}), _urls),
    Rule(frozenset({"source", "pipeline"}), _source),
    Rule(frozenset({"build", "test"}), _image_tests),
    Rule(frozenset({"service", "run"}), _service_name),
    Rule(frozenset({"run", "smoke", "deploy"}), _ports),
    Rule(frozenset({"deploy", "run", "smoke", "environments"}), _targets),
    Rule(frozenset({"deploy", "environments", "pipeline"}), _soak),
)
