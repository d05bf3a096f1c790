"""The seed job: a Jenkins job that applies the jobs of a repository of specs whenever it changes."""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import UsageError
from agent.jenkinsfile.groovy import literal
from agent.jenkinsfile.shell import word
from agent.jobs import configxml, names
from agent.jobs.definition import JobDefinition, Kind, marked, sha256
from agent.jobs.marker import Marker
from agent.jobs.shapes import InlineJob, Triggers
from agent.jobs.xmltext import UnwritableError


@dataclass(frozen=True, slots=True)
class Seed:
    """What the seed job needs to know.

    Attributes:
        job: its full name.
        owner: of the specs.
        git: URL of the repository of specs.
        branch: that counts.
        git_credentials: id of the credential that may read it; empty: none is needed.
        jenkins_credentials: id of a `username with password` credential: a Jenkins user and its API token.
        folder: of the specs in the repository.
        label: of the agents that it runs on, where headway is installed; empty: any.
        poll: cron of asking the repository; a push is heard in any case.
        prune: whether it also removes what no spec names any more.
    """

    job: str
    owner: str
    git: str
    branch: str
    git_credentials: str
    jenkins_credentials: str
    folder: str
    label: str = ""
    poll: str = "H/15 * * * *"
    prune: bool = False


def seed(given: Seed) -> JobDefinition:
    """The seed job. Its marker names no spec, so no prune ever takes it.

    Raises:
        UsageError: Jenkins would refuse the name, or a value can't be written into a pipeline.
    """
    if refused := names.full_name_complaint(given.job):
        raise UsageError(f"nothing was sent: Jenkins refuses the name '{given.job}': {refused}")
    description = (
        f"Applies the jobs of {given.folder or 'all folders'} when their specs change. Made by `headway jobs seed`."
    )
    shape = InlineJob(description, script(given), triggers=Triggers(push=True, poll=given.poll))
    try:
        text = configxml.write(shape)
    except UnwritableError as problem:
        raise UsageError(f"nothing was sent: the seed job can't be written: {problem.message}") from problem
    marker = Marker(given.owner, given.job, config_sha256=sha256(text))
    used = tuple(sorted({given.git_credentials, given.jenkins_credentials} - {""}))
    return JobDefinition(given.job, Kind.PIPELINE, marked(text, marker), marker, credentials=used)


_PIPELINE = """pipeline {{
  agent {agent}

  options {{
    skipDefaultCheckout()
    timestamps()
  }}

  stages {{
    stage('Jobs') {{
      steps {{
        checkout(scmGit(
          branches: [[name: {branch}]],
          userRemoteConfigs: [{remote}]
        ))
        timeout(time: 1, unit: 'HOURS') {{
          withCredentials([usernamePassword(
            credentialsId: {credentials},
            usernameVariable: 'JENKINS_USER_ID',
            passwordVariable: 'JENKINS_API_TOKEN'
          )]) {{
            sh label: 'headway jobs apply', script: {command}
          }}
        }}
      }}
      post {{
        always {{
          archiveArtifacts artifacts: '.headway/runs/**', allowEmptyArchive: true
        }}
      }}
    }}
  }}
}}
"""


def script(given: Seed) -> str:
    """Its pipeline: nothing of a value is evaluated by Groovy or by the shell."""
    remote: dict[str, str] = {"url": given.git}
    if given.git_credentials:
        remote["credentialsId"] = given.git_credentials
    prune = "--prune " if given.prune else ""
    return _PIPELINE.format(
        agent=f"{{\n    label {literal(given.label)}\n  }}" if given.label else "any",
        branch=literal("refs/heads/" + given.branch),
        remote=literal(remote),
        credentials=literal(given.jenkins_credentials),
        command=literal(f"exec headway jobs apply {prune}--runs .headway/runs -- {word(given.folder or '.')}"),
    )
