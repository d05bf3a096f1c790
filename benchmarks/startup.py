"""How long until Headway does something: `--version`, and the first answer of a cluster (G8).

    python -m benchmarks.startup [--runs 15] [--json FILE]

Every run is a fresh process on a warm disk, one after another; the API server is on loopback and answers at once. The
official client's `kubernetes` package alone, and with a typed list of pods, stand beside as what others pay.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_RSS = "print('RSS', next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
_OURS = """
from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes import connect
cluster = connect(None, clock=SystemClock())
cluster.list("v1", "Pod", "default")
"""
_THEIRS = """
from kubernetes import client, config
config.load_kube_config()
client.CoreV1Api().list_namespaced_pod("default")
"""
CASES = {
    "headway --version": [sys.executable, "-m", "agent", "--version"],
    "headway --help": [sys.executable, "-m", "agent", "--help"],
    "first API call, headway": [sys.executable, "-c", _OURS + _RSS],
    "first API call, official client, typed": [sys.executable, "-c", _THEIRS + _RSS],
    "import kubernetes alone": [sys.executable, "-c", "import kubernetes\n" + _RSS],
    "python alone": [sys.executable, "-c", _RSS],
}


@dataclass(frozen=True)
class Result:
    """One case: milliseconds of wall clock from start to exit, MiB at the most."""

    case: str
    median_ms: float
    p95_ms: float
    rss_mib: float


class _Api(http.server.BaseHTTPRequestHandler):
    """Answers every GET with an empty list of pods."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        body = b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


def measure(case: str, command: list[str], environment: dict[str, str], runs: int) -> Result:
    """Runs a command so many times, after two that don't count."""
    walls, most = [], 0.0
    for number in range(runs + 2):
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        wall = (time.perf_counter() - began) * 1000
        found = [line for line in done.stdout.splitlines() if line.startswith("RSS ")]
        most = max(most, float(found[-1].split()[1]) / 1024 if found else 0.0)
        if number >= 2:
            walls.append(wall)
    walls.sort()
    return Result(case, statistics.median(walls), walls[int(len(walls) * 0.95)], most)


def run(runs: int) -> list[Result]:
    """All cases."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        url = f"http://127.0.0.1:{server.server_address[1]}"
        path.write_text(
            json.dumps(
                {
                    "current-context": "x",
                    "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                    "clusters": [{"name": "x", "cluster": {"server": url}}],
                    "users": [{"name": "x", "user": {"token": "t"}}],
                }
            )
        )
        environment = os.environ | {"KUBECONFIG": str(path), "NO_PROXY": "*"}
        results = [measure(case, command, environment, runs) for case, command in CASES.items()]
    server.shutdown()
    return results


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = run(options.runs)
    print(f"{'':40} {'median':>8} {'p95':>8} {'most RSS':>9}")
    for each in results:
        memory = f"{each.rss_mib:6.1f} MiB" if each.rss_mib else ""
        print(f"{each.case:40} {each.median_ms:5.0f} ms {each.p95_ms:5.0f} ms {memory:>10}")
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")


if __name__ == "__main__":
    main()
