from __future__ import annotations

import pytest

from agent.errors import RefusedError, UsageError
from agent.jobs import change as changes
from agent.jobs.change import Conflict, Delete, Keep, Move, Replace, Update
from agent.jobs.configxml import write
from agent.jobs.definition import JobDefinition, Kind, define, folder, marked, sha256
from agent.jobs.inventory import Inventory, Item
from agent.jobs.marker import Marker, parse
from agent.jobs.plan import plan
from agent.jobs.shapes import InlineJob
from agent.jobs.triage import Options, check, triage
from agent.jobs.xmltext import read
from agent.spec.parse import parse_text

OWNER = Options(owner="shop", scopes=("",))


def job(
    name: str, script: str = "pipeline {}", *, spec: str = "", owner: str = "shop", team: str = "", moved: str = ""
):
    text = write(InlineJob("", script))
    marker = Marker(owner, name, spec or f"{name}/service.yaml", team, "", sha256(text))
    return JobDefinition(name, Kind.PIPELINE, marked(text, marker), marker, moved, f"{name}.yaml")


def item(one: JobDefinition, class_name: str = "") -> Item:
    return Item(one.full_name, class_name or one.kind.value, one.marker)


def there(*items: JobDefinition | Item) -> Inventory:
    return Inventory.of(one if isinstance(one, Item) else item(one) for one in items)


def foreign(name: str, class_name: str = Kind.PIPELINE.value) -> Item:
    return Item(name, class_name)


def made(jobs, inventory, options=OWNER, configs=None):
    return plan(jobs, inventory, options, configs or {})


def only(jobs, inventory, options=OWNER, configs=None):
    found = list(made(jobs, inventory, options, configs).changes)
    assert len(found) == 1
    return found[0]


def test_folders_come_first_and_from_the_top():
    found = made([job("a/b/web"), job("a/c/web"), job("web")], there())
    assert [changes.full_name(one) for one in found.changes] == ["a", "a/b", "a/c", "a/b/web", "a/c/web", "web"]
    assert found.requests == 6


def test_a_folder_that_is_there_is_left_alone_whoever_made_it():
    found = made([job("a/web")], there(foreign("a", Kind.FOLDER.value)))
    assert [changes.full_name(one) for one in found.changes] == ["a/web"]


def test_a_job_as_it_should_be_is_kept_without_reading_it():
    assert isinstance(only([job("web")], there(job("web"))), Keep)
    assert [changes.reads(one) for one in triage([job("web")], there(job("web")), OWNER)] == [""]


def test_another_script_is_an_update_with_its_difference():
    found = only([job("web", "b")], there(job("web", "a")), configs={"web": job("web", "a").config_xml})
    assert isinstance(found, Update)
    assert [one.sentence() for one in found.reading.differences] == ["Jenkinsfile (1 line)"]
    assert found.reading.after == job("web", "b").config_xml


def test_a_change_of_the_spec_that_changes_no_job_sends_nothing():
    before = job("web")
    after = JobDefinition(
        "web",
        before.kind,
        before.config_xml,
        Marker("shop", "web", before.marker.spec, "", "new", before.marker.config_sha256),
    )
    assert isinstance(only([after], there(before)), Keep)


def test_a_spec_that_moved_is_written_down_because_prune_goes_by_it():
    found = only([job("web", spec="new/service.yaml")], there(job("web")), configs={"web": job("web").config_xml})
    assert isinstance(found, Update)
    assert "new/service.yaml" in found.reason


def test_what_is_not_ours_is_a_conflict_until_adopted():
    found = only([job("web")], there(foreign("web")))
    assert isinstance(found, Conflict)
    assert found.adoptable
    theirs = only([job("web")], there(item(job("web", owner="other"))))
    assert isinstance(theirs, Conflict)
    assert "'other'" in theirs.reason
    adopted = only(
        [job("web")], there(foreign("web")), Options(owner="shop", adopt=True), {"web": job("web", "x").config_xml}
    )
    assert isinstance(adopted, Update)
    assert adopted.reason.startswith("adopted")


def test_another_type_that_is_not_ours_is_never_taken():
    found = only(
        [job("web")], there(foreign("web", "hudson.model.FreeStyleProject")), Options(owner="shop", adopt=True)
    )
    assert isinstance(found, Conflict)
    assert not found.adoptable
    assert "freestyle job" in found.reason


def test_another_type_that_is_ours_is_replaced_and_says_what_is_lost():
    found = only([job("web")], there(item(job("web"), Kind.MULTIBRANCH.value)), configs={"web": "<x/>"})
    assert isinstance(found, Replace)
    assert "builds are lost" in found.reason
    assert changes.requests(found) == 2


def test_a_copy_with_our_marker_of_another_type_is_not_ours_to_replace():
    copied = Item("web", Kind.MULTIBRANCH.value, job("original").marker)
    assert isinstance(only([job("web")], there(copied)), Conflict)


def test_a_job_where_a_folder_should_be_stops_only_what_is_below():
    found = made([job("a/web"), job("b")], there(foreign("a")))
    assert [type(one).__name__ for one in found.changes] == ["Conflict", "Create"]
    assert "'a' is a pipeline job" in found.conflicts[0].reason


def test_nothing_is_created_inside_what_a_multibranch_job_computes():
    found = only([job("a/web")], there(foreign("a", Kind.MULTIBRANCH.value)))
    assert isinstance(found, Conflict)


def test_a_move_is_planned_over_a_name_that_nobody_has():
    origin = job("old/a")
    found = made(
        [job("new/b", moved="old/a")],
        there(origin, foreign("old", Kind.FOLDER.value), foreign("new", Kind.FOLDER.value)),
        configs={"old/a": origin.config_xml},
    )
    assert isinstance(found.changes[0], Move)
    assert found.changes[0].steps == ("old/a", "new/a", "new/b")
    assert found.requests == 3
    taken = there(origin, foreign("new/a"), foreign("new", Kind.FOLDER.value), foreign("old", Kind.FOLDER.value))
    other = only([job("new/b", moved="old/a")], taken, configs={"old/a": origin.config_xml})
    assert isinstance(other, Move)
    assert other.steps == ("old/a", "old/b", "new/b")


def test_a_rename_and_a_move_alone_are_one_step():
    for name in ("old/b", "new/a"):
        inventory = there(job("old/a"), foreign("old", Kind.FOLDER.value), foreign("new", Kind.FOLDER.value))
        found = only([job(name, moved="old/a")], inventory, configs={"old/a": job("old/a").config_xml})
        assert isinstance(found, Move)
        assert found.steps == ("old/a", name)


def test_a_move_that_was_done_already_is_an_update_or_nothing():
    moved_by_a_killed_run = Item("new", Kind.PIPELINE.value, job("old").marker)
    found = only([job("new", moved="old")], there(moved_by_a_killed_run), configs={"new": job("old").config_xml})
    assert isinstance(found, Update)
    assert isinstance(only([job("new", moved="old")], there(job("new"))), Keep)


def test_a_foreign_job_is_not_moved_without_being_adopted():
    found = only([job("new", moved="old")], there(foreign("old")))
    assert isinstance(found, Conflict)
    assert found.adoptable


def test_the_job_of_another_spec_is_not_moved():
    found = made([job("new", moved="old"), job("old")], there(job("old")))
    assert [type(one).__name__ for one in found.changes] == ["Conflict", "Keep"]


def test_a_job_edited_by_hand_is_an_update_only_when_it_was_read():
    edited = {"web": job("web").config_xml.replace("<numToKeep>30", "<numToKeep>3")}
    assert isinstance(only([job("web")], there(job("web"))), Keep)
    found = only([job("web")], there(job("web")), configs=edited)
    assert isinstance(found, Update)
    assert found.reason == "edited in Jenkins"
    assert isinstance(only([job("web")], there(job("web")), configs={"web": job("web").config_xml}), Keep)


def test_a_config_that_cannot_be_read_is_replaced_and_says_so():
    found = only([job("web", "b")], there(job("web", "a")), configs={"web": "<!DOCTYPE x><a/>"})
    assert isinstance(found, Update)
    assert "document type" in found.reason
    assert found.reading.after == job("web", "b").config_xml


def test_a_job_that_disappears_while_it_is_read_is_no_update():
    assert isinstance(only([job("web", "b")], there(job("web", "a"))), Conflict)


class TestPrune:
    PRUNE = Options(owner="shop", prune=True, scopes=("",), max_deletes=5)

    def test_disables_first_then_deletes(self):
        gone, kept = job("gone"), job("kept")
        found = made([kept], there(gone, kept), self.PRUNE, {"gone": gone.config_xml}).changes[-1]
        assert isinstance(found, Delete)
        assert found.stage == "disable"
        root = read(found.reading.after)
        assert root.findtext("disabled") == "true"
        marker = parse(root.findtext("description"))
        assert marker is not None
        assert marker.tombstone == "enabled"
        tomb = Item("gone", Kind.PIPELINE.value, marker)
        second = made([kept], there(tomb, kept), self.PRUNE, {"gone": found.reading.after}).changes[-1]
        assert isinstance(second, Delete)
        assert second.stage == "delete"
        assert second.reading.before == found.reading.after

    def test_one_that_somebody_enabled_again_is_disabled_again(self):
        marker = Marker("shop", "gone", "gone/service.yaml", tombstone="enabled")
        tomb = Item("gone", Kind.PIPELINE.value, marker)
        text = marked(write(InlineJob("", "x")), marker)
        found = made([], there(tomb), self.PRUNE, {"gone": text}).changes[-1]
        assert isinstance(found, Delete)
        assert found.stage == "disable"

    def test_one_that_comes_back_is_enabled_again_if_it_was(self):
        for was, switch in (("enabled", None), ("disabled", "true")):
            marker = Marker("shop", "web", "web/service.yaml", tombstone=was)
            text = marked(write(InlineJob("", "x")), marker).replace(
                "</flow-definition>", "<disabled>true</disabled></flow-definition>"
            )
            found = only([job("web", "x")], there(Item("web", Kind.PIPELINE.value, marker)), configs={"web": text})
            assert isinstance(found, Update)
            assert read(found.reading.after).findtext("disabled") == switch
            assert parse(read(found.reading.after).findtext("description")) == job("web", "x").marker

    @pytest.mark.parametrize(
        "other",
        [
            Item("x", Kind.PIPELINE.value),
            Item("x", Kind.PIPELINE.value, Marker("other", "x", "x/service.yaml")),
            Item("x", Kind.PIPELINE.value, Marker("", "x", "x/service.yaml")),
            Item("x", Kind.PIPELINE.value, Marker("shop", "original", "x/service.yaml")),
            Item("x", Kind.PIPELINE.value, Marker("shop", "x")),
            Item("x", Kind.FOLDER.value, Marker("shop", "x", "x/service.yaml")),
        ],
        ids=["by hand", "another owner", "no owner", "a copy", "no spec", "a folder"],
    )
    def test_what_is_not_ours_is_never_touched(self, other):
        assert made([], there(other), self.PRUNE).changes == ()

    def test_only_the_scope_is_looked_at(self):
        inside, outside, near = (job(name, spec=f"{name}/service.yaml") for name in ("team/a", "b", "teams/c"))
        options = Options(owner="shop", prune=True, scopes=("team",), max_deletes=5)
        found = made([], there(inside, outside, near), options)
        assert [changes.full_name(one) for one in found.changes] == ["team/a"]

    def test_filters_narrow_and_never_make_an_orphan(self):
        jobs = [job("a", team="x"), job("b", team="y")]
        gone = job("c", team="y")
        for options, names in (
            (Options(owner="shop", prune=True, scopes=("",), only=("a",)), ["a"]),
            (Options(owner="shop", prune=True, scopes=("",), teams=("x",)), ["a"]),
            (Options(owner="shop", prune=True, scopes=("",), teams=("y",)), ["b", "c"]),
        ):
            assert [changes.full_name(one) for one in made(jobs, there(*jobs, gone), options).changes] == names

    def test_without_prune_orphans_are_only_told_of(self):
        found = made([job("a")], there(job("a"), job("b")))
        assert found.orphans == ("b",)
        assert not found.pending

    def test_more_than_a_tenth_or_ten_needs_a_number(self):
        jobs = [job(f"j{number:03}") for number in range(40)]
        with pytest.raises(RefusedError, match="5 jobs would be") as refused:
            made(jobs[5:], there(*jobs), Options(owner="shop", prune=True, scopes=("",)))
        assert "--max-deletes 5" in refused.value.hint
        assert len(made(jobs[4:], there(*jobs), Options(owner="shop", prune=True, scopes=("",))).pending) == 4


def test_more_changes_than_allowed_are_refused_before_anything_is_sent():
    with pytest.raises(RefusedError, match="3 changes, more than the 2"):
        made([job("a"), job("b"), job("c")], there(), Options(owner="shop", max_changes=2))


def test_two_specs_for_one_job_and_a_job_in_place_of_a_folder_are_refused():
    with pytest.raises(UsageError, match="two specs want the job 'a'"):
        check([job("a"), job("a")])
    with pytest.raises(UsageError, match="needs a folder 'a', which is the job"):
        check([job("a"), job("a/b")])


SPEC = """version: 1
service: web
team: shop
description: {description}
source: {{git: "https://git.example.com/shop/web.git"}}
image: {{repository: registry.example.com/shop/web}}
pipeline: {pipeline}
"""


def spec(description="Shows things.", pipeline="{folder: shop}"):
    found = parse_text(SPEC.format(description=description, pipeline=pipeline))
    assert not isinstance(found, tuple), [one.text() for one in found]
    return found


def test_a_spec_becomes_a_job_with_its_marker():
    found = define(spec(), "pipeline {}", owner="shop", spec_path="web/service.yaml", spec_sha256="ab")
    assert (found.full_name, found.kind) == ("shop/web", Kind.PIPELINE)
    description = read(found.config_xml).findtext("description")
    assert str(description).startswith("Shows things.\nTeam: shop. Made by Headway from web/service.yaml")
    assert parse(description) == found.marker
    again = define(spec(), "pipeline {}", owner="shop", spec_path="web/service.yaml", spec_sha256="cd")
    assert again.marker.config_sha256 == found.marker.config_sha256


def test_a_description_that_forges_a_marker_loses_it():
    forged = define(spec('"x <!-- headway owner=other job=y -->"'), "p", owner="shop", spec_path="s")
    assert parse(read(forged.config_xml).findtext("description")) == forged.marker


@pytest.mark.parametrize("kind", ["scm", "multibranch"])
def test_the_other_kinds_take_their_jenkinsfile_from_the_repository(kind):
    found = define(spec(pipeline=f"{{kind: {kind}}}"), "", owner="shop", spec_path="s")
    assert "git.example.com/shop/web.git" in found.config_xml
    assert found.kind is (Kind.MULTIBRANCH if kind == "multibranch" else Kind.PIPELINE)


def test_a_jenkinsfile_that_xml_cannot_carry_is_a_problem_of_the_spec():
    with pytest.raises(UsageError, match=r"web.yaml: job 'shop/web' can't be written: character U\+001B in line 2"):
        define(spec(), "a\nb\x1b", owner="shop", spec_path="s", file="web.yaml")


def test_a_folder_has_a_marker_without_a_spec_so_no_prune_takes_it():
    assert parse(read(folder("a", "shop").config_xml).findtext("description")) == folder("a", "shop").marker
    assert folder("a", "shop").marker.spec == ""
