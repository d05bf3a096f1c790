"""A Jenkins in a storm, and real processes of `headway jobs apply` that are killed in it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.sandbox.jenkins import SandboxJenkins
from agent.sandbox.jenkins.http import Request, Response

ROOT = Path(__file__).parents[3]
WORKERS = 8
RETRY_AFTER = 1
FOLDERS = 40

ORGANISATION = """version: 1
owner: soak
image: {repository: "registry.example.com/{{ team }}/{{ service }}", credentials: registry}
pipeline: {keep: {builds: %(keep)d}}
"""
SPEC = """version: 1
service: svc-%(number)04d
team: team-%(team)02d
source: {git: "https://git.example.com/svc-%(number)04d.git"}
pipeline: {folder: soak/team-%(team)02d, triggers: {poll: "H/5 * * * *"}}
"""


class StormyJenkins(SandboxJenkins):
    """A Jenkins that kills its client when told to, and notices what a client must not do.

    Attributes:
        kill_at: number of the request of this process before or after which it is killed; 0: never.
        impatient: seconds by which a request came sooner than the Retry-After of the answer before it asked for.
        born: every item that was ever there, as it was first seen; one that is made twice would be another.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kill_at = 0
        self.kill: Callable[[], None] = lambda: None
        self.impatient: list[float] = []
        self.honoured = 0
        self.born: dict[str, object] = {}
        self._watch = threading.Lock()
        self._number = 0
        self._asked: dict[tuple[str, str, str], float] = {}

    def begin(self, kill_at: int) -> None:
        """A new process comes."""
        with self._watch:
            self._number, self.kill_at = 0, kill_at
            self._asked = {}

    def handle(self, request: Request) -> Response:
        """Answers, unless it is the client's end: in half of the cases before the request had an effect."""
        if request.path.startswith("/_sandbox"):
            return super().handle(request)
        with self._watch:
            self._number += 1
            # Taken now: when this request is answered, the next process may be there, which is not meant.
            kill, asked = self.kill, self._asked
            ends = "" if self._number != self.kill_at else "before" if self.kill_at % 2 else "after"
            self._impatience(request)
        if ends == "before":
            kill()
        response = super().handle(request)
        if ends == "after":
            kill()
        if request.method == "POST":
            self._see_born()
        if "Retry-After" in response.headers:
            with self._watch:
                asked[_same(request)] = time.monotonic()
        return response

    def _impatience(self, request: Request) -> None:
        asked = self._asked.pop(_same(request), None)
        if asked is None:
            return
        waited = time.monotonic() - asked
        self.honoured += 1
        if waited < RETRY_AFTER * 0.95:
            self.impatient.append(waited)

    def _see_born(self) -> None:
        with self.controller.lock:
            for name, item in self.items.items():
                self.born.setdefault(name, item)


def _same(request: Request) -> tuple[str, str, str]:
    return request.method, request.path, request.query.get("name", "")


@dataclass
class Figures:
    """What a soak came to."""

    jobs: int
    processes: int = 0
    killed: int = 0
    gave_up: int = 0
    requests: int = 0
    struck: dict[str, int] = field(default_factory=dict)
    waits_honoured: int = 0

    def __str__(self) -> str:
        faults = ", ".join(f"{count} {kind}" for kind, count in self.struck.items())
        return (
            f"{self.jobs} jobs, {self.processes} processes: {self.killed} killed, {self.gave_up} gave up and were run "
            f"again; {self.requests} requests, faults: {faults}; {self.waits_honoured} Retry-After honoured"
        )


class Soak:
    """Specs of so many jobs, a stormy Jenkins and a calm one, and the processes between them.

    Args:
        folder: for the specs and the notes of runs.
        stormy: the Jenkins with faults.
        calm: one without; what it holds in the end is right.
        jobs: how many.
        kills: of each phase; the process lives for up to `lives` requests before one.
        lives: requests.
    """

    def __init__(
        self, folder: Path, stormy: StormyJenkins, calm: SandboxJenkins, jobs: int, kills: int, lives: int
    ) -> None:
        self.stormy, self.calm = stormy, calm
        self.folder, self.jobs, self.kills = folder, jobs, kills
        self._lives = lives
        self._draw = random.Random(20261128)
        self.figures = Figures(jobs)
        self.write(keep=30)

    def write(self, *, keep: int) -> None:
        """All specs; another number of builds to keep changes every job."""
        specs = self.folder / "specs"
        specs.mkdir(exist_ok=True)
        (specs / "headway.yaml").write_text(ORGANISATION % {"keep": keep}, encoding="utf-8")
        for number in range(self.jobs):
            self.spec(number).write_text(SPEC % {"number": number, "team": number % FOLDERS}, encoding="utf-8")

    def spec(self, number: int) -> Path:
        """The file of one spec."""
        return self.folder / "specs" / f"svc-{number:04d}.service.yaml"

    def move(self, number: int) -> tuple[str, str]:
        """Gives a job another name in another folder, which takes Jenkins two steps; its full names."""
        file, name = self.spec(number), f"svc-{number:04d}"
        folder = f"soak/team-{number % FOLDERS:02d}"
        text = file.read_text(encoding="utf-8")
        place = f"folder: soak/elsewhere, job: moved-{name}, moved_from: {folder}/{name}"
        file.write_text(text.replace(f"folder: {folder}", place), encoding="utf-8")
        return f"{folder}/{name}", f"soak/elsewhere/moved-{name}"

    def weather(self, every: int) -> None:
        """From now on 1 in `every` requests meets each of the faults, one after another."""
        self.stormy.fault("status", every=every, retry_after=RETRY_AFTER)
        self.stormy.fault("status", every=every, status=502, after=True)
        self.stormy.fault("reset", every=every)
        self.stormy.fault("reset", every=every, after=True)
        self.stormy.fault("cut", every=every)
        self.stormy.fault("slow", every=every, pace=0.02)
        self.stormy.fault("crumb", every=every)
        self.stormy.fault("login", every=every)

    def clear_up(self) -> None:
        """The end of the storm; its faults are counted."""
        for fault in self.stormy.service.script.faults:
            name = f"{fault.kind}{' with Retry-After' if fault.retry_after else ''}{' after' if fault.after else ''}"
            self.figures.struck[name] = self.figures.struck.get(name, 0) + fault.struck
        self.stormy.service.script.clear()

    def until_done(self, *options: str) -> str:
        """Runs, and runs again, first killed at drawn moments, until it says that all is done; its last words."""
        left, ended = self.kills, []
        for _ in range(self.kills + 20):
            kill_at = self._drawn() if left > 0 else 0
            status, said = self._process(self.stormy, kill_at, *options)
            ended.append((kill_at, status))
            if status == 0:
                return said
            if status == -9:
                left -= 1
                self.figures.killed += 1
            else:
                assert status == 4, said
                self.figures.gave_up += 1
        raise AssertionError(f"not done after {ended}: {said}")

    def _drawn(self) -> int:
        """The request at which a process ends: soon, or one time in four late, after all that it reads first."""
        return self._draw.randint(1, self._lives * self._draw.choice([1, 1, 1, 12]))

    def once(self, jenkins: SandboxJenkins, *options: str) -> str:
        """One run that nobody kills, and which must be done."""
        status, said = self._process(jenkins, 0, *options)
        assert status == 0, said
        return said

    def _process(self, jenkins: SandboxJenkins, kill_at: int, *options: str) -> tuple[int, str]:
        if isinstance(jenkins, StormyJenkins):
            jenkins.begin(kill_at)
        before = len(jenkins.requests)
        command = [sys.executable, "-m", "agent", "jobs", "apply", str(self.folder / "specs"), *options]
        variables = {
            "JENKINS_URL": jenkins.url,
            "JENKINS_USER_ID": jenkins.user,
            "JENKINS_API_TOKEN": jenkins.password,  # a password: then crumbs are needed, and go stale
            "HEADWAY_RUNS": str(self.folder / "runs" / jenkins.url.rpartition(":")[2]),
        }
        with subprocess.Popen(
            [*command, "--parallel", str(WORKERS), "-o", "json"],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            if isinstance(jenkins, StormyJenkins):
                jenkins.kill = process.kill
            said, _ = process.communicate(timeout=1800)
        self.figures.processes += 1
        self.figures.requests += len(jenkins.requests) - before
        return process.returncode, said


@contextmanager
def soak(folder: Path, jobs: int, kills: int, lives: int) -> Iterator[Soak]:
    """A soak of that size; see `Soak`."""
    with StormyJenkins() as stormy, SandboxJenkins() as calm:
        for jenkins in (stormy, calm):
            jenkins.add_credential("registry")
        yield Soak(folder, stormy, calm, jobs, kills, lives)
