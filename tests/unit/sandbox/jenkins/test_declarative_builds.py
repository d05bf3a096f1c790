"""What a build of a declarative pipeline does to its job's config.xml."""

import pytest

from agent.sandbox.jenkins.xmltext import parse

DISCARDER = "jenkins.model.BuildDiscarderProperty"
TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
PARAMETERS = "hudson.model.ParametersDefinitionProperty"
TRACKER = "org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction"


def job(script: str, properties: str = "") -> str:
    escaped = script.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f"<flow-definition><properties>{properties}</properties>"
        '<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">'
        f"<script>{escaped}</script><sandbox>true</sandbox></definition></flow-definition>"
    )


def pipeline(options: str = "", triggers: str = "", parameters: str = "") -> str:
    sections = {"options": options, "triggers": triggers, "parameters": parameters}
    written = "".join(f"  {name} {{\n    {text}\n  }}\n" for name, text in sections.items() if text)
    return f"pipeline {{\n  agent any\n{written}  stages {{ stage('a') {{ steps {{ sh 'true' }} }} }}\n}}\n"


@pytest.fixture
def build(sandbox):
    """Posts a config.xml (or leaves the one there), builds, and reads back."""

    def built(xml: str | None = None):
        item = sandbox.items["shop/checkout"]
        if xml is not None:
            item.config = xml
        sandbox.build_declarative("shop/checkout")
        return parse(item.config)

    return built


def kept(root):
    return root.value("properties", DISCARDER, "strategy", "numToKeep")


def discarder(number: int) -> str:
    strategy = f'<strategy class="hudson.tasks.LogRotator"><numToKeep>{number}</numToKeep></strategy>'
    return f"<{DISCARDER}>{strategy}</{DISCARDER}>"


def tracked(root, field) -> list[str]:
    return [node.text for node in root.find("actions", TRACKER, field).children]


def test_a_property_of_the_job_wins_the_first_time_and_the_jenkinsfile_from_then_on(build):
    script = pipeline(options="buildDiscarder(logRotator(numToKeepStr: '5'))")
    first = build(job(script, discarder(30)))
    assert kept(first) == "30"
    assert tracked(first, "jobProperties") == [DISCARDER]
    assert kept(build()) == "5"


def test_what_the_jenkinsfile_no_longer_has_is_taken_away(build, sandbox):
    item = sandbox.items["shop/checkout"]
    build(job(pipeline(options="disableResume()", triggers="cron('H 3 * * *')", parameters="string(name: 'A')")))
    assert "DisableResumeJobProperty" in item.config
    assert "TimerTrigger" in item.config
    item.rewrite(item.config.replace("disableResume()", "").replace("cron(", "//").replace("string(", "//"))
    root = build()
    assert root.find("properties").children == []
    assert tracked(root, "parameters") == []


def test_properties_that_stand_only_in_the_job_stay(build):
    root = build(job(pipeline(options="disableConcurrentBuilds(abortPrevious: true)"), discarder(7)))
    assert kept(root) == "7"
    assert "DisableConcurrentBuilds" in root.find("properties").children[1].tag
    assert root.find("properties").children[1].value("abortPrevious") == "true"


def test_triggers_merge_by_class(build):
    poll = "<hudson.triggers.SCMTrigger><spec>H/5 * * * *</spec></hudson.triggers.SCMTrigger>"
    inside = f"<{TRIGGERS}><triggers>{poll}</triggers></{TRIGGERS}>"
    root = build(job(pipeline(triggers="cron('H 3 * * *')\n    pollSCM('H/30 * * * *')"), inside))
    specs = {node.tag: node.value("spec") for node in root.find("properties", TRIGGERS, "triggers").children}
    assert specs == {"hudson.triggers.SCMTrigger": "H/5 * * * *", "hudson.triggers.TimerTrigger": "H 3 * * *"}


def test_parameters_of_every_kind(build):
    listed = """string(name: 'A', defaultValue: "it's", description: 'x', trim: true)
    booleanParam(name: 'B', defaultValue: true)
    choice(name: 'C', choices: ['one', 'two'])
    choice(name: 'D', choices: 'three\\nfour')
    text(name: 'E', defaultValue: '''a
b''')"""
    root = build(job(pipeline(parameters=listed)))
    nodes = root.find("properties", PARAMETERS, "parameterDefinitions").children
    assert [node.value("name") for node in nodes] == ["A", "B", "C", "D", "E"]
    assert [node.value("defaultValue") for node in nodes] == ["it's", "true", None, None, "a\nb"]
    assert nodes[0].value("trim") == "true"
    assert [leaf.text for leaf in nodes[2].find("choices").children] == ["one", "two"]
    assert [leaf.text for leaf in nodes[3].find("choices", "a").children] == ["three", "four"]


def test_parameters_of_the_jenkinsfile_win_and_others_of_the_job_stay(build):
    definition = "<hudson.model.StringParameterDefinition><name>{}</name></hudson.model.StringParameterDefinition>"
    given = definition.format("A") + definition.format("OLD")
    inside = f"<{PARAMETERS}><parameterDefinitions>{given}</parameterDefinitions></{PARAMETERS}>"
    root = build(job(pipeline(parameters="string(name: 'A', defaultValue: 'new')"), inside))
    nodes = root.find("properties", PARAMETERS, "parameterDefinitions").children
    assert [(node.value("name"), node.value("defaultValue")) for node in nodes] == [("A", "new"), ("OLD", None)]


def test_posting_again_forgets_the_tracker_and_the_parameters(build, sandbox, payments, ask):
    build(payments)
    assert ask("POST", "/job/shop/job/checkout/build").status == 400
    assert ask.create("/job/shop/job/checkout/config.xml", payments).status == 200
    assert "<actions>" not in sandbox.items["shop/checkout"].config
    assert ask("POST", "/job/shop/job/checkout/buildWithParameters?WHO=me").status == 500
    assert ask("POST", "/job/shop/job/checkout/build").status == 201
    assert ask("POST", "/job/shop/job/checkout/buildWithParameters?WHO=me").status == 201


def test_a_second_build_rewrites_nothing(sandbox, payments):
    item = sandbox.items["shop/checkout"]
    item.config = payments
    assert sandbox.build_declarative("shop/checkout")
    assert sandbox.build_declarative("shop/checkout")  # the discarder of the Jenkinsfile has its turn
    assert not sandbox.build_declarative("shop/checkout")


@pytest.mark.parametrize("script", ["node { echo 'x' }", "pipeline {", ""])
def test_scripted_and_broken_pipelines_leave_the_job_alone(sandbox, script):
    item = sandbox.items["shop/checkout"]
    item.config = job(script)
    before = item.config
    assert not sandbox.build_declarative("shop/checkout")
    assert item.config == before


def test_a_jenkinsfile_from_the_repository_counts_too(sandbox):
    item = sandbox.items["shop/checkout"]
    item.jenkinsfile = pipeline(options="skipDefaultCheckout()\n    timestamps()")
    assert sandbox.build_declarative("shop/checkout")
    assert tracked(parse(item.config), "options") == ["skipDefaultCheckout"]
