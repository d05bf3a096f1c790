"""A problem as people read it: place, line, caret, hint; nothing in it moves a terminal's cursor."""

from __future__ import annotations

import json

import pytest

from agent.spec.problem import Problem, ordered
from agent.spec.sarif import sarif


def test_it_looks_like_a_compilers():
    problem = Problem("a/service.yaml", 9, 3, "unknown field 'timeuot'", "did you mean 'timeout'?", "  timeuot: 10m", 7)
    assert problem.text() == (
        "a/service.yaml:9:3: unknown field 'timeuot'\n"
        "   9 |   timeuot: 10m\n"
        "     |   ^^^^^^^\n"
        "  hint: did you mean 'timeout'?"
    )


def test_a_problem_of_a_whole_file_shows_no_line():
    assert Problem("a", 0, 0, "the file is empty").text() == "a: the file is empty"


def test_carets_stand_under_wide_letters_and_tabs():
    wide = Problem("a", 1, 4, "m", "", "a: 日本 x", 2).text().splitlines()
    assert wide[2] == "     |    ^^^^"
    tabbed = Problem("a", 1, 3, "m", "", "\t\tx", 1).text().splitlines()
    assert tabbed[2] == "     | \t\t^"


@pytest.mark.parametrize("column", [1, 60, 299, 300])
def test_a_long_line_is_cut_around_the_caret(column):
    source = "".join(chr(ord("a") + n % 26) for n in range(300))
    lines = Problem("a", 1, column, "m", "", source, 1).text().splitlines()
    assert len(lines[1]) < 125
    assert lines[1][lines[2].index("^")] == source[column - 1]


@pytest.mark.parametrize("char", ["\x1b[31m", "\u202e", "\x07", "\r"])
def test_no_part_of_it_reaches_a_terminal_raw(char):
    text = Problem(f"f{char}", 1, 1, f"m{char}", f"h{char}", f"s{char}", 1).text()
    assert char not in text


def test_order_is_by_place_and_each_stands_once():
    one, two, three = Problem("a", 2, 1, "x"), Problem("a", 10, 1, "y"), Problem("b", 1, 1, "z")
    assert ordered([three, two, one, two]) == (one, two, three)


def test_sarif_has_what_code_scanning_asks_for():
    made = sarif([Problem("my specs/a.yaml", 2, 3, "m", "h", "  abc: 1", 3), Problem("b", 0, 0, "empty")])
    assert made["version"] == "2.1.0"
    results = made["runs"][0]["results"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20specs/a.yaml"
    assert place["region"] == {"startLine": 2, "startColumn": 3, "endColumn": 6}
    assert "region" not in results[1]["locations"][0]["physicalLocation"]
    assert {result["ruleId"] for result in results} == {
        rule["id"] for rule in made["runs"][0]["tool"]["driver"]["rules"]
    }
    json.dumps(made)
