"""The whole sample of the contract, value by value, and what an environment resolves to."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text
from agent.spec.schema import schema
from agent.spec.source import read

SAMPLE = """
# yaml-language-server: $schema=https://headway.example/schema/v1.json
version: 1
service: checkoutservice
team: payments
description: Takes an order through payment and shipping.
source:
  git: https://git.example.com/shop/checkoutservice.git
  branch: main
  credentials: git-shop
image:
  repository: registry.example.com/shop/checkoutservice
  credentials: registry-push
build:
  with: docker
  dockerfile: Dockerfile
  context: .
  args: {GO_VERSION: "1.26"}
test:
  - name: unit
    run: make test
    junit: build/reports/**/*.xml
  - name: api
    in: image
    run: ./selftest.sh
deploy:
  deployment: checkoutservice
  container: server
  prune: report
  timeout: 10m
  undo: {when: [rollout-failed, smoke-failed], on_abort: leave, then: nothing, database_migrations: none}
  patience: {registry: 60s, reference: 30s, quota: 60s, unschedulable: 60s}
run:
  replicas: 3
  port: 8080
  env: {LOG_LEVEL: info, DB_PASSWORD: {secret: db, key: password}, MODE: {config: modes, key: mode}}
  env_from: [{config: checkout-settings}]
  service_account: checkout
  resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
  probes: {readiness: /healthz, liveness: /livez}
  autoscale: {min: 3, max: 10, cpu: 70}
smoke:
  - name: healthy
    get: /healthz
    expect: {status: 200}
    within: 60s
  - name: runs the new version
    get: /version
    expect: {json: {version: "{{ version }}"}}
  - name: an order goes through
    run: ./smoke/order.sh
environments:
  - name: staging
    cluster: {context: staging, credentials: kubeconfig-staging}
    namespace: shop
    url: https://staging.shop.example.com
    when: {branch: main}
  - name: production
    clusters: [eu-west, us-east]
    namespace: shop
    url: https://shop.example.com
    when: {branch: main}
    approval: {submitters: [payments-leads], timeout: 24h}
    run: {replicas: 5}
    smoke:
      - {name: healthy, via: url}
pipeline:
  template: service
  kind: inline
  folder: shop/payments
  job: checkoutservice
  agent: {label: docker}
  triggers: {push: true, poll: "H/30 * * * *"}
  timeout: 1h
  keep: {builds: 30}
"""


def spec(text: str) -> Any:
    parsed = parse_text(text)
    assert isinstance(parsed, ServiceSpec), "\n".join(problem.text() for problem in parsed)
    return parsed


def test_the_sample_says_what_it_says():
    sample = spec(SAMPLE)
    assert sample.build.with_ == "docker"
    assert sample.build.args == {"GO_VERSION": "1.26"}
    assert [test.in_ for test in sample.test] == ["agent", "image"]
    assert sample.deploy.timeout == 600.0
    assert sample.deploy.patience.reference == 30.0
    assert sample.run.env["DB_PASSWORD"].secret == "db"
    assert sample.run.env["MODE"].config == "modes"
    assert sample.smoke[1].expect.json_ == {"version": "{{ version }}"}
    assert sample.smoke[2].run == "./smoke/order.sh"
    assert sample.job == "shop/payments/checkoutservice"
    assert sample.pipeline.timeout == 3600.0


def test_an_environment_resolves_to_everything_it_needs():
    sample = spec(SAMPLE)
    staging = sample.for_environment("staging")
    assert (staging.cluster.context, staging.cluster.credentials) == ("staging", "kubeconfig-staging")
    assert (staging.run.replicas, staging.workload) == (3, "checkoutservice")
    assert staging.smoke == sample.smoke
    production = sample.for_environment("production")
    assert [cluster.context for cluster in production.clusters] == ["eu-west", "us-east"]
    assert (production.run.replicas, production.run.port) == (5, 8080)
    assert [check.via for check in production.smoke] == ["url", "pod", "pod"]
    assert production.smoke[0].get == "/healthz"
    assert production.approval.timeout == 86_400.0


def test_the_json_schema_takes_the_sample():
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(read(SAMPLE, "f.yaml").data, schema())


def test_the_smallest_spec_has_a_default_for_everything_else():
    smallest = spec("service: web\nimage: {repository: a/b}\n")
    assert smallest.job == "web"
    assert smallest.environments == ()
    assert smallest.deploy.undo.when == ("rollout-failed", "smoke-failed")
    assert not smallest.pipeline.triggers.push


def test_without_a_cluster_it_is_the_current_context():
    resolved = spec("service: w\nimage: {repository: a/b}\nrun: {}\nenvironments: [{name: x}]\n").for_environment("x")
    assert [cluster.context for cluster in resolved.clusters] == [""]
    assert resolved.namespace == ""


def test_a_spec_is_frozen_and_survives_json():
    sample = spec(SAMPLE)
    with pytest.raises(ValueError, match="frozen"):
        sample.deploy.timeout = 1.0
    dumped = json.loads(sample.model_dump_json(by_alias=True, exclude_defaults=True))
    assert ServiceSpec.model_validate(dumped) == sample


def test_an_environments_override_says_all_of_its_part():
    sample = spec(SAMPLE)
    assert sample.environments[0].run is None
    assert sample.environments[1].run.resources == sample.run.resources


GOOD_VALUES = [
    ("deploy: {timeout: 1h30m}", lambda s: s.deploy.timeout, 5400.0),
    ("deploy: {timeout: 500ms}", lambda s: s.deploy.timeout, 0.5),
    ("deploy: {patience: {quota: 0s}}", lambda s: s.deploy.patience.quota, 0.0),
    (
        "run: {resources: {requests: {cpu: 0.5, memory: 1e9, nvidia.com/gpu: 1}}}",
        lambda s: s.run.resources.requests["cpu"],
        "0.5",
    ),
    ("smoke: [{name: x, get: /, port: http-web}]", lambda s: s.smoke[0].port, "http-web"),
    (
        "pipeline: {triggers: {poll: 'TZ=Europe/Berlin\n\n      H 4 * * 1-5\n\n      @midnight'}}",
        lambda s: len(s.pipeline.triggers.poll) > 9,
        True,
    ),
    ("pipeline: {triggers: {poll: 'H(0-29)/10 H 1,15 */2 7'}}", lambda s: s.pipeline.triggers.poll[0], "H"),
    ("source: {git: git@git.example.com:shop/web.git}", lambda s: s.source.git[:3], "git"),
    ("source: {git: ssh://git@git.example.com:2222/shop/web.git}", lambda s: s.source.git[:3], "ssh"),
    ("pipeline: {folder: Shop Ünits/A (b)}", lambda s: s.job, "Shop Ünits/A (b)/web"),
    ("run: {env: {NO: no, EMPTY: '', TOKEN_FILE: /run/token}}", lambda s: s.run.env["NO"], "no"),
    ("build: {with: command, run: ./build.sh}", lambda s: s.build.run, "./build.sh"),
    (
        "pipeline: {agent: {docker: 'golang:1.26@sha256:" + "0" * 64 + "'}}",
        lambda s: s.pipeline.agent.docker[:6],
        "golang",
    ),
    (
        "smoke: [{name: x, get: /, expect: {json: {a: null, b: [1, 2.5, true]}}}]",
        lambda s: s.smoke[0].expect.json_["a"],
        None,
    ),
]


@pytest.mark.parametrize(("text", "found", "value"), GOOD_VALUES, ids=[row[0][:50] for row in GOOD_VALUES])
def test_a_value_that_is_fine_is_taken_by_model_and_schema(text, found, value):
    text = "service: web\nimage: {repository: localhost:5000/a/b}\n" + text + "\n"
    assert found(spec(text)) == value
    jsonschema.validate(read(text, "f.yaml").data, schema())
