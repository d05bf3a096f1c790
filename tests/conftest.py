"""What every test may ask for: golden files, the command line in-process, and the places of real servers."""

from __future__ import annotations

import io
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.cli.console import Console
from agent.cli.main import run
from agent.ports import ImageAnswer

ROOT = Path(__file__).resolve().parent.parent

# Whoever starts us in the background has Ctrl-C ignored, and so would every child have that a test sends one to.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write what the tests saw into the golden files")
    parser.addoption("--kubeconfig", help="a real cluster, for tests marked live")
    parser.addoption("--own-kubeconfig", help="a real cluster that nobody else uses: its node is held up")
    parser.addoption("--chaos", help="what breaks and heals that cluster: `COMMAND chaos apiserver-kill`, `COMMAND up`")
    parser.addoption("--jenkins-url", help="a real Jenkins, for tests marked live")
    parser.addoption("--soak", action="store_true", help="the large counts as well")


def pytest_configure(config):
    """Modules read this when they are imported, in every worker."""
    if config.getoption("--soak"):
        os.environ["HEADWAY_SOAK"] = "1"


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.get_closest_marker("soak") and not config.getoption("--soak"):
            item.add_marker(pytest.mark.skip(reason="large counts run with --soak (make soak)"))
        if item.get_closest_marker("live") and not (
            config.getoption("--kubeconfig")
            or config.getoption("--own-kubeconfig")
            or config.getoption("--jenkins-url")
        ):
            item.add_marker(pytest.mark.skip(reason="needs --kubeconfig (or --jenkins-url), as .ci/run gives it"))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """No test sees this machine's cluster, Jenkins or build."""
    for name in list(os.environ):
        if name.startswith(("JENKINS_", "BUILD_", "GIT_", "KUBE", "HEADWAY_")) or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("KUBECONFIG", "/nonexistent/kubeconfig")
    monkeypatch.setattr("agent.cli.wiring.registry", NoRegistry)


class NoRegistry:
    """Nobody is asked: tests need no network."""

    def find(self, image):
        return ImageAnswer("unknown", f"no tests ask {image.registry}")


@pytest.fixture
def golden(request):
    """Compares text with a golden file; --update-golden writes it."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        assert path.exists(), f"{path} is missing: run with --update-golden and review it"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: run with --update-golden and review the diff"

    return compare


@dataclass
class Ran:
    """What a command line did."""

    status: int
    out: str
    err: str


@pytest.fixture
def headway():
    """Runs a command line in this process: `headway("check", "x.yaml")` -> Ran(status, out, err)."""

    def call(*arguments: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        status = run([str(argument) for argument in arguments], Console(out, err))
        return Ran(status, out.getvalue(), err.getvalue())

    return call
