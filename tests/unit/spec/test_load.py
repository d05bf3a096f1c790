"""SPEC arguments: what they find, what they refuse, and two specs that want the same thing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml

from agent.errors import ExitStatus, UsageError
from agent.spec.load import SpecError, demand, demand_one, load, summary

GOOD = "service: {name}\nimage: {{repository: registry.example.com/shop/{name}}}\nrun: {{port: 8080}}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(path: str, text: str = "", **more: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text or GOOD.format(name=more.get("name", file.parent.name)))

    return write


def texts(*named: str) -> str:
    return "\n".join(problem.text() for problem in load(named).problems)


def test_a_file_a_folder_and_a_glob(here):
    here("services/web/service.yaml")
    here("services/api/service.yaml")
    here("services/flat/cart.service.yaml", name="cart")
    here("services/.hidden/service.yaml", name="hidden")
    assert [one.spec.service for one in load(["services"]).specs] == ["api", "cart", "web"]
    assert [one.file for one in load(["services/*/service.yaml"]).specs] == [
        "services/api/service.yaml",
        "services/web/service.yaml",
    ]
    assert [one.file for one in load(["services/web"]).specs] == ["services/web/service.yaml"]
    assert load(["services/web/service.yaml", "services/web", "services"]).count == 3


def test_what_is_not_there_is_a_problem(here):
    Path("empty").mkdir()
    assert "nope: there is no such file or folder" in texts("nope")
    assert "empty: no service.yaml" in texts("empty")
    assert "*.nope: no file matches this" in texts("*.nope")
    assert "/dev/null: this is not a file" in texts("/dev/null")


def test_a_dangling_link_and_a_pipe_are_no_files(here, tmp_path):
    Path("service.yaml").symlink_to("nowhere")
    os.mkfifo("pipe.service.yaml")
    assert "there is no such file" in texts("service.yaml")
    assert "this is not a file" in texts("pipe.service.yaml")


def test_headway_yaml_is_no_spec(here):
    here("headway.yaml", "team: x\n")
    assert "is none itself" in texts("headway.yaml")


def test_a_kubernetes_service_yaml_is_passed_over_in_a_folder(here):
    here("web/service.yaml")
    here(
        "web/k8s/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n---\nkind: ConfigMap\napiVersion: v1\n",
    )
    assert [one.spec.service for one in load(["web"]).specs] == ["web"]
    assert not load(["web"]).problems
    assert "this is a Kubernetes manifest" in texts("web/k8s/service.yaml")
    assert "no spec here" in texts("web/k8s")


def test_a_wrong_spec_hides_no_problem_of_another(here):
    here("a/service.yaml", GOOD.format(name="a") + "teem: x\n")
    here("b/service.yaml", "service: [\n")
    here("c/service.yaml")
    loaded = load(["."])
    assert len(loaded.problems) == 2
    assert [one.spec.service for one in loaded.specs] == ["c"]
    assert summary(loaded) == "2 problems in 2 of 3 specs"


def test_two_specs_for_one_job_name_both_places(here):
    here("a/service.yaml", name="web")
    here("b/service.yaml", name="web")
    text = texts(".")
    assert "./a/service.yaml:1:10: the job 'web' is also that of ./b/service.yaml:1:10" in text
    assert "./b/service.yaml:1:10: the job 'web' is also that of ./a/service.yaml:1:10" in text
    assert not load(["."]).specs


def test_two_specs_for_one_workload_name_both_places(here):
    environment = "environments:\n  - {name: staging, cluster: eu, namespace: shop}\n"
    here("a/service.yaml", GOOD.format(name="web") + environment)
    here("b/service.yaml", GOOD.format(name="api") + environment + "deploy: {deployment: web}\n")
    assert "the workload 'web' of environment 'staging' is also that of ./a/service.yaml:5:12" in texts(".")


def test_the_same_workload_in_two_clusters_is_fine(here):
    text = GOOD.format(name="web") + "pipeline: {folder: CLUSTER}\nenvironments: [{name: x, cluster: CLUSTER}]\n"
    here("a/service.yaml", text.replace("CLUSTER", "eu"))
    here("b/service.yaml", text.replace("CLUSTER", "us"))
    assert not texts(".")


MANIFESTS = "service: web\nimage: {{repository: a/b}}\ndeploy: {{manifests: [{}]}}\n"


def test_manifests_must_be_there(here):
    here("web/k8s/web.yaml", "kind: Deployment\n")
    here("web/service.yaml", MANIFESTS.format("k8s/wbe.yaml"))
    text = texts("web")
    assert "web/service.yaml:3:22: no file matches 'k8s/wbe.yaml'" in text
    assert "did you mean 'k8s/web.yaml'?" in text
    assert not load(["web"], files=False).problems


def test_manifests_by_glob_in_order(here):
    for name in ("b", "a"):
        here(f"web/k8s/{name}.yaml", "kind: Deployment\n")
    here("web/service.yaml", MANIFESTS.format('"k8s/*.yaml", k8s/a.yaml'))
    assert [path.name for path in load(["web"]).specs[0].manifests()] == ["a.yaml", "b.yaml"]


def test_manifests_never_leave_the_repository(here, tmp_path):
    here("k8s.yaml", "kind: Deployment\n")
    here("repo/web/service.yaml", MANIFESTS.format("../../k8s.yaml"))
    Path("repo/.git").mkdir()
    assert "'../../k8s.yaml' leads out of the repository" in texts("repo")
    here("repo/k8s.yaml", "kind: Deployment\n")
    here("repo/web/service.yaml", MANIFESTS.format("../k8s.yaml"))
    assert not texts("repo")


def test_a_name_of_a_neighbour_with_the_same_beginning_is_outside(here):
    here("repo-secret/k8s.yaml", "kind: Deployment\n")
    here("repo/service.yaml", MANIFESTS.format("../repo-secret/k8s.yaml"))
    Path("repo/.git").mkdir()
    assert "leads out of the repository" in texts("repo")


def test_demand_raises_with_every_problem_and_exit_status_2(here):
    here("a/service.yaml", GOOD.format(name="a") + "teem: x\n")
    with pytest.raises(SpecError) as caught:
        demand(["a"])
    assert caught.value.status == ExitStatus.USAGE
    assert caught.value.message.startswith("nothing was done: 1 problem in 1 of 1 spec\na/service.yaml:4:1:")


def test_demand_one_refuses_several(here):
    here("a/service.yaml")
    here("b/service.yaml")
    assert demand_one("a").spec.service == "a"
    with pytest.raises(UsageError, match="holds 2 specs"):
        demand_one(".")


def test_an_unknown_environment_gets_the_nearest(here):
    here("a/service.yaml", GOOD.format(name="a") + "environments: [{name: staging}]\n")
    with pytest.raises(UsageError) as caught:
        demand_one("a").spec.for_environment("stagign")
    assert caught.value.hint == "did you mean 'staging'?"


def test_a_spec_that_may_not_be_read_says_so(here):
    here("a/service.yaml")
    Path("a/service.yaml").chmod(0)
    if os.access("a/service.yaml", os.R_OK):
        pytest.skip("root reads everything")
    assert "can't be read" in texts("a")


def test_a_hundred_specs_cost_little_more_than_their_yaml(here):
    here("headway.yaml", "team: shop\npipeline: {folder: 'shop/{{ team }}'}\n")
    body = GOOD + "smoke: [{{name: up, get: /healthz}}]\nenvironments: [{{name: staging, when: {{branch: main}}}}]\n"
    for number in range(100):
        here(f"s{number}/service.yaml", body.format(name=f"s{number}"))
    files = [f"s{number}/service.yaml" for number in range(100)]
    load(files[:3])

    def best(work) -> float:
        times = []
        for _ in range(5):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return min(times)

    plain = best(lambda: [yaml.load(Path(file).read_text(), Loader=yaml.SafeLoader) for file in files])
    assert best(lambda: load(["."])) < plain * 2
