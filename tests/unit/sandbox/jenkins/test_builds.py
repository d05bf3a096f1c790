"""The queue, the builds, their consoles and how they are stopped."""

import threading

import pytest

from agent.sandbox.jenkins import SandboxJenkins

FORM = {"content_type": "application/x-www-form-urlencoded"}
JOB = "/job/shop/job/checkout"
CHOICE = """<flow-definition><properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>
<hudson.model.ChoiceParameterDefinition><name>WHERE</name><choices class="java.util.Arrays$ArrayList">
<a class="string-array"><string>staging</string><string>production</string></a></choices>
</hudson.model.ChoiceParameterDefinition>
<hudson.model.StringParameterDefinition><name>WHO</name><defaultValue>you</defaultValue>
</hudson.model.StringParameterDefinition>
</parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties></flow-definition>"""


@pytest.fixture
def executors(sandbox):
    return sandbox.controller.executors


@pytest.fixture
def parameterised(sandbox):
    sandbox.items["shop/checkout"].config = CHOICE
    return sandbox.items["shop/checkout"]


def queue_id(answer) -> int:
    return int(answer.headers["Location"].rstrip("/").rpartition("/")[2])


def test_waiting_then_left(executors, sandbox, ask):
    executors.quiet_period = 5.0
    number = queue_id(ask("POST", f"{JOB}/build"))
    waiting = ask.json(f"/queue/item/{number}/api/json")
    assert waiting["_class"] == "hudson.model.Queue$WaitingItem"
    assert waiting["why"] == "In the quiet period. Expires in 5.0 sec"
    assert ask.json("/queue/api/json")["items"][0]["id"] == number
    assert ask.json(f"{JOB}/api/json")["inQueue"] is True
    sandbox.advance(4.9)
    assert ask.json(f"/queue/item/{number}/api/json")["why"] is not None
    sandbox.advance(0.1)
    left = ask.json(f"/queue/item/{number}/api/json")
    assert left["_class"] == "hudson.model.Queue$LeftItem"
    assert left["executable"]["number"] == 1
    assert ask.json("/queue/api/json")["items"] == []


def test_no_wait_with_delay_zero(executors, ask):
    executors.quiet_period = 5.0
    number = queue_id(ask("POST", f"{JOB}/build?delay=0sec"))
    assert "executable" in ask.json(f"/queue/item/{number}/api/json")


def test_the_same_build_asked_for_twice_waits_once(executors, ask):
    executors.quiet_period = 5.0
    assert queue_id(ask("POST", f"{JOB}/build")) == queue_id(ask("POST", f"{JOB}/build"))


def test_a_cancelled_item_never_runs(executors, sandbox, ask):
    executors.quiet_period = 5.0
    number = queue_id(ask("POST", f"{JOB}/build"))
    assert ask("POST", f"/queue/cancelItem?id={number}").status == 204
    sandbox.advance(10)
    assert sandbox.items["shop/checkout"].builds == []
    assert ask.json(f"/queue/item/{number}/api/json")["cancelled"] is True


def test_parameters_default_and_unknown_ones_are_ignored(parameterised, ask):
    assert ask("POST", f"{JOB}/buildWithParameters?WHERE=production&NOBODY=x").status == 201
    assert parameterised.builds[0].parameters == {"WHERE": "production", "WHO": "you"}
    actions = ask.json(f"{JOB}/1/api/json")["actions"]
    assert {"_class": "hudson.model.StringParameterValue", "name": "WHO", "value": "you"} in actions[0]["parameters"]


def test_a_choice_that_is_not_offered(parameterised, ask):
    assert ask("POST", f"{JOB}/buildWithParameters?WHERE=moon").status == 500
    assert parameterised.builds == []


def test_the_form_of_the_page(parameterised, ask):
    form = 'json={"parameter":[{"name":"WHO","value":"me"}]}'
    assert ask("POST", f"{JOB}/build", form, **FORM).status == 201
    assert parameterised.builds[0].parameters == {"WHERE": "staging", "WHO": "me"}
    assert ask("POST", f"{JOB}/build").status == 400
    assert ask("POST", f"{JOB}/build", "json={", **FORM).status == 500


def test_the_api_tells_the_parameters(parameterised, ask):
    listed = ask.json(
        f"{JOB}/api/json?tree=property[parameterDefinitions[name,type,choices,defaultParameterValue[value]]]"
    )
    definitions = listed["property"][0]["parameterDefinitions"]
    assert [(d["name"], d["type"]) for d in definitions] == [
        ("WHERE", "ChoiceParameterDefinition"),
        ("WHO", "StringParameterDefinition"),
    ]
    assert definitions[0]["choices"] == ["staging", "production"]
    assert definitions[1]["defaultParameterValue"]["value"] == "you"


def test_a_disabled_job_is_not_built(ask, sandbox):
    ask("POST", f"{JOB}/disable")
    assert ask("POST", f"{JOB}/build").status == 409
    assert ask("POST", f"{JOB}/buildWithParameters").status == 409
    assert sandbox.items["shop/checkout"].builds == []


def test_folders_are_not_built_and_multibranch_jobs_scan(sandbox, ask):
    assert ask("POST", "/job/shop/build").status == 404
    sandbox.create("mb", "<org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject/>")
    assert ask("POST", "/job/mb/build").status == 302
    assert sandbox.items["mb"].scans == 2


def test_the_console_tells_the_stages(sandbox, ask, payments):
    sandbox.items["shop/checkout"].config = payments
    ask("POST", f"{JOB}/build")
    text = ask("GET", f"{JOB}/1/consoleText").body.decode()
    assert text.splitlines()[:5] == [
        "Started by user admin",
        "[Pipeline] Start of Pipeline",
        "[Pipeline] node",
        "Running on Jenkins in /var/jenkins_home/workspace/shop/checkout",
        "[Pipeline] {",
    ]
    assert '[Pipeline] { (Say)\n[Pipeline] sh\n+ echo "hello $WHO"\n[Pipeline] }\n' in text
    assert text.endswith("Finished: SUCCESS\n")


def test_a_broken_jenkinsfile_fails_its_build(sandbox, ask):
    sandbox.items["shop/checkout"].jenkinsfile = "pipeline {"
    ask("POST", f"{JOB}/build")
    assert ask.json(f"{JOB}/1/api/json")["result"] == "FAILURE"
    assert b"startup failed" in ask("GET", f"{JOB}/1/consoleText").body


def test_progressive_log_while_it_runs(executors, sandbox, ask):
    executors.hold = True
    ask("POST", f"{JOB}/build")
    first = ask("GET", f"{JOB}/1/logText/progressiveText?start=0")
    assert first.headers["X-More-Data"] == "true"
    assert first.body == b"Started by user admin\r\n"
    at = first.headers["X-Text-Size"]
    sandbox.finish("shop/checkout", "UNSTABLE", "2 tests failed\n")
    last = ask("GET", f"{JOB}/1/logText/progressiveText?start={at}")
    assert "X-More-Data" not in last.headers
    assert last.body == b"2 tests failed\r\nFinished: UNSTABLE\r\n"
    assert ask.json(f"{JOB}/lastBuild/api/json?tree=result")["result"] == "UNSTABLE"


def test_stop(executors, ask):
    executors.hold = True
    ask("POST", f"{JOB}/build")
    assert ask.json(f"{JOB}/1/api/json")["building"] is True
    assert ask("GET", f"{JOB}/1/stop").status == 405
    assert ask("POST", f"{JOB}/1/stop").headers["Location"] == "/job/shop/job/checkout/1/"
    ended = ask.json(f"{JOB}/1/api/json?tree=building,result,duration")
    assert (ended["building"], ended["result"]) == (False, "ABORTED")
    assert b"Finished: ABORTED" in ask("GET", f"{JOB}/1/consoleText").body


def test_a_hook_says_what_a_build_does(clock):
    gate = threading.Event()
    seen = []

    def run(job, parameters):
        seen.append((job.path, dict(parameters)))
        gate.wait(10)
        return "deployed\n", "SUCCESS"

    sandbox = SandboxJenkins(run_build=run, clock=lambda: clock.now)
    item = sandbox.create("job", "<flow-definition/>")
    build = sandbox.controller.executors.schedule(item, "admin", {"A": "1"}).build
    assert build is not None
    assert build.building
    clock.now += 2
    gate.set()
    joined("build job")
    assert seen == [("job", {"A": "1"})]
    assert build.console == "Started by user admin\ndeployed\nFinished: SUCCESS\n"
    assert build.duration == 2000


def test_a_hook_that_breaks_is_a_failed_build():
    def run(_job, _parameters):
        raise RuntimeError("no such cluster")

    sandbox = SandboxJenkins(run_build=run)
    build = sandbox.controller.executors.schedule(sandbox.create("j", "<flow-definition/>"), "admin", {}).build
    joined("build j")
    assert build is not None
    assert build.result == "FAILURE"
    assert "RuntimeError: no such cluster" in build.console


def joined(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


def test_a_restart_aborts_what_runs_and_keeps_what_waits(executors, sandbox, ask):
    executors.hold = True
    ask("POST", f"{JOB}/build")
    executors.quiet_period = 5.0
    ask("POST", f"{JOB}/build")
    sandbox.restart()
    assert [build.result for build in sandbox.items["shop/checkout"].builds] == ["ABORTED"]
    assert len(ask.json("/queue/api/json")["items"]) == 1
    assert ask("GET", "/queue/item/1/api/json").status == 404


def test_a_queue_item_is_remembered_for_five_minutes(sandbox, ask):
    number = queue_id(ask("POST", f"{JOB}/build"))
    sandbox.advance(299)
    ask("POST", f"{JOB}/build")
    assert ask("GET", f"/queue/item/{number}/api/json").status == 200
    sandbox.advance(2)
    ask("POST", f"{JOB}/build")
    assert ask("GET", f"/queue/item/{number}/api/json").status == 404


def test_colours_and_permalinks(executors, sandbox, ask):
    tree = f"{JOB}/api/json?tree=color,lastBuild[number],lastSuccessfulBuild[number],lastFailedBuild[number]"
    assert ask.json(tree)["color"] == "notbuilt"
    ask("POST", f"{JOB}/build")
    executors.hold = True
    ask("POST", f"{JOB}/build")
    assert ask.json(tree)["color"] == "blue_anime"
    sandbox.finish("shop/checkout", "FAILURE")
    facts = ask.json(tree)
    assert facts["color"] == "red"
    assert [facts[name]["number"] for name in ("lastBuild", "lastSuccessfulBuild", "lastFailedBuild")] == [2, 1, 2]
    assert ask("GET", f"{JOB}/lastFailedBuild/consoleText").status == 200
    assert ask("GET", f"{JOB}/3/consoleText").status == 404
    assert ask("GET", f"{JOB}/nonsense/consoleText").status == 404


def test_builds_are_deleted_and_numbers_set(sandbox, ask):
    ask("POST", f"{JOB}/build")
    assert ask("GET", f"{JOB}/1/doDelete").status == 405
    assert ask("POST", f"{JOB}/1/doDelete").status == 302
    ask("POST", f"{JOB}/nextbuildnumber/submit?nextBuildNumber=40")
    ask("POST", f"{JOB}/build")
    assert [build.number for build in sandbox.items["shop/checkout"].builds] == [40]
