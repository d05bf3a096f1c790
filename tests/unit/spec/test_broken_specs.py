"""The catalogue of broken specs: each with place, line, caret, reason and way out; the JSON Schema agrees."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text
from agent.spec.schema import schema
from agent.spec.source import read

CATALOGUE = Path(__file__).resolve().parents[2] / "golden" / "broken"
CASES = sorted(CATALOGUE.glob("*.yaml"))

FROM_ABOVE = "a headway.yaml above may say what is missing here"
COMPARES = "a schema can't compare two values"
ITEMS = "a schema can't compare the items of a list by one of their fields"

# What a JSON Schema has no words for, and why.
UNSAYABLE = {
    "autoscale-min-over-max": COMPARES,
    "autoscale-without-request": FROM_ABOVE,
    "build-command-missing": FROM_ABOVE,
    "cron-backwards": COMPARES,
    "duration-too-long": COMPARES,
    "environments-twice": ITEMS,
    "missing-image": FROM_ABOVE,
    "missing-repository": FROM_ABOVE,
    "multibranch-without-source": FROM_ABOVE,
    "names-twice": ITEMS,
    "nothing-to-deploy": FROM_ABOVE,
    "probes-without-port": FROM_ABOVE,
    "quantity-request-over-limit": COMPARES,
    "service-digit-first-with-port": COMPARES,
    "smoke-asks-nothing": FROM_ABOVE,
    "soak-longer-than-the-stage": COMPARES,
    "smoke-url-without-url": FROM_ABOVE,
    "smoke-without-port": FROM_ABOVE,
    "test-in-image-not-built": FROM_ABOVE,
    "two-environments-one-target": ITEMS,
}


def shown(case: Path) -> str:
    problems = parse_text(case.read_bytes(), case.name)
    assert not isinstance(problems, ServiceSpec), f"{case.name} is taken for a good spec"
    return "".join(problem.text() + "\n" for problem in problems)


def test_there_are_enough_of_them():
    assert len(CASES) >= 80


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_broken_spec_says_where_what_and_what_to_do(case, golden):
    golden(case.with_suffix(".txt"), shown(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_no_problem_speaks_pydantics_language(case):
    text = shown(case).lower()
    for word in ("input should", "pydantic", "validation error", "value error", "extra inputs", "field required"):
        assert word not in text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_caret_stands_under_something(case):
    problems = parse_text(case.read_bytes(), case.name)
    assert not isinstance(problems, ServiceSpec)
    for problem in problems:
        if problem.line:
            lines = problem.text().splitlines()
            assert lines[2].lstrip(" |").rstrip().strip("^") == ""
            assert len(lines[2].rstrip()) <= len(lines[1]) + 8


VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_json_schema_agrees(case):
    document = read(case.read_bytes(), case.name)
    if document.problems:
        return  # not YAML at all: no schema is asked
    refused = not VALIDATOR.is_valid(document.data)
    assert refused == (case.stem not in UNSAYABLE), "update UNSAYABLE, with its reason"


def test_a_secret_is_shown_by_no_problem_of_its_line():
    text = "service: web\nimage: {repository: a/b}\nrun: {port: 1, port: 2, por: 3, env: {A_TOKEN: hunter2, B-: 1.0}}\n"
    problems = parse_text(text)
    assert not isinstance(problems, ServiceSpec)
    assert len(problems) >= 4
    assert "hunter2" not in "".join(problem.text() for problem in problems)


def test_thousands_of_problems_are_cut_short():
    text = (
        "service: web\nimage: {repository: a/b}\nrun: {env: {"
        + ",".join(f"T{n}_TOKEN: abc" for n in range(5000))
        + "}}"
    )
    problems = parse_text(text)
    assert not isinstance(problems, ServiceSpec)
    assert len(problems) == 201
    assert "5000 problems; these are 200 of them" in problems[0].message
