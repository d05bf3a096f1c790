"""Shared libraries of Jenkins folders: written into ours, merged into others', and nothing else of them touched."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.test_jobs import add, edit, sandbox, shop, writes

__all__ = ["sandbox", "shop"]

GIT = "https://git.example.com/platform/headway.git"
ONE = f"[{{git: '{GIT}', path: shared_library, credentials: git-read}}]"
CREDENTIAL = f"[{{git: '{GIT}', credentials: only-there}}]"
CONFIGURATION = "org.jenkinsci.plugins.workflow.libs.LibraryConfiguration"
THEIRS = f"""<{CONFIGURATION}><name>company</name>
  <retriever class="org.jenkinsci.plugins.workflow.libs.SCMSourceRetriever">
  <scm class="jenkins.plugins.git.GitSCMSource" plugin="git@5.7.0"><id>1</id><remote>https://x/y.git</remote></scm>
  </retriever><defaultVersion>main</defaultVersion><implicit>true</implicit></{CONFIGURATION}>"""
FOREIGN = f"""<com.cloudbees.hudson.plugins.folder.Folder plugin="cloudbees-folder">
  <description>The money people</description>
  <properties>
    <org.jenkinsci.plugins.workflow.libs.FolderLibraries plugin="pipeline-groovy-lib@752">
      <libraries>{THEIRS}</libraries>
    </org.jenkinsci.plugins.workflow.libs.FolderLibraries>
    <com.cloudbees.plugins.credentials.Folder_Properties plugin="credentials"><secret>kept</secret>
    </com.cloudbees.plugins.credentials.Folder_Properties>
  </properties>
</com.cloudbees.hudson.plugins.folder.Folder>"""


def declare(folder, libraries: str = ONE, *, pin: str = "v1", owner: str = "owner: shop\n") -> None:
    text = f"{owner}headway: {{library: {pin}}}\njenkins: {{libraries: {libraries}}}\n"
    (folder / "headway.yaml").write_text(text, encoding="utf-8")


def config(sandbox, name: str) -> str:
    return sandbox.items[name].config


@pytest.fixture
def money(sandbox, shop):
    """The team money has the library, the team web has none; the credential is there."""
    sandbox.add_credential("git-read")
    declare(shop / "money", owner="")
    return shop


def test_the_folder_of_the_jobs_carries_it_and_a_second_run_sends_nothing(sandbox, money, headway):
    planned = headway("jobs", "plan", money)
    assert "+ shop/money/          create folder with shared library headway\n" in planned.out
    assert headway("jobs", "apply", money).status == 0
    text = config(sandbox, "shop/money")
    assert "<name>headway</name>" in text
    assert f"<remote>{GIT}</remote>" in text
    assert "<defaultVersion>v1</defaultVersion>" in text
    assert "<libraryPath>shared_library/</libraryPath>" in text
    assert "Library" not in config(sandbox, "shop") + config(sandbox, "shop/web")
    sandbox.requests.clear()
    assert headway("jobs", "apply", money).status == 0
    assert [(seen.method, seen.path) for seen in sandbox.requests] == [("GET", "/api/json")]


def test_another_pin_is_an_update_of_the_folder(sandbox, money, headway):
    headway("jobs", "apply", money)
    declare(money / "money", pin="v2", owner="")
    planned = headway("jobs", "plan", "--no-diff", money).out
    assert "~ shop/money/  update: library headway (version) v1 -> v2\n" in planned
    assert headway("jobs", "apply", money).status == 0
    assert "<defaultVersion>v2</defaultVersion>" in config(sandbox, "shop/money")


def test_saves_and_upgrades_are_no_drift_and_a_hand_edit_is(sandbox, money, headway):
    headway("jobs", "apply", money)
    sandbox.upgrade_plugins()
    for name in list(sandbox.items):
        sandbox.save(name)
    assert headway("jobs", "plan", "--drift", "--exit-code", money).status == 0
    folder = sandbox.items["shop/money"]
    folder.config = folder.config.replace("<defaultVersion>v1<", "<defaultVersion>evil<")
    found = headway("jobs", "plan", "--drift", "--exit-code", money)
    assert found.status == 3
    assert "~ shop/money/  update (edited in Jenkins): library headway (version) evil -> v1" in found.out
    assert headway("jobs", "apply", "--drift", money).status == 0
    assert "<defaultVersion>v1<" in config(sandbox, "shop/money")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<implicit>false", "<implicit>true"),
        ("<allowVersionOverride>true", "<allowVersionOverride>false"),
        (GIT, "https://evil.example.com/x.git"),
        ("<libraryPath>shared_library/", "<libraryPath>"),
        ("<credentialsId>git-read", "<credentialsId>other"),
        ("<jenkins.plugins.git.traits.BranchDiscoveryTrait/>", ""),
        ("<name>headway</name>", "<name>headwai</name>"),
    ],
)
def test_every_kind_of_edit_is_found(sandbox, money, headway, before, after):
    headway("jobs", "apply", money)
    folder = sandbox.items["shop/money"]
    assert before in folder.config
    folder.config = folder.config.replace(before, after)
    assert headway("jobs", "plan", "--drift", "--exit-code", money).status == 3


def test_what_others_added_to_our_folder_stays_when_ours_goes(sandbox, money, headway):
    headway("jobs", "apply", money)
    folder = sandbox.items["shop/money"]
    folder.config = folder.config.replace("<libraries>", f"<libraries>{THEIRS}").replace(
        "<properties>", "<properties><com.cloudbees.plugins.credentials.Folder_Properties plugin='credentials'/>"
    )
    (money / "money" / "headway.yaml").unlink()
    edit(money, "orders", "H/5", "H/6")
    planned = headway("jobs", "plan", money)
    assert "no headway.yaml names its shared libraries any more): library headway removed" in planned.out
    assert headway("jobs", "apply", money).status == 0
    text = config(sandbox, "shop/money")
    assert "<name>company</name>" in text
    assert "<name>headway</name>" not in text
    assert "Folder_Properties" in text
    assert headway("jobs", "plan", "--exit-code", money).status == 0


def test_a_part_of_the_specs_takes_no_library_away(sandbox, money, headway):
    headway("jobs", "apply", money)
    (money / "money" / "headway.yaml").unlink()
    assert "libraries" not in headway("jobs", "plan", money / "money" / "orders").out
    assert "libraries" not in headway("jobs", "plan", money / "web").out


def test_into_a_folder_that_is_not_ours_it_is_merged(sandbox, money, headway):
    sandbox.create("shop", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    sandbox.create("shop/money", FOREIGN)
    planned = headway("jobs", "plan", money)
    assert (
        "~ shop/money/          update (shared libraries are merged into a folder that is not ours): "
        f"library headway added: {GIT} v1" in planned.out
    )
    assert headway("jobs", "apply", money).status == 0
    text = config(sandbox, "shop/money")
    assert "<!-- headway" not in text, "it does not become ours"
    for kept in ("The money people", "<name>company</name>", "<secret>kept</secret>", "<name>headway</name>"):
        assert kept in text
    sandbox.requests.clear()
    assert headway("jobs", "apply", money).status == 0
    assert [(seen.method, seen.path) for seen in sandbox.requests] == [
        ("GET", "/api/json"),
        ("GET", "/job/shop/job/money/config.xml"),
    ]
    (money / "money" / "headway.yaml").unlink()
    assert headway("jobs", "apply", money).status == 0
    assert "<name>headway</name>" in config(sandbox, "shop/money"), "never taken out of what is not ours"


def test_a_run_is_taken_back(sandbox, money, headway):
    sandbox.create("shop", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    sandbox.create("shop/money", FOREIGN)
    headway("jobs", "apply", money)
    back = headway("jobs", "rollback", "last")
    assert back.status == 0, back.err
    assert FOREIGN.strip() in config(sandbox, "shop/money")


def test_a_saved_plan_carries_it_out_and_is_refused_when_the_folder_moved(sandbox, money, headway, tmp_path_factory):
    headway("jobs", "apply", money)
    declare(money / "money", pin="v2", owner="")
    plan = tmp_path_factory.mktemp("plans") / "plan.json"
    headway("jobs", "plan", "--out", plan, money)
    folder, was = sandbox.items["shop/money"], config(sandbox, "shop/money")
    folder.config = was.replace("<defaultVersion>v1<", "<defaultVersion>v9<")
    refused = headway("jobs", "apply", plan)
    assert (refused.status, "'shop/money' was changed" in refused.err) == (9, True)
    folder.config = was
    assert headway("jobs", "apply", plan).status == 0
    assert "<defaultVersion>v2<" in config(sandbox, "shop/money")


def test_the_plugin_and_the_credential_are_asked_for(sandbox, money, headway):
    sandbox.remove_plugin("pipeline-groovy-lib")
    refused = headway("jobs", "apply", money)
    assert refused.status == 4
    assert "plugin pipeline-groovy-lib is missing (shared libraries of folders)" in refused.err
    assert writes(sandbox) == []


def test_a_credential_of_the_folder_itself_is_seen(sandbox, shop, headway):
    declare(shop / "money", CREDENTIAL, owner="")
    assert "credential 'only-there' of shop/money is in no store" in headway("jobs", "apply", shop).err
    declare(shop / "money", CREDENTIAL, pin="v3", owner="")
    sandbox.add_credential("only-there", "shop/money")
    assert "only-there" not in headway("jobs", "apply", shop).err


def test_of_two_files_the_lower_has_the_last_word_by_name(sandbox, shop, headway):
    sandbox.add_credential("git-read")
    declare(shop, f"[{{name: a, git: '{GIT}', version: '1'}}, {{name: b, git: '{GIT}', version: '1'}}]")
    declare(shop / "web", f"[{{name: a, git: '{GIT}', version: '2'}}]", owner="")
    assert headway("jobs", "apply", shop).status == 0
    assert config(sandbox, "shop/web").count(CONFIGURATION) == 4
    assert "<defaultVersion>2<" in config(sandbox, "shop/web")
    assert "<defaultVersion>2<" not in config(sandbox, "shop/money")


def test_two_files_that_differ_for_one_folder_are_refused(sandbox, money, headway):
    file = add(money, "web", "also-money")
    file.write_text(file.read_text().replace("folder: shop/web", "folder: shop/money"), encoding="utf-8")
    declare(money / "web", "[{git: 'https://other.example.com/x.git'}]", owner="")
    edit(money, "front", "folder: shop/web", "folder: shop/front")
    refused = headway("jobs", "plan", money)
    assert refused.status == 2
    assert "want different shared libraries in the folder 'shop/money'" in refused.err


def test_a_job_in_no_folder_can_have_none(money, headway, sandbox):
    edit(money, "orders", "folder: shop/money, ", "")
    refused = headway("jobs", "plan", money)
    assert (refused.status, "give it a pipeline.folder" in refused.err) == (2, True)


def test_filters_narrow_and_json_tells(sandbox, money, headway):
    headway("jobs", "apply", money)
    declare(money / "money", pin="v2", owner="")
    assert "shop/money/" not in headway("jobs", "plan", "--team", "web", money).out
    found = json.loads(headway("jobs", "plan", "-o", "json", money).out)
    (folder,) = [one for one in found["changes"] if one["job"] == "shop/money"]
    assert folder["differences"][0]["setting"] == "library headway (version)"
    assert found["counts"]["keep"] == 3


def test_hostile_values_stay_values(sandbox, shop, headway):
    declare(shop / "money", "[{git: 'https://x.example.com/a<b>&amp;c.git', version: main}]", owner="")
    assert headway("jobs", "apply", shop).status == 0
    assert "a&lt;b&gt;&amp;amp;c.git" in config(sandbox, "shop/money")


def test_the_plan_says_that_multibranch_jobs_in_the_folder_are_scanned_again(sandbox, money, headway):
    """Jenkins loads them again with their folder."""
    edit(money, "orders", "folder: shop/money", "kind: multibranch, folder: shop/money")
    headway("jobs", "apply", money)
    folder, was = sandbox.items["shop/money"], config(sandbox, "shop/money")
    folder.config = was.replace("<defaultVersion>v1<", "<defaultVersion>v0<")
    assert "v0 -> v1 (scans every branch" in headway("jobs", "plan", "--drift", money).out
    folder.config = was
    declare(money / "money", pin="v2", owner="")
    planned = headway("jobs", "plan", money)
    assert "v1 -> v2 (scans every branch of the multibranch job in it again)" in planned.out
    found = json.loads(headway("jobs", "plan", "-o", "json", money).out)
    assert [one["job"] for one in found["changes"] if one.get("indexes_again")] == ["shop/money"]
    assert "**every branch is scanned again**" in headway("jobs", "plan", "-o", "markdown", money).out
