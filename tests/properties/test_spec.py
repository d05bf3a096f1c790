"""Whatever a file holds, it is a spec or problems with places; merging keeps its laws."""

from __future__ import annotations

import os
import string

import jsonschema
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.spec.fields import fields
from agent.spec.merge import merge
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text
from agent.spec.schema import schema
from agent.spec.source import read

KEYS = sorted({name for names in fields().values() for name in names})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["10m", "/healthz", "web", "a/b", "staging", "docker", "{{ service }}", "k8s/*.yaml", "H * * * *"]),
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(KEYS), st.text(string.ascii_lowercase, max_size=6)), inner, max_size=5
        ),
    ),
    max_leaves=25,
)
SPECS = st.dictionaries(st.sampled_from(KEYS), DATA, max_size=8).map(
    lambda data: {"service": "web", "image": {"repository": "a/b"}} | data
)
EXAMPLES = 5_000 if os.environ.get("HEADWAY_SOAK") else 60
VALIDATOR = jsonschema.Draft202012Validator(schema())


def judged(content):
    result = parse_text(content, "f.yaml")
    if isinstance(result, ServiceSpec):
        return result
    assert result
    lines = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
    for problem in result:
        assert problem.message
        assert problem.text()
        assert 0 <= problem.line <= len(lines.splitlines()) + 1
    return result


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_judged(content):
    judged(content)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(alphabet="abc:-[]{}&*!|>'\"%@`#?, \n\t01._~<=", max_size=120))
def test_any_punctuation_is_judged(content):
    judged(content)


@settings(max_examples=EXAMPLES, deadline=None)
@given(SPECS)
def test_any_data_is_judged_and_the_schema_refuses_no_good_spec(data):
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    result = judged(text)
    if isinstance(result, ServiceSpec):
        assert VALIDATOR.is_valid(read(text, "f.yaml").data)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), DATA, max_size=4))
def test_every_value_of_a_file_has_its_place(data):
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=False)
    document = read(text, "f.yaml")
    if document.problems:
        return
    lines = text.splitlines()
    for key in document.data:
        place = document.place((key,), key=True)
        assert lines[place.line - 1][place.column - 1 :].lstrip("'\"").startswith(key)


@settings(max_examples=EXAMPLES, deadline=None)
@given(DATA, DATA)
def test_merging_twice_changes_nothing_more(lower, upper):
    once = merge(lower, upper)
    assert merge(once, upper) == once


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), DATA), st.dictionaries(st.sampled_from("abc"), DATA))
def test_merging_loses_no_key_and_changes_neither(lower, upper):
    before = repr((lower, upper))
    assert set(merge(lower, upper)) == set(lower) | set(upper)
    assert repr((lower, upper)) == before
