"""`headway demo`: the whole story on the sandbox in under a minute, told by the commands that a team would type.

Nothing here knows how a deploy works: each step is a child process with the sandbox's environment, so what is shown is
what anybody gets.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from agent.cli.console import Console
from agent.errors import ExitStatus, HeadwayError

IMAGE = "registry.example.com/shop/storefront"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to see: a sentence, the command, and the exit status it must end with."""

    says: str
    words: tuple[str, ...]
    status: int = 0


def story(shop: str, report: str) -> tuple[Step, ...]:
    """The steps, for the example shop at `shop`, with reports under `report`."""
    spec = f"{shop}/web/storefront"

    def deploy(tag: str) -> tuple[str, ...]:
        return ("deploy", spec, "--env", "staging", "--image", f"{IMAGE}:{tag}", "--report", f"{report}/{tag}")

    return (
        Step(
            "Six services of three teams commit a service.yaml each, and get their Jenkins jobs.",
            ("jobs", "apply", shop),
        ),
        Step("Applied again, nothing is sent: Jenkins itself says what is there.", ("jobs", "apply", shop)),
        Step("A pipeline stage deploys v1 of the storefront; its smoke checks make it a good release.", deploy("v1")),
        Step("v2 starts and looks healthy, but customers get errors. Its smoke check sees it.", deploy("v2"), 1),
        Step("Then somebody mistypes a tag. The rollout can't succeed, so it isn't waited for.", deploy("hotfxi"), 1),
        Step("What happened is on record, in the cluster itself.", ("history", spec, "--env", "staging")),
    )


@click.command(name="demo", short_help="The whole story on the sandbox, in under a minute.")
@click.option(
    "--examples",
    type=click.Path(exists=True, file_okay=False),
    help="Another example shop than the one that comes with Headway.",
)
@click.pass_obj
def command(console: Console, examples: str | None) -> ExitStatus:
    """Plays the whole story on an embedded Kubernetes and Jenkins; nothing of yours is touched."""
    from agent.sandbox.world import World

    shop = Path(examples) if examples else _shipped()
    report = Path(tempfile.mkdtemp(prefix="headway-demo-"))
    began = time.monotonic()
    with World(speed=5.0) as world:
        console.line(
            "A Kubernetes and a Jenkins now run inside this process, on loopback. Nothing of yours is touched."
        )
        for number, step in enumerate(story(_short(shop), str(report)), 1):
            _play(console, number, step, world.environment)
    console.line()
    console.line(
        f"That was all of it, in {time.monotonic() - began:.0f} s. The undone release as a page, with its timeline:"
    )
    console.line(f"  {report}/v2/report.html")
    console.line("Next: `headway sandbox up` to play yourself, `headway init` for a service of yours.")
    return ExitStatus.OK


def _play(console: Console, number: int, step: Step, environment: dict[str, str]) -> None:
    console.line()
    console.line(console.paint(f"{number}. {step.says}", "bold"))
    console.line(console.paint(f"$ headway {shlex.join(step.words)}", "dim"))
    done = subprocess.run([sys.executable, "-m", "agent", *step.words], env=environment, check=False)  # noqa: S603
    if done.returncode != step.status:
        raise HeadwayError(
            f"the demo stopped: `headway {step.words[0]}` ended with {done.returncode}, not {step.status}",
            hint="please report it with the output above",
        )


def _shipped() -> Path:
    """The example shop: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parents[2]
    for place in (package / "_examples" / "shop", package.parent / "examples" / "shop"):
        if place.is_dir():
            return place
    raise HeadwayError("the demo was not started: the example shop is missing from this installation")


def _short(path: Path) -> str:
    """Relative to here when that is shorter, as a person would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
