"""A template that is run once for many specs writes for each of them what it would have written for that one alone."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import UsageError
from agent.jenkinsfile import render as rendering
from agent.jenkinsfile import templates
from agent.jenkinsfile.form import Blank, Form, outlined
from agent.jenkinsfile.fragment import Fragment, assemble, script
from agent.jenkinsfile.render import render
from tests.unit.jenkinsfile.shapes import SHAPES, changed, shaped, spec

EXAMPLES = 3_000 if os.environ.get("HEADWAY_SOAK") else 60

ALONE = "{% extends 'headway/service.Jenkinsfile.j2' %}"
"""A team's template that adds nothing: it is run for each spec, with the texts of the spec in it from the start."""

PIECES = ["'", '"', "'''", "\\", "\\u000a", "$x", "`", "\n", "\r", "\t", "\x01", "\x85", "\u2028", "é", "\U0001f600",
          "#", "//", "/*", "\ue000groovy:2f2f\ue001", "\ue001", "{{ version }}", " ", "a", "*", "main",
          "\ue000shell:00@word1\ue001"]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    (folder / "alone.j2").write_text(ALONE, encoding="utf-8")
    return folder


def alone(one, team, library: str = "") -> str:
    return render(changed(one, pipeline=changed(one.pipeline, template="alone.j2")), near=team, library=library)


@pytest.mark.parametrize("library", ["", "v1"])
@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
def test_a_form_filled_in_is_the_template_run_for_that_spec(team, shape, library):
    for texts in (str, lambda name: f"it's ${name}", lambda name: f"first\n  {name}'\n"):
        one = shaped(*shape, texts)
        assert render(one, library=library) == alone(one, team, library)


@given(data=st.data())
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_whatever_the_texts_are(team, data):
    drawn: dict[str, str] = {}

    def text(name: str) -> str:
        if name not in drawn:
            drawn[name] = data.draw(TEXT) + str(len(drawn))
        return drawn[name]

    one = shaped(*data.draw(st.sampled_from(SHAPES)), text)
    assert render(one) == alone(one, team)


def test_specs_that_differ_in_texts_alone_share_one_run_of_the_template(monkeypatch):
    runs = []
    fill = templates.fill
    monkeypatch.setattr(templates, "fill", lambda *given: runs.append(1) or fill(*given))
    rendering._form.cache_clear()
    shape = ("docker", "inline", "label")

    def numbered(number):
        # Names of build arguments are kept: a template may ask for one of them.
        return shaped(*shape, lambda name: name if name == "arg.name" else f"{name} {number}")

    made = {render(numbered(number)) for number in range(5)}
    assert len(made) == 5
    assert len(runs) == 1
    render(changed(numbered(5), test=()))
    assert len(runs) == 2


def test_an_outline_keeps_whatever_a_template_may_decide_by():
    def outline(**facts):
        return outlined(facts, frozenset({"engine"}))[0]

    assert outline(a="x", b=("y",)) == outline(a="z", b=("w",))
    assert hash(outline(a="x")) == hash(outline(a="z"))
    different = [
        outline(a="x"),
        outline(a=""),
        outline(a="two\nlines"),
        outline(a="other\nlines"),
        outline(a=None),
        outline(a=1),
        outline(a=("x",)),
        outline(a=("x", "y")),
        outline(a=()),
        outline(a={"k": "x"}),
        outline(a={"l": "x"}),
        outline(a={"k": "x", "l": "y"}),
        outline(a={"l": "x", "k": "y"}),
        outline(b="x"),
        outline(a="x", engine="docker"),
        outline(a="x", engine="buildah"),
    ]
    assert len(set(different)) == len(different)


def test_a_choice_of_the_spec_is_kept_and_its_texts_are_taken_out():
    one = spec("service: web\nimage: {repository: r}\ntest: [{name: unit, run: make, in: image}]\n")
    outline, texts = outlined({"test": one.test[0], "build": one.build})
    assert outline["test"]["in_"] == "image"
    assert outline["build"]["with_"] == "docker"
    assert outline["test"]["junit"] == ""
    assert outline["test"]["name"] == Blank(0)
    assert list(texts) == ["unit", "make", "Dockerfile", "."]
    with pytest.raises(KeyError):
        outline["nothing"]


def test_a_blank_is_no_text_to_compare_with():
    assert Blank(1) == Blank(1)
    assert Blank(1) != Blank(2)
    assert Blank(1) != 1
    with pytest.raises(TypeError, match="never compared"):
        assert Blank(1) == "web"


@pytest.mark.parametrize("source", ["{% if x == 'a' %}{% endif %}", "{{ x | length | groovy }}", "{{ x.number }}"])
def test_a_template_that_asks_for_more_than_the_outline_has_is_refused(source):
    template = templates._environment(()).from_string(source)
    with pytest.raises(UsageError, match="nothing was rendered"):
        templates.fill(template, outlined({"x": "a"})[0])


def test_a_blank_in_a_list_in_a_script_and_in_a_comment_is_filled_in():
    template = templates._environment(()).from_string(
        "x({{ names | groovy }})  // {{ one | comment }}\n"
        "  sh {% sh %}\n    run {{ one | word }}\n    v={{ one | filled('V', 'VERSION') }}\n  {% endsh %}\n"
    )
    outline, _ = outlined({"names": ("a", "b"), "one": "c"})
    form = assemble(templates.fill(template, outline))
    assert form.filled_in(["it's", "b", "a V\\"]) == (
        "x(['it\\'s', 'b'])  // a V?\n  sh '''\n    run 'a V\\\\'\n    v='a '\"$VERSION\"'\\\\'\n  '''\n"
    )


def test_a_refused_character_is_refused_when_it_is_filled_in():
    form = assemble(Fragment.of("groovy", "groovy", Blank(0)).__html__())
    with pytest.raises(UsageError, match=r"U\+0000"):
        form.filled_in(["a\0b"])
    inside = assemble(script("run " + Fragment.of("shell", "word", Blank(0)).__html__()).__html__())
    with pytest.raises(UsageError, match=r"U\+FFFF"):
        inside.filled_in(["a\uffffb"])


def test_what_stands_for_a_blank_while_text_is_put_together_is_refused_in_a_template():
    with pytest.raises(UsageError, match=r"U\+0000"):
        Form.of("a\0b", [])
