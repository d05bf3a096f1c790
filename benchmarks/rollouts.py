"""What one `headway deploy` asks of the API server, however long the rollout takes (issue 4: 15 requests and 4 watches).

    python -m benchmarks.rollouts

A service made from `run:` (Deployment, Service, PodDisruptionBudget) is deployed to the sandbox three times: first, then
as a quick rollout, then as one whose pods need 20 s each. Requests come from the sandbox's own log. Apart from the
rollout itself stand the lock (Lease), the ledger (ConfigMap), what finds out which kinds there are, and whatever the
watches ask for after they were opened (dead-man checks, reopened watches).
"""

from __future__ import annotations

import io
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.cli.console import Console
from agent.cli.main import run
from agent.sandbox.kubernetes import SandboxCluster
from agent.sandbox.kubernetes.api import Recorded

NAMESPACE = "shop"
SPEC = f"""version: 1
service: web
team: bench
source: {{git: "https://git.example.com/shop/web.git"}}
image: {{repository: localhost:5000/app}}
run: {{replicas: 3, port: 8080, probes: {{readiness: /healthz}}}}
environments: [{{name: staging, namespace: {NAMESPACE}}}]
"""
MOST_REQUESTS, MOST_WATCHES, MOST_A_MINUTE = 15, 4, 12


@dataclass(frozen=True)
class Asked:
    """What one deploy asked for.

    Attributes:
        status: exit status.
        seconds: from the first request to the last, on the wall.
        requests: lists, reads, rehearsals and writes of the release.
        watches: that were opened first.
        apart: the lock's, the ledger's, and what was asked after the watches were open.
    """

    status: int
    seconds: float
    requests: int
    watches: int
    apart: int


def sorted_out(requests: Iterable[Recorded]) -> Counter[str]:
    """How many requests of each sort."""
    found: Counter[str] = Counter()
    written = False
    for each in requests:
        if not each.verb:
            found["discovery"] += 1
        elif each.resource == "leases" or each.name.startswith("headway."):
            found["apart"] += 1
        elif each.verb == "watch":
            found["apart" if written else "watches"] += 1
        elif written and each.method == "GET":
            found["apart"] += 1
        else:
            written = written or (each.method == "PATCH" and not each.dry_run and each.resource == "deployments")
            found["requests"] += 1
    return found


@contextmanager
def shop(speed: float) -> Iterator[tuple[SandboxCluster, Path]]:
    """The sandbox and the spec; KUBECONFIG leads to it meanwhile."""
    before = os.environ.get("KUBECONFIG")
    with SandboxCluster(speed=speed, namespaces=[NAMESPACE]) as sandbox, tempfile.TemporaryDirectory() as folder:
        config, spec = Path(folder) / "config", Path(folder) / "service.yaml"
        config.write_text(sandbox.kubeconfig(NAMESPACE))
        spec.write_text(SPEC)
        os.environ["KUBECONFIG"] = str(config)
        try:
            yield sandbox, spec
        finally:
            os.environ.pop("KUBECONFIG")
            if before is not None:
                os.environ["KUBECONFIG"] = before


def deploy(sandbox: SandboxCluster, spec: Path, tag: str) -> Asked:
    """Deploys a tag, in this process."""
    sandbox.forget_requests()
    words = ["deploy", str(spec), "--env", "staging", "--image", f"localhost:5000/app:{tag}"]
    status = run(words, Console(io.StringIO(), io.StringIO()))
    requests = sandbox.requests
    found = sorted_out(requests)
    seconds = (requests[-1].at - requests[0].at) / (sandbox.world.clock.speed or 1.0)
    return Asked(status, seconds, found["requests"], found["watches"], found["apart"])


def main() -> None:
    """The command line."""
    with shop(speed=1.0) as (sandbox, spec):
        print(
            "| deploy | exit | seconds | requests | watches | lock, ledger, dead-man checks |\n|---|---|---|---|---|---|"
        )
        for name, tag in (("first", "v1"), ("quick", "v3"), ("slow", "slow")):
            asked = deploy(sandbox, spec, tag)
            print(
                f"| {name} | {asked.status} | {asked.seconds:.1f} | {asked.requests} | {asked.watches} | {asked.apart} |"
            )


if __name__ == "__main__":
    main()
