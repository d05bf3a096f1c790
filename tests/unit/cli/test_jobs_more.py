"""Import, seed and why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from agent.jobs.configxml import write
from agent.jobs.importing import imported
from agent.jobs.shapes import Git, InlineJob, MultibranchJob, ScmJob, Triggers
from agent.jobs.xmltext import read
from agent.operations.seed import Seed, script, seed
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text
from tests.unit.cli.test_jobs import add, sandbox, shop, writes
from tests.unit.jobs import shapes

__all__ = ["sandbox", "shop"]

GIT = Git("https://git.example.com/shop/web.git", "develop", "git-shop")


class TestImport:
    @pytest.mark.parametrize(
        ("kind", "shape"),
        [
            ("inline", InlineJob("Shows.", "docker push registry.example.com/shop/web:1", 7, Triggers(push=True))),
            ("scm", ScmJob("Shows.", GIT, "Jenkinsfile", 7, Triggers(poll="H/9 * * * *"))),
            ("multibranch", MultibranchJob("Shows.", GIT, "id", "Jenkinsfile", Triggers(poll="H/30 * * * *"))),
        ],
    )
    def test_a_job_like_ours_leaves_no_setting_behind(self, kind, shape):
        found = imported("shop/money/web", write(shape))
        spec = parse_text(found.text)
        assert isinstance(spec, ServiceSpec)
        assert spec.job == "shop/money/web"
        assert spec.pipeline.kind == kind
        assert not [one for one in found.residue if one.startswith("would change")]
        if kind == "scm":
            assert spec.source is not None
            assert (spec.source.git, spec.source.branch, spec.source.credentials) == (GIT.url, "develop", "git-shop")
            assert (spec.pipeline.keep.builds, spec.pipeline.triggers.poll) == (7, "H/9 * * * *")
        if kind == "inline":
            assert spec.image.repository == "registry.example.com/shop/web"

    def test_what_a_spec_cannot_say_is_listed(self):
        text = write(shapes.INLINE).replace(
            "<properties>",
            "<properties><hudson.security.AuthorizationMatrixProperty><permission>x</permission>"
            "</hudson.security.AuthorizationMatrixProperty>",
        )
        found = imported("web", text)
        assert found.script == shapes.SCRIPT
        residue = "\n".join(found.residue)
        assert "would change: parameter VERSION removed" in residue
        assert "would change: timer removed: H 3 * * 1-5" in residue
        assert "stays as it is in Jenkins: AuthorizationMatrixProperty" in residue
        assert "the script (8 lines) is kept beside" in residue
        assert "the image's repository is not in the job" in residue

    def test_what_is_no_pipeline_says_so(self):
        found = imported("old", "<project><builders/></project>")
        assert found.text == ""
        assert "a project is no pipeline" in found.residue[0]

    @pytest.mark.parametrize("name", ["Payment Service", "é", "a_b.c", "-x-", "X" * 80, "1", "日本"])
    def test_any_name_becomes_a_service_and_keeps_its_job(self, name):
        found = imported(f"Shop Folder/{name}", write(ScmJob('He said "hi": #1\n- x', GIT)))
        spec = parse_text(found.text)
        assert isinstance(spec, ServiceSpec), (found.text, found.residue)
        assert spec.job == f"Shop Folder/{name}"
        assert spec.description == 'He said "hi": #1\n- x'

    @pytest.mark.parametrize(
        "evil", ["a: {b", "x\n  folder: evil", "'", '"', "\\", "{{ x }}", "# c", "\u2028", "\x85", "!!python/x"]
    )
    def test_no_text_of_a_job_becomes_yaml(self, evil):
        found = imported("web", write(ScmJob(f"d{evil}d", Git("https://git.example.com/x.git", "main"))))
        spec = parse_text(found.text)
        if isinstance(spec, ServiceSpec):
            assert spec.description.split() == f"d{evil}d".split()
            assert spec.pipeline.folder == ""
        else:
            assert found.residue

    def test_from_a_jenkins_into_files(self, sandbox, shop, headway, tmp_path):
        headway("jobs", "apply", shop)
        out = tmp_path / "specs"
        found = headway("jobs", "import", "shop/money/*", "--out", out)
        assert found.status == 0
        assert sorted(str(path.relative_to(out)) for path in out.rglob("service.yaml")) == [
            "shop/money/orders/service.yaml",
            "shop/money/payments/service.yaml",
        ]
        assert headway("check", out).status == 0
        assert headway("jobs", "import", "shop/money/orders", "--out", out).status == 2
        assert "did you mean 'shop/money/orders'?" in headway("jobs", "import", "shop/money/order").err
        assert (
            json.loads(headway("jobs", "import", "shop/web/front", "-o", "json").out)["jobs"][0]["job"]
            == "shop/web/front"
        )
        assert not [path for verb, path in writes(sandbox) if "import" in path]


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


class TestWhy:
    def test_each_setting_names_its_file_and_line(self, shop, headway):
        (shop / "headway.yaml").write_text("version: 1\nowner: shop\npipeline: {keep: {builds: 9}}\n", encoding="utf-8")
        found = headway("jobs", "why", "shop/web/front", shop)
        assert found.status == 0
        assert re.search(r"builds kept +pipeline\.keep\.builds = 9  \S*headway\.yaml:3:", found.out)
        assert re.search(r'trigger +pipeline\.triggers\.poll = "H/5 \* \* \* \*"  \S*service\.yaml:6:', found.out)
        assert re.search(r"pipeline\.template = \"service\"  default of Headway", found.out)

    def test_it_needs_no_jenkins_and_has_a_json_form(self, shop, headway):
        data = json.loads(headway("jobs", "why", "shop/web/front", shop, "-o", "json").out)
        assert (
            data["settings"]["trigger"][0]["origin"].endswith("service.yaml:6:46")
            or data["settings"]["trigger"][0]["origin"]
        )

    def test_an_unknown_job_gets_the_nearest(self, shop, headway):
        found = headway("jobs", "why", "shop/web/frnt", shop)
        assert (found.status, "did you mean 'shop/web/front'?" in found.err) == (2, True)


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
        assert "~ view shop/money  update" in headway("jobs", "apply", "--views", shop).out
        view = sandbox.items["shop"].views["money"]
        view.config = view.config.replace("<string>money/more</string>", "")
        assert "~ view shop/money  update" in headway("jobs", "apply", "--views", shop).out
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
