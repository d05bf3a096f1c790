"""YAML is read as editors read it, and every key and value has a place."""

from __future__ import annotations

import pytest

from agent.spec.composer import compose
from agent.spec.source import LARGEST, read


def data(text: str):
    document = read(text, "f.yaml")
    assert not document.problems, [problem.text() for problem in document.problems]
    return document.data


def messages(content: str | bytes) -> list[str]:
    return [problem.message for problem in read(content, "f.yaml").problems]


@pytest.mark.parametrize(
    "word", ["no", "yes", "on", "off", "y", "n", "2026-01-01", "12:30", "1.2.3", "v1.10", "=", "0x"]
)
def test_what_only_yaml_1_1_takes_for_something_else_stays_text(word):
    assert data(f"a: {word}") == {"a": word}


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-5", -5), ("0x1F", 31), ("0o17", 15), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("true", True)],
)
def test_numbers_and_booleans_of_yaml_1_2(text, value):
    assert data(f"a: {text}") == {"a": value}


@pytest.mark.parametrize("text", ["", "~", "null", "Null"])
def test_nothing(text):
    assert data(f"a: {text}") == {"a": None}


@pytest.mark.parametrize("text", ["010", "-007", "1_000", "0b11", "00"])
def test_a_number_that_readers_disagree_on_is_a_problem(text):
    assert "YAML 1.1" in messages(f"a: {text}")[0]


def test_quoted_text_is_text():
    assert data("a: '010'\nb: \"true\"\nc: !!str 5") == {"a": "010", "b": "true", "c": "5"}


def test_a_byte_order_mark_and_windows_line_ends_are_fine():
    assert read("\ufeffa: 1\r\nb: 2\r\n".encode(), "f.yaml").data == {"a": 1, "b": 2}
    assert read("\ufeffa: 1\r\nb: 2\r\n".encode(), "f.yaml").place(("b",), key=True).line == 2


def test_places_of_keys_and_values():
    document = read("a: 1\nb:\n  - c: [x, yy]\n", "f.yaml")
    assert document.place(("a",), key=True).column == 1
    assert document.place(("a",)).column == 4
    place = document.place(("b", 0, "c", 1))
    assert (place.line, place.column, place.length) == (3, 12, 2)


def test_a_path_that_is_not_there_gets_its_nearest_parents_key():
    document = read("a:\n  b: {c: 1}\n", "f.yaml")
    place = document.place(("a", "b", "missing", 3))
    assert (place.line, place.column, place.length) == (2, 3, 1)


def test_merge_keys_fill_in_and_never_override():
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 0\n"
    assert data(text)["z"] == {"a": 0, "b": 2, "c": 4}


def test_the_place_of_a_merged_value_is_where_it_is_written():
    document = read("x: &x\n  a: 1\nz:\n  <<: *x\n  b: 2\n", "f.yaml")
    assert document.place(("z", "a")).line == 2
    assert document.place(("z", "b")).line == 5


def test_every_duplicate_key_is_found_at_once():
    assert len(messages("a: 1\na: 2\nb: {c: 1, c: 2}\nb: 3\n")) == 3


def test_a_file_that_is_too_large_is_not_parsed():
    assert "is larger than" in messages("a: " + "x" * LARGEST)[0]


@pytest.mark.parametrize("depth", [61, 5_000, 200_000])
@pytest.mark.parametrize("text", ["[", "{a: ", "- ", "? "])
def test_depth_is_refused_and_never_ends_the_process(text, depth):
    assert messages(text * depth)


@pytest.mark.parametrize("depth", [5, 55])
def test_harmless_depth_is_fine(depth):
    assert data("a: " + "[" * depth + "]" * depth)


def test_an_alias_bomb_is_refused_quickly():
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))
    assert "unfolds to more than" in messages(text)[0]


@pytest.mark.parametrize("content", [b"a\0b", b"\xff", b"\x80abc", bytes(range(256)), b"\xed\xa0\x80"])
def test_what_is_not_text_is_refused(content):
    assert messages(content)


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ufeff", "\ufffe"])
def test_characters_that_mislead_are_refused_with_their_place(char):
    (problem,) = read(f"a: 1\nb: x{char}y\n", "f.yaml").problems
    assert (problem.line, problem.column) == (2, 5)


def test_text_in_any_script_is_fine():
    assert data("a: Grüße, 你好, שלום, 🚀\n") == {"a": "Grüße, 你好, שלום, 🚀"}


def test_without_libyaml_the_nodes_are_the_same():
    text = "a: 1\nb: [x, 'y', {c: |\n  }]\n".replace("|\n  ", "z")
    fast, pure = compose(text), compose(text, pure=True)

    def plain(node):
        value = node.value
        if isinstance(value, list):
            value = [tuple(map(plain, item)) if isinstance(item, tuple) else plain(item) for item in value]
        return type(node).__name__, node.start_mark.line, node.start_mark.column, value

    assert plain(fast) == plain(pure)
