"""Rendered Jenkinsfiles: reviewed as documents, valid as declarative pipelines, and safe where they deploy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.jenkinsfile.deploys import matches
from agent.jenkinsfile.render import registry, render
from agent.spec.load import demand
from tests.unit.jenkinsfile import reader
from tests.unit.jenkinsfile.compiler import groovy
from tests.unit.jenkinsfile.shapes import SHAPES, shaped, spec

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "jenkinsfile"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/service.yaml"))
METHOD = 64 * 1024
GIT = "source: {git: 'https://h/p'}"


def rendered(case: str, **options) -> str:
    loaded = loaded_from(GOLDEN / case)
    return render(loaded.spec, library=loaded.pins.library, near=loaded.folder, **options)


def loaded_from(folder):
    (one,) = demand([folder / "service.yaml"], files=False)
    return one


def benign(name: str) -> str:
    return name.replace(".", "-")


def all_shapes():
    for shape in SHAPES:
        for library in ("", "v1"):
            yield render(shaped(*shape, benign), library=library)


@pytest.mark.parametrize("case", CASES)
def test_golden(golden, case):
    golden(GOLDEN / case / "Jenkinsfile", rendered(case))


def test_there_are_enough_of_them_to_show_every_builder_kind_and_agent():
    specs = [loaded_from(GOLDEN / case).spec for case in CASES]
    assert {one.build.with_ for one in specs} == {"docker", "buildx", "kaniko", "buildah", "command", "none"}
    assert {one.pipeline.kind for one in specs} == {"inline", "scm", "multibranch"}
    agents = ("label", "docker", "kubernetes")
    assert {name for one in specs for name in agents if getattr(one.pipeline.agent, name)} == set(agents)


@pytest.mark.parametrize("case", CASES)
def test_a_golden_file_is_valid_declarative(case):
    reader.declarative(rendered(case))


def test_every_shape_is_valid_declarative():
    for text in all_shapes():
        reader.declarative(text)


@pytest.mark.groovy
def test_every_shape_parses_on_jenkins_own_groovy():
    for text in all_shapes():
        assert groovy().tree(text)


def test_a_document_has_no_ragged_lines():
    for text in all_shapes():
        assert not re.search(r"[ \t]+\n", text), "trailing blanks"
        assert "\n\n\n" not in text, "two blank lines"
        assert not re.search(r"\{\n\n|\n\n *\}", text), "a blank line inside a brace"
        assert text.endswith("}\n")


@pytest.mark.parametrize("case", CASES)
def test_a_command_of_the_agent_stands_alone_with_exec(case):
    """5.3: without exec, Jenkins' abort ends the shell before the agent has recorded what it did."""
    for _, script in reader.scripts(reader.declarative(rendered(case))):
        if "headway deploy" in script or "headway recover" in script:
            assert re.fullmatch(r"(KUBECONFIG=\$KUBECONFIG_1:\$KUBECONFIG_2 )?exec headway [^\n;&|]+", script), script


def stages_of(pipeline, name):
    return next(one for one in pipeline.walk() if one.name == "stage" and one.text == name)


@pytest.mark.parametrize("case", CASES)
def test_a_timeout_stands_around_steps_and_an_approval_and_nowhere_else(case):
    """P5: around a stage or the pipeline it would cut off the post blocks."""
    for statement in reader.declarative(rendered(case)).walk():
        if statement.name == "options":
            timed = [one for one in statement.block if one.name == "timeout"]
            assert not timed or not any(one.name == "lock" for one in statement.block)
        if statement.name == "stage" and any(
            one.name == "timeout" for part in statement.block if part.name == "options" for one in part.block
        ):
            assert any(part.name == "input" for part in statement.block)


def test_the_lock_is_on_the_parent_and_no_executor_is_held_while_waiting_for_it():
    """P1, P10."""
    pipeline = reader.declarative(rendered("multibranch"))
    for name in ("staging", "production"):
        stage = stages_of(pipeline, f"Environment {name}")
        assert {part.name for part in stage.block} == {"when", "options", "stages", "post"}
        (option,) = next(part for part in stage.block if part.name == "options").block
        assert option.name == "lock"
        assert option.argument("resource") == f"deploy-shop-checkoutservice-{name}"


def test_an_approval_holds_neither_lock_nor_executor():
    """P15."""
    stage = stages_of(reader.declarative(rendered("multibranch")), "Approve production")
    assert {part.name for part in stage.block} == {"when", "options", "input", "steps"}
    assert [one.name for part in stage.block if part.name == "options" for one in part.block] == ["timeout"]


def test_the_recovery_runs_after_failures_aborts_and_timeouts_on_a_fresh_agent_behind_the_lock():
    """P12, P13."""
    stage = stages_of(reader.declarative(rendered("buildah")), "Environment staging")
    (condition,) = next(part for part in stage.block if part.name == "post").block
    assert condition.name == "unsuccessful"
    assert [one.name for one in condition.block] == ["node"]
    scripts = [one.argument("script") for one in condition.walk() if one.name == "sh"]
    assert scripts == ["exec headway recover service.yaml --env staging"]


def test_every_command_and_flag_that_a_pipeline_uses_exists(headway, capsys):
    used = {
        tuple(re.findall(r"exec headway (\w+)", script)[:1]) + tuple(re.findall(r"(?<= )--[a-z-]+", script))
        for case in CASES
        for _, script in reader.scripts(reader.declarative(rendered(case)))
        if "headway " in script
    }
    assert used
    for command, *flags in used:
        assert headway(command, "--help").status == 0
        shown = capsys.readouterr().out
        for flag in flags:
            assert flag in shown


@pytest.mark.parametrize("case", ["multibranch", "kaniko", "configuration-only"])
def test_a_pull_request_pushes_and_deploys_nothing(case):
    pipeline = reader.declarative(rendered(case))
    for name in ("Push", "Record", "Environment staging", "Environment production"):
        for stage in pipeline.walk():
            if stage.name == "stage" and stage.text == name:
                (when,) = [part for part in stage.block if part.name == "when"]
                words = [one.name for one in when.walk()]
                exact = any(one.name == "branch" and one.argument("comparator") == "EQUALS" for one in when.block)
                assert exact or "changeRequest" in words, f"{name} does not look at pull requests"


def test_an_environment_that_wants_another_branch_is_left_out_of_a_job_for_one_branch():
    text = rendered("inline")
    assert "stage('Environment hotfix')" not in text
    assert "// Environment hotfix is not deployed to from here" in text
    assert "branch pattern" not in text, "Jenkins' own condition is always false outside multibranch jobs"


def test_an_image_that_comes_from_elsewhere_is_neither_built_nor_named():
    text = rendered("configuration-only")
    assert "docker" not in text
    assert "--image" not in text
    assert "IMAGE" not in text


def test_a_command_of_the_team_finds_the_folder_for_its_digest():
    steps = stages_of(reader.declarative(rendered("command-in-docker")), "Image")
    scripts = [one.argument("script") for one in steps.walk() if one.name == "sh"]
    assert scripts[0] == "mkdir -p .headway"


def test_options_that_are_job_properties_stand_in_one_place_only():
    """4.6: of an inline job in its config.xml; a Jenkinsfile that repeated them would overwrite it at every build."""
    inline, scm, multibranch = rendered("inline"), rendered("scm"), rendered("multibranch")
    for name in ("buildDiscarder", "durabilityHint", "disableConcurrentBuilds", "preserveStashes", "triggers"):
        assert name not in inline
        assert name in scm
    assert "triggers" not in multibranch
    assert "disableConcurrentBuilds" not in multibranch, "a build that waits for a person would hold back newer ones"


def test_a_deploy_uses_the_commit_that_was_built():
    assert rendered("inline").count("branches: [[name: env.GIT_COMMIT]]") == 4  # two deploys, two recoveries
    assert rendered("inline").count("branches: [[name: 'refs/heads/trunk']]") == 1


@pytest.mark.parametrize("case", CASES)
def test_only_the_first_checkout_is_polled(case):
    """A trigger that polls asks for every checkout of the last build; a commit is never the newest of a branch."""
    pipeline = reader.declarative(rendered(case))
    later = [one for one in pipeline.walk() if one.name == "checkout"]
    assert all(one.head[2:9] == ["poll", ":", "false", ",", "changelog", ":", "false"] for one in later)
    assert "checkout(scm" in rendered(case)


def test_secrets_are_bound_by_id_and_never_written_into_a_command():
    for text in all_shapes():
        pipeline = reader.declarative(text)
        for _, script in reader.scripts(pipeline):
            for line in script.splitlines():
                if "$REGISTRY_PASSWORD" in line:
                    assert (
                        line.lstrip().startswith("printf '%s' \"$REGISTRY_PASSWORD\" |") or "auth=$(printf" in line
                    ), line
            if "$REGISTRY_PASSWORD" in script:
                assert script.index("set +x") < script.index("$REGISTRY_PASSWORD")


@pytest.mark.parametrize("library", ["", "v1"])
def test_six_environments_stay_far_below_the_limit_of_a_method(library):
    """Declarative compiles into one method of at most 64 KiB of bytecode; the source is the larger of the two."""
    environments = "\n".join(
        f"  - {{name: e{n}, namespace: n, cluster: {{context: c{n}, credentials: k}}, approval: {{submitters: [a]}}}}"
        for n in range(6)
    )
    tests = "\n".join(f"  - {{name: t{n}, run: make t{n}, junit: r{n}/*.xml}}" for n in range(6))
    text = render(
        spec(
            "service: s\nsource: {git: 'https://h/p', credentials: g}\nimage: {repository: h.io/r, credentials: c}\n"
            f"test:\n{tests}\nrun: {{port: 80}}\nenvironments:\n{environments}\n"
        ),
        library=library,
    )
    reader.declarative(text)
    assert len(text) < METHOD / 2, len(text)


def test_the_same_bytes_whatever_the_process(tmp_path):
    """J18: hash seed, locale, time zone and working directory change nothing."""
    seen = set()
    for seed, zone, locale, folder in (("0", "UTC", "C", ROOT), ("4711", "Asia/Tokyo", "C.UTF-8", tmp_path)):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LANG": locale,
            "LC_ALL": locale,
            "PYTHONPATH": str(ROOT),
        }
        for case in ("multibranch", "kaniko"):
            done = subprocess.run(
                [sys.executable, "-m", "agent", "render", GOLDEN / case],
                env=environment,
                cwd=folder,
                capture_output=True,
                check=True,
            )
            assert done.stdout == (GOLDEN / case / "Jenkinsfile").read_bytes()
            seen.add(done.stdout)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("pattern", "branch", "meant"),
    [
        ("main", "main", True), ("main", "Main", False), ("main", "main2", False), ("release/*", "release/1", True),
        ("release/*", "release/1/2", False), ("release/**", "release/1/2", True), ("**", "a/b", True),
        ("*", "a/b", False),
        ("*", "a", True), ("v?.x", "v1.x", True), ("v?.x", "v12x", False), ("a.c", "abc", False), ("**/x", "x", True),
        ("feature/**/x", "feature/a/b/x", True), ("(a", "(a", True),
    ],
)  # fmt: skip
def test_patterns_of_branches(pattern, branch, meant):
    assert matches(pattern, branch) is meant


@pytest.mark.parametrize(
    ("repository", "host"),
    [
        ("web", "docker.io"),
        ("shop/web", "docker.io"),
        ("h.io/web", "h.io"),
        ("localhost/web", "localhost"),
        ("h:5000/web", "h:5000"),
    ],
)
def test_the_registry_of_a_repository(repository, host):
    assert registry(repository) == host


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no source"),
        (f"{GIT}\nbuild: {{with: kaniko}}\ntest: [{{name: t, run: x, in: image}}]", "has no way to run one"),
        (f"{GIT}\nbuild: {{with: buildah}}\ntest: [{{name: t, run: x, in: image, junit: a/b}}]", "not supported yet"),
        (f"{GIT}\ntest: [{{name: t, run: x, in: image, junit: '*.xml'}}]", "copy everything"),
    ],
)  # fmt: skip
def test_what_could_only_fail_in_every_build_is_refused(text, says):
    with pytest.raises(UsageError, match=says) as refused:
        render(spec(f"service: s\nimage: {{repository: r}}\n{text}\n"))
    assert refused.value.message.startswith("nothing was rendered: ")
    assert refused.value.status == 2


def test_our_own_jenkinsfile_is_rendered_from_our_own_spec(golden):
    golden(ROOT / "Jenkinsfile", render(loaded_from(ROOT).spec))
    reader.declarative((ROOT / "Jenkinsfile").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "example", sorted(path.parent for path in (ROOT / "examples").rglob("service.yaml")), ids=lambda path: path.name
)
def test_every_example_is_valid_declarative(example):
    loaded = loaded_from(example)
    reader.declarative(render(loaded.spec, library=loaded.pins.library, near=loaded.folder))
