"""A plan is read by many: no secret that somebody typed into a job is shown by it."""

import pytest

from agent.jobs.difference import Difference

HIDDEN = [
    ("authToken", "11aa22bb", None),
    ("properties/x.y.Hook/secretToken", "old-one", "new-one"),
    (
        "definition/scm/userRemoteConfigs/url",
        "https://bob:hunter2@git.example.com/x.git",
        "https://git.example.com/x.git",
    ),
]


@pytest.mark.parametrize(("path", "before", "after"), HIDDEN)
def test_a_secret_is_named_and_not_shown(path, before, after):
    said = Difference(path, before, after).sentence()
    assert "(a secret)" in said
    for word in ("11aa22bb", "old-one", "new-one", "hunter2", "bob"):
        assert word not in said


def test_other_values_are_shown():
    assert (
        Difference("triggers/hudson.triggers.SCMTrigger/spec", "H/5 * * * *", "H/10 * * * *")
        .sentence()
        .endswith("H/5 * * * * -> H/10 * * * *")
    )
    assert "git-shop" in Difference("definition/scm/credentialsId", "git-shop", "git-read").sentence()
