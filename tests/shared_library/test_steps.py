"""The steps of the shared library: one command each, its arguments exact, its credentials bound by id."""

from __future__ import annotations

import atexit
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.jenkinsfile.groovy import literal
from tests.unit.jenkinsfile.compiler import MISSING, Groovy, groovy

ROOT = Path(__file__).resolve().parents[2]
VARS = ROOT / "shared_library" / "vars"
STEPS = sorted(path.stem for path in VARS.glob("*.groovy"))
PUBLIC = [name for name in STEPS if name != "headwayCommand"]


@cache
def library() -> Groovy:
    if MISSING:
        pytest.skip(MISSING)
    started = Groovy(Path(__file__).with_name("steps.groovy"), str(VARS))
    atexit.register(started.close)
    return started


def called(step: str, **arguments):
    """What a call did: the argument vector of its one command, its prefix and its credentials."""
    given = "[:]" if not arguments else literal(arguments)
    return library().ask(f"{step}({given})")


def one_command(answer: dict) -> tuple[list[str], list[dict]]:
    assert "error" not in answer, answer["error"]
    (step,) = answer["steps"]
    assert {name: given["type"] for name, given in step["sh"].items()} == {"label": "String", "script": "String"}
    return shlex.split(step["sh"]["script"]["value"]), step["credentials"]


def test_there_are_steps():
    assert PUBLIC == ["headwayDeploy", "headwayJobs", "headwayRecover", "headwaySmoke", "headwayUndo"]


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_small_has_help_and_stands_in_the_readme(name):
    text = (VARS / f"{name}.groovy").read_text(encoding="utf-8")
    assert text.count("\n") < 40
    assert (VARS / f"{name}.txt").read_text(encoding="utf-8").startswith("<p>")
    if name in PUBLIC:
        assert f"`{name}(" in (ROOT / "shared_library" / "README.md").read_text(encoding="utf-8")
        assert f"{name}(" in (VARS / f"{name}.txt").read_text(encoding="utf-8")


def test_one_script_is_run_in_one_place_and_no_credential_is_ever_read():
    """Without Groovy too: the text of the steps alone shows that they can't leak or decide."""
    texts = {name: (VARS / f"{name}.groovy").read_text(encoding="utf-8") for name in STEPS}
    assert [name for name in STEPS if re.search(r"\b(sh|bat|powershell)\b\s*\(", texts[name])] == ["headwayCommand"]
    assert len(re.findall(r"\bsh\(", texts["headwayCommand"])) == 1
    for text in texts.values():
        assert not re.search(r"\benv\.[A-Z_]*(TOKEN|PASS|SECRET|KUBECONFIG)", text)
        assert '"""' not in text


@pytest.mark.parametrize("name", PUBLIC)
def test_every_argument_is_explained_and_every_flag_exists(name, headway, capsys):
    text = (VARS / f"{name}.groovy").read_text(encoding="utf-8")
    helped = (VARS / f"{name}.txt").read_text(encoding="utf-8")
    (command,) = re.findall(r"headwayCommand\(['\"]([a-z]+)", text)
    words = ["jobs", "apply"] if command == "jobs" else [command]
    assert headway(*words, "--help").status == 0
    shown = capsys.readouterr().out
    if command == "jobs":
        headway("jobs", "plan", "--help")
        shown += capsys.readouterr().out
    flags = re.findall(r"(\w+): '(--[a-z-]+)?'", text.split("headwayCommand(", 1)[1])
    assert flags
    for argument, flag in flags:
        assert f"<code>{argument}</code>" in helped, f"{argument} is not explained"
        assert not flag or flag in shown, f"headway {' '.join(words)} has no {flag}"


@pytest.mark.groovy
@pytest.mark.parametrize("name", STEPS)
def test_a_step_parses_on_jenkins_own_groovy(name):
    assert groovy().tree((VARS / f"{name}.groovy").read_text(encoding="utf-8"))


@pytest.mark.groovy
@pytest.mark.parametrize(
    ("step", "arguments", "words"),
    [
        ("headwayDeploy", {"environment": "staging"},
         "exec headway deploy service.yaml --env staging --report .headway/report"),
        ("headwayDeploy",
         {"spec": "a/service.yaml", "environment": "e", "image": "r@sha256:1", "version": "v1", "report": "out"},
         "exec headway deploy a/service.yaml --env e --image r@sha256:1 --version v1 --report out"),
        ("headwayDeploy",
         {"environment": "e", "requireUndo": True,
          "allowKnownBad": False, "context": "c", "lockWait": 5, "report": "x"},
         "exec headway deploy service.yaml --env e --context c --report x --require-undo --lock-wait 5"),
        ("headwaySmoke", {"environment": "e", "version": "v"},
         "exec headway smoke service.yaml --env e --version v --report .headway/report"),
        ("headwayUndo", {"environment": "e", "toRelease": 41},
         "exec headway undo service.yaml --env e --to-release 41 --report .headway/report"),
        ("headwayRecover", {"spec": "x/service.yaml", "environment": "e", "anyBuild": True},
         "exec headway recover x/service.yaml --env e --any-build"),
        ("headwayJobs", {}, "exec headway jobs apply ."),
        ("headwayJobs", {"specs": ["a", "b c"], "prune": True, "only": ["x/*", "y"], "parallel": 4},
         "exec headway jobs apply a 'b c' --prune --only 'x/*' --only y --parallel 4"),
        ("headwayJobs", {"action": "plan", "specs": "a", "exitCode": True}, "exec headway jobs plan a --exit-code"),
    ],
)  # fmt: skip
def test_a_step_runs_one_command_with_exactly_these_arguments(step, arguments, words):
    assert one_command(called(step, **arguments))[0] == shlex.split(words)


@pytest.mark.groovy
def test_credentials_are_bound_by_id_around_the_command():
    words, credentials = one_command(called("headwayDeploy", environment="e", kubeconfigs=["k"]))
    assert words[:3] == ["exec", "headway", "deploy"]
    assert credentials == [{"kind": "file", "credentialsId": "k", "variable": "KUBECONFIG"}]
    words, credentials = one_command(called("headwayJobs", jenkins="token"))
    assert [one["credentialsId"] for one in credentials] == ["token"]
    assert credentials[0]["passwordVariable"] == "JENKINS_API_TOKEN"
    assert credentials[0]["usernameVariable"] == "JENKINS_USER_ID"


@pytest.mark.groovy
def test_several_kubeconfigs_are_joined_by_the_shell():
    answer = called("headwayUndo", environment="e", kubeconfigs=["a", "b"])
    words, credentials = one_command(answer)
    assert words[0] == "KUBECONFIG=$KUBECONFIG_1:$KUBECONFIG_2"
    assert [(one["credentialsId"], one["variable"]) for one in credentials] == [
        ("a", "KUBECONFIG_1"),
        ("b", "KUBECONFIG_2"),
    ]


@pytest.mark.groovy
@pytest.mark.parametrize("step", PUBLIC)
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"enviroment": "x"}, "'enviroment' is no argument; there are "),
        ({"report": ""}, "'report' "), ({"kubeconfigs": []}, "'kubeconfigs' has no value"), ({"spec": None}, "'spec' "),
    ],
)  # fmt: skip
def test_a_misspelt_argument_and_one_without_a_value_are_errors(step, arguments, says):
    answer = called(step, **arguments)
    assert says in answer["error"]
    assert answer["steps"] == []


@pytest.mark.groovy
def test_a_build_without_an_image_does_not_deploy_the_running_one_by_accident():
    answer = called("headwayDeploy", environment="staging", image=None)
    assert "'image' has no value" in answer["error"]


@pytest.mark.groovy
def test_a_spec_can_be_no_flag():
    assert "is no spec" in called("headwayDeploy", spec="--dry-run", environment="e")["error"]
    assert "is no specs" in called("headwayJobs", specs=["a", "--prune"])["error"]


@pytest.mark.groovy
def test_jobs_are_planned_or_applied_and_nothing_else():
    assert "'action' is plan or apply" in called("headwayJobs", action="prune; rm -rf /")["error"]


HOSTILE = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff"), min_size=1, max_size=20
)
CHUNKS = st.sampled_from(["'", "''", "'\\''", "$(id)", "`id`", "\n", ";", "\\", '"', "${X}", " ", "&&", "é"])


@pytest.mark.groovy
@settings(max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(CHUNKS, HOSTILE), min_size=1, max_size=5).map("".join), HOSTILE)
def test_whatever_is_passed_arrives_as_one_argument(image, version):
    words, _ = one_command(called("headwayDeploy", environment="e", image=image, version=version))
    report = ["--report", ".headway/report"]
    assert words == [
        "exec", "headway", "deploy", "service.yaml", "--env", "e", "--image", image, "--version", version, *report,
    ]  # fmt: skip


@pytest.mark.groovy
@pytest.mark.parametrize("case", ["multibranch"])
def test_a_rendered_pipeline_calls_the_steps_as_they_are(case):
    """What stands in the golden Jenkinsfile is run as it stands there."""
    text = (ROOT / "tests" / "golden" / "jenkinsfile" / case / "Jenkinsfile").read_text(encoding="utf-8")
    calls = re.findall(r"headwayDeploy\((?:\n .*)*?\n *\)", text)
    assert len(calls) == 2
    for call in re.findall(r"headwayRecover\((?:\n .*)*?\n *\)", text):
        (environment,) = re.findall(r"environment: '(.*)'", call)
        assert one_command(library().ask(call))[0][-3:] == ["service.yaml", "--env", environment]
    words, credentials = one_command(library().ask("env = [IMAGE: 'r@sha256:1', VERSION: '7-abc']\n" + calls[1]))
    assert words == shlex.split(
        "KUBECONFIG='$KUBECONFIG_1:$KUBECONFIG_2' exec headway deploy service.yaml --env production "
        "--image r@sha256:1 --version 7-abc --report .headway/report/production"
    )
    assert [one["credentialsId"] for one in credentials] == ["kubeconfig-eu", "kubeconfig-us"]
