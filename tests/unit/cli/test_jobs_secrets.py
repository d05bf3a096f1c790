"""Planted secrets: whatever Jenkins holds, no output, plan, note or traceback of ours shows any of it (J23)."""

from __future__ import annotations

import json
import stat
import time

import pytest

from agent.jobs.secrecy import SECRET, masked, without_secrets
from tests.unit.cli.test_jobs import edit, sandbox, shop

__all__ = ["sandbox", "shop"]

PLANTED = {
    "the remote trigger": "hunter2-authtoken",
    "an encrypted blob": "{AQAAABAAAAAQplanted0blob0planted0blob0planted=}",
    "a password parameter": "hunter2-parameter",
    "a parameter called token": "hunter2-string",
    "a webhook": "hunter2-webhook",
    "a plugin's property": "hunter2-foreign",
    "a URL": "hunter2-userinfo",
    "a query": "hunter2-query",
    "an assignment": "hunter2-assigned",
    "an option": "hunter2-option",
    "a header": "hunter2.bearer.abcdefgh",
    "a known token": "ghp_hunter2hunter2hunter2hunter2",
    "a description": "hunter2-description",
    "our token": "hunter2-api-token",
    "a header of ours": "hunter2-extra-header",
}
PROPERTY = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
SCRIPT = """node {{
  def DEPLOY_PASSWORD = '{an assignment}'
  sh "deploy --password {an option} --user me"
  sh 'curl -H "Authorization: Bearer {a header}" https://x.example.com/?access_token={a query}'
  checkout(scmGit(userRemoteConfigs: [[url: 'https://bot:{a URL}@git.example.com/x.git']]))
  echo '{a known token}'
}}
"""
CONFIG = """<flow-definition plugin="workflow-job">
  <description>Old job. password: {a description}</description>
  <properties>
    <com.example.Foreign plugin="jira"><secret>{a plugin's property}</secret></com.example.Foreign>
    <hudson.model.ParametersDefinitionProperty><parameterDefinitions>
      <hudson.model.PasswordParameterDefinition><name>ANY</name>
        <defaultValue>{a password parameter}</defaultValue></hudson.model.PasswordParameterDefinition>
      <hudson.model.StringParameterDefinition><name>DEPLOY_TOKEN</name>
        <defaultValue>{a parameter called token}</defaultValue></hudson.model.StringParameterDefinition>
      <hudson.model.StringParameterDefinition><name>INNOCENT</name>
        <defaultValue>x{an encrypted blob}y</defaultValue></hudson.model.StringParameterDefinition>
    </parameterDefinitions></hudson.model.ParametersDefinitionProperty>
    <%(property)s><triggers>
      <org.jenkinsci.plugins.gwt.GenericTrigger plugin="generic-webhook-trigger"><token>{a webhook}</token>
      </org.jenkinsci.plugins.gwt.GenericTrigger></triggers></%(property)s>
  </properties>
  <definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition" plugin="workflow-cps">
    <script>%(script)s</script><sandbox>true</sandbox></definition>
  <authToken>{the remote trigger}</authToken>
</flow-definition>
"""


def planted_config() -> str:
    script = SCRIPT.format(**PLANTED).replace("&", "&amp;").replace("<", "&lt;")
    text = CONFIG % {"property": PROPERTY, "script": "\0"}
    return text.format(**PLANTED).replace("\0", script)


@pytest.fixture
def runs(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    monkeypatch.setenv("HEADWAY_RUNS", str(folder))
    return folder


@pytest.fixture
def planted(sandbox, shop, runs, headway, monkeypatch):
    """One job with every secret in it, made by hand; our own token is one too."""
    account = sandbox.controller.access.accounts[sandbox.user]
    sandbox.controller.access.accounts[sandbox.user] = type(account)(account.password, PLANTED["our token"])
    monkeypatch.setenv("JENKINS_API_TOKEN", PLANTED["our token"])
    monkeypatch.setenv("JENKINS_API_EXTRA_HEADERS", f"X-Proxy: {PLANTED['a header of ours']}")
    assert headway("jobs", "apply", shop).status == 0
    sandbox.items["shop/money/orders"].config = planted_config()
    return shop


def shown(text: str) -> list[str]:
    return [place for place, secret in PLANTED.items() if secret in text or secret[:14] in text]


def notes(runs) -> str:
    """All that a run keeps, but the config.xml files that a rollback needs whole."""
    return "".join(path.read_text(encoding="utf-8") for path in runs.rglob("*.*") if path.suffix == ".jsonl")


def test_no_command_shows_any(sandbox, planted, runs, headway, tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    plan = place / "saved.json"
    said = [
        headway("jobs", "plan", "-v", "--adopt", "--diff", planted),
        headway("jobs", "plan", "--adopt", "-o", "json", planted),
        headway("jobs", "plan", "--adopt", "-o", "markdown", planted),
        headway("jobs", "plan", "--adopt", "--drift", "--out", plan, planted),
        headway("jobs", "import", "shop/money/orders"),
        headway("jobs", "import", "shop/money/orders", "-o", "json"),
        headway("jobs", "import", "shop", "--out", place / "specs"),
        headway("jobs", "apply", "-v", plan),
    ]
    assert [ran.status for ran in said] == [0] * len(said), [ran.err for ran in said]
    assert PLANTED["a plugin's property"] in sandbox.items["shop/money/orders"].config, "what is not ours stays"
    said += [
        headway("jobs", "rollback", "last", "--dry-run"),
        headway("jobs", "rollback", "last", "--dry-run", "-o", "json"),
        headway("jobs", "rollback", "last"),
        headway("jobs", "why", "shop/money/orders", "--in", planted),
    ]
    assert all(ran.status == 0 for ran in said)
    assert planted_config().strip() in sandbox.items["shop/money/orders"].config, (
        "what was kept for a rollback is whole"
    )
    written = [path.read_text(encoding="utf-8") for path in (place / "specs").rglob("*") if path.is_file()]
    for text in (*(ran.out + ran.err for ran in said), plan.read_text(encoding="utf-8"), notes(runs), *written):
        assert shown(text) == []
    assert any(SECRET in ran.out for ran in said)


def test_no_failure_shows_any(sandbox, planted, headway, monkeypatch):
    said = []
    for fault in ({"status": 500}, {"status": 400}, {"status": 403}, {"status": 503}):
        sandbox.service.script.clear()
        sandbox.fault("status", method="POST", **fault)
        monkeypatch.setattr("agent.adapters.jenkins.client.JenkinsServer._pause", lambda _self, _seconds: None)
        said.append(headway("jobs", "apply", "--adopt", "-v", planted))
    sandbox.service.script.clear()
    monkeypatch.setenv("JENKINS_API_TOKEN", PLANTED["our token"] + "wrong")
    said.append(headway("jobs", "plan", planted))
    monkeypatch.setattr("agent.jobs.plan.carried", lambda *_given, **_more: 1 / 0)
    monkeypatch.setenv("JENKINS_API_TOKEN", PLANTED["our token"])
    said.append(headway("jobs", "plan", "-v", "--adopt", planted))
    assert [ran.status for ran in said] == [4, 4, 4, 4, 4, 70], [ran.err for ran in said]
    assert [shown(ran.out + ran.err) for ran in said] == [[]] * len(said)


def test_what_is_kept_for_a_rollback_is_for_its_owner_only(planted, runs, headway):
    assert headway("jobs", "apply", "--adopt", planted).status == 0
    kept = next(path for path in runs.rglob("*.xml") if PLANTED["the remote trigger"] in path.read_text())
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (kept, kept.parent, kept.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_a_secret_that_changes_after_a_plan_is_carried_over_as_it_is_then(sandbox, planted, headway, tmp_path):
    """A saved plan holds no secret, so it can't put an old one back."""
    plan = tmp_path / "saved.json"
    headway("jobs", "plan", "--adopt", "--out", plan, planted)
    item = sandbox.items["shop/money/orders"]
    item.config = item.config.replace(PLANTED["a plugin's property"], "a-new-one")
    assert headway("jobs", "apply", plan).status == 0
    assert "<secret>a-new-one</secret>" in sandbox.items["shop/money/orders"].config


def test_an_update_shows_the_change_of_a_token_without_the_token(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    item = sandbox.items["shop/money/orders"]
    item.config = item.config.replace("  <triggers/>", "  <authToken>hunter2-x</authToken>\n  <triggers/>")
    edit(shop, "orders", "H/5", "H/6")
    found = json.loads(headway("jobs", "plan", "-o", "json", shop).out)
    (change,) = [one for one in found["changes"] if one["action"] == "update"]
    assert {"setting": "authToken", "path": "authToken", "before": SECRET, "after": None} in change["differences"]
    assert f"authToken removed: {SECRET}" in headway("jobs", "plan", shop).out


@pytest.mark.parametrize(
    "text",
    [
        "withCredentials([string(credentialsId: 'deploy-token', variable: 'TOKEN')])",
        "usernamePassword(credentialsId: 'x', usernameVariable: 'U', passwordVariable: 'P')",
        "TOKEN = credentials('deploy-token')",
        'sh "echo ${params.TOKEN}"',
        'PASSWORD = "${env.PASSWORD}"',
        "git url: 'https://git.example.com/shop.git', credentialsId: 'git'",
        "timeout(time: 1, unit: 'HOURS')",
        "basic settings",
    ],
)
def test_what_only_names_a_secret_is_shown(text):
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    "part", ["curl ", "eyJ-", 'PASSWORD="', "x://a:", "&a_token", "TOKEN   ", "authorization: ", "{AQAA"]
)
def test_a_hostile_text_is_masked_in_the_time_of_its_length(part):
    """Ten times the text takes about ten times as long, not a hundred times."""
    times = []
    for count in (3_000, 30_000):
        began = time.process_time()
        without_secrets(part * count)
        times.append(time.process_time() - began)
    assert times[1] < max(40 * times[0], 1.0), times


def test_masking_twice_is_masking_once():
    once = masked(planted_config())
    assert masked(once) == once
    assert shown(once) == []
    unreadable = masked("<no xml " + planted_config())
    assert masked(unreadable) == unreadable
    assert shown(unreadable) == []


def test_ids_of_credentials_are_no_secrets():
    assert "<credentialsId>git-token</credentialsId>" in masked("<a><credentialsId>git-token</credentialsId></a>")
