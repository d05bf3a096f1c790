"""Where an undo goes: the rules one by one; the model check is tests/properties/test_choice.py."""

from __future__ import annotations

from agent.objects import Ref
from agent.release.choice import Wish, choose
from agent.release.ledger import Ledger, ReleaseSet
from agent.release.record import Release

WEB = Ref("apps/v1", "Deployment", "shop", "web")


def history(*judgements, **changes):
    """One release a word: good, bad, unjudged, external; `-` behind it: withdrawn; `=`: the set of the one before."""
    ledger = Ledger(WEB)
    objects = ""
    for number, word in enumerate(judgements, 1):
        objects = objects if word.endswith("=") else f"set{number}"
        plain = word.rstrip("-=")
        release = Release(
            number, origin="external" if plain == "external" else "deploy", objects=objects, revision=number * 10,
            image=f"web:v{number}", judgement="unjudged" if plain == "external" else plain,
            withdrawn=word.endswith("-"),
        )  # fmt: skip
        ledger = ledger.added(release, ReleaseSet(())).serves(number)
    return ledger


def target(ledger, leaving, **wish):
    found = choose(ledger, leaving=leaving, wish=Wish(**wish) if wish else None).target
    return found.number if found else 0


def test_the_newest_good_one_that_differs():
    assert target(history("good", "good", "bad"), 3) == 2
    assert target(history("good", "bad", "bad"), 3) == 1
    assert target(history("good", "good="), 2) == 0


def test_a_good_one_is_left_for_the_good_one_before():
    assert target(history("good", "good", "good"), 3) == 2


def test_never_a_bad_or_an_unjudged_one():
    assert target(history("bad", "unjudged", "bad"), 3) == 0


def test_what_a_person_left_on_purpose_is_passed_over():
    assert target(history("good", "good-", "bad"), 3) == 1


def test_what_served_most_recently_comes_first():
    ledger = history("good", "good", "good", "bad").serves(1).serves(4)
    assert target(ledger, 4) == 1


def test_what_served_before_headway_came():
    assert target(history("external", "bad"), 2) == 1
    assert target(history("external", "good", "bad"), 3) == 2


def test_what_the_server_would_not_take_is_passed_over():
    ledger = history("good", "good", "bad")
    assert choose(ledger, leaving=3, unusable=frozenset({2})).target.number == 1


def test_what_a_person_names_wins():
    ledger = history("bad", "good", "good")
    assert target(ledger, 3, release=1) == 1
    assert target(ledger, 3, revision=20) == 2
    assert target(ledger, 3, image="web:v1") == 1
    assert target(ledger, 3, release=9) == 0


def test_the_reason_is_told():
    assert choose(history(), leaving=0).reason.startswith("the ledger knows no release")
    assert choose(history("bad"), leaving=1).reason == "it is the first release"
    assert choose(history("bad", "bad"), leaving=2).reason == "no other release is known to be good"
    left = "what else was good was left on purpose: --to-release 2 goes there all the same"
    assert choose(history("good", "good-"), leaving=1).reason == left


def test_an_image_is_named_by_its_digest_alone():
    ledger = history("good", "good", "good").changed(1, image_digest="registry/web@sha256:abc")
    assert target(ledger, 3, image="sha256:abc") == 1
    assert target(ledger, 3, image="registry/web@sha256:abc") == 1
    assert target(ledger, 3, image="sha256:ab") == 0
