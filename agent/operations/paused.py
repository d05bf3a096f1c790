"""A Deployment that somebody has paused gets no new pods: said before anybody waits for them."""

from __future__ import annotations

from collections.abc import Sequence

from agent.errors import RefusedError
from agent.objects import Object, ref
from agent.operations.applying import Step
from agent.operations.serving import is_complete
from agent.release.digest import of_template


def demand_running(live: Object) -> None:
    """Refuses to give new pods to what is paused.

    Raises:
        RefusedError: it is.
    """
    if live.get("kind") == "Deployment" and (live.get("spec") or {}).get("paused"):
        target = ref(live)
        raise RefusedError(
            f"nothing was changed: {target} is paused by somebody, so it would get no new pods",
            hint=f"kubectl rollout resume {target} -n {target.namespace}, then again",
        )


def demand_resumed(steps: Sequence[Step]) -> None:
    """Refuses to deploy what is paused and the manifests don't resume: its rollout would never end (P10).

    Raises:
        RefusedError: it is paused.
    """
    for step in steps:
        if step.live is not None and "paused" not in (step.thing.get("spec") or {}):
            demand_running(step.live)


def demand_unpaused(steps: Sequence[Step]) -> None:
    """Refuses to go back where that wants new pods of something paused: none would come, and the wait be for nothing.

    One that was paused half-way may still have all the pods that it goes back to: its controller takes the others away.

    Raises:
        RefusedError: it is paused.
    """
    for step in steps:
        live, answer = step.live, step.answer
        if live is not None and of_template(live) != of_template(answer) and is_complete(live):
            demand_running(answer)
