"""config.xml: the identity transform of a POST, and what a save makes of it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sandbox.jenkins import plugins
from agent.sandbox.jenkins.saving import saved
from agent.sandbox.jenkins.xmltext import MalformedError, parse, received

VERSIONS = {plugin.short_name: plugin.version for plugin in plugins.recorded().values()}
LETTERS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff\u0085\u2028"), max_size=40
)


def save(xml: str) -> str:
    return saved(parse(xml), VERSIONS)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("<a></a>", "<a/>"),
        ("<a>\r\n</a>\n", "<a>\n</a>"),
        ("<a>&quot;&apos;&lt;&gt;&amp;</a>", "<a>\"'&lt;&gt;&amp;</a>"),
        ("<a b='1'  c=\"'\"/>", '<a b="1" c="\'"/>'),
        ("<a><!-- kept --> <b/></a>", "<a><!-- kept --> <b/></a>"),
        ("<a><![CDATA[<x> & ']]></a>", "<a><![CDATA[<x> & ']]></a>"),
        ("<a>&#13;</a>", "<a>&#13;</a>"),
        ("<a><?keep it?></a>", "<a><?keep it?></a>"),
    ],
)
def test_the_identity_transform(sent, stored):
    assert received(sent).text == f'<?xml version="1.0" encoding="UTF-8"?>{stored}'


def test_external_entities_are_empty():
    text = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><description>&x;</description></a>'
    assert received(text).description == ""


def test_an_outline_reads_only_the_first_level():
    outline = received("<a><b><description>no</description></b><description>yes</description></a>")
    assert (outline.description, outline.disabled, outline.display_name) == ("yes", False, None)


@given(LETTERS)
def test_any_text_survives_a_post_and_a_save(text):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    xml = f"<flow-definition><description>{escaped}</description></flow-definition>"
    once = received(xml)
    assert once.description == text
    assert received(once.text) == once
    assert parse(save(once.text)).value("description") == text


def test_a_save_of_a_save_changes_nothing(payments):
    first = save(payments)
    assert save(first) == first


def test_a_save_drops_comments_and_what_nobody_knows():
    written = save("<flow-definition><!-- c --><wibble>1</wibble><description>d</description></flow-definition>")
    assert "wibble" not in written
    assert "<!--" not in written
    assert "  <description>d</description>\n  <keepDependencies>false</keepDependencies>\n  <properties/>\n" in written


def test_a_save_drops_what_a_missing_plugin_brought():
    xml = (
        "<flow-definition><properties><org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty>"
        '<triggers><com.cloudbees.jenkins.GitHubPushTrigger plugin="github"><spec/>'
        "</com.cloudbees.jenkins.GitHubPushTrigger></triggers>"
        "</org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty>"
        '<x.y.Unknown plugin="nobody"/><x.y.Known plugin="junit"><a>1</a></x.y.Known></properties></flow-definition>'
    )
    written = save(xml)
    assert "GitHubPushTrigger" not in written
    assert "Unknown" not in written
    assert f'<x.y.Known plugin="junit@{VERSIONS["junit"]}">' in written
    with_github = saved(parse(xml), {**VERSIONS, "github": "1.46"})
    assert '<com.cloudbees.jenkins.GitHubPushTrigger plugin="github@1.46">' in with_github


def test_an_unknown_definition_is_gone_after_a_save():
    assert "<definition" not in save(
        '<flow-definition><definition class="x.Y"><script>a</script></definition></flow-definition>'
    )


def test_the_old_concurrency_switch_becomes_its_property():
    written = save("<flow-definition><concurrentBuild>false</concurrentBuild></flow-definition>")
    assert "concurrentBuild" not in written
    assert "DisableConcurrentBuildsJobProperty>\n      <abortPrevious>false</abortPrevious>" in written
    assert "DisableConcurrent" not in save("<flow-definition><concurrentBuild>true</concurrentBuild></flow-definition>")


def test_a_script_from_source_control():
    xml = (
        '<flow-definition><definition class="org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition">'
        '<scm class="hudson.plugins.git.GitSCM"><userRemoteConfigs><hudson.plugins.git.UserRemoteConfig>'
        "<url>https://git.example.com/a.git</url><credentialsId>git</credentialsId>"
        "</hudson.plugins.git.UserRemoteConfig></userRemoteConfigs><branches><hudson.plugins.git.BranchSpec>"
        "<name>refs/heads/main</name></hudson.plugins.git.BranchSpec></branches></scm>"
        "<scriptPath>Jenkinsfile</scriptPath></definition></flow-definition>"
    )
    written = save(xml)
    assert f'class="hudson.plugins.git.GitSCM" plugin="git@{VERSIONS["git"]}">' in written
    assert '<submoduleCfg class="empty-list"/>' in written
    assert "<lightweight>false</lightweight>" in written
    assert save(written) == written


def test_freestyle_and_multibranch_come_through():
    freestyle = save(
        "<project><builders><hudson.tasks.Shell><command>a 'b'</command></hudson.tasks.Shell></builders></project>"
    )
    assert "<command>a &apos;b&apos;</command>" in freestyle
    assert '<scm class="hudson.scm.NullSCM"/>' in freestyle
    multibranch = save(MULTIBRANCH)
    assert "<id>5f0c</id>" in multibranch
    assert 'reference="../.."/>' in multibranch
    assert f'<source class="jenkins.plugins.git.GitSCMSource" plugin="git@{VERSIONS["git"]}">' in multibranch
    assert "<jenkins.plugins.git.traits.BranchDiscoveryTrait/>" in multibranch
    assert save(multibranch) == multibranch
    assert not re.search(r'plugin="[^"@]*"', multibranch)


def test_upgrades_show_only_after_a_save(sandbox):
    sandbox.save("shop/checkout")
    before = sandbox.items["shop/checkout"].config
    sandbox.upgrade_plugins()
    assert sandbox.items["shop/checkout"].config == before
    sandbox.save("shop/checkout")
    assert 'plugin="workflow-job@1572.vb_423c255d6d9"' in sandbox.items["shop/checkout"].config


def test_malformed():
    for text in ("", "<a>", "<a></b>", "<a>&x;</a>", "\ud800"):
        with pytest.raises(MalformedError):
            received(text)


MULTIBRANCH = """<org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject plugin="workflow-multibranch">
  <sources class="jenkins.branch.MultiBranchProject$BranchSourceList" plugin="branch-api">
    <data>
      <jenkins.branch.BranchSource>
        <source class="jenkins.plugins.git.GitSCMSource" plugin="git">
          <id>5f0c</id>
          <remote>https://git.example.com/shop/payments.git</remote>
          <credentialsId></credentialsId>
          <traits><jenkins.plugins.git.traits.BranchDiscoveryTrait/></traits>
        </source>
        <strategy class="jenkins.branch.DefaultBranchPropertyStrategy"><properties class="empty-list"/></strategy>
      </jenkins.branch.BranchSource>
    </data>
    <owner class="org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject" reference="../.."/>
  </sources>
  <factory class="org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory">
    <owner class="org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject" reference="../.."/>
    <scriptPath>Jenkinsfile</scriptPath>
  </factory>
</org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject>
"""
