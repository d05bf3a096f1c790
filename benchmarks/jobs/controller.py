"""A controller to measure against: the sandbox's Jenkins in a process of its own.

`python -m benchmarks.jobs.controller --latency 0.02` prints one line of JSON (url, user, token, password) and answers
until its standard input ends, so it never outlives whoever started it. `running` does both ends.
"""

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.sandbox.jenkins import SandboxJenkins


@dataclass(frozen=True, slots=True)
class Address:
    """Where the controller is, and how to get in."""

    url: str
    user: str
    token: str
    password: str

    def counts(self) -> dict[str, int]:
        """Requests so far, by method."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/", timeout=60) as answer:
            return dict(json.load(answer)["requests"])

    def most_at_once(self) -> int:
        """The largest number of requests that were under way together."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/", timeout=60) as answer:
            return int(json.load(answer)["mostAtOnce"])

    def forget(self) -> None:
        """Begins to count anew."""
        self._send("DELETE", "requests")

    def set_latency(self, seconds: float) -> None:
        """From now on every request takes this long."""
        self._send("POST", "switches", {"latency": seconds})

    def fault(self, **details: object) -> None:
        """Puts a fault in force; the fields are those of `agent.sandbox.jenkins.Fault`."""
        self._send("POST", "faults", details)

    def add_credential(self, name: str) -> None:
        """Puts a credential into the system's store."""
        self._send("POST", "credentials", {"id": name})

    def _send(self, method: str, what: str, document: object = None) -> None:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{what}", body, method=method)
        urllib.request.urlopen(request, timeout=60).close()


@contextmanager
def running(latency: float = 0.0) -> Iterator[Address]:
    """A fresh, empty controller in another process; latency in seconds per request."""
    command = [sys.executable, "-m", "benchmarks.jobs.controller", "--latency", str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Address(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(30)


def main() -> None:
    """Runs the controller until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every request takes")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with SandboxJenkins(latency=given.latency, port=given.port) as sandbox:
        about = {"url": sandbox.url, "user": sandbox.user, "token": sandbox.token, "password": sandbox.password}
        print(json.dumps(about), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
