"""A cluster that refuses: nobody home, wrong credentials, missing rights, policies, other owners, hostile words."""

from __future__ import annotations

import json
import urllib.request

import pytest

from tests.sessions.stage import IMAGE, one_message

COMMANDS = ("undo", "status", "smoke", "history", "deploy")


def words(shop, command):
    return shop.deploy("v3") if command == "deploy" else (command, ".", "--env", "staging")


@pytest.mark.parametrize("command", ["undo", "status", "smoke"])
def test_what_was_never_deployed_is_not_there(shop, headway, command):
    done = headway(command, ".", "--env", "staging")
    assert done.status == 4
    assert "nothing was done: there is no deployment/web in namespace shop" in one_message(done.err)
    assert shop.writes == []


def test_the_history_of_what_was_never_deployed_is_empty(shop, headway):
    done = headway("history", ".", "--env", "staging")
    assert (done.status, "no release yet" in done.out) == (0, True)


def test_a_first_deploy_needs_an_image(shop, headway):
    done = headway("deploy", ".", "--env", "staging")
    assert done.status == 2
    assert f"hint: say --image {IMAGE}:TAG" in one_message(done.err)
    assert shop.writes == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("environment", "status", "said"),
    [("stagin", 2, "did you mean 'staging'?"), ("elsewhere", 2, "unknown context 'elsewhere'")],
)
def test_an_environment_or_a_context_that_is_not_there(shop, headway, command, environment, status, said):
    done = headway(*(environment if word == "staging" else word for word in words(shop, command)))
    assert done.status == status
    assert said in one_message(done.err)
    assert shop.cluster.requests == []


def test_a_namespace_that_is_not_there_is_never_created(shop, headway):
    done = headway("deploy", ".", "--env", "production", "--image", f"{IMAGE}:v1")
    assert done.status == 4
    message = one_message(done.err)
    assert "nothing was changed" in message
    assert "there is no namespace 'nowhere'" in message
    assert shop.writes == []


KUBECONFIGS = {
    "missing": (None, 4, "there is no such file"),
    "empty": ("", 2, "no context"),
    "broken": ("a: [", 2, "is no kubeconfig"),
    "binary": ("\0\1", 2, "is no kubeconfig"),
    "a list": ("[]", 2, "is no kubeconfig"),
    "cyclic": ("contexts: &a [*a]", 2, "kubeconfig"),
    "without contexts": ("current-context: x", 2, "unknown context"),
    "a folder": ("/", 4, "can't be read"),
}


@pytest.mark.parametrize("name", KUBECONFIGS)
def test_a_kubeconfig_that_is_none(shop, headway, monkeypatch, name):
    text, status, said = KUBECONFIGS[name]
    path = shop.folder / "other"
    if text == "/":
        path.mkdir()
    elif text is not None:
        path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    for command in COMMANDS:
        done = headway(*words(shop, command))
        assert done.status == status, done.err
        assert said in one_message(done.err)
    assert shop.cluster.requests == []


@pytest.mark.parametrize("command", COMMANDS)
def test_an_expired_token(running, headway, command):
    running.cluster.expire_token()
    done = headway(*words(running, command))
    assert done.status == 4
    assert "does not accept the credentials" in one_message(done.err)
    assert running.cluster.token not in done.out + done.err
    assert running.writes == []


NEEDED = [
    ("get", "configmaps"),
    ("update", "configmaps"),
    ("get", "deployments"),
    ("patch", "deployments"),
    ("list", "deployments"),
    ("watch", "deployments"),
    ("list", "pods"),
    ("watch", "pods"),
    ("list", "replicasets"),
    ("watch", "replicasets"),
    ("get", "services"),
    ("patch", "services"),
    ("patch", "serviceaccounts"),
    ("get", "pods/proxy"),
    ("get", "leases"),
    ("update", "leases"),
]


@pytest.mark.parametrize(("verb", "resource"), NEEDED, ids=" ".join)
def test_a_missing_right_is_found_before_the_release_is_touched(running, headway, verb, resource):
    running.cluster.fault("forbidden", verb=verb, resource=resource)
    done = headway(*running.deploy("v3"))
    assert done.status == 4, done.out + done.err
    message = one_message(done.err)
    assert f'cannot {verb} resource "{resource}"' in message
    assert "hint: give the user or service account a Role that allows this" in message
    assert all(kind in {"configmaps", "leases"} for _, kind in running.writes)
    assert running.serving == "v1"
    running.cluster.faults.clear()
    assert headway(*running.deploy("v3")).status == 0


@pytest.mark.parametrize("verb", ["list", "watch"])
@pytest.mark.parametrize("resource", ["events", "horizontalpodautoscalers"])
def test_rights_that_are_only_handy_can_be_missing(running, headway, verb, resource):
    running.cluster.fault("forbidden", verb=verb, resource=resource)
    done = headway(*running.deploy("v3"))
    assert done.status == 0, done.err


def test_a_full_quota_is_named_and_undone(running, headway):
    running.thing("ResourceQuota", "v1", "small", spec={"hard": {"pods": "2"}})
    done = headway(*running.deploy("v3"))
    assert done.status == 6
    assert "a ResourceQuota is full" in done.out
    assert "exceeded quota: small" in done.out
    assert running.serving == "v1"


def test_pod_security_is_named_and_undone(running, headway):
    with running.cluster.edit("Namespace", "", "shop") as namespace:
        namespace["metadata"].setdefault("labels", {})["pod-security.kubernetes.io/enforce"] = "restricted"
    done = headway(*running.deploy("v3"))
    assert done.status == 1
    assert 'violates PodSecurity "restricted:latest"' in done.out
    assert running.serving == "v1"


def test_a_limit_range_is_named_and_undone(running, headway):
    limits = [{"type": "Container", "max": {"memory": "1Mi"}}]
    running.manifest(("name: server", "name: server\n        resources: {limits: {memory: 128Mi}}"))
    running.thing("LimitRange", "v1", "narrow", spec={"limits": limits})
    done = headway(*running.deploy("v3"))
    assert done.status == 1
    assert "maximum memory usage per Container is 1Mi" in done.out
    assert running.serving == "v1"


def take_over(shop, manager: str, spec: dict[str, object]) -> None:
    """Somebody else applies fields of the Deployment by force."""
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }
    request = urllib.request.Request(
        f"{shop.cluster.url}/apis/apps/v1/namespaces/shop/deployments/web?fieldManager={manager}&force=true",
        data=json.dumps(body).encode(),
        method="PATCH",
        headers={"Content-Type": "application/apply-patch+yaml", "Authorization": f"Bearer {shop.cluster.token}"},
    )
    urllib.request.urlopen(request).read()
    shop.cluster.forget_requests()


def test_fields_of_a_person_are_taken_back(running, headway):
    take_over(running, "kubectl", {"replicas": 4})
    done = headway(*running.deploy("v3"))
    assert done.status == 0, done.err
    assert running.cluster["Deployment", "shop", "web"]["spec"]["replicas"] == 2


def test_fields_of_a_gitops_controller_are_not(running, headway):
    take_over(running, "argocd-controller", {"replicas": 4})
    done = headway(*running.deploy("v3"))
    assert done.status == 9
    assert "nothing was changed: Argo CD" in one_message(done.err)
    assert running.writes == []


@pytest.mark.parametrize(
    ("place", "mark", "owner"),
    [
        ("labels", "argocd.argoproj.io/instance", "Argo CD"),
        ("annotations", "argocd.argoproj.io/tracking-id", "Argo CD"),
        ("labels", "kustomize.toolkit.fluxcd.io/name", "Flux"),
    ],
)
def test_what_a_gitops_controller_owns_is_left_alone(running, headway, place, mark, owner):
    with running.cluster.edit("Deployment", "shop", "web") as live:
        live["metadata"].setdefault(place, {})[mark] = "shop:apps/Deployment:shop/web"
    done = headway(*running.deploy("v3"))
    assert done.status == 9
    assert f"nothing was changed: {owner} keeps deployment/web" in one_message(done.err)
    assert running.writes == []
    assert running.serving == "v1"


def test_what_somebody_paused_stays_paused(running, headway):
    with running.cluster.edit("Deployment", "shop", "web") as live:
        live["spec"]["paused"] = True
    done = headway(*running.deploy("v3"))
    assert done.status == 9
    assert "kubectl rollout resume deployment/web -n shop" in one_message(done.err)
    assert running.writes == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("replicas: 2", "replicas: -1"), "spec.replicas"),
        (("replicas: 2", "replicas: many"), "spec.replicas"),
        (("matchLabels: {app: web}", "matchLabels: {app: other}"), "selector"),
    ],
)
def test_what_the_api_server_would_not_take_is_found_by_the_rehearsal(running, headway, change, said):
    running.manifest(change)
    done = headway(*running.deploy("v3"))
    assert done.status == 4
    message = one_message(done.err)
    assert "nothing was changed: the cluster would not take deployment/web" in message
    assert said in message
    assert running.writes == []


def test_hostile_words_of_a_cluster_are_one_harmless_line(running, headway):
    message = "no \x1b[2J\x1b]0;pwned\x07 \u202e way\nerror: another\n$(reboot) <script>alert(1)</script> " + "x" * 5000
    running.cluster.fault("forbidden", verb="patch", resource="deployments", message=message)
    done = headway(*running.deploy("v3"))
    assert done.status == 4
    said = one_message(done.err)
    assert "\u202e" not in said
    assert len(said) < 1000
    assert running.writes == []


@pytest.mark.parametrize("command", COMMANDS)
def test_a_ledger_that_somebody_damaged_is_not_overwritten(running, headway, command):
    with running.cluster.edit("ConfigMap", "shop", "headway.deployment.web") as ledger:
        ledger["binaryData"] = dict.fromkeys(ledger["binaryData"], "AAAA")
    done = headway(*words(running, command))
    assert done.status == 4
    message = one_message(done.err)
    assert "the ledger in configmap/headway.deployment.web" in message
    assert "hint: restore it" in message
    assert running.writes == []
