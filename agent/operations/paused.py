"""A Deployment that somebody has paused gets no new pods: said before anybody waits for them."""

from __future__ import annotations

from collections.abc import Sequence

from agent.errors import RefusedError
from agent.objects import Object, ref
from agent.operations.applying import Step
from agent.operations.serving import is_complete
from agent.release.digest import of_template


def demand_running(live: Object) -> None:
    """Refuses to restart what is paused.

    Raises:
        RefusedError: it is.
    """
    if live.get("kind") == "Deployment" and (live.get("spec") or {}).get("paused"):
        target = ref(live)
        raise RefusedError(
            f"nothing was changed: {target} is paused by somebody, so it would get no new pods",
            hint=f"kubectl rollout resume {target} -n {target.namespace}, then again",
        )


def demand_unpaused(steps: Sequence[Step]) -> None:
    """Refuses to give new pods to what somebody has paused: none would come, and the wait would be for nothing.

    One that was paused half-way may still have all the pods that it goes back to: its controller takes the others away.

    Raises:
        RefusedError: it is paused.
    """
    for step in steps:
        live, answer = step.live, step.answer
        if live is not None and of_template(live) != of_template(answer) and is_complete(live):
            demand_running(answer)
