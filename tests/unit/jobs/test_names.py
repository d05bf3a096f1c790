from __future__ import annotations

import pytest

from agent.jobs import names


@pytest.mark.parametrize("name", ["web", "a b", "é", "日本", "x.y", "a-b_c", "a'b", "x" * 255, "..x"])
def test_core_takes_these(name):
    assert names.complaint(name) == ""


@pytest.mark.parametrize("char", "?*/\\%!@#$^&|<>[]:;\t\x00\x7f\x85")
def test_core_refuses_each_unsafe_character(char):
    assert names.complaint(f"a{char}b")


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a.", " a", "a ", "x" * 256, "é" * 128])
def test_core_or_its_file_system_refuses_these(name):
    assert names.complaint(name)


@pytest.mark.parametrize("name", ["team/../x", "/x", "x/", "a//b", "a/./b"])
def test_a_path_that_would_mean_another_item_is_refused(name):
    assert names.full_name_complaint(name)


def test_full_names_are_taken_apart():
    assert names.ancestors("a/b/c") == ("a", "a/b")
    assert names.ancestors("c") == ()
    assert (names.parent("a/b"), names.last("a/b")) == ("a", "b")
    assert (names.parent("b"), names.last("b")) == ("", "b")


def test_below_is_about_whole_names():
    assert names.is_below("a/b", "a")
    assert names.is_below("a", "a")
    assert names.is_below("a", "")
    assert not names.is_below("ab/c", "a")
