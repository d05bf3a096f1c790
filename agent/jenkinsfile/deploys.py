"""What the pipeline does for each environment: which builds deploy there, behind which lock, with which kubeconfig."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from agent.spec.model import Environment, ServiceSpec, When

_STEP = 10
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class Deploy:
    """One environment as the pipeline sees it.

    Attributes:
        name: of the environment.
        lock: name of the Jenkins lock; one deploy of this workload at a time, the approval not included. Empty where
            `deploy.lock` doesn't wait: then Headway's own lock is asked at once.
        kubeconfigs: the environment variable and the id of each Jenkins file credential, in the order of the clusters;
            a single one is KUBECONFIG itself.
        service: the service's name.
        submitters: who may approve, as Jenkins reads them; empty: no approval.
        patience: seconds that an approval is waited for.
        ordinal: of the deploy's milestone; the approval's is one less.
        branch: the branch or pattern that the environment wants; empty: any but a pull request.
        pattern: whether `branch` is a pattern.
    """

    name: str
    lock: str
    kubeconfigs: tuple[tuple[str, str], ...]
    service: str
    submitters: str
    patience: float
    ordinal: int
    branch: str
    pattern: bool

    @property
    def title(self) -> str:
        """Name of the stage that holds the lock."""
        return f"Environment {self.name}"

    @property
    def label(self) -> str:
        """Name of the stage and of the step that deploys."""
        return f"Deploy to {self.name}"

    @property
    def approve(self) -> str:
        """Name of the stage that waits for a person."""
        return f"Approve {self.name}"

    @property
    def question(self) -> str:
        """What that person is asked."""
        return f"Deploy {self.service} to {self.name}?"

    @property
    def approved(self) -> int:
        """Ordinal of the approval's milestone."""
        return self.ordinal - 1

    @property
    def report(self) -> str:
        """Folder of the deploy's report."""
        return f".headway/report/{self.name}"

    @property
    def credentials(self) -> tuple[str, ...]:
        """Ids of the kubeconfigs alone, for the shared library."""
        return tuple(credential for _, credential in self.kubeconfigs)


def deploys(spec: ServiceSpec) -> tuple[Deploy, ...]:
    """Every environment that a build of this job can deploy to, in order."""
    return tuple(
        _deploy(spec, environment, number * _STEP)
        for number, environment in enumerate(spec.environments, 1)
        if _reached(spec, environment.when)
    )


def unreached(spec: ServiceSpec) -> tuple[str, ...]:
    """Names of the environments that no build of this job deploys to: they want another branch."""
    return tuple(one.name for one in spec.environments if not _reached(spec, one.when))


def _reached(spec: ServiceSpec, when: When | None) -> bool:
    """Whether some build of the job deploys where that condition holds.

    A multibranch job builds every branch and decides at run time. Every other job builds `source.branch` alone, and
    Jenkins' own `when { branch }` is always false there (it looks for BRANCH_NAME, which only multibranch jobs have).
    """
    if when is None or spec.pipeline.kind == "multibranch" or spec.source is None:
        return True
    return matches(when.branch, spec.source.branch)


def matches(pattern: str, branch: str) -> bool:
    """Whether a branch is meant: `*` and `?` stay within a path segment, `**` crosses them, as in Ant's globs."""
    return _expression(pattern).fullmatch(branch) is not None


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    expression = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        match part:
            case "**/":
                expression += r"(?:.*/)?"
            case "**":
                expression += r".*"
            case "*":
                expression += r"[^/]*"
            case "?":
                expression += r"[^/]"
            case _:
                expression += re.escape(part)
    return re.compile(expression, re.DOTALL)


def _deploy(spec: ServiceSpec, environment: Environment, ordinal: int) -> Deploy:
    approval = environment.approval
    place = "-".join(part for part in (environment.namespace, spec.service, environment.name) if part)
    branch = environment.when.branch if environment.when else ""
    return Deploy(
        name=environment.name,
        lock=f"deploy-{place}" if (environment.deploy or spec.deploy).lock == "wait" else "",
        kubeconfigs=_kubeconfigs(environment),
        service=spec.service,
        submitters=",".join(approval.submitters) if approval else "",
        patience=approval.timeout if approval else 0.0,
        ordinal=ordinal,
        branch=branch,
        pattern=bool(_WILD.search(branch)),
    )


def _kubeconfigs(environment: Environment) -> tuple[tuple[str, str], ...]:
    ids = tuple(dict.fromkeys(one.credentials for one in environment.where if one.credentials))
    if len(ids) == 1:
        return (("KUBECONFIG", ids[0]),)
    return tuple((f"KUBECONFIG_{number}", one) for number, one in enumerate(ids, 1))
