"""What differs and what doesn't: every rewrite of Jenkins is passed over, every edit of a person is found."""

# ruff: noqa: E501 - XML as Jenkins writes it

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent.jobs.configxml import write
from agent.jobs.difference import changed_lines, compare
from agent.jobs.settings import settings, tracked
from agent.jobs.xmltext import read
from tests.unit.jobs import shapes

INLINE, SCM, MULTIBRANCH = write(shapes.INLINE), write(shapes.SCM), write(shapes.MULTIBRANCH)
TRACKER = "org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction"
EXCHANGES = Path(__file__).parents[2] / "data" / "jenkins" / "exchanges.json"


def differences(actual: str, desired: str):
    root = read(actual)
    return compare(settings(root), settings(read(desired)), tracked(root))


def put(text: str, before: str, after: str) -> str:
    assert before in text, before
    return text.replace(before, after, 1)


def actions(inner: str):
    return lambda text: put(text, "<actions/>", f"<actions>{inner}</actions>")


def added_property(xml: str):
    return lambda text: put(text, "<properties>", f"<properties>{xml}")


def expanded(text: str) -> str:
    return re.sub(r"<([A-Za-z.]+)([^<>]*)/>", r"<\1\2></\1>", text)


def without_space(text: str) -> str:
    root = read(text)
    for element in root.iter():
        if len(element):
            element.text = None
        element.tail = None
    from xml.etree.ElementTree import tostring

    return tostring(root, encoding="unicode")


def reversed_properties(text: str) -> str:
    from xml.etree.ElementTree import tostring

    root = read(text)
    found = root.find("properties")
    assert found is not None
    found[:] = list(found)[::-1]
    return tostring(root, encoding="unicode")


P = "org.jenkinsci.plugins.workflow.job.properties"
REWRITES = {
    "declaration 1.0": (INLINE, lambda t: put(t, "<?xml version='1.1' encoding='UTF-8'?>\n", '<?xml version="1.0"?>')),
    "declaration gone": (INLINE, lambda t: t.split("\n", 1)[1]),
    "version of the plugin": (INLINE, lambda t: put(t, '"workflow-job"', '"workflow-job@1571.vb_423c255d6d9"')),
    "version of another plugin": (INLINE, lambda t: put(t, '"workflow-cps"', '"workflow-cps@4303.v8fa_2a_581f0a_6"')),
    "plugin attribute gone": (INLINE, lambda t: put(t, ' plugin="workflow-cps"', "")),
    "apostrophes": (INLINE, lambda t: t.replace("'Say'", "&apos;Say&apos;")),
    "quotes": (INLINE, lambda t: t.replace('"hello $WHO"', "&quot;hello $WHO&quot;")),
    "references instead of characters": (INLINE, lambda t: put(t, "Say", "&#83;ay")),
    "line ends of Windows": (INLINE, lambda t: t.replace("\n", "\r\n")),
    "empty elements spelled out": (INLINE, expanded),
    "no space between elements": (INLINE, without_space),
    "no final newline": (INLINE, str.rstrip),
    "comments": (INLINE, lambda t: put(t, "<properties>", "<properties><!-- by hand -->")),
    "a script as CDATA": (
        INLINE,
        lambda t: re.sub(
            r"<script>(.*?)</script>", lambda m: f"<script><![CDATA[{shapes.SCRIPT}]]></script>", t, flags=re.DOTALL
        ),
    ),
    "order of properties": (INLINE, reversed_properties),
    "removeLastBuild gone": (INLINE, lambda t: put(t, "<removeLastBuild>false</removeLastBuild>", "")),
    "abortPrevious gone": (INLINE, lambda t: put(t, "<abortPrevious>false</abortPrevious>", "")),
    "keepDependencies gone": (INLINE, lambda t: put(t, "<keepDependencies>false</keepDependencies>", "")),
    "-1 left out": (INLINE, lambda t: put(t, "<daysToKeep>-1</daysToKeep>", "")),
    "disabled filled in": (INLINE, lambda t: put(t, "</flow-definition>", "<disabled>false</disabled></flow-definition>")),
    "disabled by an operator": (
        INLINE,
        lambda t: put(t, "</flow-definition>", "<disabled>true</disabled></flow-definition>"),
    ),
    "empty authToken": (INLINE, lambda t: put(t, "<properties>", "<authToken></authToken><properties>")),
    "empty quietPeriod": (INLINE, lambda t: put(t, "<properties>", "<quietPeriod/><properties>")),
    "declarative action": (
        INLINE,
        actions('<org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobAction plugin="x@1"/>'),
    ),
    "Blue Ocean action": (
        INLINE,
        actions("<io.jenkins.blueocean.service.embedded.BlueOceanUrlAction><blueOceanUrlObject/></io.jenkins.blueocean."
                "service.embedded.BlueOceanUrlAction>"),
    ),
    "option that the Jenkinsfile set": (
        INLINE,
        lambda t: added_property(f"<{P}.DisableResumeJobProperty/>")(
            actions(f"<{TRACKER}><jobProperties><string>{P}.DisableResumeJobProperty</string></jobProperties></{TRACKER}>")(t)
        ),
    ),
    "parameter that the Jenkinsfile set": (
        INLINE,
        lambda t: put(
            actions(f"<{TRACKER}><parameters><string>WHO</string></parameters></{TRACKER}>")(t),
            "<parameterDefinitions>",
            "<parameterDefinitions><hudson.model.StringParameterDefinition><name>WHO</name><defaultValue>me</defaultValue>"
            "<trim>false</trim></hudson.model.StringParameterDefinition>",
        ),
    ),
    "trigger that the Jenkinsfile set": (
        INLINE,
        lambda t: put(
            actions(f"<{TRACKER}><triggers><string>jenkins.triggers.ReverseBuildTrigger</string></triggers></{TRACKER}>")(t),
            "<triggers>",
            "<triggers><jenkins.triggers.ReverseBuildTrigger><upstreamProjects>x</upstreamProjects>"
            "</jenkins.triggers.ReverseBuildTrigger>",
        ),
    ),
    "choices as a plain list": (
        INLINE,
        lambda t: t.replace('<choices class="java.util.Arrays$ArrayList">', "<choices>")
        .replace('<a class="string-array">', "")
        .replace("            </a>\n", ""),
    ),
    "property that a plugin adds by itself": (
        INLINE,
        added_property('<com.sonyericsson.rebuild.RebuildSettings plugin="rebuild@320"><autoRebuild>false</autoRebuild>'
                       "</com.sonyericsson.rebuild.RebuildSettings>"),
    ),
    "new default of a plugin": (INLINE, lambda t: put(t, "<sandbox>", "<approved>false</approved><sandbox>")),
    "concurrency in its old form": (
        INLINE,
        lambda t: re.sub(
            rf"<{re.escape(P)}.DisableConcurrentBuildsJobProperty>.*?</{re.escape(P)}.DisableConcurrentBuildsJobProperty>",
            "",
            put(t, "<properties>", "<concurrentBuild>false</concurrentBuild><properties>"),
            flags=re.DOTALL,
        ),
    ),
    "submoduleCfg as list": (SCM, lambda t: put(t, 'class="empty-list"', 'class="list"')),
    "submodules default gone": (
        SCM,
        lambda t: put(t, "<doGenerateSubmoduleConfigurations>false</doGenerateSubmoduleConfigurations>", ""),
    ),
    "extensions gone": (SCM, lambda t: put(t, "<extensions/>", "")),
    "version of the git plugin": (SCM, lambda t: put(t, 'plugin="git"', 'plugin="git@5.10.1"')),
    "views of a multibranch job": (
        MULTIBRANCH,
        lambda t: put(t, "<properties/>", '<properties/><folderViews class="jenkins.branch.MultiBranchProjectViewHolder" '
                      'plugin="branch-api@2.1"><owner class="x" reference="../.."/></folderViews>'),
    ),
    "icon and health": (
        MULTIBRANCH,
        lambda t: put(t, "<properties/>", '<properties/><healthMetrics/><icon class="jenkins.branch.MetadataActionFolderIcon">'
                      '<owner class="x" reference="../.."/></icon>'),
    ),
    "abortBuilds dropped by an old plugin": (MULTIBRANCH, lambda t: put(t, "<abortBuilds>false</abortBuilds>", "")),
    "owners gone": (MULTIBRANCH, lambda t: re.sub(r"<owner [^>]*/>", "", t)),
    "id of the source": (MULTIBRANCH, lambda t: re.sub(r"<id>.*?</id>", "<id>another</id>", t)),
    "list class of properties": (MULTIBRANCH, lambda t: put(t, 'class="empty-list"', 'class="java.util.Collections$EmptyList"')),
    "credentials of the folder": (
        MULTIBRANCH,
        lambda t: put(t, "<properties/>", "<properties><com.cloudbees.hudson.plugins.folder.properties.FolderCredentials"
                      "Provider_-FolderCredentialsProperty><x>{AQAAABAAAAAQ=}</x></com.cloudbees.hudson.plugins.folder."
                      "properties.FolderCredentialsProvider_-FolderCredentialsProperty></properties>"),
    ),
}  # fmt: skip


def edit(before: str, after: str, text: str = INLINE):
    return text, put(text, before, after)


EDITS = {
    "script, one letter": edit("'Say'", "'Sey'"),
    "script, only space": edit("  agent none", "    agent none"),
    "script, a line more": edit("agent none", "agent none\n  options {}"),
    "script emptied": (INLINE, re.sub(r"<script>.*?</script>", "<script/>", INLINE, flags=re.DOTALL)),
    "sandbox off": edit("<sandbox>true", "<sandbox>false"),
    "description": edit("&lt;web&gt;", "web"),
    "display name": edit("<properties>", "<displayName>Web!</displayName><properties>"),
    "quiet period": edit("<properties>", "<quietPeriod>5</quietPeriod><properties>"),
    "remote trigger token": edit("<properties>", "<authToken>secret</authToken><properties>"),
    "builds kept": edit("<numToKeep>30", "<numToKeep>300"),
    "days kept": edit("<daysToKeep>-1", "<daysToKeep>3"),
    "artefacts kept": edit("<artifactNumToKeep>-1", "<artifactNumToKeep>1"),
    "artefact days": edit("<artifactDaysToKeep>-1", "<artifactDaysToKeep>1"),
    "last build may go": edit("<removeLastBuild>false", "<removeLastBuild>true"),
    "keep dependencies": edit("<keepDependencies>false", "<keepDependencies>true"),
    "discarder gone": (
        INLINE,
        re.sub(r"<jenkins.model.Build.*?</jenkins.model.BuildDiscarderProperty>", "", INLINE, flags=re.DOTALL),
    ),
    "another strategy": edit('class="hudson.tasks.LogRotator"', 'class="org.example.Keeper"'),
    "aborts older builds": edit("<abortPrevious>false", "<abortPrevious>true"),
    "several builds at a time": (
        INLINE,
        re.sub(rf"<{P}.DisableCon.*?</{P}.DisableConcurrentBuildsJobProperty>", "", INLINE, flags=re.DOTALL),
    ),
    "durability": edit("MAX_SURVIVABILITY", "PERFORMANCE_OPTIMIZED"),
    "durability gone": (
        INLINE,
        re.sub(rf"<{P}.Durab.*?</{P}.DurabilityHintJobProperty>", "", INLINE, flags=re.DOTALL),
    ),
    "no resume": edit("<properties>", f"<properties><{P}.DisableResumeJobProperty/>"),
    "trigger's schedule": edit("H/5 * * * *", "H/6 * * * *"),
    "timer's schedule": edit("H 3 * * 1-5", "H 4 * * 1-5"),
    "deaf to pushes": edit("<ignorePostCommitHooks>false", "<ignorePostCommitHooks>true"),
    "trigger gone": (
        INLINE,
        re.sub(r"<hudson.triggers.SCM.*?</hudson.triggers.SCMTrigger>", "", INLINE, flags=re.DOTALL),
    ),
    "all triggers gone": (
        INLINE,
        re.sub(rf"<{P}.PipelineTr.*?</{P}.PipelineTriggersJobProperty>", "", INLINE, flags=re.DOTALL),
    ),
    "another trigger": edit(
        "<hudson.triggers.TimerTrigger>",
        "<com.cloudbees.jenkins.GitHubPushTrigger><spec/></com.cloudbees.jenkins.GitHubPushTrigger><hudson.triggers.TimerTrigger>",
    ),
    "parameter's default": edit("<defaultValue>latest", "<defaultValue>v1"),
    "parameter's name": edit("<name>VERSION", "<name>VERSIONS"),
    "parameter's words": edit("Which one", "Which two"),
    "parameter's trim": edit("<trim>true", "<trim>false"),
    "parameter's space": edit("<defaultValue>latest", "<defaultValue>latest "),
    "choice gone": edit("              <string>production</string>\n", ""),
    "choice more": edit("<string>production</string>", "<string>production</string><string>test</string>"),
    "choices' order": (
        INLINE,
        INLINE.replace("staging</s", "X</s").replace("production</s", "staging</s").replace("X</s", "production</s"),
    ),
    "parameter gone": (
        INLINE,
        re.sub(r"<hudson.model.Choice.*?</hudson.model.ChoiceParameterDefinition>", "", INLINE, flags=re.DOTALL),
    ),
    "parameter more": edit(
        "<parameterDefinitions>",
        "<parameterDefinitions><hudson.model.BooleanParameterDefinition><name>DRY</name><defaultValue>true</defaultValue>"
        "</hudson.model.BooleanParameterDefinition>",
    ),
    "parameter's type": (INLINE, INLINE.replace("hudson.model.StringParameterD", "hudson.model.TextParameterD")),
    "repository": edit("shop/web.git", "shop/evil.git", SCM),
    "credential": edit("git-shop", "git-root", SCM),
    "credential gone": edit("          <credentialsId>git-shop</credentialsId>\n", "", SCM),
    "branch": edit("refs/heads/main", "*/main", SCM),
    "path of the Jenkinsfile": edit("ci/Jenkinsfile", "Jenkinsfile", SCM),
    "heavy checkout": edit("<lightweight>true", "<lightweight>false", SCM),
    "submodules": edit("Configurations>false", "Configurations>true", SCM),
    "extension": edit(
        "<extensions/>", "<extensions><hudson.plugins.git.extensions.impl.CleanCheckout/></extensions>", SCM
    ),
    "second repository": edit(
        "</userRemoteConfigs>",
        "<hudson.plugins.git.UserRemoteConfig><url>https://x/y</url></hudson.plugins.git.UserRemoteConfig></userRemoteConfigs>",
        SCM,
    ),
    "script instead of repository": (SCM, put(INLINE, "The &lt;web&gt; shop &amp; more.", "From the repository.")),
    "repository of branches": edit("shop/web.git", "shop/evil.git", MULTIBRANCH),
    "credential of branches": edit("git-shop", "git-root", MULTIBRANCH),
    "scan schedule": edit("H/30 * * * *", "H/10 * * * *", MULTIBRANCH),
    "scan interval": edit("<interval>1800000", "<interval>60000", MULTIBRANCH),
    "scan gone": (
        MULTIBRANCH,
        re.sub(r"<com.cloudbees[^<]*PeriodicF.*?</com.*?PeriodicFolderTrigger>", "", MULTIBRANCH, flags=re.DOTALL),
    ),
    "dead branches stay": edit("<pruneDeadBranches>true", "<pruneDeadBranches>false", MULTIBRANCH),
    "dead branches for years": edit("<daysToKeep>14", "<daysToKeep>999", MULTIBRANCH),
    "discovery gone": edit("<jenkins.plugins.git.traits.BranchDiscoveryTrait/>", "", MULTIBRANCH),
    "discovery of tags": edit(
        "<jenkins.plugins.git.traits.BranchDiscoveryTrait/>",
        "<jenkins.plugins.git.traits.BranchDiscoveryTrait/><jenkins.plugins.git.traits.TagDiscoveryTrait/>",
        MULTIBRANCH,
    ),
    "Jenkinsfile of branches": edit("<scriptPath>Jenkinsfile", "<scriptPath>other", MULTIBRANCH),
    "second source": edit(
        "</data>", '<jenkins.branch.BranchSource><source class="x"/></jenkins.branch.BranchSource></data>', MULTIBRANCH
    ),
}


def test_the_catalogues_are_as_large_as_promised():
    assert len(REWRITES) >= 25
    assert len(EDITS) >= 40


@pytest.mark.parametrize("name", REWRITES)
def test_what_jenkins_rewrites_is_no_difference(name):
    text, rewrite = REWRITES[name]
    rewritten = rewrite(text)
    assert rewritten != text
    assert differences(rewritten, text) == ()


@pytest.mark.parametrize("name", EDITS)
def test_what_a_person_edits_is_found(name):
    text, edited = EDITS[name]
    found = differences(edited, text)
    assert found
    assert all(one.sentence().isprintable() for one in found)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_found_after_jenkins_rewrote_the_rest_too(name):
    text, edited = EDITS[name]
    rewritten = without_space(edited).replace('plugin="git"', 'plugin="git@9"')
    assert differences(rewritten, text)


def bodies(*labels: str) -> list[str]:
    recorded = json.loads(EXCHANGES.read_text(encoding="utf-8"))["exchanges"]
    return [next(one["response"]["body"] for one in recorded if one["label"] == label) for label in labels]


def test_a_real_jenkins_saved_and_built_without_an_alarm():
    """As recorded: the Jenkinsfile of that job sets buildDiscarder and a parameter by itself."""
    posted, saved, built = bodies(
        "read config.xml just after create",
        "read config.xml after a save by Jenkins",
        "read config.xml after a declarative build",
    )
    assert differences(saved, posted) == ()
    assert differences(built, posted) == ()


def test_without_the_tracker_the_same_parameter_is_an_edit():
    posted, built = bodies("read config.xml just after create", "read config.xml after a declarative build")
    edited = re.sub(r"<actions>.*?</actions>", "<actions/>", built, flags=re.DOTALL)
    assert [one.sentence() for one in differences(edited, posted)]


def test_sentences_are_what_an_administrator_would_say():
    said = {name: [one.sentence() for one in differences(text, edited)] for name, (text, edited) in EDITS.items()}
    assert said["trigger's schedule"] == ["trigger H/5 * * * * -> H/6 * * * *"]
    assert said["builds kept"] == ["builds kept 30 -> 300"]
    assert said["script, one letter"] == ["Jenkinsfile (1 line)"]
    assert said["another trigger"] == ["triggers GitHubPushTrigger added"]
    assert said["choice gone"] == ["parameter TARGET (choices) staging production -> staging"]
    assert said["parameter gone"][-1].startswith("parameter TARGET")


def test_a_secret_never_shows():
    text = put(INLINE, "<defaultValue>latest", "<defaultValue>{AQAAABAAAAAQ+abc/=}")
    assert "AQAA" not in str([one.sentence() for one in differences(text, INLINE)])


def test_changed_lines_count_a_changed_line_once():
    assert changed_lines("a\nb\nc\n", "a\nB\nc\nd\n") == 2
    assert changed_lines("a", "a\n\n") == 1


def test_a_script_of_a_million_lines_is_compared_in_a_moment():
    assert changed_lines("x\n" * 1_000_000, "y\n" * 1_000_001) == 1
