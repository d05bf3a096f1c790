"""A workload named without a spec: at 3 am the ledger is enough (contract section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.wiring import Chosen, choose
from agent.errors import UsageError

if TYPE_CHECKING:
    from agent.operations.mission import Place, UndoRules
    from agent.ports import Cluster
    from agent.rollout.policy import Policy
    from agent.smoke.check import SmokeCheck


@dataclass(frozen=True)
class Named:
    """A workload that was named without a spec: `-n shop deployment/web`. What is known of it stands in the ledger."""

    kind: str
    name: str
    namespace: str

    @property
    def contexts(self) -> tuple[str, ...]:
        """The current one, unless --context names another."""
        return ("",)

    @property
    def folder(self) -> Path:
        """Where commands of recorded smoke checks run."""
        return Path.cwd()

    @property
    def checks(self) -> tuple[SmokeCheck, ...]:
        """None; releases have theirs recorded."""
        return ()

    @property
    def policy(self) -> Policy:
        """The defaults."""
        from agent.rollout.policy import Policy

        return Policy()

    @property
    def rules(self) -> UndoRules:
        """The defaults."""
        from agent.operations.mission import UndoRules

        return UndoRules()

    def place(self, cluster: Cluster) -> Place:
        """Where it runs in a cluster."""
        from agent.objects import Ref
        from agent.operations.mission import Place

        namespace = self.namespace or cluster.namespace
        return Place(self.name, "", namespace, Ref("apps/v1", self.kind, namespace, self.name))


_KINDS = {
    word: kind
    for kind, words in {
        "Deployment": ("deployment", "deployments", "deploy"),
        "StatefulSet": ("statefulset", "statefulsets", "sts"),
        "DaemonSet": ("daemonset", "daemonsets", "ds"),
    }.items()
    for word in words
}


def choose_any(spec: str, environment: str, namespace: str) -> Chosen | Named:
    """A spec and its environment, or a workload by kind and name.

    Raises:
        UsageError: neither, or a mixture.
    """
    written, slash, name = spec.partition("/")
    kind = _KINDS.get(written.lower().removesuffix(".apps"))  # `kubectl get -o name` says deployment.apps/NAME
    if slash and kind and "/" not in name and not Path(spec).exists():
        if environment:
            raise UsageError("nothing was done: --env belongs to a spec, and a workload was named", hint="leave it out")
        return Named(kind, name, namespace)
    if namespace:
        raise UsageError(
            "nothing was done: --namespace belongs to KIND/NAME, and a spec says its own",
            hint="for example: -n shop deployment/web",
        )
    if not environment:
        raise UsageError(f"nothing was done: --env is missing: which environment of {spec}?")
    return choose(spec, environment)
