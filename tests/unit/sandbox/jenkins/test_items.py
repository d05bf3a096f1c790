"""Creating, changing, moving and deleting items, with the refusals."""

import pytest

from agent.sandbox.jenkins.names import LONGEST_NAME, UNSAFE
from agent.sandbox.jenkins.store import Kind

FREESTYLE = "<project><description>old</description></project>"


def test_names_are_case_sensitive(sandbox, ask):
    assert ask.create("/job/shop/createItem?name=Checkout").status == 200
    assert list(sandbox.items) == ["shop", "shop/Checkout", "shop/checkout"]


@pytest.mark.parametrize("character", UNSAFE)
def test_unsafe_characters_are_named_in_the_header(ask, character):
    answer = ask.create(f"/createItem?name=a%{ord(character):02x}b")
    assert answer.status == 400
    assert answer.headers["X-Error"] == f" {character}  is an unsafe character"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "No name is specified"),
        ("%20", "No name is specified"),
        ("..", "is not an allowed name"),
        ("a%07", "No control code is allowed: a\\u7;"),
        ("a.", "A name cannot end with"),
    ],
)
def test_other_bad_names(ask, name, reason):
    answer = ask.create(f"/createItem?name={name}")
    assert answer.status == 400
    assert reason in answer.headers["X-Error"]


def test_a_missing_name(ask):
    assert ask.create("/createItem").headers["X-Error"] == "Query parameter 'name' is required"


def test_the_longest_name_and_one_more(sandbox, ask):
    assert ask.create(f"/createItem?name={'n' * LONGEST_NAME}").status == 200
    assert ask.create(f"/createItem?name={'n' * (LONGEST_NAME + 1)}").status == 500
    assert "n" * (LONGEST_NAME + 1) not in sandbox.items


@pytest.mark.parametrize("xml", ["", "no xml", "<flow-definition>", "<wibble/>", "<a/><b/>"])
def test_what_cannot_be_read_is_500_and_leaves_nothing(sandbox, ask, xml):
    before = list(sandbox.items)
    assert ask.create("/createItem?name=x", xml).status == 500
    assert list(sandbox.items) == before


def test_no_content_type_at_all(ask):
    assert ask("POST", "/createItem?name=x", "<project/>").headers["X-Error"] == "No Content-Type header set"


def test_jobs_hold_no_items(ask):
    assert ask.create("/job/shop/job/checkout/createItem?name=x").status == 404


def test_without_a_charset_utf_8_becomes_mojibake(sandbox, ask):
    xml = "<flow-definition><description>Ünïcode</description></flow-definition>".encode()
    ask("POST", "/createItem?name=a", xml, content_type="text/xml")
    ask("POST", "/createItem?name=b", xml, content_type="application/xml;charset=UTF-8")
    assert sandbox.items["a"].description == "Ã\x9cnÃ¯code"
    assert sandbox.items["b"].description == "Ünïcode"


def test_get_has_no_validator_headers_and_head_is_400(ask):
    assert set(ask("GET", "/job/shop/config.xml").headers) == {"Content-Type"}
    assert ask("HEAD", "/job/shop/config.xml").status == 400


def test_an_update_of_another_type_changes_nothing(sandbox, ask):
    before = sandbox.items["shop/checkout"].config
    assert ask.create("/job/shop/job/checkout/config.xml", FREESTYLE).status == 500
    assert ask.create("/job/shop/job/checkout/config.xml", "<flow").status == 500
    assert sandbox.items["shop/checkout"].config == before


def test_an_edit_by_hand_is_a_post(sandbox):
    item = sandbox.items["shop/checkout"]
    item.config = "<flow-definition><disabled>true</disabled></flow-definition>"
    assert item.disabled
    with pytest.raises(ValueError, match=r"WorkflowJob, got project"):
        item.config = FREESTYLE


def test_disable_and_enable_are_saves(sandbox, ask):
    item = sandbox.items["shop/checkout"]
    assert ask("POST", "/job/shop/job/checkout/disable").headers["Location"] == "/job/shop/job/checkout/"
    assert item.disabled
    assert item.config.startswith("<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition plugin=\"workflow-job@1571")
    ask("POST", "/job/shop/job/checkout/enable")
    assert not item.disabled


def test_a_plain_folder_cannot_be_disabled(ask):
    assert ask("POST", "/job/shop/disable").status == 404


def test_get_never_changes_anything(sandbox, ask):
    for action in ("disable", "doDelete", "build", "confirmRename?newName=x", "move/move?destination=/"):
        assert ask("GET", f"/job/shop/job/checkout/{action}").status == 405
    assert list(sandbox.items) == ["shop", "shop/checkout"]
    assert not sandbox.items["shop/checkout"].disabled


def test_deleting_a_folder_takes_what_it_holds(sandbox, ask):
    assert ask("DELETE", "/job/shop/").status == 204
    assert len(sandbox.items) == 0
    assert ask("DELETE", "/job/shop/").status == 404
    assert ask("DELETE", "/").status == 405


@pytest.mark.parametrize("action", ["confirmRename", "doRename"])
def test_rename_keeps_builds_and_numbers(sandbox, ask, action):
    ask("POST", "/job/shop/job/checkout/build")
    answer = ask("POST", f"/job/shop/job/checkout/{action}?newName=pay%20ments")
    assert answer.headers["Location"] == "/job/shop/job/pay%20ments"
    item = sandbox.items["shop/pay ments"]
    assert [build.number for build in item.builds] == [1]
    assert item.next_number == 2
    assert "shop/checkout" not in sandbox.items


def test_rename_onto_another_is_refused(ask):
    ask.create("/job/shop/createItem?name=other")
    answer = ask("POST", "/job/shop/job/checkout/confirmRename?newName=other")
    assert answer.headers["X-Error"] == "A job already exists with the name  other "


def test_move_keeps_builds_and_numbers(sandbox, ask):
    ask.create("/createItem?name=pay", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    ask("POST", "/job/shop/job/checkout/build")
    answer = ask("POST", "/job/shop/job/checkout/move/move", "destination=/pay", **FORM)
    assert answer.status == 302
    assert answer.headers["Location"] == "/job/pay/job/checkout/"
    assert len(sandbox.items["pay/checkout"].builds) == 1
    assert ask("POST", "/job/pay/job/checkout/move/move?destination=/").headers["Location"] == "/job/checkout/"


@pytest.mark.parametrize("destination", ["/nowhere", "shop", "/shop", "", "/shop/checkout"])
def test_a_move_to_nowhere_moves_nothing(sandbox, ask, destination):
    answer = ask("POST", f"/job/shop/job/checkout/move/move?destination={destination}", referer="/back")
    assert (answer.status, answer.headers["Location"]) == (302, "/back")
    assert list(sandbox.items) == ["shop", "shop/checkout"]


def test_a_folder_does_not_move_into_itself(sandbox, ask):
    ask.create("/job/shop/createItem?name=inner", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    ask("POST", "/job/shop/move/move?destination=/shop/inner")
    assert "shop/inner" in sandbox.items


def test_a_move_onto_another_moves_nothing(sandbox, ask):
    ask.create("/createItem?name=checkout")
    answer = ask("POST", "/job/shop/job/checkout/move/move?destination=/")
    assert (answer.status, answer.headers["Location"]) == (302, "/job/shop/job/checkout/move/")
    assert "shop/checkout" in sandbox.items


def test_copy(sandbox, ask):
    answer = ask("POST", "/createItem?name=twin&mode=copy&from=shop")
    assert answer.headers["Location"] == "/job/twin/configure"
    assert "twin/checkout" in sandbox.items
    assert ask("POST", "/job/shop/createItem?name=b&mode=copy&from=/shop/checkout").status == 302
    assert ask("POST", "/createItem?name=c&mode=copy&from=nothing").headers["X-Error"] == "No such job: nothing"
    assert ask("POST", "/createItem?name=c&mode=copy").headers["X-Error"] == "Specify which job to copy"


def test_create_by_mode(sandbox, ask):
    mode = Kind.FOLDER.value
    assert ask("POST", "/createItem?name=new", f"mode={mode}", **FORM).headers["Location"] == "/job/new/configure"
    assert sandbox.items["new"].kind is Kind.FOLDER
    assert ask("POST", "/createItem?name=x&mode=some.Thing", **FORM).status == 400


def test_a_multibranch_job_indexes_again_with_every_post(sandbox, ask):
    xml = f"<{Kind.MULTIBRANCH.value}/>"
    ask.create("/createItem?name=mb", xml)
    ask.create("/job/mb/config.xml", xml)
    assert sandbox.items["mb"].scans == 2
    sandbox.save("mb")
    assert sandbox.items["mb"].scans == 2


FORM = {"content_type": "application/x-www-form-urlencoded"}
