"""Two services share a ConfigMap: what the other one has is never deleted with a release of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.errors import ForbiddenError
from agent.objects import Ref
from agent.operations.deploying import deploy
from agent.operations.going_back import UndoMission, undo
from agent.operations.mission import UndoRules
from agent.release import storage
from agent.release.content import from_manifests
from agent.release.manifests import ManifestFile
from tests.unit.operations.conftest import MANIFEST, REPOSITORY, WORKLOAD

EXTRA = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n"
SHARED = Ref("v1", "ConfigMap", "shop", "extra")
API = replace(WORKLOAD, name="api")


def deploy_the_other(shop, more=EXTRA):
    text = MANIFEST.partition("---")[0].replace("name: web", "name: api").replace("app: web", "app: api") + more
    content = from_manifests(
        [ManifestFile("api.yaml", text)], namespace="shop", workload="api", container="server",
        repository=REPOSITORY, image=f"{REPOSITORY}:v1",
    )  # fmt: skip
    place = replace(shop.place, service="api", workload=API)
    report = deploy(shop.tools, replace(shop.mission("v1"), place=place, content=content, checks=()))
    assert report.verdict == "complete"


def go_back(shop):
    return undo(shop.tools, UndoMission(shop.place, shop.checks, shop.policy, shop.rules))


@pytest.fixture
def ahead(shop):
    """The second release of web has created the ConfigMap."""
    shop.deploy("v1")
    shop.manifest += EXTRA
    shop.deploy("v3")
    return shop


def test_an_undo_leaves_what_another_service_has(ahead):
    deploy_the_other(ahead)
    report = go_back(ahead)
    assert report.undo == "verified"
    assert "configmap/extra is kept: deployment/api has it, too" in report.remarks
    assert SHARED in ahead.cluster.objects


def test_what_a_gitops_tool_keeps_by_now_is_left_to_it(ahead):
    ahead.cluster.objects[SHARED]["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "shop:extra"}
    report = go_back(ahead)
    assert report.undo == "verified"
    assert "configmap/extra is kept: Argo CD has it now" in report.remarks
    assert SHARED in ahead.cluster.objects


def test_what_nobody_else_has_goes_with_its_release(ahead):
    deploy_the_other(ahead, more="")
    assert go_back(ahead).undo == "verified"
    assert SHARED not in ahead.cluster.objects


def test_prune_leaves_it_too(ahead):
    deploy_the_other(ahead)
    ahead.manifest = MANIFEST
    report = ahead.deploy("v4", prune="delete")
    assert report.verdict == "complete"
    assert SHARED in ahead.cluster.objects


def test_a_first_release_that_is_deleted_leaves_it_too(shop):
    shop.rules = UndoRules(first="delete")
    shop.manifest += EXTRA

    def meanwhile(verb, target):
        if target == WORKLOAD:
            shop.cluster.after_write = None
            deploy_the_other(shop)

    shop.cluster.after_write = meanwhile
    assert shop.deploy("crash").undo == "no-target"
    assert SHARED in shop.cluster.objects
    assert WORKLOAD not in shop.cluster.objects


@pytest.mark.parametrize("trouble", ["forbidden", "damaged"])
def test_where_nothing_can_be_known_of_others_ours_goes_as_ever(ahead, trouble):
    deploy_the_other(ahead)
    if trouble == "damaged":
        ahead.cluster.objects[storage.place(API)]["binaryData"]["ledger"] = "AAAA"
    else:
        listed = ahead.cluster.list

        def guarded(api_version, kind, *arguments, **named):
            if kind == "ConfigMap":
                raise ForbiddenError("no")
            return listed(api_version, kind, *arguments, **named)

        ahead.cluster.list = guarded
    assert go_back(ahead).undo == "verified"
    assert SHARED not in ahead.cluster.objects


def test_what_another_service_has_is_known_by_every_version_of_its_api(ahead):
    """Ours speaks another version of it than theirs: a Role here, so that nothing depends on its content."""
    ours, theirs = (
        f"---\napiVersion: rbac.authorization.k8s.io/{version}\nkind: Role\nmetadata: {{name: extra}}\nrules: []\n"
        for version in ("v1beta1", "v1")
    )
    ahead.manifest += ours
    ahead.deploy("v4")
    deploy_the_other(ahead, more=theirs)
    report = go_back(ahead)
    assert report.undo == "verified"
    assert "role/extra is kept: deployment/api has it, too" in report.remarks
    assert Ref("rbac.authorization.k8s.io/v1beta1", "Role", "shop", "extra") in ahead.cluster.objects
