"""The same jobs for both tools: N specs of ours, and what ../shared/tools/gen_jjb.py writes for jenkins-job-builder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATOR = ROOT.parent / "shared" / "tools" / "gen_jjb.py"

_ORGANISATION = """version: 1
owner: bench
image: {repository: "registry.example.com/{{ team }}/{{ service }}", credentials: registry}
test:
  - {name: unit, run: make test, junit: "build/reports/*.xml"}
run: {port: 8080, probes: {readiness: /healthz}}
environments:
  - {name: staging, when: {branch: main}}
  - {name: production, when: {branch: main}}
pipeline:
  agent: {label: docker}
  keep: {builds: 30}
"""
_TEAM = """team: team-%(team)02d
pipeline: {folder: bench/team-%(team)02d}
environments:
  - {name: production, approval: {submitters: [team-%(team)02d]}}
"""
_SPEC = """version: 1
service: svc-%(number)04d
description: Service svc-%(number)04d, owned by team-%(team)02d
source: {git: "https://git.example.com/team-%(team)02d/svc-%(number)04d.git"}
pipeline:
  triggers: {poll: "%(poll)s"}
"""
TEAMS = 40


def ours(folder: Path, count: int) -> Path:
    """As many specs as asked for, of 40 teams, in 40 Jenkins folders, with defaults of the organisation and of teams."""
    folder.mkdir(parents=True)
    (folder / "headway.yaml").write_text(_ORGANISATION, encoding="utf-8")
    for team in range(min(count, TEAMS)):
        place = folder / f"team-{team:02d}"
        place.mkdir()
        (place / "headway.yaml").write_text(_TEAM % {"team": team}, encoding="utf-8")
    for number in range(count):
        write(folder, number)
    return folder


def unlike(folder: Path, count: int) -> Path:
    """The same specs, each with a time limit of its own: what is worked out for one of them serves no other."""
    ours(folder, count)
    for number in range(count):
        write(folder, number, more=f"  timeout: {number + 60}s\n")
    return folder


def write(folder: Path, number: int, poll: str = "H/5 * * * *", more: str = "") -> None:
    """One spec; another schedule is a change, and so is more to say about its pipeline."""
    team = number % TEAMS
    text = _SPEC % {"number": number, "team": team, "poll": poll} + more
    (folder / f"team-{team:02d}" / f"svc-{number:04d}.service.yaml").write_text(text, encoding="utf-8")


def theirs(folder: Path, count: int) -> Path:
    """The jobs of the generator; it is not ours, so it is run where it lies."""
    subprocess.run([sys.executable, GENERATOR, str(count), folder, "many"], check=True)
    return folder


def write_theirs(folder: Path, number: int, poll: str = "H/5 * * * *") -> None:
    """Another schedule for one of theirs."""
    file = folder / f"svc-{number:04d}.yaml"
    text = re.sub(r"cron: '.*'", f"cron: '{poll}'", file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")
