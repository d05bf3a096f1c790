"""Files that are no spec: whatever stands in them, every command says what is wrong and sends nothing."""

from __future__ import annotations

import pytest

from tests.sessions.stage import IMAGE, SPEC, one_message

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{letter}: &{letter} [{','.join(['*' + before] * 9)}]\n"
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True)
)
SPECS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blank": (b" \n\n", "empty"),
    "comment": (b"# nothing\n", "empty"),
    "text": (b"hello\n", "expected a mapping"),
    "list": (b"- a\n", "expected a mapping"),
    "tab": (b"service: web\n\timage: x\n", "not YAML"),
    "binary": (bytes(range(256)), "not UTF-8"),
    "gzip": (b"\x1f\x8b\x08\0xxxx", "not UTF-8"),
    "utf-16": ("service: web\n".encode("utf-16"), "not UTF-8"),
    "latin-1": ("service: wéb\n".encode("latin-1"), "not UTF-8"),
    "cycle": (b"service: &a {x: *a}\n", "never ends"),
    "bomb": (BOMB.encode(), "unfolds"),
    "deep": (b"a: " + b"[" * 5000 + b"]" * 5000, "nested deeper"),
    "huge": (b"# " + b"x" * (9 * 1024 * 1024), "larger than"),
    "many": (b"test: [" + b"1," * 30_000 + b"1]", "more than 20,000 values"),
    "python": (b"service: !!python/object/apply:os.system ['touch pwned']\n", "has no meaning"),
    "twice": (b"service: a\nservice: b\n", "stands here twice"),
    "two documents": (b"service: a\n---\nservice: b\n", "another document"),
    "no anchor": (b"a: *nope\n", "anchor"),
    "escape": (b'service: "we\\x1b[2Jb"\n', "control character"),
    "raw escape": (b"service: we\x1b[2Jb\n", "not allowed in YAML"),
    "bidi": ("service: \u202eweb\n".encode(), "invisible character"),
    "surrogate": (b'service: "\\ud800"\n', "not YAML"),
    "digits": (b"version: " + b"9" * 5000 + b"\nservice: web\n", "a number of 5000 digits"),
    "not a number": (b"version: .nan\nservice: web\n", "not a finite number"),
    "list as key": (b"? [a, b]\n: c\n", "expected a name"),
    "long name": (b"service: " + b"a" * 300 + b"\n", "63 at most"),
    "version 99": (SPEC.replace("service: web", "version: 99\nservice: web").encode(), "expected 1, found 99"),
    "misspelt": (SPEC.replace("timeout:", "timeuot:").encode(), "did you mean 'timeout'?"),
    "climbs": (SPEC.replace("web.yaml", "../../../etc/passwd").encode(), "leads out of the repository"),
    "absolute": (SPEC.replace("web.yaml", "/dev/zero").encode(), "absolute path"),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_file_that_is_no_spec_is_exit_2_everywhere(shop, jenkins, headway, name):
    content, said = SPECS[name]
    (shop.folder / "service.yaml").write_bytes(content)
    checked = headway("check", ".")
    assert checked.status == 2
    assert said in checked.out
    assert "nothing was sent anywhere" in checked.out
    assert "\x1b" not in checked.out
    assert len(checked.out) < 20_000
    for words in (
        ("render", "."),
        ("jobs", "plan", "."),
        ("jobs", "apply", "."),
        shop.deploy("v1"),
        ("undo", ".", "--env", "staging"),
        ("status", ".", "--env", "staging"),
        ("history", ".", "--env", "staging"),
        ("smoke", ".", "--env", "staging"),
    ):
        done = headway(*words)
        assert done.status == 2, (words, done.err)
        assert said in one_message(done.err)
    assert shop.cluster.requests == []
    assert jenkins.requests == []
    assert not (shop.folder / "pwned").exists()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nothing-here", "no such file"),
        ("no*match", "no file matches"),
        ("", "no such file"),
        ("empty", "no service.yaml"),
        ("fifo", "not a file"),
        ("/dev/zero", "not a file"),
        ("loop", "no such file"),
        ("x" * 5000, "no such file"),
    ],
)
def test_a_spec_that_cannot_be_read_is_exit_2(shop, headway, spec, said):
    import os

    (shop.folder / "empty").mkdir()
    os.mkfifo(shop.folder / "fifo")
    (shop.folder / "loop").symlink_to("loop")
    for words in (("check", spec), ("deploy", spec, "--env", "staging", "--image", f"{IMAGE}:v1")):
        done = headway(*words)
        assert done.status == 2
        assert said in done.out + done.err
        assert "bug in Headway" not in done.err
    assert shop.cluster.requests == []


def test_two_specs_for_one_workload_are_a_problem(shop, jenkins, headway):
    (shop.folder / "other.service.yaml").write_text(
        SPEC.replace("service: web", "service: other").replace("timeout: 2s", "timeout: 2s, deployment: web")
    )
    for words in (("check", "."), ("jobs", "apply", "."), shop.deploy("v1")):
        done = headway(*words)
        assert done.status == 2
        assert "the workload 'web' of environment 'staging' is also that of" in done.out + done.err
    assert shop.cluster.requests == []
    assert jenkins.requests == []


MANIFESTS = {
    "a Namespace": ("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}", "belongs to no namespace"),
    "a ClusterRole": (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: web}",
        "belongs to no namespace",
    ),
    "another namespace": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: kube-system}",
        "is for namespace 'kube-system'",
    ),
    "no name": ("apiVersion: v1\nkind: ConfigMap\ndata: {a: b}", "has no metadata.name"),
    "a path for a name": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ../../secrets/x}", "is no name"),
    "an escape in a name": ('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "a\\x1b[2J"}', "is no name"),
    "a generated name": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}", "generateName"),
    "an object twice": ("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}", "already"),
    "a chart's template": ("{{- if .Values.x }}\napiVersion: v1\n{{- end }}", "not YAML"),
    "text": ("hello", "object was expected"),
    "numbers": ("kind: 3\napiVersion: 4\nmetadata: {name: 5}", "needs apiVersion and kind"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_is_none_of_ours_to_apply_is_exit_2(shop, headway, name):
    text, said = MANIFESTS[name]
    shop.manifest(more=f"---\n{text}\n")
    done = headway(*shop.deploy("v1"))
    assert done.status == 2, done.out + done.err
    message = one_message(done.err)
    assert "nothing was sent anywhere" in message
    assert "web.yaml:26" in message
    assert said in message
    assert shop.writes == []


def test_an_image_repository_that_stands_nowhere_is_exit_2(shop, headway):
    shop.manifest(("image: registry.example.com/shop/web", "image: registry.example.com/shop/other"))
    done = headway(*shop.deploy("v1"))
    assert done.status == 2
    assert "stands nowhere in the manifests" in one_message(done.err)
    assert shop.writes == []


@pytest.mark.parametrize(
    "image",
    [
        "Foo",
        "v1",
        f"{IMAGE}:",
        f"{IMAGE}@sha256:123",
        "a b",
        "http://x/y:v1",
        "\x1b[2J:v1",
        "x" * 3000 + ":",
        "-x",
        IMAGE.upper() + ":v1",
    ],
)
def test_a_reference_that_is_none_is_exit_2(shop, headway, image):
    done = headway("deploy", ".", "--env", "staging", "--image", image)
    assert done.status == 2, done.out
    assert "nothing was changed" in one_message(done.err)
    assert len(done.err) < 2000
    assert shop.writes == []
