"""What can't be done to a cluster that others use: a cordoned node, pulls that hang, an API server that is away.

    pytest -m live --own-kubeconfig FILE --chaos "env CLUSTER=2 ../shared/kubernetes/cluster" tests/live

One after another: each holds up everything else on that cluster.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace

import pytest

from tests.catalogue.staged import EVERY, IMAGE, Staged, image
from tests.catalogue.staging import check
from tests.live.test_catalogue import BUSY, HEARING, named, played

HANGS = "a registry that never answers"
CASES = sorted((case for case in EVERY if "own" in case.where), key=lambda case: case.name == HANGS)
"""The pull that hangs comes last of all: the node pulls nothing else until it gives up, a minute and more."""
SLOWLY = Staged(
    "two pods that need 20 s each", image(f"{IMAGE}slow"), base={"spec": {"replicas": 2}}, by=60.0, evidence=""
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.xdist_group("own-cluster")]


@pytest.fixture
def own(own_world, monkeypatch):
    """That cluster, its node fit for pods again afterwards."""
    from kubernetes import client, config

    monkeypatch.setenv("KUBECONFIG", str(own_world.kubeconfig))
    yield own_world
    api = client.CoreV1Api(config.new_client_from_config(str(own_world.kubeconfig)))
    for node in api.list_node().items:
        api.patch_node(node.metadata.name, {"spec": {"unschedulable": None}})


@pytest.fixture
def chaos(request):
    """Breaks that cluster, or heals it: `chaos("apiserver-kill")`, `chaos("up")`. In the end it is healed anyhow."""
    command = shlex.split(request.config.getoption("--chaos") or "")
    if not command:
        pytest.skip("needs --chaos, as .ci/run gives it")

    def do(what: str) -> None:
        words = [what] if what == "up" else ["chaos", what]
        subprocess.run([*command, *words], check=True, capture_output=True, timeout=120)

    yield do
    do("up")


# Silence is noticed after 15 to 19 s, a refused connection at once.
@pytest.mark.parametrize(
    ("what", "away", "cure"), [("apiserver-kill", 12.0, "up"), ("apiserver-freeze", 25.0, "apiserver-thaw")]
)
def test_a_rollout_during_which_nobody_could_see_is_complete_in_the_end(what, away, cure, own, chaos):
    case = replace(SLOWLY, steps=((3.0, "chaos", what), (3.0 + away, "chaos", cure)))
    outcome = played(case, own, chaos)
    check(case, outcome, slack=away + HEARING, busy=BUSY)
    heard = [type(event).__name__ for event in outcome.events]
    assert heard.count("Blind") == heard.count("Sighted") >= 1, outcome


def test_a_compacted_history_costs_no_sight(own, chaos):
    case = replace(SLOWLY, steps=((3.0, "chaos", "compact"),))
    outcome = played(case, own, chaos)
    check(case, outcome, slack=HEARING, busy=BUSY)
    assert not [event for event in outcome.events if type(event).__name__ == "Blind"], outcome


@pytest.mark.parametrize("case", CASES, ids=named)
def test_right_in_time(case, own):
    check(case, played(case, own), slack=HEARING, busy=BUSY)
