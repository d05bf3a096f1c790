"""Image references: read, compared, replaced."""

from __future__ import annotations

import pytest

from agent.errors import UsageError
from agent.release import images

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("web", "docker.io/library/web", "", ""),
        ("shop/web:v1", "docker.io/shop/web", "v1", ""),
        ("docker.io/web:v1", "docker.io/library/web", "v1", ""),
        ("index.docker.io/library/web", "docker.io/library/web", "", ""),
        ("localhost/web:v1", "localhost/web", "v1", ""),
        ("localhost:5000/app:v1", "localhost:5000/app", "v1", ""),
        ("registry.example.com/shop/web:1.2.3", "registry.example.com/shop/web", "1.2.3", ""),
        (f"registry.example.com:443/web@{DIGEST}", "registry.example.com:443/web", "", DIGEST),
        (f"web:v1@{DIGEST}", "docker.io/library/web", "v1", DIGEST),
        ("[::1]:5000/web:v1", "[::1]:5000/web", "v1", ""),
    ],
)
def test_parse(text, repository, tag, digest):
    image = images.parse(text)
    assert (image.repository, image.tag, image.digest) == (repository, tag, digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Web:v1",
        "web:",
        "web:v1:v2",
        "web@sha256:12",
        "we b",
        "web:v1;rm",
        "a//b",
        "-web",
        "web:" + "x" * 129,
        "web\n",
    ],
)
def test_no_reference(text):
    with pytest.raises(UsageError, match="not an image reference"):
        images.parse(text)


@pytest.mark.parametrize(
    ("reference", "given", "version"),
    [("web:v1", "", "v1"), (f"web@{DIGEST}", "", "0123456789ab"), (f"web:v1@{DIGEST}", "", "v1"), ("web:v1", "7", "7"),
     ("web", "", "latest")],
)  # fmt: skip
def test_version(reference, given, version):
    assert images.version(reference, given) == version


def workload(kind="Deployment", *names):
    spec = {"template": {"spec": {"containers": [{"name": f"c{n}", "image": image} for n, image in enumerate(names)],
                                  "initContainers": [{"name": "i", "image": "web:old"}]}}}  # fmt: skip
    return {
        "kind": kind,
        "metadata": {"name": "w"},
        "spec": {"jobTemplate": {"spec": spec}} if kind == "CronJob" else spec,
    }


def test_replaced_wherever_the_repository_stands():
    things = (workload("Deployment", "web", "proxy:v1"), workload("CronJob", f"docker.io/library/web@{DIGEST}"))
    replaced, places = images.replace(things, "web", "web:new")
    assert places == 4
    spec = replaced[0]["spec"]["template"]["spec"]
    assert [box["image"] for box in spec["containers"]] == ["web:new", "proxy:v1"]
    assert spec["initContainers"][0]["image"] == "web:new"
    assert things[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "web"


def test_choose_container():
    assert images.choose_container(workload("Deployment", "web"), "") == "c0"
    assert images.choose_container(workload("Deployment", "proxy:v1", "web:v1"), "", "web") == "c1"
    assert images.choose_container(workload("Deployment", "proxy:v1", "web:v1"), "c0") == "c0"
    with pytest.raises(UsageError, match="2 containers"):
        images.choose_container(workload("Deployment", "proxy:v1", "other:v1"), "")
    with pytest.raises(UsageError, match="no container 'x'"):
        images.choose_container(workload("Deployment", "web"), "x")
