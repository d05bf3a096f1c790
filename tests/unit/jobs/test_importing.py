"""Existing jobs of many shapes into first specs: what is said, what is left over, and that nothing is lost silently."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from agent.errors import InvalidObjectError
from agent.jobs.importing import Residue, imported
from agent.jobs.settings import settings
from agent.jobs.translating import FREESTYLE, MAVEN
from agent.jobs.xmltext import read
from agent.jobs.yamltext import scalar, written
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text

SHAPES = Path(__file__).parents[2] / "golden" / "import"
NAMES = sorted(path.name for path in SHAPES.iterdir())
READABLE = [name for name in NAMES if not name.startswith("hostile") or name == "hostile-control-characters"]
NO_JOBS = {"folder", "folder-organisation", "matrix"}


def config(name: str) -> str:
    return (SHAPES / name / "config.xml").read_text(encoding="utf-8")


# Of no consequence: they say nothing, or what every job of Headway does anyway.
UNSAID = {
    "scm/configVersion",
    "canRoam",
    "properties/org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty",
    "triggers/hudson.triggers.SCMTrigger",
}


def leaves(node) -> list[str]:
    if isinstance(node, dict):
        return [leaf for value in node.values() for leaf in leaves(value)]
    if isinstance(node, list | tuple):
        return [leaf for value in node for leaf in leaves(value)]
    return [str(node)]


def test_there_are_many_shapes():
    assert len(NAMES) >= 50
    assert len(READABLE) >= 45


@pytest.mark.parametrize("name", READABLE)
def test_each_shape_gives_its_spec_and_its_residue(name, golden):
    made = imported("shop/money/Order Service", config(name))
    golden(SHAPES / name / "service.yaml", made.text)
    golden(SHAPES / name / "residue.txt", "".join(f"{one}\n" for one in made.residue))


@pytest.mark.parametrize("name", [name for name in READABLE if name not in NO_JOBS])
def test_each_spec_passes_check_and_means_the_same_job(name):
    spec = parse_text(imported("shop/money/Order Service", config(name)).text)
    assert isinstance(spec, ServiceSpec)
    assert spec.job == "shop/money/Order Service"
    assert spec.service == "order-service"


@pytest.mark.parametrize("name", sorted(NO_JOBS))
def test_what_no_spec_could_make_gives_none(name):
    made = imported("x", config(name))
    assert made.text == ""
    assert made.residue[0].path == "."


@pytest.mark.parametrize("name", [name for name in NAMES if name not in READABLE])
def test_hostile_documents_are_refused(name):
    with pytest.raises(InvalidObjectError, match="not read"):
        imported("x", config(name))


@pytest.mark.parametrize("name", READABLE)
def test_no_secret_gets_out(name):
    made = imported("x", config(name))
    told = made.text + made.script + "".join(map(str, made.residue))
    assert "planted" not in told


@pytest.mark.parametrize("name", [name for name in READABLE if name not in NO_JOBS])
def test_nothing_that_is_added_to_a_job_is_lost_silently(name):
    """A setting that no spec knows, put anywhere, is in the residue."""
    text = config(name)
    root = read(text)
    if root.tag in {FREESTYLE, MAVEN}:
        places = ["<publishers>", "<buildWrappers>", "<properties>"]
    else:
        places = ["<properties>"] if "<properties>" in text else []
    for place in places:
        added = text.replace(place, f"{place}<com.acme.Extra><size>9</size></com.acme.Extra>", 1)
        assert added != text
        found = imported("x", added).residue
        assert [one for one in found if one.path.endswith("com.acme.Extra")], found


@pytest.mark.parametrize("name", [name for name in READABLE if name.startswith("freestyle") or name == "maven"])
def test_every_setting_of_an_old_job_is_in_the_spec_or_in_the_residue(name):
    """The value is in the spec's own values, or the residue names the place or one that it is part of."""
    made = imported("x", config(name))
    spec = parse_text(made.text)
    assert isinstance(spec, ServiceSpec)
    values = "\n".join(leaves(spec.model_dump(mode="json")))
    for path, value in settings(read(config(name))).items():
        if path == "type" or "@" in path or path in UNSAID:
            continue
        told = any(path == one.path or path.startswith(f"{one.path}/") for one in made.residue)
        said = value.strip() and value.strip().removeprefix("*/") in values
        inside = not value and any(f"{path}/" in other for other in settings(read(config(name))))
        assert told or said or inside, path


def test_the_image_is_found_in_the_script():
    made = imported("orders", config("pipeline-inline"))
    spec = parse_text(made.text)
    assert isinstance(spec, ServiceSpec)
    assert spec.image.repository == "registry.example.com/shop/orders"
    assert spec.source is not None
    assert spec.source.git == "https://git.example.com/shop/orders.git"
    assert made.script.startswith("pipeline {")


def test_shell_steps_keep_their_words():
    spec = parse_text(imported("orders", config("freestyle-shell")).text)
    assert isinstance(spec, ServiceSpec)
    assert [test.run for test in spec.test] == [
        "#!/bin/sh\nset -e\nmake build\nmake test",
        "docker build -t {0}:1.2 .\n\n  docker push {0}:1.2".format("registry.example.com:5000/shop/orders"),
    ]
    assert spec.pipeline.agent.label == "linux && docker"
    assert (spec.pipeline.triggers.push, spec.pipeline.triggers.poll) == (True, "H/15 * * * *")
    assert spec.image.repository == "registry.example.com:5000/shop/orders"


def test_a_residue_is_one_harmless_line():
    assert str(Residue("a/b", "x\x1b[2J\ny\u202e")).isprintable()


def test_any_text_survives_being_written():
    made = random.Random(6)
    alphabet = "ab:-#'\"\\{}[]|>&*!%@`,? \n\t\u00fc\u65e5\u2028\u202e\ufeff\U0001f600~0179.yesno"
    for _ in range(400):
        text = "".join(made.choice(alphabet) for _ in range(made.randrange(1, 25)))
        if not text.strip():
            continue
        data = {"service": "x", "image": {"repository": "x"}, "test": [{"name": "t", "run": text}]}
        spec = parse_text(written(data))
        assert isinstance(spec, ServiceSpec), (text, spec)
        assert spec.test[0].run == text


@pytest.mark.parametrize("word", ["yes", "no", "on", "null", "true", "~", "1.10", "0x1f", "1e3", "a: b", "- a", ""])
def test_what_yaml_reads_as_something_else_is_quoted(word):
    assert re.fullmatch('"[^"]*"', scalar(word))
