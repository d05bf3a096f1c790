"""What Jenkins lacks is found before anything is sent: plugins by their list or by a try, credentials by their ids."""

from __future__ import annotations

import pytest

from agent.jenkinsfile.render import render
from agent.jobs.definition import define
from agent.jobs.preflight import numbers, requirements, unmet
from agent.sandbox.jenkins import Account, SandboxJenkins
from tests.unit.cli.test_jobs import edit, sandbox, shop, writes
from tests.unit.jobs.test_plan import spec

__all__ = ["sandbox", "shop"]


def tries(sandbox) -> list[str]:
    return [seen.path for seen in sandbox.requests if seen.method != "GET" and "headway-preflight" in str(seen)]


def test_a_missing_plugin_stops_everything_and_says_what_needs_it(sandbox, shop, headway):
    sandbox.remove_plugin("timestamper")
    found = headway("jobs", "apply", shop)
    assert found.status == 4
    assert "nothing was sent: this Jenkins lacks what the jobs need:" in found.err
    assert "plugin timestamper is missing (timestamps)" in found.err
    assert writes(sandbox) == []
    assert headway("jobs", "apply", "--no-preflight", shop).status == 0


def test_it_costs_one_request_and_none_when_nothing_changes(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    assert sum(seen.path == "/pluginManager/api/json" for seen in sandbox.requests) == 1
    sandbox.requests.clear()
    headway("jobs", "apply", shop)
    assert len(sandbox.requests) == 1


def test_a_user_who_may_not_see_plugins_gets_a_try_that_leaves_nothing_behind(sandbox, shop, headway):
    sandbox.hide_plugins()
    assert headway("jobs", "apply", shop).status == 0
    assert len(tries(sandbox)) == 3
    assert not [name for name in sandbox.items if "preflight" in name]


def test_what_a_killed_process_left_of_its_try_is_taken_away_and_nothing_else(sandbox, shop, headway):
    sandbox.hide_plugins()
    sandbox.fault("reset", method="DELETE")
    sandbox.fault("reset", method="POST", path="/disable")
    assert headway("jobs", "apply", "--only", "*/orders", shop).status == 4
    (left,) = [name for name in sandbox.items if "preflight" in name]
    sandbox.service.script.clear()
    assert headway("jobs", "apply", shop).status == 0
    assert not [name for name in sandbox.items if "preflight" in name]
    sandbox.create(f"shop/money/{left}", "<flow-definition><description>mine</description></flow-definition>")
    edit(shop, "orders", "version: 1", "version: 1\ndescription: another one")
    assert "a try failed" in headway("jobs", "apply", shop).err
    assert "mine" in sandbox.items[f"shop/money/{left}"].config


def test_the_try_finds_what_jenkins_drops(sandbox, shop, headway):
    sandbox.hide_plugins()
    sandbox.remove_plugin("git")
    edit(shop, "front", "folder: shop/web", "kind: scm, folder: shop/web")
    found = headway("jobs", "apply", "--team", "web", shop)
    assert found.status == 4, found.out
    assert "Jenkins drops" in found.err
    assert list(sandbox.items) == []


def test_a_user_who_may_not_create_is_told_and_the_refusal_is_jenkins_own(shop, headway, monkeypatch, tmp_path):
    reader = Account(password="p", token="t", may_write=False, may_administer=False)
    with SandboxJenkins({"reader": reader}) as sandbox:
        for name, value in (("URL", sandbox.url), ("USER_ID", "reader"), ("API_TOKEN", "t")):
            monkeypatch.setenv(f"JENKINS_{name}", value)
        monkeypatch.setenv("HEADWAY_RUNS", str(tmp_path / "runs"))
        found = headway("jobs", "apply", shop)
        assert found.status == 4
        assert "may not do that" in found.out
        assert list(sandbox.items) == []


def test_a_credential_that_nobody_holds_is_a_warning(sandbox, shop, headway):
    edit(shop, "front", "front.git", 'front.git", credentials: "git-shop')
    found = headway("jobs", "apply", shop)
    assert found.status == 0
    assert "warning: credential 'git-shop' of shop/web/front is in no store that the job can see" in found.err


@pytest.mark.parametrize("folder", ["", "shop", "shop/web"])
def test_a_credential_in_the_system_or_in_a_folder_above_is_fine(sandbox, shop, headway, folder):
    headway("jobs", "apply", shop)
    sandbox.add_credential("git-shop", folder)
    edit(shop, "front", "front.git", 'front.git", credentials: "git-shop')
    assert "credential" not in headway("jobs", "apply", shop).err


def test_a_credential_in_another_teams_folder_is_not(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    sandbox.add_credential("git-shop", "shop/money")
    edit(shop, "front", "front.git", 'front.git", credentials: "git-shop')
    assert "git-shop" in headway("jobs", "apply", shop).err


def test_what_a_rendered_pipeline_uses_is_what_is_required():
    one = spec()
    job = define(one, render(one), owner="o", spec_path="s")
    found = {requirement.plugin for requirement in requirements([job])}
    assert {
        "workflow-job",
        "workflow-cps",
        "pipeline-model-definition",
        "git",
        "timestamper",
        "workflow-scm-step",
    } <= found
    assert "workflow-multibranch" not in found
    multibranch = define(spec(pipeline="{kind: multibranch}"), "", owner="o", spec_path="s")
    assert {requirement.plugin for requirement in requirements([multibranch])} >= {
        "workflow-multibranch",
        "branch-api",
        "git",
    }


@pytest.mark.parametrize(
    ("version", "minimum", "is_fine"),
    [
        ("1571.vb_423c255d6d9", "2.42", True),
        ("2.42", "2.42", True),
        ("2.9", "2.42", False),
        ("5.10.1", "5.9", True),
        ("2.42-beta", "2.42", True),
    ],
)
def test_versions_of_any_form_compare(version, minimum, is_fine):
    assert (numbers(version) >= numbers(minimum)) is is_fine


def test_an_old_plugin_names_both_versions():
    one = spec()
    job = define(one, render(one), owner="o", spec_path="s")
    installed = {requirement.plugin: "2.5" for requirement in requirements([job])}
    assert "plugin workflow-job is 2.5, and 2.42 is needed (pipeline jobs)" in unmet(requirements([job]), installed)
