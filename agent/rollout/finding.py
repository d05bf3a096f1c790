"""A Finding: one cause, the rule that sees it, and when it becomes final."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.rollout.diagnosis import Code, Diagnosis, tidy
from agent.rollout.policy import Policy
from agent.rollout.records import Container, Pod
from agent.rollout.snapshot import Snapshot
from agent.rollout.write import Write


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause as one rule sees it.

    Attributes:
        rule: its number in `agent.rollout.verdict`.
        diagnosis: what would be reported.
        due: from when on it is a failure, in seconds of the feed's clock; None if it never is by itself.
        pod: UID of the pod that shows it; empty where it is not about a pod.
        local: whether the node alone could be to blame (P18).
        counted: whether it needs a quorum of pods (contract: as many new pods as there are, two at most).
    """

    rule: str
    diagnosis: Diagnosis
    due: float | None = None
    pod: str = ""
    local: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot in the middle of a rollout, with what every rule needs to look at it.

    Attributes:
        new: the pods of the new revision that are not on their way out.
        old: the pods of other revisions of the workload that are not on their way out.
        progress: when something last went forward, after our write; None if nothing did.
    """

    snapshot: Snapshot
    write: Write
    policy: Policy
    new: tuple[Pod, ...]
    old: tuple[Pod, ...]
    progress: float | None

    def after(self, since: float, seconds: float) -> float:
        """When patience of `seconds` ends: counted from the first evidence, or from the last progress if later."""
        start = max(since, self.write.at, self.progress if self.progress is not None else since)
        return self.snapshot.sight.due(start, seconds, most=self.policy.timeout)

    def exits(self, pod: Pod, container: Container) -> int:
        """How often a container has ended since our write."""
        return container.exits - self.write.exits.get((pod.uid, container.name), 0)


Rule = Callable[[View], list[Finding]]


def about_pod(
    pod: Pod,
    code: Code,
    message: str,
    since: float,
    *,
    container: str = "",
    permanent: bool = False,
    reason: str = "",
    exit_code: int | None = None,
) -> Diagnosis:
    """A Diagnosis about a pod or one of its containers."""
    return Diagnosis(
        code,
        f"pod/{pod.name}",
        container,
        tidy(message),
        since,
        permanent,
        pod.node,
        exit_code=exit_code,
        reason=reason,
    )
