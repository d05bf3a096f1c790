"""config.xml of what Headway makes: the shapes that a real Jenkins saved, and nothing beyond them.

Parameters, triggers, discarder and durability of a job stand here and not in its Jenkinsfile: what Declarative finds in
a Jenkinsfile it writes into config.xml too, and the next update would take it away. `<disabled>` is an operator's
switch and never written. Plugins are named without versions, which only age.
"""

from __future__ import annotations

from typing import assert_never

from agent.jobs import libraries
from agent.jobs.interval import seconds_between
from agent.jobs.shapes import Folder, Git, InlineJob, MultibranchJob, Parameter, ScmJob, Shape, Triggers
from agent.jobs.xmltext import DECLARATION, escaped

FLOW = "flow-definition"
MULTIBRANCH = "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject"
FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"

PROPERTY = "org.jenkinsci.plugins.workflow.job.properties"


def write(shape: Shape) -> str:
    """The config.xml.

    Raises:
        UnwritableError: a text has a character that XML can't carry.
    """
    match shape:
        case InlineJob():
            body = _flow(shape, _inline_definition(shape.script), shape.parameters)
        case ScmJob():
            body = _flow(shape, _scm_definition(shape.git, shape.script_path), ())
        case MultibranchJob():
            body = _multibranch(shape)
        case Folder():
            body = (
                f'<{FOLDER} plugin="cloudbees-folder">\n  <description>{escaped(shape.description)}</description>\n'
                f"{libraries.properties(shape.libraries, shape.identity)}</{FOLDER}>\n"
            )
        case _:
            assert_never(shape)
    return DECLARATION + body


def _flow(job: InlineJob | ScmJob, definition: str, parameters: tuple[Parameter, ...]) -> str:
    concurrency = (
        ""
        if job.concurrent
        else (
            f"    <{PROPERTY}.DisableConcurrentBuildsJobProperty>\n"
            "      <abortPrevious>false</abortPrevious>\n"
            f"    </{PROPERTY}.DisableConcurrentBuildsJobProperty>\n"
        )
    )
    return (
        f'<{FLOW} plugin="workflow-job">\n'
        "  <actions/>\n"
        f"  <description>{escaped(job.description)}</description>\n"
        "  <keepDependencies>false</keepDependencies>\n"
        "  <properties>\n"
        f"{_discarder(job.keep_builds)}{concurrency}"
        f"    <{PROPERTY}.DurabilityHintJobProperty>\n"
        "      <hint>MAX_SURVIVABILITY</hint>\n"
        f"    </{PROPERTY}.DurabilityHintJobProperty>\n"
        f"{_parameters(parameters)}{_triggers(job.triggers)}"
        "  </properties>\n"
        f"{definition}"
        "  <triggers/>\n"
        f"</{FLOW}>\n"
    )


def _discarder(builds: int) -> str:
    return (
        "    <jenkins.model.BuildDiscarderProperty>\n"
        '      <strategy class="hudson.tasks.LogRotator">\n'
        "        <daysToKeep>-1</daysToKeep>\n"
        f"        <numToKeep>{builds:d}</numToKeep>\n"
        "        <artifactDaysToKeep>-1</artifactDaysToKeep>\n"
        "        <artifactNumToKeep>-1</artifactNumToKeep>\n"
        "        <removeLastBuild>false</removeLastBuild>\n"
        "      </strategy>\n"
        "    </jenkins.model.BuildDiscarderProperty>\n"
    )


def _parameters(parameters: tuple[Parameter, ...]) -> str:
    if not parameters:
        return ""
    return (
        "    <hudson.model.ParametersDefinitionProperty>\n      <parameterDefinitions>\n"
        + "".join(map(_parameter, parameters))
        + "      </parameterDefinitions>\n    </hudson.model.ParametersDefinitionProperty>\n"
    )


def _parameter(one: Parameter) -> str:
    kind = f"hudson.model.{'Choice' if one.choices else 'String'}ParameterDefinition"
    if one.choices:
        value = (
            '          <choices class="java.util.Arrays$ArrayList">\n            <a class="string-array">\n'
            + "".join(f"              <string>{escaped(choice)}</string>\n" for choice in one.choices)
            + "            </a>\n          </choices>\n"
        )
    else:
        value = f"          <defaultValue>{escaped(one.default)}</defaultValue>\n          <trim>true</trim>\n"
    return (
        f"        <{kind}>\n          <name>{escaped(one.name)}</name>\n"
        f"          <description>{escaped(one.description)}</description>\n{value}        </{kind}>\n"
    )


def _triggers(triggers: Triggers) -> str:
    """A push is heard by an SCM trigger too: the Git plugin's notifyCommit asks every job that has one."""
    inner = ""
    if triggers.cron:
        inner += (
            "        <hudson.triggers.TimerTrigger>\n"
            f"          <spec>{escaped(triggers.cron)}</spec>\n"
            "        </hudson.triggers.TimerTrigger>\n"
        )
    if triggers.poll or triggers.push:
        deaf = "false" if triggers.push else "true"
        inner += (
            "        <hudson.triggers.SCMTrigger>\n"
            f"          <spec>{escaped(triggers.poll)}</spec>\n"
            f"          <ignorePostCommitHooks>{deaf}</ignorePostCommitHooks>\n"
            "        </hudson.triggers.SCMTrigger>\n"
        )
    if not inner:
        return ""
    tag = f"{PROPERTY}.PipelineTriggersJobProperty"
    return f"    <{tag}>\n      <triggers>\n{inner}      </triggers>\n    </{tag}>\n"


def _inline_definition(script: str) -> str:
    """Sandboxed: otherwise the first build of a job made with an API token waits for a script approval."""
    return (
        '  <definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition" plugin="workflow-cps">\n'
        f"    <script>{escaped(script)}</script>\n"
        "    <sandbox>true</sandbox>\n"
        "  </definition>\n"
    )


def _credentials(git: Git, indent: str) -> str:
    return f"{indent}<credentialsId>{escaped(git.credentials)}</credentialsId>\n" if git.credentials else ""


def _scm_definition(git: Git, script_path: str) -> str:
    """`refs/heads/BRANCH`, because `*/BRANCH` also means the branch of that name of every other remote."""
    return (
        '  <definition class="org.jenkinsci.plugins.workflow.cps.CpsScmFlowDefinition" plugin="workflow-cps">\n'
        '    <scm class="hudson.plugins.git.GitSCM" plugin="git">\n'
        "      <configVersion>2</configVersion>\n"
        "      <userRemoteConfigs>\n        <hudson.plugins.git.UserRemoteConfig>\n"
        f"          <url>{escaped(git.url)}</url>\n{_credentials(git, '          ')}"
        "        </hudson.plugins.git.UserRemoteConfig>\n      </userRemoteConfigs>\n"
        "      <branches>\n        <hudson.plugins.git.BranchSpec>\n"
        f"          <name>refs/heads/{escaped(git.branch)}</name>\n"
        "        </hudson.plugins.git.BranchSpec>\n      </branches>\n"
        "      <doGenerateSubmoduleConfigurations>false</doGenerateSubmoduleConfigurations>\n"
        '      <submoduleCfg class="empty-list"/>\n'
        "      <extensions/>\n"
        "    </scm>\n"
        f"    <scriptPath>{escaped(script_path)}</scriptPath>\n"
        "    <lightweight>true</lightweight>\n"
        "  </definition>\n"
    )


def _multibranch(job: MultibranchJob) -> str:
    owner = f'<owner class="{MULTIBRANCH}" reference="../.."/>'
    trigger = "  <triggers/>\n"
    if job.triggers.poll:
        tag = "com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger"
        trigger = (
            f'  <triggers>\n    <{tag} plugin="cloudbees-folder">\n      <spec>{escaped(job.triggers.poll)}</spec>\n'
            f"      <interval>{seconds_between(job.triggers.poll) * 1000:d}</interval>\n    </{tag}>\n  </triggers>\n"
        )
    orphans = "com.cloudbees.hudson.plugins.folder.computed.DefaultOrphanedItemStrategy"
    return (
        f'<{MULTIBRANCH} plugin="workflow-multibranch">\n  <actions/>\n'
        f"  <description>{escaped(job.description)}</description>\n  <properties/>\n"
        f'  <orphanedItemStrategy class="{orphans}" plugin="cloudbees-folder">\n'
        "    <pruneDeadBranches>true</pruneDeadBranches>\n    <daysToKeep>14</daysToKeep>\n"
        "    <numToKeep>20</numToKeep>\n    <abortBuilds>false</abortBuilds>\n  </orphanedItemStrategy>\n"
        f"{trigger}"
        '  <sources class="jenkins.branch.MultiBranchProject$BranchSourceList" plugin="branch-api">\n    <data>\n'
        "      <jenkins.branch.BranchSource>\n"
        '        <source class="jenkins.plugins.git.GitSCMSource" plugin="git">\n'
        f"          <id>{escaped(job.source_id)}</id>\n          <remote>{escaped(job.git.url)}</remote>\n"
        f"{_credentials(job.git, '          ')}"
        "          <traits>\n            <jenkins.plugins.git.traits.BranchDiscoveryTrait/>\n          </traits>\n"
        "        </source>\n"
        '        <strategy class="jenkins.branch.DefaultBranchPropertyStrategy">\n'
        '          <properties class="empty-list"/>\n        </strategy>\n'
        f"      </jenkins.branch.BranchSource>\n    </data>\n    {owner}\n  </sources>\n"
        '  <factory class="org.jenkinsci.plugins.workflow.multibranch.WorkflowBranchProjectFactory">\n'
        f"    {owner}\n    <scriptPath>{escaped(job.script_path)}</scriptPath>\n  </factory>\n"
        f"</{MULTIBRANCH}>\n"
    )
