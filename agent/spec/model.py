"""ServiceSpec: everything that one service.yaml says, checked, frozen, with the defaults filled in.

Attribute names are the YAML names; three of them collide with Python and end with an underscore: `build.with_`,
`test[i].in_` and `smoke[i].expect.json_`. Durations are seconds.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from agent.errors import UsageError
from agent.spec.building import Build, Image, Pipeline, Source, Test
from agent.spec.deploying import Deploy, Run, SmokeCheck
from agent.spec.measures import FormatVersion, Wait
from agent.spec.part import Part, complaint
from agent.spec.values import BranchPattern, Context, CredentialId, Label, Submitter, Team, Text, WebUrl


class Cluster(Part):
    """A kubeconfig context, and how a Jenkins agent comes by the kubeconfig."""

    context: Context = Field("", description="Context of the kubeconfig; default: the current one.")
    credentials: CredentialId = Field(
        "", description="Id of the Jenkins file credential that holds the kubeconfig; default: the agent's own."
    )


_CURRENT = (Cluster(),)

ClusterName: TypeAlias = Annotated[
    Annotated[Context, Tag("<name>")] | Annotated[Cluster, Tag("<cluster>")],
    Discriminator(lambda value: "<cluster>" if isinstance(value, dict | Cluster) else "<name>"),
]


class When(Part):
    """Which builds deploy to an environment."""

    branch: BranchPattern = Field(description="Branch, or a pattern such as release/*.")


class Approval(Part):
    """Somebody has to agree first."""

    submitters: tuple[Submitter, ...] = Field(min_length=1, description="Jenkins users or groups who may agree.")
    timeout: Wait = Field(86_400.0, description="How long to wait; then the build ends without a deploy.")


class Environment(Part):
    """One place that the service is deployed to.

    As the file says it; `ServiceSpec.for_environment` says what is deployed. `deploy`, `run` and `smoke` are None where
    the environment overrides nothing; else they are complete: what stands here, merged over the spec's own.
    """

    name: Label = Field(description="Name of the environment; each name once.", examples=["staging"])
    cluster: ClusterName | None = Field(None, description="Context, or context and credentials; default: the current.")
    clusters: tuple[ClusterName, ...] = Field((), description="Several clusters, one after another in this order.")
    namespace: Label = Field("", description="Namespace, never created; default: the context's.")
    url: WebUrl = Field("", description="Where users reach it; for `via: url` and for commands.")
    when: When | None = Field(None, description="Which builds deploy here; none: all but those of pull requests.")
    approval: Approval | None = Field(None, description="Somebody has to agree first.")
    deploy: Deploy | None = Field(None, description="Overrides of `deploy`, merged over it.")
    run: Run | None = Field(None, description="Overrides of `run`, merged over it.")
    smoke: tuple[SmokeCheck, ...] | None = Field(None, description="Overrides of `smoke`, merged by name.")

    @property
    def where(self) -> tuple[Cluster, ...]:
        """Its clusters in order, at least one; an empty context is the current one."""
        given: tuple[Cluster | str, ...] = self.clusters or ((self.cluster,) if self.cluster else _CURRENT)
        return tuple([Cluster(context=one) if isinstance(one, str) else one for one in given])

    @model_validator(mode="after")
    def _clusters(self) -> Environment:
        if self.cluster and self.clusters:
            raise complaint("an environment has one of 'cluster' and 'clusters', not both", at=("clusters",), key=True)
        contexts = [one if isinstance(one, str) else one.context for one in self.clusters]
        for index, context in enumerate(contexts):
            if context in contexts[:index]:
                raise complaint(f"the cluster '{context}' is named twice", "remove one", at=("clusters", index))
        return self


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """What is deployed to one environment, with every override and default resolved.

    Attributes:
        service: the service's name.
        name: the environment's name.
        clusters: at least one, in order; an empty context is the current one.
        namespace: empty: the context's.
        workload: name of the workload that is followed.
        deploy: what is applied; without manifests, `run` says it.
        run: None where manifests do.
        smoke: the checks, in order.
    """

    service: str
    name: str
    clusters: tuple[Cluster, ...]
    namespace: str
    url: str
    when: When | None
    approval: Approval | None
    workload: str
    deploy: Deploy
    run: Run | None
    smoke: tuple[SmokeCheck, ...]

    @property
    def cluster(self) -> Cluster:
        """The first cluster."""
        return self.clusters[0]


class ServiceSpec(Part):
    """One service: how it is built, tested, deployed, checked and taken back."""

    version: FormatVersion = Field(1, description="Version of this format.")
    service: Label = Field(description="Name of the service and of its Jenkins job.", examples=["checkoutservice"])
    team: Team = Field("", description="Team that owns the service.")
    description: Text = Field("", description="What the service does; shown in Jenkins.")
    source: Source | None = Field(None, description="Where the code is.")
    image: Image = Field(description="Which image is built and deployed.")
    build: Build = Field(Build(), description="How the image comes about.")
    test: tuple[Test, ...] = Field((), description="What is tested before a deploy.")
    deploy: Deploy = Field(Deploy(), description="What is applied and how it is judged.")
    run: Run | None = Field(None, description="Only without `deploy.manifests`: a workload without manifests.")
    smoke: tuple[SmokeCheck, ...] = Field((), description="Questions to the new release, in order.")
    environments: tuple[Environment, ...] = Field(
        (), description="Where it is deployed to, in order; none: build and test only."
    )
    pipeline: Pipeline = Field(Pipeline(), description="The Jenkins job.")

    @property
    def job(self) -> str:
        """Full name of the Jenkins job: folder and name."""
        name = self.pipeline.job or self.service
        return f"{self.pipeline.folder}/{name}" if self.pipeline.folder else name

    def for_environment(self, name: str) -> EnvironmentSpec:
        """What is deployed to the environment of that name.

        Raises:
            UsageError: the spec has no such environment.
        """
        for environment in self.environments:
            if environment.name == name:
                return self._resolved(environment)
        names = [environment.name for environment in self.environments]
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(names)}" if names else "it has none"
        raise UsageError(f"nothing was done: {self.service} has no environment '{name}'", hint=hint)

    def workload(self, environment: Environment) -> str:
        """Name of the workload that is followed in an environment."""
        return (environment.deploy or self.deploy).deployment or self.service

    def _resolved(self, environment: Environment) -> EnvironmentSpec:
        deploy = environment.deploy or self.deploy
        return EnvironmentSpec(
            service=self.service,
            name=environment.name,
            clusters=environment.where,
            namespace=environment.namespace,
            url=environment.url,
            when=environment.when,
            approval=environment.approval,
            workload=self.workload(environment),
            deploy=deploy,
            run=None if deploy.manifests else environment.run or self.run,
            smoke=self.smoke if environment.smoke is None else environment.smoke,
        )
