"""What runs in the containers: the stand-in microservice, whose environment is its fate, and small shell commands."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_SHELLS = {"sh", "ash", "bash"}
_COMMANDS = _SHELLS | {
    "sleep",
    "true",
    "false",
    "echo",
    "env",
    "printenv",
    "date",
    "wget",
    "nc",
    "cat",
    "test",
    "busybox",
}
_HEALTH = {"/healthz", "/readyz", "/health", "/_healthz"}
OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer of a program."""

    status: int
    body: str
    content_type: str = "text/plain; charset=utf-8"


@dataclass(slots=True)
class Program:
    """One started process.

    Attributes:
        environment: its variables.
        started: when it started.
        host: the pod's name.
        ends_after: seconds until it ends by itself; None for never.
        exit_code: with which it then ends.
        serves: the ports that it listens on.
        output: what it printed.
        stops_in: seconds from SIGTERM to its end; None when it ignores SIGTERM.
    """

    environment: Mapping[str, str]
    started: float
    host: str
    ends_after: float | None = None
    exit_code: int = 0
    serves: tuple[int, ...] = ()
    output: list[str] = field(default_factory=list)
    stops_in: float | None = 0.15
    requests: dict[str, int] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """A number from the environment."""
        try:
            return float(self.environment.get(name) or default)
        except ValueError:
            return default

    def is_listening(self, port: int, now: float) -> bool:
        """Whether a connection to a port would be accepted."""
        return port in self.serves and now - self.started >= max(self.number("START_DELAY", 0), 0.02)

    def health(self, now: float) -> int:
        """The status of its health checks."""
        turns = self.number("UNREADY_AFTER", -1)
        if 0 <= turns <= now - self.started:
            return 503
        return int(self.number("HEALTH_STATUS", OK))

    def answer(self, path: str, now: float) -> Answer:
        """Answers a request, and prints a line about it, as app/main.go does."""
        version = self.environment.get("VERSION") or "dev"
        status, body = 404, "not found\n"
        if path in _HEALTH:
            status = self.health(now)
            body = "ok\n" if status == OK else "not ready\n"
        elif path == "/livez":
            status, body = OK, "ok\n"
        elif path == "/version":
            status, body = OK, json.dumps({"version": version}, separators=(",", ":")) + "\n"
        elif path == "/hostname":
            status, body = OK, f"{self.host}\n"
        elif path == "/api":
            status = int(self.number("API_STATUS", OK))
            if random.random() < self.number("ERROR_RATE", 0):  # noqa: S311 - a failure rate
                status = 500
            body = json.dumps({"ok": status == OK, "version": version}, separators=(",", ":")) + "\n"
        elif path == "/metrics":
            status, body = OK, self._metrics(version)
        elif path == "/":
            status, body = OK, f"app {version}\n"
        label = f'path="{path}",code="{status}"'
        self.requests[label] = self.requests.get(label, 0) + 1
        self.output.append(f"{path} {status}")
        del self.output[:-2000]
        return Answer(status, body)

    def _metrics(self, version: str) -> str:
        lines = ["# TYPE http_requests_total counter"]
        lines += [f'http_requests_total{{version="{version}",{labels}}} {n}' for labels, n in self.requests.items()]
        lines += ["# TYPE http_request_seconds_sum counter", f'http_request_seconds_sum{{version="{version}"}} 0']
        return "\n".join(lines) + "\n"


def service(environment: Mapping[str, str], started: float, host: str, declared: Sequence[int]) -> Program:
    """The microservice.

    Args:
        environment: the image's variables with the container's over them.
        started: when it starts.
        host: the pod's name.
        declared: the container's ports; it listens on them too unless PORT says otherwise.
    """
    program = Program(environment, started, host)
    program.output.append(f"app version={environment.get('VERSION') or 'dev'} starting")
    crash = program.number("CRASH_AFTER", -1)
    if crash >= 0:
        program.ends_after, program.exit_code = crash + 0.01, int(program.number("EXIT_CODE", 1))
    ports = environment.get("PORT") or ""
    listed = [int(port) for port in ports.split(",") if port.strip().isdigit()]
    program.serves = tuple(listed) or tuple(dict.fromkeys((80, 8080, *declared)))
    program.stops_in = 0.15 + max(program.number("TERM_DELAY", 0), 0)
    if crash != 0:
        program.output += [f"listening on {port}" for port in program.serves]
    return program


def command(argv: Sequence[str], environment: Mapping[str, str], started: float, host: str) -> Program | str:
    """A command instead of the service, as a shell of an image would run it.

    Returns:
        The program, or the runtime's error where the image has no such command.
    """
    name = argv[0]
    base = name.rpartition("/")[2]
    program = Program(environment, started, host)
    if base not in _COMMANDS or (name != base and name.rpartition("/")[0] not in {"", "/bin", "/usr/bin"}):
        if "/" in name:
            return f'exec: "{name}": stat {name}: no such file or directory'
        return f'exec: "{name}": executable file not found in $PATH'
    if base in _SHELLS:
        _script(program, argv)
    else:
        _statement(program, list(argv))
    if program.ends_after is None or program.ends_after > 1:
        program.stops_in = None  # process 1 of a container ignores SIGTERM unless it handles it
    if program.ends_after is not None:
        program.ends_after += 0.02
    return program


def _script(program: Program, argv: Sequence[str]) -> None:
    flags = [item for item in argv[1:] if item.startswith("-")]
    if not any("c" in flag for flag in flags):
        program.ends_after = 0.0
        return
    text = next((item for item in argv[1:] if not item.startswith("-")), "")
    stops_at_error = any("e" in flag for flag in flags) or "set -e" in text
    program.ends_after = 0.0
    if re.search(r"\bwhile\s+(true|:)|\btail\s+-f\b", text):
        program.ends_after = None
        return
    for statement in re.split(r"&&|;|\n", text):
        words = statement.split()
        if not words:
            continue
        program.exit_code = 0
        _statement(program, words)
        if program.ends_after is None or words[0] == "exit":
            return
        if program.exit_code and stops_at_error:
            return


def _statement(program: Program, words: list[str]) -> None:
    """Adds what one simple command does: the time it takes, its exit status, what it prints."""
    program.ends_after = program.ends_after or 0.0
    name = words[0].rpartition("/")[2]
    argument = words[1] if len(words) > 1 else ""
    if name == "sleep":
        try:
            program.ends_after += float(argument.rstrip("s"))
        except ValueError:
            program.ends_after = None
    elif name == "exit":
        program.exit_code = int(argument) % 256 if argument.isdigit() else program.exit_code
    elif name == "false":
        program.exit_code = 1
    elif name == "echo":
        program.output.append(" ".join(words[1:]).strip("'\""))
