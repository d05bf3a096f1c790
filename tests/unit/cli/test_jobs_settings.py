"""Settings of Jenkins: flags, then the environment, then headway.yaml; and no secret in a file."""

from __future__ import annotations

import pytest

from agent.sandbox.jenkins import SandboxJenkins
from tests.unit.cli.test_jobs import edit, sandbox, shop, writes

__all__ = ["sandbox", "shop"]


def say(folder, jenkins: str, *, owner: str = "owner: shop\n") -> None:
    (folder / "headway.yaml").write_text(f"version: 1\n{owner}jenkins: {jenkins}\n", encoding="utf-8")


@pytest.fixture
def unset(sandbox, monkeypatch):
    """Only the token is in the environment."""
    for name in ("JENKINS_URL", "JENKINS_USER_ID", "HEADWAY_RUNS"):
        monkeypatch.delenv(name)
    return sandbox


def test_url_user_and_runs_come_from_headway_yaml(unset, shop, headway):
    say(shop, f'{{url: "{unset.url}", user: {unset.user}, runs: kept/runs}}')
    applied = headway("jobs", "apply", shop)
    assert applied.status == 0, applied.err
    assert len(unset.items) == 6
    assert len(list((shop / "kept" / "runs").iterdir())) == 1


def test_commands_without_specs_read_that_of_the_current_folder(unset, shop, headway, monkeypatch):
    say(shop, f'{{url: "{unset.url}", user: {unset.user}, runs: runs}}')
    assert headway("jobs", "apply", shop).status == 0
    monkeypatch.chdir(shop / "money")
    assert headway("jobs", "import", "shop/money/orders").status == 0
    assert headway("jobs", "rollback", "last").status == 0
    assert headway("jobs", "plan", "--out", shop / "plan.json", "..").status == 0
    assert headway("jobs", "apply", shop / "plan.json").status == 0


def test_the_environment_is_stronger_and_flags_are_strongest(sandbox, shop, headway):
    say(shop, '{url: "http://127.0.0.1:1", user: nobody}')
    assert headway("jobs", "plan", shop).status == 0
    wrong = headway("jobs", "plan", "--jenkins-url", "http://127.0.0.1:2", "--parallel", 1, shop)
    assert (wrong.status, "http://127.0.0.1:2" in wrong.err) == (4, True)
    say(shop, '{url: "http://127.0.0.1:1", max_changes: 2}')
    assert headway("jobs", "plan", shop).status == 9
    assert headway("jobs", "plan", "--max-changes", 6, shop).status == 0


def test_verbose_says_who_said_it(sandbox, shop, headway, monkeypatch):
    say(shop, "{parallel: 3, max_changes: 50}")
    told = headway("jobs", "plan", "-v", "--max-deletes", 4, shop).err
    assert f"Jenkins: {sandbox.url}  (JENKINS_URL)" in told
    assert f"requests at a time: 3  ({shop}/headway.yaml:3:21)" in told
    assert f"changes at most: 50  ({shop}/headway.yaml:3:37)" in told
    assert "removals at most: 4  (--max-deletes)" in told
    headway("jobs", "apply", shop)
    assert sandbox.service.most_at_once <= 3


def test_check_explains_them(shop, headway):
    say(shop, '{url: "https://ci.example.com", user: bot}')
    told = headway("check", shop / "web", "--explain", "jenkins")
    assert f'jenkins.url          "https://ci.example.com"  {shop}/headway.yaml:3:16' in told.out
    assert "jenkins.parallel     null" in told.out
    assert "did you mean 'user'?" in headway("check", shop / "web", "--explain", "jenkins.usr").err


def test_a_team_may_have_its_own_but_one_run_goes_to_one_jenkins(unset, shop, headway):
    say(shop, f'{{url: "{unset.url}", user: {unset.user}}}')
    with SandboxJenkins() as other:
        say(shop / "web", f'{{url: "{other.url}"}}', owner="")
        mixed = headway("jobs", "apply", shop)
        assert mixed.status == 2
        assert "these specs differ in 'jenkins.url' of headway.yaml" in mixed.err
        assert f"{shop}/web/headway.yaml:2:16" in mixed.err
        assert headway("jobs", "apply", shop / "web").status == 0
        assert "shop/web/front" in other.items
    assert writes(unset) == []


@pytest.mark.parametrize("name", ["token", "api_token", "password", "apikey"])
def test_a_secret_in_it_is_a_problem_that_does_not_show_it(unset, shop, headway, name):
    say(shop, f'{{url: "{unset.url}", user: bot, {name}: hunter2-token}}')
    for ran in (headway("jobs", "apply", shop), headway("check", shop), headway("jobs", "rollback", "last")):
        assert ran.status == 2
    ran = headway("check", shop)
    assert f"'{name}' is a secret, and none stands in a file" in ran.out
    assert "hint: put it into JENKINS_API_TOKEN" in ran.out
    for ran in (headway("jobs", "apply", shop), headway("check", shop), headway("check", "-o", "json", shop)):
        assert "hunter2" not in ran.out + ran.err
    assert unset.requests == []


def test_one_at_the_top_is_not_shown_either(shop, headway):
    (shop / "headway.yaml").write_text("owner: shop\njenkins_api_token: hunter2-token\n", encoding="utf-8")
    ran = headway("check", shop)
    assert ran.status == 2
    assert "hunter2" not in ran.out + ran.err


def test_a_password_in_the_url_is_not_shown(shop, headway):
    say(shop, '{url: "https://bot:hunter2@ci.example.com"}')
    ran = headway("check", shop)
    assert (ran.status, "the URL has a user or password in it" in ran.out) == (2, True)
    assert "hunter2" not in ran.out


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{urll: x}", "did you mean 'url'?"),
        ("{paralel: 4}", "did you mean 'parallel'?"),
        ("{parallel: 0}", "0 is out of range: at least 1"),
        ('{parallel: "4"}', "remove the quotes: 4"),
        ("{url: ci.example.com}", "'ci.example.com' is not a URL"),
        ("{max_changes: -1}", "-1 is out of range"),
        ("[1]", "expected a mapping"),
        ("{libraries: [{git: x}]}", "'x' is not a git URL"),
        ("{libraries: [{name: a}]}", "'git' is missing"),
        ("{libraries: [{gti: a}]}", "did you mean 'git'?"),
    ],
)
def test_what_is_wrong_is_a_problem_with_its_place(shop, headway, said, told):
    say(shop, said)
    ran = headway("check", shop)
    assert ran.status == 2
    assert told in ran.out
    assert f"{shop}/headway.yaml:3:" in ran.out


def test_in_a_service_it_is_misplaced(shop, headway):
    edit(shop, "front", "version: 1", "version: 1\njenkins: {url: x}")
    assert "'jenkins' stands only in headway.yaml" in headway("check", shop).out
