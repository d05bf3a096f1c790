"""Saved plans, the notes of runs, and taking a run back."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.unit.cli.test_jobs import add, edit, sandbox, shop, writes

__all__ = ["sandbox", "shop"]


@pytest.fixture
def runs(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    monkeypatch.setenv("HEADWAY_RUNS", str(folder))
    return folder


def lines(runs: Path) -> list[dict[str, str]]:
    newest = max(runs.iterdir())
    return [json.loads(line) for line in (newest / "audit.jsonl").read_text(encoding="utf-8").splitlines()]


class TestSavedPlans:
    def test_a_plan_is_applied_exactly(self, sandbox, shop, headway, tmp_path):
        plan = tmp_path / "plan.json"
        assert "saved" in headway("jobs", "plan", "--out", plan, shop).err
        assert stat.S_IMODE(plan.stat().st_mode) == 0o600
        add(shop, "web", "later")
        applied = headway("jobs", "apply", plan)
        assert applied.status == 0, applied.err + applied.out
        assert len(sandbox.items) == 6
        assert "shop/web/later" not in sandbox.items

    def test_it_is_refused_when_jenkins_moved(self, sandbox, shop, headway, tmp_path):
        headway("jobs", "apply", shop)
        edit(shop, "front", "H/5", "H/7")
        plan = tmp_path / "plan.json"
        headway("jobs", "plan", "--out", plan, shop)
        item = sandbox.items["shop/web/front"]
        item.config = item.config.replace("<numToKeep>30", "<numToKeep>3")
        sandbox.requests.clear()
        refused = headway("jobs", "apply", plan)
        assert refused.status == 9
        assert (
            "nothing was sent: Jenkins is not as it was when the plan was made: 'shop/web/front' was changed"
            in refused.err
        )
        assert writes(sandbox) == []

    def test_a_save_by_jenkins_is_no_move(self, sandbox, shop, headway, tmp_path):
        headway("jobs", "apply", shop)
        edit(shop, "front", "H/5", "H/7")
        plan = tmp_path / "plan.json"
        headway("jobs", "plan", "--out", plan, shop)
        sandbox.save("shop/web/front")
        assert headway("jobs", "apply", plan).status == 0
        assert "H/7" in sandbox.items["shop/web/front"].config

    @pytest.mark.parametrize("what", ["created", "deleted"])
    def test_what_appeared_or_went_is_a_move(self, sandbox, shop, headway, tmp_path, what):
        plan = tmp_path / "plan.json"
        if what == "created":
            headway("jobs", "plan", "--out", plan, shop)
            sandbox.create("shop", "<com.cloudbees.hudson.plugins.folder.Folder/>")
        else:
            headway("jobs", "apply", shop)
            edit(shop, "front", "H/5", "H/7")
            headway("jobs", "plan", "--out", plan, shop)
            del sandbox.controller.root.children["shop"].children["web"].children["front"]
        refused = headway("jobs", "apply", plan)
        assert refused.status == 9
        assert ("is there now" if what == "created" else "is gone") in refused.err

    def test_for_another_jenkins_or_with_filters_it_is_a_wrong_command_line(self, sandbox, shop, headway, tmp_path):
        plan = tmp_path / "plan.json"
        headway("jobs", "plan", "--out", plan, shop)
        assert headway("jobs", "apply", "--only", "x", plan).status == 2
        found = headway("jobs", "apply", plan, "--jenkins-url", "http://127.0.0.1:1/")
        assert (found.status, "this plan is for" in found.err) == (2, True)

    @pytest.mark.parametrize(
        "damage", ['"headway": 2', '"changes": 7', '"changes": [{"action": "explode", "reason": ""}]']
    )
    def test_a_damaged_plan_is_refused(self, sandbox, headway, tmp_path, damage):
        plan = tmp_path / "plan.json"
        plan.write_text(
            f'{{"headway": 1, "kind": "saved-plan", "jenkins": "x", "owner": "", {damage}}}', encoding="utf-8"
        )
        found = headway("jobs", "apply", plan)
        assert found.status == 2
        assert "nothing was sent" in found.err
        assert sandbox.requests == []


class TestHistory:
    def test_it_says_what_was_done_when_by_whom_and_from_what(self, sandbox, shop, headway, runs, monkeypatch):
        monkeypatch.setenv("GIT_COMMIT", "3f2c0123456789abcdef")
        headway("jobs", "apply", shop)
        edit(shop, "orders", "H/5", "H/6")
        headway("jobs", "apply", shop)
        told = headway("jobs", "history", "shop/money/orders")
        assert told.status == 0
        first, _, second, why = told.out.splitlines()
        assert "  create  by admin  from money/orders/service.yaml  3f2c01234567" in first
        assert "  update  by admin" in second
        assert why.startswith("    the spec changed; `headway jobs rollback ")
        data = json.loads(headway("jobs", "history", "/shop/money/orders/", "-o", "json").out)
        assert [one["outcome"] for one in data["changes"]] == ["done", "done"]
        assert data["changes"][1]["before_sha256"] != data["changes"][1]["after_sha256"]

    def test_what_was_cut_off_or_failed_is_said(self, sandbox, shop, headway, runs):
        sandbox.fault("status", status=500, method="POST", path="money/createItem$")
        headway("jobs", "apply", shop)
        newest = max(runs.iterdir()) / "audit.jsonl"
        kept = [line for line in newest.read_text().splitlines() if "orders" not in line or '"begun"' in line]
        newest.write_text("\n".join([*kept, '{"half']), encoding="utf-8")
        assert "create (cut off)" in headway("jobs", "history", "shop/money/orders").out
        assert "create (failed)" in headway("jobs", "history", "shop/money/payments").out

    def test_a_job_that_no_run_changed(self, headway, runs):
        assert "no run in" in headway("jobs", "history", "shop/other").out


class TestNotes:
    def test_each_change_is_a_line_with_who_what_and_hashes(self, sandbox, shop, headway, runs, monkeypatch):
        monkeypatch.setenv("GIT_COMMIT", "3f2c")
        monkeypatch.setenv("BUILD_URL", "https://ci/job/seed/7/")
        headway("jobs", "apply", shop)
        found = lines(runs)
        assert len(found) == 12
        done = [line for line in found if line["outcome"] == "done"]
        assert {line["job"] for line in done} == set(sandbox.items)
        assert set(done[0]) == {
            "run", "jenkins", "actor", "build", "git", "at", "job", "action", "outcome", "reason", "message", "spec",
            "origin", "before_sha256", "after_sha256",
        }  # fmt: skip
        assert (done[0]["actor"], done[0]["git"], done[0]["build"]) == ("admin", "3f2c", "https://ci/job/seed/7/")

    def test_nothing_is_written_when_nothing_is_sent(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        before = sorted(runs.iterdir())
        headway("jobs", "apply", shop)
        headway("jobs", "plan", shop)
        assert sorted(runs.iterdir()) == before

    def test_no_secret_stands_anywhere(self, sandbox, shop, headway, runs):
        ran = headway("jobs", "apply", "-v", shop)
        written = "".join(path.read_text(encoding="utf-8") for path in runs.rglob("*") if path.is_file())
        assert sandbox.token not in written + ran.out + ran.err

    def test_a_place_that_cannot_be_written_stops_the_change(self, sandbox, shop, headway, tmp_path):
        blocked = tmp_path / "file"
        blocked.write_text("", encoding="utf-8")
        found = headway("jobs", "apply", "--runs", blocked / "runs", shop)
        assert found.status == 4
        assert "no backup can be written" in found.out
        assert writes(sandbox) == []


class TestRollback:
    def test_every_config_is_as_it_was_byte_for_byte(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        before = {name: item.config for name, item in sandbox.items.items()}
        for name in ("front", "orders"):
            edit(shop, name, "H/5", "H/7")
        headway("jobs", "apply", shop)
        assert "H/7" in sandbox.items["shop/web/front"].config
        shown = headway("jobs", "rollback", "last", "--dry-run")
        assert "trigger H/7 * * * * -> H/5 * * * *" in shown.out
        sandbox.requests.clear()
        taken = headway("jobs", "rollback", "last")
        assert taken.status == 0, taken.out + taken.err
        posted = {seen.path: seen.body for seen in sandbox.requests if seen.method == "POST"}
        assert posted["/job/shop/job/web/job/front/config.xml"] == before["shop/web/front"].encode()
        assert {name: item.config for name, item in sandbox.items.items()} == before

    def test_it_is_noted_itself_and_can_be_taken_back(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        edit(shop, "front", "H/5", "H/7")
        headway("jobs", "apply", shop)
        headway("jobs", "rollback", "last")
        assert lines(runs)[-1]["action"] == "update"
        name = lines(runs)[-1]["run"]
        assert headway("jobs", "rollback", name).status == 0
        assert "H/7" in sandbox.items["shop/web/front"].config

    def test_what_the_run_made_is_disabled_and_folders_stay(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        taken = headway("jobs", "rollback", "last")
        assert taken.status == 0, taken.out
        assert "<disabled>true" in sandbox.items["shop/web/front"].config
        assert len(sandbox.items) == 6
        assert headway("jobs", "apply", shop).status == 0
        assert "<disabled>true" not in sandbox.items["shop/web/front"].config

    def test_a_job_that_was_changed_since_is_left_alone(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        edit(shop, "front", "H/5", "H/7")
        headway("jobs", "apply", shop)
        item = sandbox.items["shop/web/front"]
        item.config = item.config.replace("<numToKeep>30", "<numToKeep>3")
        found = headway("jobs", "rollback", "last")
        assert found.status == 9
        assert "it was changed after that run" in found.out
        assert "<numToKeep>3<" in item.config

    def test_a_save_or_a_build_since_is_no_change(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        edit(shop, "front", "H/5", "H/7")
        headway("jobs", "apply", shop)
        sandbox.build_declarative("shop/web/front")
        sandbox.save("shop/web/front")
        assert headway("jobs", "rollback", "last").status == 0
        assert "H/5" in sandbox.items["shop/web/front"].config

    def test_a_deleted_job_comes_back_without_its_builds(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        next(shop.glob("*/front/service.yaml")).unlink()
        headway("jobs", "apply", "--prune", shop)
        headway("jobs", "apply", "--prune", shop)
        assert "shop/web/front" not in sandbox.items
        assert headway("jobs", "rollback", "last").status == 0
        assert "<disabled>true" in sandbox.items["shop/web/front"].config

    def test_a_move_goes_back(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        edit(shop, "front", "folder: shop/web,", "folder: shop/money, job: home, moved_from: shop/web/front,")
        headway("jobs", "apply", shop)
        assert "shop/money/home" in sandbox.items
        taken = headway("jobs", "rollback", "last")
        assert taken.status == 0, taken.out
        assert "shop/web/front" in sandbox.items
        assert "shop/money/home" not in sandbox.items

    def test_an_unknown_run_names_the_newest(self, sandbox, shop, headway, runs):
        assert headway("jobs", "rollback", "1999").status == 2
        headway("jobs", "apply", shop)
        assert "the newest are" in headway("jobs", "rollback", "1999").err

    def test_a_damaged_backup_is_refused(self, sandbox, shop, headway, runs):
        headway("jobs", "apply", shop)
        edit(shop, "front", "H/5", "H/7")
        headway("jobs", "apply", shop)
        for path in runs.rglob("*.xml"):
            path.write_text("tampered", encoding="utf-8")
        found = headway("jobs", "rollback", "last")
        assert found.status == 2
        assert "is damaged" in found.err
