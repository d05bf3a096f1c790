"""Seed and views."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from agent.jobs.xmltext import read
from agent.operations.seed import Seed, script, seed
from tests.unit.cli.test_jobs import add, sandbox, shop, writes

__all__ = ["sandbox", "shop"]


class TestSeed:
    def given(self, **changes) -> Seed:
        plain = Seed("admin/seed", "shop", "https://git/x.git", "main", "git", "token", "services", "docker")
        return replace(plain, **changes)

    def test_it_applies_the_folder_and_keeps_the_notes(self, golden):
        golden(Path(__file__).parents[2] / "golden" / "jobs" / "seed.Jenkinsfile", script(self.given(prune=True)))

    @pytest.mark.parametrize("field", ["git", "branch", "git_credentials", "jenkins_credentials", "folder", "label"])
    @pytest.mark.parametrize("evil", ["'; evil()", "$(touch x)", "${x}", "\\'", '"""', "a\nb", "`x`"])
    def test_nothing_of_a_value_is_evaluated(self, field, evil):
        text = script(self.given(**{field: f"v{evil}"}))
        plain = script(self.given(**{field: "v"}))
        code = re.compile(r"'''(?:[^'\\]|\\.|'(?!''))*'''|'(?:[^'\\\n]|\\.)*'", re.DOTALL)
        assert code.sub("_", text) == code.sub("_", plain)

    def test_no_prune_ever_takes_it(self):
        assert seed(self.given()).marker.spec == ""

    def test_it_is_made_and_kept(self, sandbox, shop, headway):
        sandbox.add_credential("token")
        arguments = (
            "jobs",
            "seed",
            shop,
            "--git",
            "https://git.example.com/specs.git",
            "--jenkins-credentials",
            "token",
        )
        shown = headway(*arguments, "--dry-run")
        assert "+ headway-seed  create" in shown.out
        assert writes(sandbox) == []
        made = headway(*arguments, "--job", "admin/seed")
        assert made.status == 0, made.err
        config = sandbox.items["admin/seed"].config
        assert "exec headway jobs apply --runs .headway/runs" in read(config).findtext("definition/script", "")
        assert headway(*arguments, "--job", "admin/seed").out.startswith("  = 1 job was as it should be")
        assert headway("jobs", "apply", "--prune", shop).status == 0
        assert "admin/seed" in sandbox.items

    def test_a_password_in_the_url_never_gets_into_the_job(self, sandbox, shop, headway):
        refused = headway("jobs", "seed", shop, "--git", "https://me:secret@git/x.git", "--jenkins-credentials", "t")
        assert refused.status == 2
        assert "secret" not in refused.err + refused.out
        assert sandbox.requests == []

    def test_without_a_repository_it_asks_for_one(self, sandbox, shop, headway):
        assert "--git URL" in headway("jobs", "seed", shop, "--jenkins-credentials", "t").err


class TestViews:
    def test_each_team_gets_a_view_above_all_jobs_and_a_second_run_sends_nothing(self, sandbox, shop, headway):
        assert "+ view shop/money  create" in headway("jobs", "plan", "--views", shop).out
        made = headway("jobs", "apply", "--views", shop)
        assert made.status == 0, made.out + made.err
        config = sandbox.items["shop"].views["money"].config
        assert [one.text for one in read(config).findall("jobNames/string")] == ["money/orders", "money/payments"]
        sandbox.requests.clear()
        assert headway("jobs", "apply", "--views", shop).status == 0
        assert writes(sandbox) == []

    def test_a_job_more_is_an_update_and_a_hand_edit_is_taken_back(self, sandbox, shop, headway):
        headway("jobs", "apply", "--views", shop)
        add(shop, "money", "more")
        assert "~ view shop/money  updated" in headway("jobs", "apply", "--views", shop).out
        view = sandbox.items["shop"].views["money"]
        view.config = view.config.replace("<string>money/more</string>", "")
        assert "~ view shop/money  updated" in headway("jobs", "apply", "--views", shop).out
        assert "money/more" in sandbox.items["shop"].views["money"].config

    def test_a_view_that_is_not_ours_is_left_alone(self, sandbox, shop, headway):
        headway("jobs", "apply", "--views", shop)
        view = sandbox.items["shop"].views["money"]
        view.config = view.config.replace("headway owner=shop", "headway owner=other")
        add(shop, "money", "more")
        found = headway("jobs", "apply", "--views", shop)
        assert found.status == 4
        assert "! view shop/money  conflict: it is not ours" in found.out
        assert "money/more" not in sandbox.items["shop"].views["money"].config

    def test_filters_narrow_views_too(self, sandbox, shop, headway):
        headway("jobs", "apply", "--views", "--team", "web", shop)
        assert list(sandbox.items["shop"].views) == ["web"]
