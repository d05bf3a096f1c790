from __future__ import annotations

from agent.jobs.marker import Marker, attach, detach, parse

FULL = Marker("shop/specs", "shop/web", "services/web.yaml", "money", "ab", "cd", "enabled")


def test_what_is_attached_is_read_back():
    assert parse(attach("Takes orders.\nDaily.", FULL)) == FULL
    assert parse(FULL.text()) == FULL


def test_the_words_of_people_stay_as_they_were():
    assert detach(attach("Takes orders.\n", FULL)) == "Takes orders.\n"
    assert detach(attach("", FULL)) == ""


def test_a_second_marker_takes_the_place_of_the_first():
    again = attach(attach("x", FULL), Marker("o", "j"))
    assert again.count("<!-- headway") == 1
    assert parse(again) == Marker("o", "j")


def test_no_value_can_end_the_comment_or_add_a_pair():
    evil = Marker("a --> <script>alert(1)</script>", "j owner=me", "s--!>pec\n", "t\u2028")
    text = evil.text()
    assert text.count("-->") == 1
    assert text.endswith(" -->")
    assert "--" not in text[4:-3]
    assert "<" not in text[1:]
    assert text.count(" owner=") == 1
    assert parse(text) == evil


def test_only_the_end_of_a_description_counts():
    assert parse(FULL.text() + "\nand then some words") is None
    assert parse(f"quoted: {FULL.text()} {Marker('o', 'j').text()}") == Marker("o", "j")


def test_white_space_after_it_is_what_editors_leave():
    assert parse(FULL.text() + " \n\n") == FULL


def test_nothing_is_no_marker():
    assert parse(None) is None
    assert parse("") is None
    assert parse("<!-- headway -->") is None
    assert parse("<!-- headway owner=x -->") is None


def test_a_copy_is_not_bound():
    assert FULL.binds("shop/web")
    assert not FULL.binds("shop/web-copy")


def test_keys_of_a_newer_headway_are_passed_over():
    assert parse("<!-- headway owner=o job=j colour=blue -->") == Marker("o", "j")
