"""The parts of a spec that a build needs: source, image, build, tests, and the pipeline around them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from agent.spec.cron import Cron
from agent.spec.measures import Duration
from agent.spec.part import Part, complaint
from agent.spec.values import (
    AgentLabel,
    Branch,
    Command,
    CredentialId,
    EnvName,
    FolderPath,
    GitUrl,
    ImageReference,
    JobName,
    Path,
    Repository,
    String,
    Template,
    Title,
)

Builder: TypeAlias = Literal["docker", "buildx", "kaniko", "buildah", "command", "none"]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Flag: TypeAlias = Annotated[bool, Field(strict=True)]


class Source(Part):
    """Where the service's code is."""

    git: GitUrl = Field(description="URL of the repository.", examples=["https://git.example.com/shop/web.git"])
    branch: Branch = Field("main", description="Branch that is built; a multibranch job builds all.")
    credentials: CredentialId = Field("", description="Id of the Jenkins credential that may read it; never a secret.")


class Image(Part):
    """Which image is built and deployed."""

    repository: Repository = Field(
        description="Registry and repository, without tag or digest.", examples=["registry.example.com/shop/web"]
    )
    credentials: CredentialId = Field("", description="Id of the Jenkins credential that may push to it.")


class Build(Part):
    """How the image comes about."""

    with_: Builder = Field("docker", alias="with", description="Builder; `none`: the image comes from elsewhere.")
    dockerfile: Path = Field("Dockerfile", description="The Dockerfile, relative to the repository's root.")
    context: Path = Field(".", description="The build context, relative to the repository's root.")
    args: dict[EnvName, String] = Field(default_factory=dict, description="Build arguments; never secrets.")
    run: Command = Field(
        "",
        description="Only with `with: command`: the command that builds and pushes $IMAGE, "
        "and writes REPOSITORY@DIGEST to the file $IMAGE_FILE where it is known.",
    )

    @model_validator(mode="after")
    def _command(self) -> Build:
        if self.with_ == "command" and not self.run:
            raise complaint("'with: command' needs the command", "add 'run: ./build.sh'", at=("with",))
        if self.with_ != "command" and self.run:
            raise complaint("'run' belongs to 'with: command' only", "write 'with: command'", at=("run",), key=True)
        return self


class Test(Part):
    """One step that tests the code or the image before anything is deployed."""

    __test__ = False  # pytest would take the name for a test class

    name: Title = Field(description="Name of the stage; each name once.")
    run: Command = Field(description="Shell command; exit status 0 is a pass.")
    in_: Literal["agent", "image"] = Field(
        "agent", alias="in", description="Where: on the Jenkins agent, or inside the image just built."
    )
    junit: Path = Field("", description="Pattern of the JUnit reports that it writes.", examples=["build/**/*.xml"])


class Agent(Part):
    """Where builds run; at most one of the three, none: any agent."""

    label: AgentLabel = Field("", description="Label expression of Jenkins agents.")
    docker: ImageReference = Field("", description="Image of the container that the build runs in.")
    kubernetes: Title = Field("", description="Name of a pod template of Jenkins' Kubernetes cloud (inheritFrom).")

    @model_validator(mode="after")
    def _one(self) -> Agent:
        given = [name for name in ("label", "docker", "kubernetes") if getattr(self, name)]
        if len(given) > 1:
            raise complaint(f"an agent has one of {' and '.join(given)}, not both", at=(given[-1],), key=True)
        return self


class Triggers(Part):
    """What starts a build."""

    push: Flag = Field(default=False, description="A push, announced by a webhook.")
    poll: Cron = Field("", description="Asking the repository, in Jenkins' cron syntax.", examples=["H/30 * * * *"])


class Keep(Part):
    """How much of the past Jenkins keeps."""

    builds: Count = Field(30, description="Builds kept.")


class Pipeline(Part):
    """The Jenkins job."""

    template: Template = Field("service", description="Template of the Jenkinsfile: a name, or a team's own .j2 file.")
    kind: Literal["inline", "scm", "multibranch"] = Field(
        "inline", description="Jenkinsfile in the job, in the repository, or a job for each branch."
    )
    spec: Path = Field(
        "service.yaml", description="Where this file stands in the repository of `source`, for the deploy steps."
    )
    folder: FolderPath = Field("", description="Jenkins folder; empty: the top.", examples=["shop/payments"])
    job: JobName = Field("", description="Name of the job; default: the service's name.")
    moved_from: FolderPath = Field("", description="Full name that the job had; Jenkins moves it, with its history.")
    agent: Agent = Field(Agent(), description="Where builds run.")
    triggers: Triggers = Field(Triggers(), description="What starts a build.")
    timeout: Duration = Field(3600.0, description="Limit of each build, test and deploy step.")
    keep: Keep = Field(Keep(), description="What Jenkins keeps.")
