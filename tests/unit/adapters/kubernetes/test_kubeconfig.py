"""Which kubeconfig counts: merged as kubectl merges, wrong ones refused with a place, unknown contexts too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.adapters.kubernetes.kubeconfig import choose, paths
from agent.errors import ExitStatus, UsageError
from tests.fakes.loopback import kubeconfig


def many(path: Path, names: dict[str, str], current: str = "") -> Path:
    """A kubeconfig with a context for each name, on a server for each value."""
    document = {
        "current-context": current,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in names],
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in names.items()],
        "users": [{"name": name, "user": {"token": f"token-{name}"}} for name in names],
    }
    path.write_text(json.dumps(document))
    return path


def test_kubeconfig_names_a_list_of_files():
    files, named = paths({"KUBECONFIG": "/a::/b:/a", "HOME": "/home/me"})
    assert files == (Path("/a"), Path("/b"))
    assert named


def test_without_kubeconfig_it_is_the_home_folders():
    assert paths({"HOME": "/home/me"}) == ((Path("/home/me/.kube/config"),), False)


def test_the_first_file_to_say_something_wins(tmp_path):
    one = many(tmp_path / "one", {"a": "https://one-a", "b": "https://one-b"}, current="b")
    two = many(tmp_path / "two", {"b": "https://two-b", "c": "https://two-c"}, current="c")
    chosen = choose([tmp_path / "missing", one, two], None)
    assert chosen is not None
    assert (chosen.context, chosen.document["clusters"][0]["cluster"]["server"]) == ("b", "https://one-b")
    other = choose([one, two], "c")
    assert other is not None
    assert other.document["clusters"][0]["cluster"]["server"] == "https://two-c"


def test_no_file_is_none(tmp_path):
    assert choose([tmp_path / "missing"], None) is None


def test_the_namespace_of_the_context(tmp_path):
    plain = choose([kubeconfig(tmp_path / "a", "https://x")], None)
    named = choose([kubeconfig(tmp_path / "b", "https://x", namespace="shop")], None)
    assert plain is not None
    assert named is not None
    assert (plain.namespace, named.namespace) == ("default", "shop")


def test_an_unknown_context_names_the_known_and_the_nearest(tmp_path):
    path = many(tmp_path / "config", {"staging": "https://s", "production": "https://p"}, "staging")
    with pytest.raises(UsageError) as caught:
        choose([path], "stagign")
    assert caught.value.status is ExitStatus.USAGE
    assert caught.value.message == f"unknown context 'stagign' in {path}"
    assert caught.value.hint == "did you mean 'staging'? known contexts: production, staging"


def test_no_current_context_is_a_usage_error(tmp_path):
    path = many(tmp_path / "config", {"staging": "https://s"})
    with pytest.raises(UsageError, match="no context was named") as caught:
        choose([path], None)
    assert caught.value.hint == "known contexts: staging"


def test_relative_paths_are_relative_to_their_file(tmp_path):
    user = {"client-certificate": "pki/me.pem", "client-key": "/keys/me.key", "exec": {"command": "./bin/login"}}
    path = kubeconfig(tmp_path / "config", "https://x", user=user, cluster={"certificate-authority": "ca.pem"})
    chosen = choose([path], None)
    assert chosen is not None
    assert chosen.user["client-certificate"] == str(tmp_path / "pki/me.pem")
    assert chosen.user["client-key"] == "/keys/me.key"
    assert chosen.user["exec"]["command"] == str(tmp_path / "bin/login")
    assert chosen.document["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.pem")


def test_a_token_file_goes_before_a_token_as_kubectl_has_it(tmp_path):
    (tmp_path / "token").write_text("from the file")
    path = kubeconfig(tmp_path / "config", "https://x", user={"token": "old", "tokenFile": "token"})
    chosen = choose([path], None)
    assert chosen is not None
    assert "token" not in chosen.user
    assert tmp_path / "token" in chosen.files


def test_no_secret_is_in_the_repr(tmp_path):
    assert "sesame" not in repr(choose([kubeconfig(tmp_path / "config", "https://x")], None))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: }", ":1:4 is no kubeconfig: it is not YAML"),
        ("- a", "a mapping was expected"),
        ("contexts: {}\nclusters: 3", "'clusters' must be a list"),
        ("contexts: [{context: {}}]", "an entry of 'contexts' has no name"),
        ("contexts: [7]", "an entry of 'contexts' has no name"),
        ("users: [{name: u, user: secret}]", "an entry of 'users' has no name or no content"),
        ("", "no context was named"),
        ("current-context: x\ncontexts: [{name: x, context: {cluster: y}}]", "names the cluster 'y', which no"),
        (
            "current-context: x\ncontexts: [{name: x, context: {cluster: y}}]\nclusters: [{name: y, cluster: {}}]",
            "the cluster 'y' of context 'x' has no server",
        ),
        (
            (
                "current-context: x\ncontexts: [{name: x, context: {cluster: y, user: z}}]\n"
                "clusters: [{name: y, cluster: {server: a}}]"
            ),
            "names the user 'z', which no kubeconfig describes",
        ),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path, text, words):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        choose([path], None)
    assert words in caught.value.message


def test_binary_and_huge_files_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\x80\x81\xff")
    with pytest.raises(UsageError, match="it is not text"):
        choose([tmp_path / "binary"], None)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    with pytest.raises(UsageError, match="larger than 4 MiB"):
        choose([tmp_path / "huge"], None)


def test_what_is_wrong_yaml_is_not_quoted_it_may_be_a_secret(tmp_path):
    path = tmp_path / "config"
    path.write_text("users:\n- name: a\n  user: {token: hunter2, ]\n")
    with pytest.raises(UsageError) as caught:
        choose([path], None)
    assert "hunter2" not in caught.value.message + caught.value.hint
