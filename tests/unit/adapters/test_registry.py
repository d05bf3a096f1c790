"""Is the image still there? Asked of a registry on loopback: with tokens, with logins, and never of the wrong host."""

from __future__ import annotations

import json
import time

import pytest

from agent.adapters.registry import DockerRegistry, _Question, is_loopback
from agent.release import images
from tests.fakes.loopback import serving
from tests.fakes.registry import BASIC, PASSWORD, USER, FakeRegistry, digest

V1 = digest("v1")


@pytest.fixture
def fake():
    made = FakeRegistry({("shop/web", "v1"): V1, ("shop/web", V1): V1})
    with serving(made) as server:
        made.url = server.url
        made.server = server
        yield made


@pytest.fixture
def asked(tmp_path):
    """A registry door whose Docker folder holds what the test wrote."""

    def call(**more):
        return DockerRegistry({"DOCKER_CONFIG": str(tmp_path)}, insecure=(), **more)

    return call


def login(folder, host, **entry):
    entry = entry or {"auth": BASIC}
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))


def host(fake):
    return fake.url.removeprefix("http://")


def find(fake, asked, reference="shop/web:v1", **more):
    return asked(**more).find(images.parse(f"{host(fake)}/{reference}"))


def sent(fake):
    return [heard.headers.get("authorization", "") for heard in fake.server.heard]


@pytest.mark.parametrize("reference", ["shop/web:v1", f"shop/web@{V1}"])
def test_it_is_there(fake, asked, reference):
    answer = find(fake, asked, reference)
    assert (answer.state, answer.digest) == ("there", V1)
    assert [(heard.method, heard.path) for heard in fake.server.heard] == [
        ("HEAD", f"/v2/shop/web/manifests/{reference.partition('web')[2][1:]}")]  # fmt: skip


def test_it_is_gone(fake, asked):
    assert find(fake, asked, "shop/web:v9").state == "gone"
    assert {heard.method for heard in fake.server.heard} == {"HEAD", "GET"}


def test_a_404_of_something_else_is_no_answer(fake, asked):
    fake.server.handler = lambda heard, wire: wire.answer(b"<html>not here</html>", 404, "text/html")
    answer = find(fake, asked)
    assert (answer.state, "not as a registry does" in answer.detail) == ("unknown", True)


def test_a_token_for_everybody(fake, asked):
    fake.wants = "token"
    assert find(fake, asked).state == "there"
    assert sent(fake)[-1] == "Bearer pass-repository:shop/web:pull"
    assert not any(word.startswith("Basic") for word in sent(fake))


@pytest.mark.parametrize("entry", [{"auth": BASIC}, {"username": USER, "password": PASSWORD}])
@pytest.mark.parametrize("wants", ["basic", "token-login"])
def test_with_the_login_that_docker_keeps(fake, asked, tmp_path, wants, entry):
    fake.wants = wants
    login(tmp_path, host(fake), **entry)
    assert find(fake, asked).state == "there"
    assert find(fake, asked, "shop/web:v9").state == "gone"


@pytest.mark.parametrize("wants", ["basic", "token-login"])
def test_without_a_login_it_says_so(fake, asked, tmp_path, wants):
    fake.wants = wants
    login(tmp_path, "registry.example.com")
    answer = find(fake, asked)
    assert answer.state == "unknown"
    assert "credentials" in answer.detail or "no token" in answer.detail
    assert BASIC not in " ".join(sent(fake))


def test_a_token_service_on_another_host_gets_no_credentials(fake, asked, tmp_path):
    fake.wants = "token-login"
    with serving(fake) as elsewhere:
        fake.realm = f"{elsewhere.url}/token"
        login(tmp_path, host(fake))
        answer = find(fake, asked)
        assert answer.state == "unknown"
        assert [heard.headers.get("authorization") for heard in elsewhere.heard] == [None]
    assert PASSWORD not in answer.detail
    assert BASIC not in answer.detail


def test_a_redirect_takes_no_credentials_along(fake, asked, tmp_path):
    login(tmp_path, host(fake))
    with serving(FakeRegistry({("shop/web", "v1"): V1})) as elsewhere:

        def handler(heard, wire):
            if "authorization" not in heard.headers:
                wire.answer(b"", 401, WWW_Authenticate='Basic realm="x"')
            else:
                wire.answer(b"", 307, Location=f"{elsewhere.url}{heard.path}")

        fake.server.handler = handler
        assert find(fake, asked).state == "there"
        assert [heard.headers.get("authorization") for heard in elsewhere.heard] == [None]
    assert sent(fake)[-1] == f"Basic {BASIC}"


@pytest.mark.parametrize(
    "where", ["ftp://127.0.0.1/token", "file:///etc/passwd", "http://registry.example.com/token", "http://[::bad/t"]
)
def test_nonsense_is_not_followed(fake, asked, where):
    fake.wants, fake.realm = "token", where
    assert find(fake, asked).state == "unknown"


def test_a_silent_registry_is_not_waited_for(fake, asked):
    fake.server.handler = lambda heard, wire: wire.stop.wait(5)
    began = time.monotonic()
    answer = find(fake, asked, limit=0.3)
    assert time.monotonic() - began < 2.0
    assert (answer.state, "no answer" in answer.detail) == ("unknown", True)


def test_nobody_listens(asked):
    answer = asked().find(images.parse("127.0.0.1:1/shop/web:v1"))
    assert answer.state == "unknown"
    assert answer.detail.startswith("127.0.0.1:1: no connection: ")


def test_plain_http_is_for_this_machine_and_for_what_is_known_to_be_insecure():
    asked = DockerRegistry({}, insecure=("10.99.0.0/16", "old.example.com"))
    assert [asked.scheme(each) for each in ("localhost:5000", "127.0.0.2", "[::1]:5000", "10.99.1.2:5000")] == [
        "http"
    ] * 4
    assert asked.scheme("old.example.com:5000") == "http"
    assert asked.scheme("10.98.1.2:5000") == asked.scheme("registry.example.com") == "https"
    assert not is_loopback("localhost.example.com")


@pytest.mark.parametrize("text", ["", "[]", '{"auths": []}', '{"auths": {"registry.example.com": 7}}', "\x00"])
def test_a_broken_config_of_docker_is_no_login(asked, tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert asked().login("registry.example.com").basic == ""


def test_the_hub_has_a_key_of_its_own_and_helpers_are_named(asked, tmp_path):
    login(tmp_path, "https://index.docker.io/v1/")
    assert asked().login("docker.io").basic == BASIC
    (tmp_path / "config.json").write_text('{"auths": {"r.example.com": {}}, "credHelpers": {"r.example.com": "ecr"}}')
    assert asked().login("r.example.com").helper == "ecr"


@pytest.mark.parametrize(
    ("registry", "realm", "may"),
    [
        ("registry.example.com", "https://registry.example.com/token", True),
        ("registry.example.com", "https://example.com/jwt/auth", True),
        ("docker.io", "https://auth.docker.io/token", True),
        ("registry.example.com", "https://auth.example.com/token", False),
        ("registry.example.com", "https://com/token", False),
        ("registry.example.com", "https://registry.example.com.evil.example/token", False),
        ("registry.example.com", "https://registry.example.com@evil.example/token", False),
        ("registry.example.com", "http://registry.example.com/token", False),
    ],
)
def test_whom_the_credentials_may_go_to(asked, tmp_path, registry, realm, may):
    login(tmp_path, registry)
    question = _Question(asked(), images.parse(f"{registry}/shop/web:v1"), 0.0)
    assert bool(question._basic(realm)) is may
