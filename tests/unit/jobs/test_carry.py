# ruff: noqa: E501 - XML as Jenkins writes it

from __future__ import annotations

import re

from agent.jobs.carry import carried
from agent.jobs.configxml import write
from agent.jobs.difference import compare
from agent.jobs.settings import settings
from agent.jobs.xmltext import read
from tests.unit.jobs import shapes

INLINE, MULTIBRANCH = write(shapes.INLINE), write(shapes.MULTIBRANCH)
TRACKER = "org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction"


def test_with_nothing_to_carry_the_rendered_text_goes_out_byte_for_byte():
    assert carried(INLINE, read(INLINE)) is INLINE
    enabled = INLINE.replace("</flow-definition>", "<disabled>false</disabled></flow-definition>")
    assert carried(INLINE, read(enabled)) is INLINE


def test_actions_are_carried_over():
    actual = INLINE.replace("<actions/>", "<actions><org.example.Action><x>1</x></org.example.Action></actions>")
    root = read(carried(INLINE, read(actual)))
    assert root.findtext("actions/org.example.Action/x") == "1"
    assert len(root.findall("actions")) == 1


def test_an_operators_switch_is_carried_over_unless_told_otherwise():
    actual = read(INLINE.replace("</flow-definition>", "<disabled>true</disabled></flow-definition>"))
    assert read(carried(INLINE, actual)).findtext("disabled") == "true"
    assert read(carried(INLINE, actual, disabled=False)).findtext("disabled") is None


def test_foreign_properties_stay_and_ours_are_replaced():
    foreign = "<hudson.security.AuthorizationMatrixProperty><permission>x:y</permission></hudson.security.AuthorizationMatrixProperty>"
    actual = INLINE.replace("<properties>", f"<properties>{foreign}").replace("<numToKeep>30", "<numToKeep>99")
    root = read(carried(INLINE, read(actual)))
    assert root.findtext("properties/hudson.security.AuthorizationMatrixProperty/permission") == "x:y"
    assert root.findtext(".//numToKeep") == "30"


def test_what_the_jenkinsfile_set_itself_stays():
    tracker = f"<{TRACKER}><jobProperties/><triggers><string>a.B</string></triggers><parameters><string>WHO</string></parameters></{TRACKER}>"
    actual = INLINE.replace("<actions/>", f"<actions>{tracker}</actions>")
    actual = actual.replace(
        "<parameterDefinitions>",
        "<parameterDefinitions><hudson.model.StringParameterDefinition><name>WHO</name></hudson.model.StringParameterDefinition>"
        "<hudson.model.StringParameterDefinition><name>BY_HAND</name></hudson.model.StringParameterDefinition>",
    ).replace("      <triggers>\n", "<triggers><a.B><spec>x</spec></a.B><c.D/>\n", 1)
    plain = write(type(shapes.INLINE)(shapes.INLINE.description, shapes.INLINE.script))
    for desired in (INLINE, plain):
        root = read(carried(desired, read(actual)))
        names = [one.text for one in root.iter("name")]
        assert "WHO" in names
        assert "BY_HAND" not in names
        assert root.find(".//triggers/a.B") is not None
        assert root.find(".//triggers/c.D") is None


def test_a_multibranch_source_keeps_its_id_as_long_as_it_is_the_same_repository():
    actual = re.sub("<id>.*?</id>", "<id>by-hand</id>", MULTIBRANCH)
    assert "<id>by-hand</id>" in carried(MULTIBRANCH, read(actual))
    moved = actual.replace("shop/web.git", "shop/other.git")
    assert carried(MULTIBRANCH, read(moved)) is MULTIBRANCH


def test_views_and_icons_of_people_stay():
    views = '<folderViews class="x"><views><hudson.model.ListView><name>mine</name></hudson.model.ListView></views></folderViews>'
    actual = MULTIBRANCH.replace("<properties/>", f"<properties/>{views}")
    assert read(carried(MULTIBRANCH, read(actual))).findtext(".//hudson.model.ListView/name") == "mine"


def test_what_is_carried_makes_no_difference_afterwards():
    actual = read(INLINE.replace("<actions/>", "<actions><a.B/></actions>").replace("H/5", "H/9"))
    assert compare(settings(read(carried(INLINE, actual))), settings(read(INLINE))) == ()
