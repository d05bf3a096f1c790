"""A workload named without a spec, as kubectl would name it."""

from __future__ import annotations

import pytest

from agent.cli.naming import Named, choose_any
from agent.errors import UsageError


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("deployment/web", "Deployment"),
        ("Deployment/web", "Deployment"),
        ("deploy/web", "Deployment"),
        ("deployment.apps/web", "Deployment"),
        ("sts/web", "StatefulSet"),
        ("statefulset.apps/web", "StatefulSet"),
        ("daemonsets/web", "DaemonSet"),
    ],
)
def test_a_workload_is_named_as_kubectl_names_it(written, kind):
    assert choose_any(written, "", "shop") == Named(kind, "web", "shop")


@pytest.mark.parametrize("written", ["pod/web", "deployment.batch/web", "deployment/web/more", "web"])
def test_what_is_no_workload_is_a_spec_and_a_spec_has_its_own_namespace(written):
    with pytest.raises(UsageError, match="--namespace belongs to KIND/NAME"):
        choose_any(written, "", "shop")
