"""Eleven services as their authors publish them: v1 good, v2 undone by its smoke test, a missing tag found out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT.parent / "shared" / "data" / "online-boutique"
SPECS = ROOT / "tests" / "data" / "online-boutique"
SERVICES = sorted(path.name.removesuffix(".service.yaml") for path in SPECS.glob("*.service.yaml"))

pytestmark = [
    pytest.mark.skipif(
        not MANIFESTS.is_dir(), reason="the authors' manifests are not here (../shared/data/online-boutique)"
    ),
    pytest.mark.timeout(900),
]


@pytest.fixture
def shop(tmp_path) -> Path:
    """The authors' manifests as they are, with our specs beside them."""
    folder = tmp_path / "boutique"
    shutil.copytree(SPECS, folder)
    for manifest in MANIFESTS.glob("*.yaml"):
        shutil.copy(manifest, folder)
    return folder


def test_there_are_eleven_of_them():
    assert len(SERVICES) == 11


def test_every_service_has_a_clean_spec_and_a_job(shop, headway, tmp_path):
    checked = headway("check", shop)
    assert checked.status == 0, checked.err + checked.out
    rendered = headway("render", shop, "--job", "--out", tmp_path / "jobs")
    assert rendered.status == 0, rendered.err
    assert sorted(path.parent.name for path in (tmp_path / "jobs").rglob("config.xml")) == SERVICES


def good_then_undone_then_found_out(world, spec: Path, service: str) -> None:
    """The promise, in the words of the issue."""
    first = world.headway("deploy", spec, "--env", "test", "--image", f"{service}:v1")
    if service == "loadgenerator":
        honest_failure(first)
        return
    assert first.status == 0, first
    assert first.report["verdict"] == "complete", first

    second = world.headway("deploy", spec, "--env", "test", "--image", f"{service}:v2")
    assert second.status == 1, second
    assert second.report["undo"] == "verified", second
    assert [found["code"] for found in second.report["diagnosis"]][:1] == ["smoke-failed"], second

    third = world.headway("deploy", spec, "--env", "test", "--image", f"{service}:nope")
    assert third.status == 1, third
    assert third.report["verdict"] == "failed", third
    assert third.report["undo"] == "verified", third
    assert third.report["diagnosis"][0]["code"] == "image-pull-failed", third
    assert "nope" in third.report["diagnosis"][0]["message"], third


def honest_failure(first) -> None:
    """Its init image can't be had: there is no way to a good release, and the report says so."""
    assert first.status == 5, first
    assert first.report["verdict"] == "failed", first
    assert first.report["undo"] == "no-target", first
    assert first.report["diagnosis"][0]["code"] == "image-pull-failed", first
    assert first.report["diagnosis"][0]["container"] == "frontend-check", first


SAMPLE = {"cartservice", "frontend", "loadgenerator", "paymentservice"}
"""One of each sort (a database, HTTP, an image that is not there, gRPC); all of them with --soak."""


@pytest.mark.parametrize(
    "service", [pytest.param(one, marks=() if one in SAMPLE else pytest.mark.soak) for one in SERVICES]
)
def test_on_the_sandbox(sandbox_world, shop, service):
    good_then_undone_then_found_out(sandbox_world, shop / f"{service}.service.yaml", service)


@pytest.mark.live
@pytest.mark.parametrize("service", SERVICES)
def test_on_the_cluster(live_world, shop, service):
    good_then_undone_then_found_out(live_world, shop / f"{service}.service.yaml", service)
