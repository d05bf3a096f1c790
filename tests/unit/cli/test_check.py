"""`headway check`, `headway schema` and `headway init`, as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

GOOD = "service: web\nimage: {repository: registry.example.com/shop/web}\n"
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "specs"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_good_specs_end_with_0(here, headway):
    (here / "service.yaml").write_text(GOOD)
    done = headway("check", ".")
    assert (done.status, done.out, done.err) == (0, "1 spec, no problems\n", "")
    assert headway("check", ".", "-q").out == ""


def test_problems_end_with_2_and_say_that_nothing_was_sent(here, headway):
    (here / "service.yaml").write_text(GOOD + "teem: x\n")
    done = headway("check", ".")
    assert done.status == 2
    assert done.out == (
        "./service.yaml:3:1: unknown field 'teem'\n"
        "   3 | teem: x\n"
        "     | ^^^^\n"
        "  hint: did you mean 'team'?\n"
        "1 problem in 1 of 1 spec; nothing was sent anywhere\n"
    )


def test_json_has_exactly_these_keys(here, headway):
    (here / "service.yaml").write_text(GOOD + "teem: x\n")
    done = headway("check", ".", "-o", "json")
    assert done.status == 2
    data = json.loads(done.out)
    assert set(data) == {"headway", "command", "specs", "wrong", "problems"}
    assert data["problems"] == [
        {
            "file": "./service.yaml",
            "line": 3,
            "column": 1,
            "length": 4,
            "message": "unknown field 'teem'",
            "hint": "did you mean 'team'?",
        }
    ]


def test_sarif(here, headway):
    (here / "service.yaml").write_text(GOOD + "teem: x\n")
    done = headway("check", ".", "-o", "sarif")
    assert done.status == 2
    assert len(json.loads(done.out)["runs"][0]["results"]) == 1


def test_explain(here, headway):
    (here / "headway.yaml").write_text("team: shop\npipeline: {timeout: 30m}\n")
    (here / "service.yaml").write_text(GOOD)
    done = headway("check", ".", "--explain", "pipeline.timeout")
    assert (done.status, done.out) == (0, './service.yaml\n  pipeline.timeout  "30m"             ./headway.yaml:2:21\n')
    data = json.loads(headway("check", ".", "--explain", "service", "-o", "json").out)
    assert data["specs"][0]["fields"] == [
        {
            "field": "service",
            "value": "web",
            "origin": {"file": "./service.yaml", "line": 1, "column": 10, "enforced": False},
            "overrides": [],
        }
    ]
    wrong = headway("check", ".", "--explain", "pipeline.timeuot")
    assert wrong.status == 2
    assert "did you mean 'timeout'?" in wrong.err


def test_a_wrong_spec_is_not_explained(here, headway):
    (here / "service.yaml").write_text(GOOD + "teem: x\n")
    done = headway("check", ".", "--explain", "team")
    assert done.status == 2
    assert "unknown field 'teem'" in done.out


def test_without_a_spec_the_usage_is_shown(here, headway):
    assert headway("check").status == 2


def test_the_published_schema_changes_only_on_purpose(headway, golden):
    done = headway("schema")
    assert done.status == 0
    golden(GOLDEN / "schema.json", done.out)
    jsonschema.Draft202012Validator.check_schema(json.loads(done.out))


DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: shop-api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - name: proxy
          image: envoy:v1
        - name: server
          image: registry.example.com:5000/shop/api:v1.2@sha256:%s
          ports: [{containerPort: 8080}, {containerPort: 9090, name: admin}]
          readinessProbe: {httpGet: {path: /ready, port: admin}}
""" % ("0" * 64)


def test_init_writes_a_spec_that_passes_check(here, headway):
    (here / "Dockerfile").write_text("FROM busybox\nEXPOSE 8080\n")
    (here / "k8s").mkdir()
    (here / "k8s" / "api.yaml").write_text(DEPLOYMENT)
    (here / "k8s" / "service.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: api}\n")
    (here / ".git").mkdir()
    (here / ".git" / "config").write_text(
        '[remote "origin"]\n\turl = https://bob:hunter2@git.example.com/shop/api.git\n'
    )
    (here / ".git" / "HEAD").write_text("ref: refs/heads/trunk\n")
    done = headway("init")
    assert done.status == 0, done.err
    assert (here / "service.yaml").read_text() == (
        "service: shop-api\n\n"
        "source: {git: https://git.example.com/shop/api.git, branch: trunk}\n\n"
        "image: {repository: registry.example.com:5000/shop/api}\n\n"
        "deploy:\n  manifests: [k8s/api.yaml, k8s/service.yaml]\n  container: server\n\n"
        "smoke:\n  - name: healthy\n    get: /ready\n    port: admin\n\n"
        "environments:\n  - name: staging\n    # cluster: CONTEXT of the kubeconfig; without it, the current one\n"
        "    namespace: shop\n    when: {branch: trunk}\n"
    )
    assert headway("check", ".").status == 0


def test_init_never_writes_over_a_spec(here, headway):
    (here / "Dockerfile").write_text("FROM busybox\n")
    (here / "service.yaml").write_text("mine\n")
    done = headway("init")
    assert done.status == 2
    assert "nothing was written" in done.err
    assert (here / "service.yaml").read_text() == "mine\n"


def test_init_dry_run_only_prints(here, headway):
    (here / "Dockerfile").write_text("FROM busybox\nEXPOSE 9000/tcp\n")
    done = headway("init", "--dry-run")
    assert done.status == 0
    assert "run:\n  port: 9000\n" in done.out
    assert not (here / "service.yaml").exists()


def test_init_from_a_dockerfile_alone_passes_check(here, headway):
    (here / "Dockerfile").write_text("FROM busybox\n")
    assert headway("init").status == 0
    assert headway("check", "service.yaml").status == 0


def test_init_asks_which_of_several_workloads(here, headway):
    (here / "a.yaml").write_text(DEPLOYMENT + "---\n" + DEPLOYMENT.replace("shop-api", "shop-web"))
    done = headway("init")
    assert done.status == 2
    assert "--service: shop-api, shop-web" in done.err
    assert headway("init", "--service", "shop-web").status == 0
    assert headway("check", ".").status == 0


def test_init_finds_nothing_in_an_empty_folder(here, headway):
    done = headway("init")
    assert done.status == 2
    assert "neither a Dockerfile nor a Kubernetes manifest" in done.err
    assert not list(here.iterdir())


@pytest.mark.parametrize("name", ["'a: b'", '"x\\n- y"', "'{{ evil }}'", "true"])
def test_init_never_writes_a_spec_that_a_hostile_manifest_breaks(here, headway, name):
    (here / "a.yaml").write_text(DEPLOYMENT.replace("shop-api", name))
    done = headway("init")
    assert done.status == 2 or headway("check", ".").status == 0
    assert done.status in {0, 2}


def test_init_passes_over_what_is_no_manifest(here, headway):
    (here / "Dockerfile").write_text("FROM busybox\n")
    (here / "templates").mkdir()
    (here / "templates" / "deployment.yaml").write_text("{{- if .Values.on }}\nkind: Deployment\n{{- end }}\n")
    (here / "kustomization.yaml").write_text("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n")
    (here / "values.yaml").write_text("a: 1\n")
    assert headway("init").status == 0
    assert "run:" in (here / "service.yaml").read_text()
