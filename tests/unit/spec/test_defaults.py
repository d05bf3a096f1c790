"""headway.yaml of parent folders under a spec, what is enforced, and where a value came from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.spec.explain import explain
from agent.spec.load import load

ORG = """
owner: shop
headway: {agent: 1.4.2, library: v1.4.2}
source: {git: "https://git.example.com/{{ team }}/{{ service }}.git", credentials: git-shop}
image: {repository: "registry.example.com/shop/{{ service }}", credentials: push}
smoke:
  - {name: healthy, get: /healthz, within: 30s}
deploy: {manifests: ["k8s/{{ environment }}.yaml"], timeout: 5m}
environments:
  - {name: staging, namespace: "shop-{{ environment }}", when: {branch: main}}
  - {name: production, namespace: shop, when: {branch: main}, deploy: {timeout: 20m}}
pipeline: {folder: "shop/{{ team }}", keep: {builds: 20}}
enforce:
  pipeline: {timeout: 1h}
  environments:
    - {name: production, approval: {submitters: [leads]}}
"""
TEAM = """
team: money
headway: {agent: 1.5.0}
pipeline: {keep: {builds: 50}}
smoke:
  - {name: pays, get: /pay}
"""
SERVICE = """
service: orders
smoke:
  - {name: healthy, within: 90s}
  - {name: mine, get: /mine}
pipeline: {keep: {builds: 10}}
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    folder = tmp_path / "org" / "money" / "orders"
    (folder / "k8s").mkdir(parents=True)
    for name in ("staging", "production"):
        (folder / "k8s" / f"{name}.yaml").write_text("kind: Deployment\n")
    (tmp_path / "org" / "headway.yaml").write_text(ORG)
    (tmp_path / "org" / "money" / "headway.yaml").write_text(TEAM)
    (folder / "service.yaml").write_text(SERVICE)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "org"


def one(tree):
    loaded = load(["org"])
    assert not loaded.problems, "\n".join(problem.text() for problem in loaded.problems)
    return loaded.specs[0]


def problems(tree) -> str:
    return "\n".join(problem.text() for problem in load(["org"]).problems)


def test_mappings_are_merged_by_key_and_named_lists_by_name(tree):
    spec = one(tree).spec
    assert spec.pipeline.keep.builds == 10
    assert spec.image.credentials == "push"
    assert [check.name for check in spec.smoke] == ["healthy", "pays", "mine"]
    assert (spec.smoke[0].get, spec.smoke[0].within) == ("/healthz", 90.0)


def test_placeholders_are_filled_in(tree):
    spec = one(tree).spec
    assert spec.source.git == "https://git.example.com/money/orders.git"
    assert spec.job == "shop/money/orders"
    staging, production = spec.for_environment("staging"), spec.for_environment("production")
    assert staging.namespace == "shop-staging"
    assert staging.deploy.manifests == ("k8s/staging.yaml",)
    assert production.deploy.manifests == ("k8s/production.yaml",)
    assert (staging.deploy.timeout, production.deploy.timeout) == (300.0, 1200.0)


def test_manifests_are_those_of_the_environment(tree):
    assert [path.name for path in one(tree).manifests("production")] == ["production.yaml"]


def test_owner_and_pins(tree):
    loaded = one(tree)
    assert loaded.owner == "shop"
    assert (loaded.pins.agent, loaded.pins.library) == ("1.5.0", "v1.4.2")


def test_what_is_enforced_holds_everywhere(tree):
    spec = one(tree).spec
    assert spec.pipeline.timeout == 3600.0
    assert spec.for_environment("production").approval.submitters == ("leads",)
    assert spec.for_environment("staging").approval is None


def test_overriding_what_is_enforced_is_a_problem_at_that_line(tree):
    (tree / "money" / "orders" / "service.yaml").write_text(SERVICE.replace("{keep: {builds: 10}}", "{timeout: 2h}"))
    text = problems(tree)
    assert "org/money/orders/service.yaml:6:21: 'pipeline.timeout' is enforced by org/headway.yaml:14" in text


def test_repeating_what_is_enforced_is_fine(tree):
    (tree / "money" / "orders" / "service.yaml").write_text(SERVICE.replace("{keep: {builds: 10}}", "{timeout: 1h}"))
    assert not problems(tree)


def test_a_problem_of_a_default_is_shown_where_it_is_written_and_once(tree):
    (tree / "headway.yaml").write_text(ORG.replace("timeout: 5m", "timeuot: 5m"))
    loaded = load(["org"])
    assert [problem.place for problem in loaded.problems] == ["org/headway.yaml:8:53"]


def test_an_unknown_placeholder_gets_the_nearest_one(tree):
    (tree / "headway.yaml").write_text(ORG.replace("shop/{{ team }}", "shop/{{ taem }}"))
    assert "did you mean '{{ team }}'?" in problems(tree)


def test_a_placeholder_without_a_value_is_a_problem(tree):
    (tree / "money" / "headway.yaml").write_text("pipeline: {keep: {builds: 50}}\n")
    assert "can't be filled in: no spec names a team" in problems(tree)


def test_the_environment_can_stand_only_where_there_is_one(tree):
    (tree / "headway.yaml").write_text(ORG.replace("shop/{{ team }}", "shop/{{ environment }}"))
    assert "this field is the same for all environments" in problems(tree)


def test_the_owner_stands_in_the_topmost_file(tree):
    (tree / "money" / "headway.yaml").write_text(TEAM + "owner: me\n")
    assert "'owner' stands only in the topmost headway.yaml" in problems(tree)


def test_a_headway_yaml_names_no_service(tree):
    (tree / "headway.yaml").write_text(ORG + "service: web\n")
    assert "'service' is each service's own" in problems(tree)


def test_an_unreadable_headway_yaml_is_said_once(tree):
    (tree / "headway.yaml").write_text("team: [\n")
    loaded = load(["org"])
    assert [problem.place for problem in loaded.problems] == ["org/headway.yaml:2:1"]


def test_an_empty_headway_yaml_is_fine(tree):
    (tree / "money" / "headway.yaml").write_text("# team: money\n")
    (tree / "money" / "orders" / "service.yaml").write_text("team: money\n" + SERVICE)
    assert not problems(tree)


def test_the_search_upwards_ends_at_the_repository(tree):
    (tree / "money" / ".git").mkdir()
    assert "'image' is missing" in problems(tree)


def test_a_service_replaces_a_plain_list(tree):
    (tree / "money" / "orders" / "service.yaml").write_text(SERVICE + "deploy: {manifests: [k8s/staging.yaml]}\n")
    assert one(tree).spec.for_environment("production").deploy.manifests == ("k8s/staging.yaml",)


def explained(tree, field):
    return {item.field: item for item in explain(one(tree), field)}


def test_explain_says_which_file_and_what_it_overrides(tree):
    item = explained(tree, "pipeline.keep.builds")["pipeline.keep.builds"]
    assert item.value == 10
    assert str(item.origin) == "org/money/orders/service.yaml:6:27"
    assert [str(origin) for origin in item.overrides] == ["org/money/headway.yaml:4:27", "org/headway.yaml:12:54"]


def test_explain_knows_enforced_values_and_defaults_of_headway(tree):
    found = explained(tree, "pipeline")
    assert found["pipeline.timeout"].origin.enforced
    assert found["pipeline.kind"].origin is None


def test_explain_follows_named_things_and_overrides_of_environments(tree):
    assert str(explained(tree, "smoke.healthy.within")["smoke.healthy.within"].origin).startswith("org/money/orders/")
    assert str(explained(tree, "smoke.healthy.get")["smoke.healthy.get"].origin) == "org/headway.yaml:7:26"
    timeout = explained(tree, "environments.production.deploy.timeout")["environments.production.deploy.timeout"]
    assert timeout.value == "20m"
    assert str(timeout.origin) == "org/headway.yaml:11:81"
    base = explained(tree, "environments[0].deploy.timeout")["environments.staging.deploy.timeout"]
    assert (base.value, str(base.origin)) == ("5m", "org/headway.yaml:8:62")


def test_explain_of_an_unknown_field_says_the_nearest(tree):
    with pytest.raises(UsageError) as caught:
        explain(one(tree), "pipeline.timeuot")
    assert caught.value.hint == "did you mean 'timeout'?"


def test_the_example_of_the_reference_is_true(tree):
    page = Path(__file__).resolve().parents[3] / "docs" / "reference" / "headway-yaml.md"
    example = re.search(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    (tree / "headway.yaml").write_text(example[1])
    (tree / "money" / "headway.yaml").unlink()
    (tree / "money" / "orders" / "service.yaml").write_text("service: orders\nrun: {port: 8080}\n")
    spec = one(tree).spec
    assert spec.job == "shop/payments/orders"
    assert spec.for_environment("production").approval.submitters == ("leads",)
