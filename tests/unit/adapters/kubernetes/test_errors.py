"""Every status becomes the right error, in one line that tells why and no secret."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.adapters.kubernetes.errors import Answer, ExpiredError, NoAnswerError, clean, is_webhook_down, refusal
from agent.errors import (
    FieldConflictError,
    ForbiddenError,
    InvalidObjectError,
    NotFoundError,
    RemoteError,
    StaleWriteError,
    UnauthorizedError,
    UnreachableError,
)
from tests.fakes.api_transport import status

DOING = "deployment/web was not applied"


def test_401_says_what_to_renew():
    problem = refusal(status(401, "Unauthorized"), DOING)
    assert isinstance(problem, UnauthorizedError)
    assert problem.message == f"{DOING}: the cluster does not accept the credentials (Unauthorized)"
    assert "renew the kubeconfig" in problem.hint


def test_403_for_missing_rights_and_403_of_an_admission():
    rights = refusal(
        status(403, 'deployments.apps "web" is forbidden: User "ci" cannot patch resource "deployments" in API group'),
        DOING,
    )
    assert isinstance(rights, ForbiddenError)
    assert "Role" in rights.hint
    quota = refusal(status(403, 'pods "web" is forbidden: exceeded quota: small'), DOING)
    assert isinstance(quota, ForbiddenError)
    assert quota.hint == ""
    assert "exceeded quota: small" in quota.message


def test_404_tells_namespace_object_and_kind_apart():
    namespace = refusal(status(404, 'namespaces "shop" not found', name="shop", kind="namespaces"), DOING)
    thing = refusal(status(404, 'deployments.apps "web" not found', name="web", kind="deployments"), DOING)
    kind = refusal(Answer(404, {"content-type": "text/plain"}, b"404 page not found\n"), DOING)
    for problem in (namespace, thing, kind):
        assert isinstance(problem, NotFoundError)
    assert namespace.message == f"{DOING}: there is no namespace 'shop'"
    assert "kubectl create namespace shop" in namespace.hint
    assert thing.message == f'{DOING}: deployments.apps "web" not found'
    assert "does not serve this kind" in kind.message


def test_409_conflict_and_already_exists_are_stale_writes():
    for reason in ("Conflict", "AlreadyExists"):
        assert isinstance(refusal(status(409, "the object has been modified", reason), DOING), StaleWriteError)


def test_409_of_field_managers_names_the_pairs():
    causes = [
        {"message": 'conflict with "kubectl-edit" using apps/v1', "field": ".spec.replicas"},
        {"message": 'conflict with "hpa \\"x\\"" using autoscaling/v2 at 2026', "field": ".a"},
    ]
    causes = [{"reason": "FieldManagerConflict", **item} for item in causes]
    problem = refusal(status(409, "Apply failed with 2 conflicts", "Conflict", causes=causes), DOING)
    assert isinstance(problem, FieldConflictError)
    assert problem.conflicts[0] == ("kubectl-edit", ".spec.replicas")
    assert problem.conflicts[1][1] == ".a"
    assert ".spec.replicas by kubectl-edit" in problem.message


def test_410_is_expired():
    assert isinstance(refusal(status(410, "too old resource version: 5 (10)", "Expired"), DOING), ExpiredError)


def test_422_names_each_field():
    causes = [{"field": "spec.replicas", "message": "Invalid value: -1: must be at least 0"}]
    problem = refusal(status(422, "Deployment is invalid", "Invalid", causes=causes), DOING)
    assert isinstance(problem, InvalidObjectError)
    assert problem.message == f"{DOING}: spec.replicas: Invalid value: -1: must be at least 0"


def test_the_reason_at_the_end_of_a_long_cause_is_not_cut_off():
    value = '{"Spec":{' + ",".join(f'"field{number}":null' for number in range(400)) + "}}"
    causes = [{"field": "spec.template", "message": f"Invalid value: {value}: field is immutable"}]
    problem = refusal(status(422, "Job is invalid", "Invalid", causes=causes), DOING)
    assert problem.message.startswith(f'{DOING}: spec.template: Invalid value: {{"Spec"')
    assert problem.message.endswith(": field is immutable")


def test_a_policy_refuses_without_a_field():
    causes = [{"message": "ValidatingAdmissionPolicy 'x' denied request: no"}]
    problem = refusal(status(422, "deployments is forbidden", "Invalid", causes=causes), DOING)
    assert problem.message == f"{DOING}: ValidatingAdmissionPolicy 'x' denied request: no"


def test_400_without_causes_gives_the_message():
    problem = refusal(status(400, 'strict decoding error: unknown field "spec.replica"'), DOING)
    assert isinstance(problem, InvalidObjectError)
    assert 'unknown field "spec.replica"' in problem.message


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_no_answer(code):
    problem = refusal(status(code, "busy"), DOING)
    assert isinstance(problem, NoAnswerError)
    assert isinstance(problem, UnreachableError)
    assert problem.sent is (code != 429)


def test_retry_after_is_carried_along_and_bounded():
    for text, seconds in (("7", 7.0), ("9999", 60.0), ("soon", 0.0), ("-3", 0.0)):
        problem = refusal(Answer(429, {"retry-after": text}), DOING)
        assert isinstance(problem, NoAnswerError)
        assert problem.retry_after == seconds


def test_a_webhook_that_is_down_stored_nothing_p23():
    answer = status(500, 'Internal error occurred: failed calling webhook "policy.example": connection refused')
    problem = refusal(answer, DOING)
    assert is_webhook_down(answer)
    assert isinstance(problem, NoAnswerError)
    assert not problem.sent
    denied = status(400, 'admission webhook "policy.example" denied the request: failed calling webhook')
    assert not is_webhook_down(denied)


def test_a_redirect_is_a_login_page():
    problem = refusal(Answer(302, {"location": "https://login.example.com/?token=x"}), DOING)
    assert isinstance(problem, UnauthorizedError)
    assert "login page" in problem.hint
    assert "token=x" not in problem.message


def test_a_page_is_not_quoted():
    problem = refusal(Answer(502, {"content-type": "text/html"}, b"<html><h1>Bad Gateway</h1>"), DOING)
    assert problem.message == f"{DOING}: the server is not able to answer now (HTTP 502)"


def test_other_statuses_are_remote_errors():
    assert type(refusal(status(418, "teapot"), DOING)) is RemoteError


def test_texts_of_others_are_cut_cleaned_and_scrubbed():
    assert clean("a\x1b[31mred\r\nnext\u202e") == "a [31mred next"
    assert len(clean("x" * 1000)) == 256
    assert clean("Authorization: Bearer abcdefgh12345678") == "Authorization: Bearer ***"


PLAIN: st.SearchStrategy[object] = st.none() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})
CAUSE = st.fixed_dictionaries({}, optional=dict.fromkeys(["field", "message", "reason"], PLAIN))
DETAILS = st.fixed_dictionaries(
    {}, optional={"name": PLAIN, "kind": PLAIN, "causes": PLAIN | st.lists(CAUSE, max_size=2)}
)
STATUS = st.fixed_dictionaries({"kind": st.just("Status")}, optional={"message": PLAIN, "details": PLAIN | DETAILS})


@given(st.integers(300, 599), st.binary(max_size=40) | STATUS.map(lambda thing: json.dumps(thing).encode()))
def test_no_answer_is_so_strange_that_it_is_a_bug(code, body):
    problem = refusal(Answer(code, {}, body), DOING)
    assert isinstance(problem, RemoteError)
    assert problem.message.startswith(DOING)
    assert all(character.isprintable() for character in problem.message)
