"""What Headway can make in Jenkins, as data: three kinds of job and a folder; `configxml.write` gives their XML."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a job: text, or with `choices` one of them (the first is the default)."""

    name: str
    description: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Triggers:
    """What starts a build.

    Attributes:
        push: webhooks that announce a push are listened to.
        poll: cron of asking the repository; empty: never asked.
        cron: cron of builds that need no change; empty: none.
    """

    push: bool = False
    poll: str = ""
    cron: str = ""


@dataclass(frozen=True, slots=True)
class Git:
    """A repository, the branch that counts, and the id of the credential that may read it."""

    url: str
    branch: str = "main"
    credentials: str = ""


@dataclass(frozen=True, slots=True)
class InlineJob:
    """A pipeline whose script stands in the job."""

    description: str
    script: str
    keep_builds: int = 30
    triggers: Triggers = field(default_factory=Triggers)
    parameters: tuple[Parameter, ...] = ()
    concurrent: bool = False


@dataclass(frozen=True, slots=True)
class ScmJob:
    """A pipeline whose Jenkinsfile stands in the repository."""

    description: str
    git: Git
    script_path: str = "Jenkinsfile"
    keep_builds: int = 30
    triggers: Triggers = field(default_factory=Triggers)
    concurrent: bool = False


@dataclass(frozen=True, slots=True)
class MultibranchJob:
    """A job for each branch that has a Jenkinsfile.

    Attributes:
        source_id: stable for ever: with a new one Jenkins rebuilds every branch (JENKINS-43693).
    """

    description: str
    git: Git
    source_id: str
    script_path: str = "Jenkinsfile"
    triggers: Triggers = field(default_factory=Triggers)


@dataclass(frozen=True, slots=True)
class SharedLibrary:
    """A library of pipeline steps that the jobs of a folder can use.

    Attributes:
        name: what pipelines call it.
        git: its repository.
        version: branch or tag that pipelines get which name none; empty: they must name one.
        path: of the folder that holds `vars/`; empty: the repository's top.
        credentials: id of the credential that may read it; empty: none is needed.
        implicit: loaded without being asked for.
    """

    name: str
    git: str
    version: str = ""
    path: str = ""
    credentials: str = ""
    implicit: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; no views are written, because Jenkins fills in its own and a wrong one breaks the page.

    Attributes:
        identity: owner and full name, from which the ids of the libraries' sources are made.
    """

    description: str
    libraries: tuple[SharedLibrary, ...] = ()
    identity: str = ""


Shape: TypeAlias = InlineJob | ScmJob | MultibranchJob | Folder


def source_id(owner: str, full_name: str) -> str:
    """The id of a multibranch job's source: the same on every machine and in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"headway:{owner}:{full_name}"))
