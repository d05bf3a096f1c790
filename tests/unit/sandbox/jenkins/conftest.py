"""A sandbox without a socket, and a way to ask it."""

import base64
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.sandbox.jenkins import Account, SandboxJenkins
from agent.sandbox.jenkins.http import Request, Response

RECORDING = Path(__file__).parents[3] / "data/jenkins/exchanges.json"
FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"


def basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


class Asker:
    """Sends requests as somebody; by default as the first user with the API token."""

    def __init__(self, sandbox: SandboxJenkins) -> None:
        self.sandbox = sandbox
        self.authorization = basic(sandbox.user, sandbox.token)

    def __call__(self, method: str, target: str, body: str | bytes = b"", **headers: str) -> Response:
        sent = {"authorization": self.authorization}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body.encode() if isinstance(body, str) else body
        return self.sandbox.handle(Request(method, target, {n: v for n, v in sent.items() if v}, raw))

    def create(self, target: str, xml: str = "<flow-definition/>") -> Response:
        return self("POST", target, xml, content_type="text/xml; charset=utf-8")

    def json(self, target: str):
        answer = self("GET", target)
        assert answer.status == 200, answer
        return json.loads(answer.body)


@pytest.fixture
def clock():
    return SimpleNamespace(now=1_800_000_000.0)


@pytest.fixture
def sandbox(clock) -> SandboxJenkins:
    accounts = {
        "admin": Account("secret", "11token"),
        "bot": Account("bot", "11bot", may_administer=False),
        "reader": Account("reader", "11reader", may_write=False),
    }
    made = SandboxJenkins(accounts, clock=lambda: clock.now)
    made.create("shop", FOLDER)
    made.create("shop/checkout", "<flow-definition/>")
    return made


@pytest.fixture
def ask(sandbox) -> Asker:
    return Asker(sandbox)


@pytest.fixture
def asked_by(sandbox):
    def somebody(user: str, secret: str) -> Asker:
        asker = Asker(sandbox)
        asker.authorization = basic(user, secret)
        return asker

    return somebody


@pytest.fixture(scope="session")
def recorded():
    """The recorded exchanges by label."""
    return {exchange["label"]: exchange for exchange in json.loads(RECORDING.read_text())["exchanges"]}


@pytest.fixture(scope="session")
def payments(recorded):
    """The config.xml that was posted in the recording."""
    return recorded["create job in folder"]["request"]["body"]
