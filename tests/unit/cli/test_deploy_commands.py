"""deploy, smoke, undo, status and history as a person types them, over real HTTP to the sandbox."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.sandbox.kubernetes import SandboxCluster
from tests.sessions.stage import until

SPEC = """
service: web
image: {repository: registry.example.com/shop/web}
deploy: {manifests: [web.yaml], timeout: 20s}
smoke:
  - {name: runs the new version, get: /version, expect: {json: {version: "{{ version }}"}}, within: 2s}
  - {name: answers, get: /api, within: 1s}
  - {name: through the service, get: /api, via: service, within: 1s}
environments:
  - {name: staging, namespace: shop}
  - {name: production, namespace: nowhere}
  - {name: both, clusters: [sandbox, second], namespace: shop}
  - {name: elsewhere, cluster: elsewhere, namespace: shop}
"""
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccountName: web
      containers:
      - name: server
        image: registry.example.com/shop/web
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
IMAGE = "registry.example.com/shop/web"


@pytest.fixture
def cluster():
    with SandboxCluster(speed=20.0, namespaces=["shop"]) as sandbox:
        yield sandbox


@pytest.fixture
def shop(cluster, tmp_path, monkeypatch):
    """A folder with a spec, in front of a sandbox."""
    (tmp_path / "service.yaml").write_text(SPEC)
    (tmp_path / "web.yaml").write_text(MANIFEST)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(cluster.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_story_of_a_good_and_a_bad_release(shop, headway):
    first = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert first.status == 0, first.out + first.err
    assert "web v1 to staging (cluster sandbox, namespace shop), first deploy" in first.out
    assert "ServiceAccount, Service, Deployment: 3 created" in first.out
    assert "2 of 2 new pods available  " in first.out, "there were no old ones"
    assert "COMPLETE: v1 serves as release 1, smoke passed." in first.out

    second = headway("deploy", "service.yaml", "--env", "staging", "--image", f"{IMAGE}:v2", "--report", "report")
    assert second.status == 1, second.out + second.err
    assert "rehearse  undo to release 1 (v1) would apply cleanly" in second.out
    assert "FAILED  500 from /api (expected 200)" in second.out
    assert "undo      to release 1 (v1): 2 of 2 available, smoke passed" in second.out
    assert "FAILED, undone and verified: v1 serves again." in second.out
    assert 'cause: smoke check "answers" got 500 from /api' in second.out
    assert '{"ok":false' in second.out.replace(" ", "")
    assert "exit status 1" in second.out
    assert {path.name for path in Path("report").iterdir()} == {
        "report.json", "report.html", "junit.xml", "events.ndjson",
    }  # fmt: skip
    report = json.loads(Path("report/report.json").read_text())
    assert (report["headway"], report["verdict"], report["undo"]) == (1, "failed", "verified")
    assert report["undone_to"]["release"] == 1
    assert headway("replay", "report/events.ndjson").status == 0

    status = headway("status", ".", "--env", "staging")
    assert status.status == 0
    assert re.search(r"now +v1 since .*, verified", status.out)
    assert "way back  NONE" in status.out
    history = headway("history", ".", "--env", "staging").out
    assert re.search(r"^\* 1 +\d+ +v1 +good", history, re.MULTILINE)
    assert re.search(r"^  2 +2 +v2 +smoke failed, undone to 1", history, re.MULTILINE)


def test_a_missing_image_is_found_out_and_undone(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:hotfxi", "-o", "json")
    assert done.status == 1
    report = json.loads(done.out)
    assert report["diagnosis"][0]["code"] == "image-pull-failed"
    assert "hotfxi: not found" in report["diagnosis"][0]["message"]
    assert "rollout" in done.err  # the story goes to stderr


def test_undo_goes_back_and_needs_somewhere_to_go(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    none = headway("undo", ".", "--env", "staging")
    assert none.status == 5
    assert "NOTHING TO GO BACK TO" in none.out
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3")
    rehearsed = headway("undo", ".", "--env", "staging", "--dry-run")
    assert rehearsed.status == 0
    assert "image: registry.example.com/shop/web:v3 -> registry.example.com/shop/web:v1" in rehearsed.out
    done = headway("undo", ".", "--env", "staging")
    assert done.status == 0, done.out + done.err
    assert "UNDONE and verified: v1 serves." in done.out
    again = headway("undo", ".", "--env", "staging", "--to-release", "2")
    assert again.status == 0
    assert "v3 serves" in again.out
    assert headway("undo", ".", "--env", "staging", "--to-release", "9").status == 2
    assert headway("undo", ".", "--env", "staging", "--to-release", "1", "--to-revision", "2").status == 2


def test_smoke_alone(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    good = headway("smoke", ".", "--env", "staging")
    assert good.status == 0
    assert "PASSED: 3 smoke checks." in good.out
    bad = headway("smoke", ".", "--env", "staging", "--version", "v9")
    assert bad.status == 5
    assert '"v1" for version (expected "v9")' in bad.out


def test_a_change_of_configuration_keeps_the_image(shop, headway):
    assert headway("deploy", ".", "--env", "staging").status == 2
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    (shop / "web.yaml").write_text(MANIFEST.replace("replicas: 2", "replicas: 3"))
    done = headway("deploy", ".", "--env", "staging")
    assert done.status == 0, done.out + done.err
    assert "3 of 3 new pods available" in done.out
    assert "v1 serves as release 2" in done.out


def test_a_second_deploy_of_the_same_changes_nothing(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert done.status == 0
    assert "3 as they were" in done.out
    assert "nothing had to change" in done.out


def test_a_rehearsal_changes_nothing(shop, headway, cluster):
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1", "--dry-run")
    assert done.status == 0
    assert "REHEARSED: nothing was changed." in done.out
    assert headway("history", ".", "--env", "staging").out.splitlines()[1].strip() == "no release yet"


def test_known_bad_is_refused(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v2")
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v2")
    assert done.status == 9
    assert "known to be bad since release 2 (v2)" in done.err
    assert "--allow-known-bad" in done.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--env", "stagin", "--image", f"{IMAGE}:v1"), 2, "did you mean 'staging'?"),
        (("--env", "production", "--image", f"{IMAGE}:v1"), 4, "never creates namespaces"),
        (("--env", "elsewhere", "--image", f"{IMAGE}:v1"), 2, "elsewhere"),
        (("--env", "staging", "--image", "Not An Image"), 2, "not an image reference"),
        (("--env", "staging", "--image", "v1"), 2, f"did you mean '{IMAGE}:v1'?"),
        (("--env", "staging"), 2, f"--image {IMAGE}:TAG"),
        ((), 2, "--env"),
        (("--env", "staging", "--image", f"{IMAGE}:v1", "--report", "web.yaml"), 2, "web.yaml"),
    ],
)
def test_bad_input_changes_nothing(shop, headway, cluster, arguments, status, said):
    done = headway("deploy", ".", *arguments)
    assert done.status == status, done.out + done.err
    assert said in done.err
    writes = {"create", "update", "patch", "delete"}
    assert not [one for one in cluster.requests if one.verb in writes and not one.dry_run and one.status < 400]


@pytest.mark.parametrize(
    ("spec", "manifest", "said"),
    [
        (SPEC.replace("web.yaml", "gone.yaml"), MANIFEST, "gone.yaml"),
        (SPEC, MANIFEST.replace("name: web}", "name: other}"), "no Deployment, StatefulSet or DaemonSet 'web'"),
        (SPEC, MANIFEST.replace("shop/web", "shop/other"), "stands nowhere in the manifests"),
        (SPEC, "a: [", "not YAML"),
        (SPEC, "\x00\x01", "not YAML"),
        (SPEC, "a: &a [*a]", "refers to itself"),
        (SPEC, "", "no object"),
    ],
)
def test_bad_manifests_change_nothing(shop, headway, spec, manifest, said):
    (shop / "service.yaml").write_text(spec)
    (shop / "web.yaml").write_text(manifest)
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert done.status == 2, done.err
    assert said in done.err


def test_no_kubeconfig(shop, headway, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(shop / "nothing-here"))
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert done.status == 4
    assert "kubeconfig" in done.err


def test_an_expired_token(shop, headway, cluster):
    cluster.expire_token(cluster.token)
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert done.status == 4
    assert "401" in done.err or "credential" in done.err or "token" in done.err


def test_nothing_deployed_yet(shop, headway):
    for command in ("undo", "status", "smoke"):
        done = headway(command, ".", "--env", "staging")
        assert done.status == 4
        assert "there is no deployment/web in namespace shop" in done.err


def test_several_clusters_one_after_another_until_one_fails(shop, headway, cluster, monkeypatch):
    with SandboxCluster(speed=20.0, namespaces=["shop"], seed=2) as other:
        second = re.sub(r"(name|cluster|user|context): sandbox", r"\1: second", other.kubeconfig())
        second = re.sub(r'"(name|cluster|user|context|current-context)": "sandbox"', r'"\1": "second"', second)
        Path("second").write_text(second)
        monkeypatch.setenv("KUBECONFIG", f"{shop / 'kubeconfig'}{os.pathsep}{shop / 'second'}")
        spec = Path("service.yaml").read_text()
        Path("service.yaml").write_text(spec.replace("second]", "missing]"))
        wrong = headway("deploy", ".", "--env", "both", "--image", f"{IMAGE}:v1")
        assert (wrong.status, "missing" in wrong.err) == (2, True)
        assert headway("history", ".", "--env", "staging").out.endswith("no release yet\n"), "nothing was changed"
        Path("service.yaml").write_text(spec)

        good = headway("deploy", ".", "--env", "both", "--image", f"{IMAGE}:v1", "--report", "report")
        assert good.status == 0, good.out + good.err
        assert "(cluster sandbox," in good.out
        assert "(cluster second," in good.out
        assert Path("report/second/report.json").exists()
        other.forget_requests()
        bad = headway("deploy", ".", "--env", "both", "--image", f"{IMAGE}:v2")
        assert bad.status == 1
        assert not other.requests

        other.expire_token(other.token)
        half = headway("deploy", ".", "--env", "both", "--image", f"{IMAGE}:v3", "-o", "json")
        assert half.status == 4
        assert "(done before: sandbox)" in half.err
        assert [(each["cluster"], each["verdict"]) for each in json.loads(half.out)] == [("sandbox", "complete")]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interruption_says_what_runs(shop, headway, number, status):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    words = [sys.executable, "-m", "agent", "deploy", ".", "--env", "staging", "--image", f"{IMAGE}:unready"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = ""
    while "\n  apply " not in said:
        said += process.stdout.readline()
    process.send_signal(number)
    began = time.monotonic()
    rest, _ = process.communicate(timeout=15)
    assert time.monotonic() - began < 15
    assert process.returncode == status, said + rest
    assert "INTERRUPTED" in rest
    assert "`headway undo` would go back to release 1 (v1)" in rest
    history = headway("history", ".", "--env", "staging").out
    assert re.search(r"2 +.*unready +interrupted", history)
    assert headway("undo", ".", "--env", "staging").status == 0


@pytest.mark.parametrize("width", [0, 80, 200])
def test_lines_fit_where_somebody_watches(shop, headway, width):
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert max(len(line) for line in done.out.splitlines()) <= 110


def test_hostile_text_from_a_cluster_is_made_harmless(shop, headway, cluster):
    (shop / "web.yaml").write_text(MANIFEST)
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1", "--version", "v1\x1b[2J")
    assert "\x1b" not in done.out


def test_at_night_the_ledger_is_enough(shop, headway, tmp_path_factory, monkeypatch):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    named = ("-n", "shop", "deployment/web")
    status = headway("status", *named)
    assert status.status == 0, status.err
    assert "way back  release 1 (v1), the last release known good; would apply cleanly" in status.out
    assert headway("freeze", *named, "--reason", "night", "--until", "2h").status == 0
    assert "frozen    night" in headway("status", *named).out
    done = headway("undo", *named)
    assert done.status == 0, done.out + done.err
    assert "smoke passed" in done.out
    assert re.search(r"^\* 1 ", headway("history", *named).out, re.MULTILINE)
    assert "it was frozen by" in headway("thaw", *named).out
    assert headway("undo", "deployment/web", "--env", "staging").status == 2
    assert headway("status", "-n", "shop", "deployment/nothing").status == 4


def test_frozen(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert headway("freeze", ".", "--env", "staging", "--reason", "x", "--until", "yesterday").status == 2
    empty = headway("freeze", ".", "--env", "staging", "--reason", " \n ")
    assert (empty.status, "Invalid value for '--reason': it is empty" in empty.err) == (2, True), empty.err
    lines = headway("freeze", ".", "--env", "staging", "--reason", "two\n  release   9: good", "-o", "json")
    assert "two release 9: good" in json.loads(lines.out)["text"]
    assert headway("freeze", ".", "--env", "staging", "--reason", "night").status == 0
    frozen = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3", "--report", "refused", "-o", "json")
    report = json.loads(frozen.out)
    assert (frozen.status, report["verdict"], report["exit_status"], report["changed"]) == (9, "refused", 9, False)
    assert report["image"] == f"{IMAGE}:v3"
    assert any("is frozen by" in remark for remark in report["remarks"])
    assert json.loads(Path("refused/report.json").read_text()) == report
    assert '<failure message="refused">' in Path("refused/junit.xml").read_text()
    assert "frozen by" in Path("refused/report.html").read_text()
    rehearsed = json.loads(headway("freeze", ".", "--env", "staging", "--reason", "x", "--dry-run", "-o", "json").out)
    assert (rehearsed["command"], rehearsed["rehearsal"], rehearsed["frozen"]) == ("freeze", True, True)
    assert json.loads(headway("freeze", ".", "--env", "staging", "--reason", "x", "-o", "json").out)["frozen"]
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3")
    assert done.status == 9
    assert "is frozen" in done.err
    headway("thaw", ".", "--env", "staging")
    assert headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3").status == 0


def test_restart(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    done = headway("restart", ".", "--env", "staging")
    assert done.status == 0, done.out + done.err
    assert "web v1 restarts in staging" in done.out
    assert "2 of 2 new pods available" in done.out


def test_recover_what_was_aborted_and_only_that(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    none = headway("recover", ".", "--env", "staging")
    assert none.status == 0
    assert "nothing was left open" in none.out
    words = [sys.executable, "-m", "agent", "deploy", ".", "--env", "staging", "--image", f"{IMAGE}:unready"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "apply" not in process.stdout.readline():
        pass
    process.kill()
    process.communicate()
    began = time.monotonic()
    monkeyed = headway("recover", ".", "--env", "staging", "--any-build")
    assert monkeyed.status in {0, 1}, monkeyed.out + monkeyed.err
    assert time.monotonic() - began < 10  # the dead process's lock isn't waited for
    assert re.search(r"^\* 1 ", headway("history", ".", "--env", "staging").out, re.MULTILINE)


def test_locked(shop, headway, cluster):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    words = [sys.executable, "-m", "agent", "deploy", ".", "--env", "staging", "--image", f"{IMAGE}:unready"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "apply" not in process.stdout.readline():
        pass
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3", "--lock-wait", "0")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=15)
    assert done.status == 8, done.out + done.err
    assert "is under way" in done.err


JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: m, image: registry.example.com/shop/web}]}}
"""


def test_a_spec_with_everything_of_deploy(shop, headway):
    (shop / "service.yaml").write_text(
        SPEC.replace(
            "timeout: 20s",
            "timeout: 20s, restart_on: [config], prune: delete, undo: {then: freeze, first: delete, on_abort: leave}",
        )
    )
    first = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert first.status == 0, first.out + first.err
    bad = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v2")
    assert bad.status == 1
    assert "frozen: no deploy until `headway thaw`" in bad.out
    assert headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3").status == 9


def test_a_before_job_that_fails_touches_no_workload(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    (shop / "job.yaml").write_text(JOB)
    (shop / "service.yaml").write_text(SPEC.replace("timeout: 20s", "timeout: 20s, before: [job.yaml]"))
    bad = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:crash")
    assert bad.status == 1, bad.out + bad.err
    assert "job/migrate-r2 did not succeed, so no workload was touched" in bad.out
    (shop / "service.yaml").write_text(SPEC.replace("timeout: 20s", "timeout: 20s, before: [gone.yaml]"))
    assert headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3").status == 2


def test_a_one_way_migration_is_said_beforehand(shop, headway):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    one_way = SPEC.replace("timeout: 20s", "timeout: 20s, undo: {database_migrations: one-way}")
    (shop / "service.yaml").write_text(one_way)
    refused = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3", "--require-undo")
    assert refused.status == 9
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v2")
    assert done.status == 5
    assert "NO WAY BACK to release 1 (v1): this release migrates a database one way" in done.out
    assert "a database migration of this release can't be taken back" in done.out


def by_hand(cluster, method, path, body, manager="kubectl-client-side-apply"):
    """What somebody else does, with another client."""
    import urllib.request

    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    request = urllib.request.Request(
        f"{cluster.url}{path}?fieldManager={manager}", json.dumps(body).encode(), method=method,
        headers={"Authorization": f"Bearer {cluster.token}", "Content-Type": kind},
    )  # fmt: skip
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


def live(cluster):
    import urllib.request

    request = urllib.request.Request(
        f"{cluster.url}{DEPLOYMENTS}/web", headers={"Authorization": f"Bearer {cluster.token}"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def test_what_kubectl_made_can_be_gone_back_to(shop, headway, cluster):
    import yaml

    for thing in yaml.safe_load_all(MANIFEST):
        path = {"Deployment": DEPLOYMENTS}.get(thing["kind"], f"/api/v1/namespaces/shop/{thing['kind'].lower()}s")
        if thing["kind"] == "Deployment":
            box = thing["spec"]["template"]["spec"]["containers"][0]
            box["image"] = f"{IMAGE}:v1"
            box["env"] = [{"name": "COLOUR", "value": "blue"}]
            thing["metadata"]["annotations"] = {"team": "a"}
        by_hand(cluster, "POST", path, thing)
    until(lambda: (live(cluster).get("status") or {}).get("availableReplicas") == 2)
    before = live(cluster)
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v2")
    assert done.status == 1, done.out + done.err
    assert "now v1, not known to Headway" in done.out
    assert "undo      to release 1 (v1)" in done.out
    after = live(cluster)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["annotations"]["team"] == "a"
    assert re.search(r"^\* 1 .*v1 +external, good", headway("history", ".", "--env", "staging").out, re.MULTILINE)


def test_foreign_annotations_replicas_and_fields_survive(shop, headway, cluster):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    by_hand(
        cluster,
        "PATCH",
        f"{DEPLOYMENTS}/web",
        {"metadata": {"annotations": {"ci/build": "77"}, "labels": {"x": "y"}}},
        "ci",
    )
    by_hand(
        cluster,
        "PATCH",
        f"{DEPLOYMENTS}/web",
        {"spec": {"template": {"metadata": {"annotations": {"seen": "yes"}}}}},
        "mesh",
    )
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v2")
    assert done.status == 1, done.out + done.err
    after = live(cluster)
    assert after["metadata"]["annotations"]["ci/build"] == "77"
    assert after["metadata"]["labels"]["x"] == "y"
    assert after["spec"]["template"]["metadata"]["annotations"]["seen"] == "yes"


def test_replicas_under_an_autoscaler_survive(shop, headway, cluster):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    hpa = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9},
    }  # fmt: skip
    by_hand(cluster, "POST", "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", hpa, "somebody")
    by_hand(cluster, "PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 4}}, "kube-controller-manager")
    assert headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3").status == 0
    assert live(cluster)["spec"]["replicas"] == 4
    assert headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v2").status == 1
    assert live(cluster)["spec"]["replicas"] == 4


def test_an_autoscaler_that_only_the_bad_release_had_goes_and_the_replicas_come_back(shop, headway, cluster):
    headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    (shop / "web.yaml").write_text(
        MANIFEST + "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n"
        "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  minReplicas: 3\n  maxReplicas: 9\n"
    )
    assert headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v3").status == 0
    by_hand(cluster, "PATCH", f"{DEPLOYMENTS}/web", {"spec": {"replicas": 4}}, "kube-controller-manager")
    done = headway("undo", ".", "--env", "staging")
    assert done.status == 0, done.out + done.err
    assert live(cluster)["spec"]["replicas"] == 2


STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  replicas: 2
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: server, image: registry.example.com/shop/web, ports: [{containerPort: 8080}]}
"""


def test_a_statefulset_that_hangs_after_an_undo_is_freed_where_the_spec_says_so(shop, headway):
    (shop / "web.yaml").write_text(STATEFUL)
    spec = SPEC.replace("timeout: 20s", "timeout: 60s, undo: {stuck_pods: delete}")
    (shop / "service.yaml").write_text(
        spec.partition("smoke:")[0] + "environments: [{name: staging, namespace: shop}]\n"
    )
    first = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:v1")
    assert first.status == 0, first.out + first.err
    done = headway("deploy", ".", "--env", "staging", "--image", f"{IMAGE}:crash")
    assert "deleted pod web-1, which stopped the update of statefulset/web" in done.out, done.out + done.err
    assert done.status == 1
    assert "to release 1 (v1): 2 of 2 available" in done.out
