"""Jobs by the thousand: headway beside jenkins-job-builder, interleaved, on one controller stand-in each.

usage: python -m benchmarks.jobs [--jjb jenkins-jobs | --install-jjb] [--count 1000] [--rounds 3] [--latency 0 --latency 0.02] [--large 10000] [--out FILE] [--page]

`--jjb` is the jenkins-jobs of a virtual environment with `pip install jenkins-job-builder==6.5.0 'setuptools<82'`, which `--install-jjb` makes in a temporary
folder; without it headway is measured alone. `--page` writes docs/reference/benchmarks-jobs.md. For each case: requests that the controller saw, wall and CPU seconds and peak memory of the process that a user would start.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.jobs import specs, table
from benchmarks.jobs.controller import Address, running

CHANGED, EDITED, WORKERS = 10, 100, 8
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks-jobs.md"


@dataclass
class Measured:
    """One process."""

    case: str
    tool: str
    latency: float
    requests: dict[str, int]
    wall: float
    cpu: float
    megabytes: float
    status: int
    note: str = ""


def run(command: list[str], variables: dict[str, str], log: Path) -> tuple[int, float, float, float]:
    """Exit status, wall and CPU seconds, peak memory in MB."""
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as out:
        pid = os.posix_spawnp(
            command[0],
            command,
            {**os.environ, **variables},
            file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, out.fileno(), 2)],
        )
        _, status, used = os.wait4(pid, 0)
    wall = time.monotonic() - began
    return os.waitstatus_to_exitcode(status), wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


class Bench:
    """All cases, their results, and a folder for what they need."""

    def __init__(self, place: Path, jjb: str, count: int) -> None:
        self.place, self.jjb, self.count = place, jjb, count
        self.results: list[Measured] = []
        self.ours = specs.ours(place / "ours", count)
        self.theirs = specs.theirs(place / "theirs", count) if jjb else place

    def measure(self, case: str, tool: str, command: list[str], address: Address | None, latency: float) -> Measured:
        if address is not None:
            address.forget()
        log = self.place / "log"
        status, wall, cpu, megabytes = run(command, self.variables(address), log)
        seen = address.counts() if address is not None else {}
        result = Measured(
            case, tool, latency, seen, wall, cpu, megabytes, status, log.read_text(encoding="utf-8")[-300:]
        )
        self.results.append(result)
        print(line(result), flush=True)
        return result

    def variables(self, address: Address | None) -> dict[str, str]:
        found = {"HEADWAY_RUNS": str(self.place / "runs"), "XDG_CACHE_HOME": str(self.place / "cache")}
        if address is not None:
            found |= {
                "JENKINS_URL": address.url,
                "JENKINS_USER_ID": address.user,
                "JENKINS_API_TOKEN": address.token,
            }
        return found

    def headway(self, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).with_name("headway")), *arguments, "-q"]

    def builder(self, address: Address | None, *arguments: str) -> list[str]:
        where = f"url={address.url}\nuser={address.user}\npassword={address.token}\n" if address else "url=http://x\n"
        config = self.place / "jjb.ini"
        config.write_text(f"[jenkins]\n{where}query_plugins_info=False\n", encoding="utf-8")
        return [self.jjb, "--conf", str(config), *arguments]

    def offline(self, rounds: int) -> None:
        """Specs into config.xml files, the tools taking turns."""
        unlike = specs.unlike(self.place / "unlike", self.count)
        for _ in range(rounds):
            for tool in ("headway", "jjb")[: 2 if self.jjb else 1]:
                out = self.place / "out"
                shutil.rmtree(out, ignore_errors=True)
                command = (
                    self.headway("render", str(self.ours), "--job", "--out", str(out))
                    if tool == "headway"
                    else self.builder(None, "test", str(self.theirs), "-o", str(out), "--config-xml")
                )
                self.measure("render", tool, command, None, 0.0)
            shutil.rmtree(self.place / "out", ignore_errors=True)
            command = self.headway("render", str(unlike), "--job", "--out", str(self.place / "out"))
            self.measure("unlike each other, rendered", "headway", command, None, 0.0)

    def against(self, latency: float) -> None:
        """Create, nothing changed (fresh container, then again), some changed, some edited by hand."""
        with running(latency) as first, running(latency) as second:
            first.add_credential("registry")
            self.both("create", first, second, latency)
            self.both("nothing changed, fresh container", first, second, latency, cold=True)
            self.both("nothing changed, again", first, second, latency)
            for number in range(CHANGED):
                specs.write(self.ours, number, "H/9 * * * *")
                if self.jjb:
                    specs.write_theirs(self.theirs, number, "H/9 * * * *")
            self.both(f"{CHANGED} changed", first, second, latency)
            for address in (first, second):
                edit_by_hand(address, EDITED)
            found = self.measure(
                f"{EDITED} edited by hand",
                "headway",
                self.headway("jobs", "plan", "--drift", str(self.ours)),
                first,
                latency,
            )
            found.note = f"found {'; '.join(re.findall(r'[0-9]+ to update', found.note))}"
            if self.jjb:
                self.measure(f"{EDITED} edited by hand", "jjb", self.update(second), second, latency)
            for number in range(CHANGED):
                specs.write(self.ours, number)
                if self.jjb:
                    specs.write_theirs(self.theirs, number)

    def both(self, case: str, first: Address, second: Address, latency: float, *, cold: bool = False) -> None:
        if cold or case == "create":
            shutil.rmtree(self.place / "cache", ignore_errors=True)
        self.measure(
            case, "headway", self.headway("jobs", "apply", str(self.ours), "--parallel", str(WORKERS)), first, latency
        )
        if self.jjb:
            self.measure(case, "jjb", self.update(second), second, latency)

    def update(self, address: Address) -> list[str]:
        return self.builder(address, "update", str(self.theirs), "--workers", str(WORKERS))

    def large(self, count: int) -> None:
        """Many more specs, headway alone."""
        folder = specs.ours(self.place / "large", count)
        with running() as address:
            address.add_credential("registry")
            self.measure(
                f"{count} planned, none there", "headway", self.headway("jobs", "plan", str(folder)), address, 0.0
            )
            self.measure(f"{count} created", "headway", self.headway("jobs", "apply", str(folder)), address, 0.0)
            self.measure(
                f"{count} planned, all there", "headway", self.headway("jobs", "plan", str(folder)), address, 0.0
            )


def compiled() -> None:
    """Compiles our modules, as pip does with those of whatever it installs: a checkout may have none of that."""
    compileall.compile_dir(Path(__file__).parents[2] / "agent", quiet=1)


def installed(place: Path) -> str:
    """jenkins-jobs of a virtual environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", place / "jjb"], check=True)
    pip = [str(place / "jjb" / "bin" / "pip"), "install", "--quiet"]
    subprocess.run([*pip, "jenkins-job-builder==6.5.0", "setuptools<82"], check=True)
    return str(place / "jjb" / "bin" / "jenkins-jobs")


def edit_by_hand(address: Address, count: int) -> None:
    """Does to some jobs what a person in the UI would: keeps fewer builds."""
    authorisation = b64encode(f"{address.user}:{address.token}".encode()).decode()

    def ask(path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Basic {authorisation}", "Content-Type": "text/xml; charset=utf-8"}
        with urllib.request.urlopen(urllib.request.Request(address.url + path, body, headers), timeout=60) as answer:
            return bytes(answer.read())

    tree = "jobs[fullName,_class,jobs[fullName,_class,jobs[fullName,_class]]]"
    names: list[str] = []
    stack = json.loads(ask(f"/api/json?tree={tree}"))["jobs"]
    while stack:
        one = stack.pop()
        stack += one.get("jobs", ())
        names += [one["fullName"]] if one["_class"].endswith("WorkflowJob") else []
    for name in sorted(names)[:count]:
        path = "".join(f"/job/{part}" for part in name.split("/")) + "/config.xml"
        ask(path, ask(path).replace(b"<numToKeep>30<", b"<numToKeep>3<"))


def line(one: Measured) -> str:
    seen = ", ".join(f"{count} {method}" for method, count in sorted(one.requests.items())) or "-"
    return (
        f"{one.case:34} {one.tool:8} {one.latency * 1000:3.0f} ms  {one.wall:7.2f} s  {one.cpu:6.2f} s CPU  "
        f"{one.megabytes:5.0f} MB  {seen}{'' if one.status == 0 else f'  EXIT {one.status}: {one.note}'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jjb", default="", help="the jenkins-jobs to compare with")
    parser.add_argument("--install-jjb", action="store_true", help="install jenkins-job-builder for this run")
    parser.add_argument("--page", action="store_true", help="write the page of the reference")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, action="append", help="seconds per request; repeatable")
    parser.add_argument("--large", type=int, default=0, help="also so many specs for headway alone")
    parser.add_argument("--out", type=Path, help="write the results there as JSON")
    given = parser.parse_args()
    compiled()
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place), installed(Path(place)) if given.install_jjb else given.jjb, given.count)
        loads = [os.getloadavg()[0]]

        def save() -> None:
            """What there is so far: a run that is cut short leaves what it has measured."""
            rows = [asdict(one) for one in bench.results]
            if given.page:
                PAGE.write_text(table.page(rows, given.count, given.large, loads), encoding="utf-8")
            if given.out:
                given.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")

        bench.offline(given.rounds)
        save()
        for latency in given.latency or [0.0, 0.02]:
            bench.against(latency)
            loads.append(os.getloadavg()[0])
            save()
        if given.large:
            bench.large(given.large)
            save()


if __name__ == "__main__":
    main()
