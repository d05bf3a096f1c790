from __future__ import annotations

from pathlib import Path

import pytest

from agent.jobs.configxml import write
from agent.jobs.shapes import Folder, InlineJob, Triggers
from agent.jobs.xmltext import UnwritableError, read
from tests.unit.jobs import shapes

GOLDEN = Path(__file__).parents[2] / "golden" / "jobs"


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("inline", shapes.INLINE),
        ("scm", shapes.SCM),
        ("multibranch", shapes.MULTIBRANCH),
        ("folder", Folder("Money.")),
        ("plain", InlineJob("Nothing special.", "pipeline {}\n")),
    ],
)
def test_the_config_xml_of_each_shape(golden, name, shape):
    golden(GOLDEN / f"{name}.config.xml", write(shape))


def test_every_text_arrives_as_it_was():
    evil = "</script><script>&amp;]]>'\"\t\n${x}\\ é 日本"
    root = read(write(InlineJob(evil, evil)))
    assert root.findtext("description") == evil
    assert root.findtext("definition/script") == evil
    assert root.findtext("definition/sandbox") == "true"


@pytest.mark.parametrize("char", ["\r", "\x00", "\x1b", "\ufffe"])
def test_a_script_that_xml_cannot_carry_is_refused(char):
    with pytest.raises(UnwritableError):
        write(InlineJob("x", f"a{char}b"))


def test_an_operators_switch_is_never_written():
    assert "<disabled>" not in write(shapes.INLINE)


def test_a_job_that_only_hears_of_pushes_polls_never():
    root = read(write(InlineJob("x", "y", triggers=Triggers(push=True))))
    trigger = root.find(".//hudson.triggers.SCMTrigger")
    assert trigger is not None
    assert (trigger.findtext("spec"), trigger.findtext("ignorePostCommitHooks")) == ("", "false")


def test_a_job_that_only_polls_is_deaf_to_pushes():
    root = read(write(InlineJob("x", "y", triggers=Triggers(poll="H * * * *"))))
    assert root.findtext(".//hudson.triggers.SCMTrigger/ignorePostCommitHooks") == "true"
