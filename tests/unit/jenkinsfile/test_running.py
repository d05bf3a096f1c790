"""A rendered pipeline, run: its scripts hand each other what they need. Docker and headway note their arguments."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.jenkinsfile.render import render
from tests.fakes.pipeline import Build
from tests.unit.jenkinsfile.shapes import spec

DIGEST = "sha256:" + "a" * 64
DOCKER = f"""#!/bin/sh
echo "docker $*" >>"$CALLS"
case $1 in
  create) echo container ;;
  start) exit "${{TEST_STATUS:-0}}" ;;
  inspect) echo /app ;;
  push) [ -z "$PUSH_FAILS" ] || {{ echo 'denied' >&2; exit 1; }}
        echo '1-01: digest: {DIGEST} size: 42' ;;
  login) echo "config $DOCKER_CONFIG" >>"$CALLS"; cat >/dev/null ;;
  buildx) while [ "$1" != --metadata-file ] && [ $# -gt 1 ]; do shift; done
          [ "$1" != --metadata-file ] || printf '{{\\n  "containerimage.digest": "{DIGEST}",\\n "x": 1}}' >"$2" ;;
esac
"""
BUILDAH = f"""#!/bin/sh
echo "buildah $*" >>"$CALLS"
case $1 in
  from) echo container ;;
  push) printf %s {DIGEST} >"$3" ;;
  login) echo "config $REGISTRY_AUTH_FILE" >>"$CALLS"; cat >/dev/null ;;
esac
"""
HEADWAY = """#!/bin/sh
echo "headway $*" >>"$CALLS"
echo "kubeconfig $KUBECONFIG" >>"$CALLS"
mkdir -p .headway/report/staging && echo '<testsuites/>' >.headway/report/staging/junit.xml
[ "$1" != deploy ] || exit "${DEPLOY_STATUS:-0}"
"""


@pytest.fixture
def build(tmp_path):
    """Builds a spec's pipeline; returns the build and the calls that its scripts made."""

    def call(text: str, number: int = 7, **environment: str):
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        for name, script in (("docker", DOCKER), ("buildah", BUILDAH), ("headway", HEADWAY)):
            (tools / name).write_text(script)
            (tools / name).chmod(0o755)
        repository = tmp_path / "repository"
        repository.mkdir(exist_ok=True)
        (repository / "service.yaml").write_text(text)
        calls = tmp_path / "calls"
        calls.write_text("")
        path = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "CALLS": str(calls),
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path),
        }
        bound = {
            "REGISTRY_USER": "me",
            "REGISTRY_PASSWORD": "s3cret",
            "KUBECONFIG": "/k",
            "KUBECONFIG_1": "/k1",
            "KUBECONFIG_2": "/k2",
        }
        one = Build(tmp_path, repository, path | environment, bound, number)
        one.run(render(spec(text)))
        return one, calls.read_text().splitlines()

    return call


TEXT = """
service: web
source: {git: "https://h/p"}
image: {repository: registry.example.com/web, credentials: c}
build: {args: {VERSION: "v{{ version }}"}}
test:
  - {name: unit, run: "test -e service.yaml"}
  - {name: api, in: image, run: ./selftest.sh, junit: out/*.xml}
run: {port: 80}
environments:
  - {name: staging, cluster: {credentials: k}}
"""


def test_the_image_that_was_tested_is_pushed_and_deployed_by_its_digest(build):
    done, calls = build(TEXT)
    assert not done.failed, done.last
    image = "registry.example.com/web:7-0123456789ab"
    title = "org.opencontainers.image"
    labels = f"--label {title}.version=7-0123456789ab --label {title}.revision={done.commit}"
    pushed = f"registry.example.com/web@{DIGEST} --version 7-0123456789ab"
    assert [call for call in calls if not call.startswith(("config", "kubeconfig"))] == [
        "docker login --username me --password-stdin registry.example.com",
        f"docker build --tag {image} --file Dockerfile {labels} --build-arg VERSION=v7-0123456789ab .",
        f"docker create --env VERSION --entrypoint /bin/sh {image} -c ./selftest.sh",
        "docker start --attach container",
        "docker inspect --format {{.Config.WorkingDir}} container",
        "docker cp container:/app/out .",
        "docker rm --force container",
        "docker login --username me --password-stdin registry.example.com",
        f"docker push {image}",
        f"headway deploy service.yaml --env staging --image {pushed} --report .headway/report/staging",
    ]
    assert "kubeconfig /k" in calls
    assert done.locks == ["deploy-web-staging"]
    assert [path.name for path in done.archived] == ["junit.xml"]


def test_a_login_leaves_nothing_on_the_agent_and_its_password_in_no_log(build):
    done, calls = build(TEXT)
    places = [call.split(" ", 1)[1] for call in calls if call.startswith("config ")]
    assert len(set(places)) == 2
    assert not any(Path(place).exists() for place in places)
    assert not any("s3cret" in step.output or "s3cret" in step.script for step in done.steps)


def test_a_failed_test_is_cleaned_up_and_pushes_and_deploys_nothing(build):
    done, calls = build(TEXT, TEST_STATUS="3")
    assert done.failed
    assert done.last.status == 3
    assert calls[-1] == "docker rm --force container"
    assert "docker cp container:/app/out ." in calls
    assert not any("push" in call or "deploy" in call for call in calls)


def test_a_failed_push_fails_although_its_output_goes_through_a_pipe(build):
    done, calls = build(TEXT, PUSH_FAILS="1")
    assert done.failed
    assert "denied" in done.last.output
    assert not any("deploy" in call for call in calls)


def test_a_failed_deploy_fails_the_build_and_its_report_is_kept(build):
    done, _ = build(TEXT, DEPLOY_STATUS="5")
    assert done.failed
    assert [(step.stage, step.status) for step in done.steps[-2:]] == [
        ("Deploy to staging", 5),
        ("Environment staging", 0),
    ]
    assert [path.name for path in done.archived] == ["junit.xml"]


def test_after_a_failed_deploy_the_recovery_looks_at_what_was_left_open_on_another_agent(build):
    done, calls = build(TEXT, DEPLOY_STATUS="143")
    assert calls[-2:] == ["headway recover service.yaml --env staging", "kubeconfig /k"]
    assert done.last.label == "headway recover"


def test_a_good_deploy_needs_no_recovery(build):
    _, calls = build(TEXT)
    assert not any("recover" in call for call in calls)


@pytest.mark.parametrize(
    ("builder", "says"),
    [
        ("buildx", "docker buildx build --push --metadata-file"),
        ("buildah", "buildah push --digestfile .headway/digest registry.example.com/web:7-0123456789ab"),
    ],
)
def test_other_builders_find_the_digest_too(build, builder, says):
    done, calls = build(TEXT.replace("build: {", f"build: {{with: {builder}, ").replace(", junit: out/*.xml", ""))
    assert not done.failed, done.last
    assert any(call.startswith(says) for call in calls)
    assert f"--image registry.example.com/web@{DIGEST} " in calls[-2]


@pytest.mark.parametrize(
    ("run", "image"),
    [
        (f"printf 'registry.example.com/web@{DIGEST}\\n' >\"$IMAGE_FILE\"", f"registry.example.com/web@{DIGEST}"),
        ("true", "registry.example.com/web:7-0123456789ab"),
        ('mkdir -p sub && cd sub && echo found >"$IMAGE_FILE"', "found"),
    ],
)  # fmt: skip
def test_a_command_names_the_digest_or_the_tag_has_to_do(build, run, image):
    text = TEXT.replace('build: {args: {VERSION: "v{{ version }}"}}', "build:\n  with: command\n  run: |\n    " + run)
    done, calls = build(text)
    assert not done.failed, done.last
    assert f"--image {image} " in calls[-2]


def test_several_kubeconfigs_are_joined_as_kubectl_joins_them(build):
    clusters = "clusters: [{context: a, credentials: one}, {context: b, credentials: two}]"
    done, calls = build(TEXT.replace("cluster: {credentials: k}", clusters))
    assert not done.failed, done.last
    assert calls[-1] == "kubeconfig /k1:/k2"


def test_without_an_image_of_its_own_a_deploy_names_none(build):
    text = """
service: web
source: {git: "https://h/p"}
image: {repository: r}
build: {with: none}
run: {port: 80}
environments: [{name: staging}]
"""
    done, calls = build(text)
    assert not done.failed, done.last
    assert calls[0] == "headway deploy service.yaml --env staging --report .headway/report/staging"
