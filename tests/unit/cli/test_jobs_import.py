"""`headway jobs import` and `headway jobs why` as a user meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent.errors import UsageError
from agent.jobs.configxml import write
from agent.jobs.definition import define
from agent.jobs.importing import imported
from agent.jobs.settings import settings
from agent.jobs.shapes import Git, InlineJob, MultibranchJob, ScmJob, Triggers
from agent.jobs.why import chosen, settings_of
from agent.jobs.xmltext import read
from agent.spec.model import ServiceSpec
from agent.spec.parse import parse_text
from tests.unit.cli.test_jobs import sandbox, shop, writes

__all__ = ["sandbox", "shop"]

SHAPES = Path(__file__).parents[2] / "golden" / "import"
GIT = Git("https://git.example.com/shop/web.git", "develop", "git-shop")


def put(sandbox, full_name: str, shape: str) -> None:
    """A job of that shape, in folders that are made for it."""
    parts = full_name.split("/")
    for count in range(1, len(parts)):
        if (folder := "/".join(parts[:count])) not in sandbox.items:
            sandbox.create(folder, "<com.cloudbees.hudson.plugins.folder.Folder/>")
    sandbox.create(full_name, (SHAPES / shape / "config.xml").read_text(encoding="utf-8"))


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
        assert (spec.job, spec.pipeline.kind) == ("shop/money/web", kind)
        assert not [one for one in found.residue if "would change" in one.said]

    @pytest.mark.parametrize("name", ["Payment Service", "é", "a_b.c", "-x-", "X" * 80, "1", "日本"])
    def test_any_name_becomes_a_service_and_keeps_its_job(self, name):
        found = imported(f"Shop Folder/{name}", write(ScmJob('He said "hi": #1\n- x', GIT)))
        spec = parse_text(found.text)
        assert isinstance(spec, ServiceSpec), (found.text, found.residue)
        assert spec.job == f"Shop Folder/{name}"
        assert spec.description == 'He said "hi": #1\n- x'

    def test_a_folder_a_glob_and_a_name_into_files_that_pass_check(self, sandbox, headway, tmp_path):
        put(sandbox, "shop/money/orders", "pipeline-inline")
        put(sandbox, "shop/money/payments", "pipeline-scm")
        put(sandbox, "shop/web/front", "multibranch-git")
        put(sandbox, "old", "freestyle-shell")
        out = tmp_path / "specs"
        sandbox.requests.clear()
        found = headway("jobs", "import", "shop/money", "shop/w*", "old", "--out", out)
        assert found.status == 0
        assert sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()) == [
            "old/service.yaml",
            "shop/money/orders/Jenkinsfile.imported",
            "shop/money/orders/service.yaml",
            "shop/money/payments/service.yaml",
            "shop/web/front/service.yaml",
        ]
        assert headway("check", out).status == 0
        assert writes(sandbox) == []
        assert len(sandbox.requests) == 5
        assert "  old: .: a project can't become a pipeline" in found.err

    def test_nothing_is_ever_overwritten(self, sandbox, headway, tmp_path):
        put(sandbox, "orders", "pipeline-scm")
        put(sandbox, "payments", "pipeline-scm")
        mine = tmp_path / "payments" / "service.yaml"
        mine.parent.mkdir()
        mine.write_text("mine", encoding="utf-8")
        refused = headway("jobs", "import", "orders", "payments", "--out", tmp_path)
        assert refused.status == 2
        assert "nothing was written" in refused.err
        assert mine.read_text(encoding="utf-8") == "mine"
        assert not (tmp_path / "orders").exists()

    def test_a_dry_run_writes_nothing_and_stdout_is_the_default(self, sandbox, headway, tmp_path):
        put(sandbox, "orders", "pipeline-scm")
        dry = headway("jobs", "import", "orders", "--out", tmp_path / "x", "--dry-run")
        assert "would write" in dry.err
        assert not (tmp_path / "x").exists()
        shown = headway("jobs", "import", "orders")
        assert isinstance(parse_text(shown.out), ServiceSpec)

    def test_one_that_cannot_be_read_stops_no_other(self, sandbox, headway):
        put(sandbox, "bad", "pipeline-scm")
        put(sandbox, "good", "pipeline-scm")
        sandbox.items["bad"].config = "<flow-definition>" + "<a>" * 150 + "</a>" * 150 + "</flow-definition>"
        found = headway("jobs", "import", "bad", "good", "-o", "json")
        bad, good = json.loads(found.out)["jobs"]
        assert found.status == 4
        assert "nested more than 100 deep" in bad["problem"]
        assert isinstance(parse_text(good["spec"]), ServiceSpec)
        assert {"path", "said"} == set(good["residue"][0])

    def test_an_unknown_job_gets_the_nearest(self, sandbox, headway):
        put(sandbox, "shop/orders", "pipeline-scm")
        found = headway("jobs", "import", "shop/order")
        assert (found.status, "did you mean 'shop/orders'?" in found.err) == (4, True)


class TestWhy:
    def test_each_setting_names_its_file_and_line(self, shop, headway):
        (shop / "headway.yaml").write_text("version: 1\nowner: shop\npipeline: {keep: {builds: 9}}\n", encoding="utf-8")
        found = headway("jobs", "why", "shop/web/front", "--in", shop)
        assert found.status == 0
        assert re.search(r"builds kept +pipeline\.keep\.builds = 9  \S*headway\.yaml:3:", found.out)
        assert re.search(r'trigger +pipeline\.triggers\.poll = "H/5 \* \* \* \*"  \S*service\.yaml:6:', found.out)
        assert re.search(r"durability +Headway's own: ", found.out)

    def test_one_setting_by_its_name_its_field_or_its_place(self, shop, headway):
        spec = shop / "web" / "front" / "service.yaml"
        for word in (
            "builds kept",
            "builds",
            "pipeline.keep",
            "properties/jenkins.model.BuildDiscarderProperty/strategy",
        ):
            found = headway("jobs", "why", spec, word)
            assert found.out.splitlines()[1].split("  ")[1] == "builds kept", found.err
            assert len(found.out.splitlines()) == 2
        assert "pipeline.timeout" in headway("jobs", "why", spec, "pipeline.timeout").out
        wrong = headway("jobs", "why", spec, "bilds kept")
        assert (wrong.status, "did you mean 'builds kept'?" in wrong.err) == (2, True)

    def test_the_stronger_file_is_named_before_the_one_that_it_overrides(self, shop, headway):
        (shop / "headway.yaml").write_text(
            'version: 1\nowner: shop\npipeline: {triggers: {poll: "@daily"}}\n', encoding="utf-8"
        )
        found = headway("jobs", "why", "shop/web/front", "trigger", "--in", shop)
        assert re.search(r"service\.yaml:6:\d+, over \S*headway\.yaml:3:", found.out)

    def test_it_needs_no_jenkins_and_has_a_json_form(self, shop, headway):
        data = json.loads(headway("jobs", "why", "shop/web/front", "--in", shop, "-o", "json").out)
        trigger = next(one for one in data["settings"] if one["setting"] == "trigger")
        assert re.search(r"service\.yaml:6:\d+$", trigger["fields"][0]["origin"])
        assert trigger["config_xml"][0].endswith("PipelineTriggersJobProperty")

    def test_an_unknown_job_gets_the_nearest(self, shop, headway):
        found = headway("jobs", "why", "shop/web/frnt", "--in", shop)
        assert (found.status, "did you mean 'shop/web/front'?" in found.err) == (2, True)

    @pytest.mark.parametrize("kind", ["inline", "scm", "multibranch"])
    def test_every_setting_of_the_job_is_explained(self, kind):
        text = (
            "service: web\nimage: {repository: x}\nsource: {git: 'https://x/y.git', credentials: c}\n"
            f"pipeline: {{kind: {kind}, triggers: {{poll: '@daily', push: true}}}}\n"
        )
        spec = parse_text(text)
        assert isinstance(spec, ServiceSpec)
        made = define(spec, "pipeline {}", owner="o", spec_path="s").config_xml
        for path in settings(read(made)):
            if path.endswith(("Property", "/triggers")) or path == "keepDependencies":
                continue
            assert chosen(spec, path), path
        known = {one.name for one in settings_of(spec)}
        assert {"name", "description"} <= known

    def test_what_there_is_not_is_said(self):
        spec = parse_text("service: web\nimage: {repository: x}\n")
        assert isinstance(spec, ServiceSpec)
        with pytest.raises(UsageError, match="no setting 'zzz'"):
            chosen(spec, "zzz")
