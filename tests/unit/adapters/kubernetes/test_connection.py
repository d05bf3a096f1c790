"""Credentials: where they come from, when they are read again, and that nothing goes out without them by accident."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from agent.adapters.clock import SystemClock
from agent.adapters.kubernetes import connect, connection
from agent.adapters.kubernetes.connection import Connection
from agent.errors import ExitStatus, RemoteError, UnauthorizedError, UsageError
from tests.fakes.loopback import kubeconfig

SERVER = "https://127.0.0.1:1"


def connected(path, context=None, **environment):
    return Connection(context, {"KUBECONFIG": str(path), **environment})


def plugin(folder, **status):
    """An exec plugin that counts its runs and gives that status."""
    script = folder / "login.py"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    script.write_text(
        "import pathlib\n"
        f"runs = pathlib.Path({str(folder / 'runs')!r})\n"
        "runs.write_text(str(int(runs.read_text() if runs.exists() else 0) + 1))\n"
        f"print({json.dumps(credential)!r}.replace('RUN', runs.read_text()))\n"
    )
    command = {"apiVersion": credential["apiVersion"], "command": sys.executable, "args": [str(script)]}
    return {"exec": command | {"interactiveMode": "Never"}}


def test_connect_makes_a_cluster_and_sends_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", SERVER, namespace="shop")))
    cluster = connect(None, clock=SystemClock())
    assert (cluster.label, cluster.namespace) == ("here", "shop")
    assert cluster.warnings() == ()


def test_without_kubeconfig_and_outside_a_pod_it_is_exit_4_with_a_hint(tmp_path):
    with pytest.raises(RemoteError) as caught:
        Connection(None, {"HOME": str(tmp_path)})
    assert caught.value.status is ExitStatus.UNREACHABLE
    assert "there is no kubeconfig at" in caught.value.message
    assert caught.value.hint == "set KUBECONFIG to the kubeconfig's path"


def test_a_kubeconfig_that_is_named_must_be_there(tmp_path):
    with pytest.raises(RemoteError, match=r"KUBECONFIG names .*missing, and there is no such file") as caught:
        connected(tmp_path / "missing")
    assert "bind the file credential" in caught.value.hint


def test_basic_and_bearer(tmp_path):
    assert connected(kubeconfig(tmp_path / "a", SERVER)).headers() == {"Authorization": "Bearer sesame"}
    basic = kubeconfig(tmp_path / "b", SERVER, user={"username": "me", "password": "pass"})
    assert connected(basic).headers() == {"Authorization": "Basic bWU6cGFzcw=="}
    assert connected(kubeconfig(tmp_path / "c", SERVER, user={"as": "deployer"})).headers() == {
        "Impersonate-User": "deployer"
    }


def test_impersonation_of_groups_is_refused_not_ignored(tmp_path):
    path = kubeconfig(tmp_path / "a", SERVER, user={"token": "t", "as": "me", "as-groups": ["admins"]})
    with pytest.raises(UsageError, match="as-groups"):
        connected(path)


def test_a_token_file_is_read_again_when_it_changes_p33(tmp_path):
    token = tmp_path / "token"
    token.write_text("first\n")
    made = connected(kubeconfig(tmp_path / "config", SERVER, user={"tokenFile": "token"}))
    assert made.headers()["Authorization"] == "Bearer first"
    token.write_text("second\n")
    os.utime(token, ns=(1, 1))
    assert made.headers()["Authorization"] == "Bearer second"
    token.unlink()
    assert made.headers()["Authorization"] == "Bearer second", "it is being replaced at this moment"


def test_a_kubeconfig_is_read_again_when_it_changes_p33(tmp_path):
    path = kubeconfig(tmp_path / "config", SERVER)
    made = connected(path)
    kubeconfig(path, SERVER, user={"token": "rotated"})
    os.utime(path, ns=(1, 1))
    assert made.headers()["Authorization"] == "Bearer rotated"


def test_a_plugin_gives_a_token_and_is_run_again_when_that_expired(tmp_path):
    user = plugin(tmp_path, token="run-RUN", expirationTimestamp="2020-01-01T00:00:00Z")
    made = connected(kubeconfig(tmp_path / "config", SERVER, user=user))
    assert made.headers()["Authorization"] == "Bearer run-2"


def test_a_plugin_is_not_run_for_every_request(tmp_path):
    user = plugin(tmp_path, token="run-RUN", expirationTimestamp="2999-01-01T00:00:00Z")
    made = connected(kubeconfig(tmp_path / "config", SERVER, user=user))
    assert {made.headers()["Authorization"] for _ in range(5)} == {"Bearer run-1"}
    made.reload(made.generation)
    assert made.headers()["Authorization"] == "Bearer run-2"


def test_of_many_threads_that_meet_a_401_one_runs_the_plugin(tmp_path):
    user = plugin(tmp_path, token="run-RUN", expirationTimestamp="2999-01-01T00:00:00Z")
    made = connected(kubeconfig(tmp_path / "config", SERVER, user=user))
    known = made.generation
    for _ in range(3):
        made.reload(known)
    assert made.headers()["Authorization"] == "Bearer run-2"


def test_a_kubeconfig_that_is_half_written_leaves_the_credentials_that_we_have(tmp_path):
    path = kubeconfig(tmp_path / "config", SERVER)
    made = connected(path)
    path.write_text("users: [{name: u")
    os.utime(path, ns=(1, 1))
    assert made.headers()["Authorization"] == "Bearer sesame"
    kubeconfig(path, SERVER, user={"token": "rotated"})
    os.utime(path, ns=(2, 2))
    assert made.headers()["Authorization"] == "Bearer rotated"


@pytest.mark.parametrize(
    ("command", "words"),
    [("no-such-plugin", "No such file"), ("false", "process returned 1"), ("true", "failed to decode")],
)
def test_a_plugin_that_fails_is_an_error_and_never_an_anonymous_request(tmp_path, command, words, caplog, capsys):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never"}}
    with pytest.raises(UnauthorizedError) as caught:
        connected(kubeconfig(tmp_path / "config", SERVER, user=user))
    assert f"the credential plugin '{command}' gave nothing" in caught.value.message
    assert words in caught.value.message
    assert capsys.readouterr().err == ""


def test_a_cloud_provider_that_is_gone_is_named(tmp_path):
    user = {"auth-provider": {"name": "azure", "config": {}}}
    with pytest.raises(UnauthorizedError, match="the credential plugin 'azure' gave nothing: it is not supported"):
        connected(kubeconfig(tmp_path / "config", SERVER, user=user))


def test_inline_data_that_is_no_base64_is_a_clear_message(tmp_path):
    path = kubeconfig(tmp_path / "config", SERVER, cluster={"certificate-authority-data": "%%%"})
    with pytest.raises(UsageError, match=r"context 'here' can't be used|certificates or proxy can't be used"):
        connected(path)


def test_a_certificate_file_that_is_missing_is_named(tmp_path):
    path = kubeconfig(tmp_path / "config", SERVER, cluster={"certificate-authority": "gone.pem"})
    with pytest.raises(UsageError, match=r"gone\.pem"):
        connected(path)


def test_a_token_in_clear_text_to_another_machine_is_loud(tmp_path):
    assert connected(kubeconfig(tmp_path / "a", "http://127.0.0.1:1")).warnings == ()
    (worry,) = connected(kubeconfig(tmp_path / "b", "http://api.example.com")).warnings
    assert "travels in clear text" in worry


def test_proxies_of_the_environment_count_and_no_proxy_too(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "inside.example")
    monkeypatch.delenv("no_proxy", raising=False)
    through = connected(kubeconfig(tmp_path / "a", "https://outside.example")).pool
    direct = connected(kubeconfig(tmp_path / "b", "https://api.inside.example")).pool
    assert getattr(through, "proxy", None) is not None
    assert getattr(direct, "proxy", None) is None


def test_no_secret_is_in_any_repr(tmp_path):
    made = connected(kubeconfig(tmp_path / "a", SERVER))
    assert "sesame" not in repr(made)


@pytest.fixture
def pod(tmp_path, monkeypatch):
    """The files that a pod's service account has, and its environment."""
    from kubernetes.config import incluster_config

    for name, text in (("token", "pod-token\n"), ("ca.crt", ""), ("namespace", "shop")):
        (tmp_path / name).write_text(text)
    import certifi

    (tmp_path / "ca.crt").write_text(Path(certifi.where()).read_text())  # any authority will do
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(connection, "_TOKEN_FILE", tmp_path / "token")
    monkeypatch.setattr(connection, "_NAMESPACE_FILE", tmp_path / "namespace")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    return tmp_path


def test_in_a_pod_the_service_account_is_used_and_its_token_read_again(pod):
    made = Connection(None)
    assert (made.label, made.namespace, made.host) == ("in-cluster", "shop", "https://10.0.0.1:443")
    assert made.headers()["Authorization"].lower() == "bearer pod-token"
    (pod / "token").write_text("rotated")
    os.utime(pod / "token", ns=(1, 1))
    assert made.headers()["Authorization"].lower() == "bearer rotated"


def test_in_a_pod_a_named_context_needs_a_kubeconfig(pod):
    with pytest.raises(UsageError, match="unknown context 'staging': there is no kubeconfig"):
        Connection("staging")
