"""After its smoke checks a release is watched on, for `deploy.soak`, before it is good (P36).

What fails a rollout fails a soak at once: containers that exit again, pods that can't start any more. Pods that are
away for a while, since a node is drained or a container was restarted once, must only be back in the end.
"""

from __future__ import annotations

from dataclasses import replace

from agent.objects import ref
from agent.operations.account import Account
from agent.operations.following import Following
from agent.operations.mission import Mission
from agent.operations.rolling import Rolled, judged
from agent.release.digest import of_template
from agent.release.order import is_workload


def soak(account: Account, mission: Mission, rolled: Rolled) -> Rolled:
    """Watches the workloads of a complete release for as long as the mission wants; costs a look at each, and its feed.

    Args:
        account: of the deploy.
        mission: the deploy.
        rolled: how its rollout ended.

    Returns:
        As a rollout ends: `complete` where everything is there in the end; `superseded` and `gone` too.
    """
    tools = account.tools
    found = [tools.cluster.get(ref(thing)) for thing in mission.content.objects if is_workload(thing)]
    workloads = [live for live in found if live is not None]
    if len(workloads) < len(found):
        return Rolled("gone")
    own = next((live for live in workloads if ref(live) == mission.place.workload), None)
    if own is not None and rolled.template and of_template(own) != rolled.template:
        return Rolled("superseded")
    with Following(tools, workloads, "soak", heed=account.heed) as following:
        now = tools.clock.monotonic()
        for live in workloads:
            following.applied(live, now)
        policy = replace(mission.policy, timeout=mission.soak + mission.policy.timeout)
        return judged(account, following, policy, rolled.template, "soak", hold=mission.soak)
