"""`headway jobs` as a user meets it: on a Jenkins over real HTTP, with files on a disk."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli.console import Console
from agent.cli.main import run
from agent.sandbox.jenkins import SandboxJenkins
from tests.sessions.stage import until

ROOT = Path(__file__).parents[3]
SPEC = """version: 1
service: {name}
team: {team}
source: {{git: "https://git.example.com/shop/{name}.git"}}
image: {{repository: registry.example.com/shop/{name}}}
pipeline: {{folder: shop/{team}, triggers: {{poll: "H/5 * * * *"}}}}
"""


@pytest.fixture
def sandbox(monkeypatch, tmp_path_factory):
    with SandboxJenkins() as running:
        monkeypatch.setenv("JENKINS_URL", running.url)
        monkeypatch.setenv("JENKINS_USER_ID", running.user)
        monkeypatch.setenv("JENKINS_API_TOKEN", running.token)
        monkeypatch.setenv("HEADWAY_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield running


@pytest.fixture
def shop(tmp_path):
    """Three services of two teams, with an owner."""
    (tmp_path / "headway.yaml").write_text("version: 1\nowner: shop\n", encoding="utf-8")
    for team, name in (("money", "orders"), ("money", "payments"), ("web", "front")):
        add(tmp_path, team, name)
    return tmp_path


def add(shop: Path, team: str, name: str) -> Path:
    folder = shop / team / name
    folder.mkdir(parents=True)
    file = folder / "service.yaml"
    file.write_text(SPEC.format(team=team, name=name), encoding="utf-8")
    return file


def writes(sandbox) -> list[tuple[str, str]]:
    return [(seen.method, seen.path) for seen in sandbox.requests if seen.method != "GET"]


def edit(shop: Path, name: str, before: str, after: str) -> None:
    file = next(shop.glob(f"*/{name}/service.yaml"))
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_plan_shows_apply_sends_and_a_second_apply_sends_nothing(sandbox, shop, headway):
    planned = headway("jobs", "plan", shop)
    assert planned.status == 0
    assert planned.out == (
        "  + shop/                create folder\n"
        "  + shop/money/          create folder\n"
        "  + shop/web/            create folder\n"
        "  + shop/money/orders    create\n"
        "  + shop/money/payments  create\n"
        "  + shop/web/front       create\n"
        "Plan: 6 to create, 0 to update, 0 to delete, 0 to keep. `headway jobs apply` would send 6 requests.\n"
    )
    assert writes(sandbox) == []
    assert headway("jobs", "plan", "--exit-code", shop).status == 3
    applied = headway("jobs", "apply", shop)
    assert applied.status == 0
    assert "Applied: 6 created; Jenkins shows it." in applied.out
    assert len(writes(sandbox)) == 6
    sandbox.requests.clear()
    again = headway("jobs", "apply", shop)
    assert again.status == 0
    assert again.out.startswith("  = 3 jobs were as they should be\nNothing was sent:")
    assert [(seen.method, seen.path) for seen in sandbox.requests] == [("GET", "/api/json")]
    assert headway("jobs", "plan", "--exit-code", shop).status == 0


def test_an_update_names_its_settings_and_costs_one_read_one_write_and_three_more(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    edit(shop, "orders", "H/5", "H/10")
    planned = headway("jobs", "plan", shop)
    assert planned.out == (
        "  ~ shop/money/orders  update: trigger H/5 * * * * -> H/10 * * * *\n"
        "  = 2 jobs are as they should be\n"
        "Plan: 0 to create, 1 to update, 0 to delete, 2 to keep. `headway jobs apply` would send 1 request.\n"
    )
    sandbox.requests.clear()
    assert headway("jobs", "apply", shop).status == 0
    assert [seen.method for seen in sandbox.requests] == ["GET", "GET", "GET", "POST", "GET"]


def test_the_lines_of_a_changed_jenkinsfile_are_shown(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    edit(shop, "front", "image:", 'test: [{name: unit, run: "make test"}]\nimage:')
    assert re.search(r"update: Jenkinsfile \(\d+ lines\)", headway("jobs", "plan", shop).out)
    assert re.search(r"^      \+ +stage\('Test unit'\)", headway("jobs", "plan", shop).out, re.MULTILINE)
    assert "stage('Test unit')" not in headway("jobs", "plan", "--no-diff", shop).out


def test_nothing_is_drift_after_saves_builds_and_plugin_upgrades(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    for name in [name for name in sandbox.items if name.count("/") == 2]:
        sandbox.build_declarative(name)
    sandbox.upgrade_plugins()
    for name in list(sandbox.items):
        sandbox.save(name)
    sandbox.requests.clear()
    found = headway("jobs", "plan", "--drift", "--exit-code", shop)
    assert found.status == 0, found.out
    assert len(sandbox.requests) == 4


def test_a_hand_edit_is_drift_and_is_taken_back(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    item = sandbox.items["shop/web/front"]
    item.config = item.config.replace("<numToKeep>30", "<numToKeep>3")
    assert headway("jobs", "plan", "--exit-code", shop).status == 0
    drift = headway("jobs", "plan", "--drift", "--exit-code", shop)
    assert drift.status == 3
    assert "update (edited in Jenkins): builds kept 3 -> 30" in drift.out
    assert headway("jobs", "apply", "--drift", shop).status == 0
    assert "<numToKeep>30" in sandbox.items["shop/web/front"].config


def test_prune_disables_then_deletes_and_only_under_a_folder(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    next(shop.glob("*/front/service.yaml")).unlink()
    assert "1 job of this owner has no spec any more: shop/web/front" in headway("jobs", "plan", shop).out
    sandbox.requests.clear()
    one = headway("jobs", "apply", "--prune", shop / "money" / "orders" / "service.yaml")
    assert one.status == 2
    assert "--prune needs a folder" in one.err
    assert sandbox.requests == []
    assert headway("jobs", "apply", "--prune", shop / "money").out.startswith("  = 2 jobs")
    assert "disabled" in headway("jobs", "apply", "--prune", shop).out
    assert "<disabled>true</disabled>" in sandbox.items["shop/web/front"].config
    assert "deleted" in headway("jobs", "apply", "--prune", shop).out
    assert "shop/web/front" not in sandbox.items
    assert headway("jobs", "apply", "--prune", shop).out.startswith("  = 2 jobs")


def test_prune_needs_an_owner(sandbox, shop, headway):
    (shop / "headway.yaml").write_text("version: 1\n", encoding="utf-8")
    refused = headway("jobs", "apply", "--prune", shop)
    assert refused.status == 2
    assert "--prune needs an owner" in refused.err
    assert sandbox.requests == []


def test_what_is_not_ours_is_left_alone_until_adopted_and_its_builds_stay(sandbox, shop, headway):
    sandbox.create("shop", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    sandbox.create("shop/web", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    sandbox.create("shop/web/front", "<flow-definition><description>mine</description></flow-definition>")
    found = headway("jobs", "apply", shop)
    assert found.status == 9
    assert "conflict: it was not made by Headway (hint: --adopt takes it over; its builds stay)" in found.out
    assert sandbox.items["shop/web/front"].config.count("mine") == 1
    assert headway("jobs", "apply", "--adopt", shop).status == 0
    assert "headway owner=shop" in sandbox.items["shop/web/front"].config
    assert sandbox.items["shop"].config.count("headway") == 0


def test_a_folder_that_is_a_job_is_one_clear_line_and_the_rest_is_done(sandbox, shop, headway):
    sandbox.create("shop", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    sandbox.create("shop/web", "<flow-definition/>")
    found = headway("jobs", "apply", shop)
    assert found.status == 9
    assert "'shop/web' is a pipeline job, so nothing can be created in it" in found.out
    assert "shop/money/orders" in sandbox.items


def test_a_move_keeps_the_job(sandbox, shop, headway):
    headway("jobs", "apply", shop)
    edit(shop, "front", "folder: shop/web,", "folder: shop/shopfront, job: home, moved_from: shop/web/front,")
    found = headway("jobs", "plan", shop)
    assert "> shop/shopfront/home  move from shop/web/front, with its builds" in found.out
    applied = headway("jobs", "apply", shop)
    assert applied.status == 0, applied.out
    assert "shop/shopfront/home" in sandbox.items
    assert "shop/web/front" not in sandbox.items
    assert headway("jobs", "apply", shop).out.startswith("  = 3 jobs")


def test_filters_narrow(sandbox, shop, headway):
    assert headway("jobs", "apply", "--team", "web", shop).status == 0
    assert sorted(sandbox.items) == ["shop", "shop/web", "shop/web/front"]
    assert headway("jobs", "apply", "--only", "*/orders", "--prune", shop).status == 0
    assert sorted(name for name in sandbox.items if name.count("/") == 2) == ["shop/money/orders", "shop/web/front"]


def test_more_changes_than_allowed_are_refused(sandbox, shop, headway):
    refused = headway("jobs", "apply", "--max-changes", "5", shop)
    assert refused.status == 9
    assert "nothing was sent: the plan has 6 changes, more than the 5 of --max-changes" in refused.err
    assert writes(sandbox) == []


def test_dry_run_sends_nothing(sandbox, shop, headway):
    assert headway("jobs", "apply", "--dry-run", shop).out.startswith("  + shop/")
    assert writes(sandbox) == []


def test_json_and_markdown(sandbox, shop, headway):
    data = json.loads(headway("jobs", "plan", "-o", "json", shop).out)
    assert set(data) == {
        "headway",
        "command",
        "jenkins",
        "owner",
        "counts",
        "requests",
        "changes",
        "orphans",
        "refused",
    }
    assert data["counts"]["create"] == data["requests"] == 6
    assert data["changes"][0] == {"job": "shop", "action": "create", "reason": "holds the jobs below"}
    markdown = headway("jobs", "plan", "-o", "markdown", shop).out
    assert "| <code>shop/web/front</code> | create | create |" in markdown
    report = json.loads(headway("jobs", "apply", "-o", "json", shop).out)
    assert report["counts"]["done"] == 6
    assert report["verified"] is True


def test_what_many_have_in_common_is_said_once_and_what_few_have_is_not_lost_in_it(sandbox, shop, headway):
    for number in range(40):
        add(shop, "web", f"job{number:02}")
    planned = headway("jobs", "plan", shop).out
    assert planned.count("  create\n") == 3
    assert "    ... and 40 more: create (--verbose lists them)\n" in planned
    assert headway("jobs", "plan", "-v", shop).out.count("  create\n") == 43
    applied = headway("jobs", "apply", shop).out
    assert "    ... and 40 more: created (--verbose lists them)\n" in applied
    for number in range(3):
        (shop / "web" / f"job{number:02}" / "service.yaml").unlink()
    (shop / "headway.yaml").write_text("owner: shop\npipeline: {keep: {builds: 7}}\n", encoding="utf-8")
    planned = headway("jobs", "plan", "--prune", shop).out
    assert planned.count("  - shop/web/job0") == 3
    assert "    ... and 37 more: update: builds kept 30 -> 7 (--verbose lists them)\n" in planned


def test_ctrl_c_while_jenkins_is_read_says_that_nothing_was_sent(sandbox, shop, headway, monkeypatch):
    def interrupted(_self, _levels):
        raise KeyboardInterrupt

    monkeypatch.setattr("agent.adapters.jenkins.client.JenkinsServer.inventory", interrupted)
    ran = headway("jobs", "apply", shop)
    assert (ran.status, "nothing was sent to Jenkins" in ran.err) == (130, True)
    assert writes(sandbox) == []


def test_a_plan_that_is_too_much_is_shown_and_refused(sandbox, shop, headway):
    for output in ("text", "json", "markdown"):
        ran = headway("jobs", "plan", "--max-changes", 2, "-o", output, shop)
        assert ran.status == 9
        assert "shop/web/front" in ran.out
        assert "nothing was sent: the plan has 6 changes, more than the 2" in ran.err
        assert "--max-changes 6" in ran.err
    assert "**Refused" in ran.out
    refused = headway("jobs", "apply", "--max-changes", 2, shop)
    assert (refused.status, refused.out) == (9, "")
    assert writes(sandbox) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("JENKINS_URL", "", "no Jenkins is named"),
        ("JENKINS_URL", "http://me:secret@localhost", "user or password in it"),
        ("JENKINS_URL", "not a url", "is not the URL of a Jenkins"),
        ("JENKINS_API_TOKEN", "", "no API token for user 'admin'"),
        ("JENKINS_USER_ID", "", "JENKINS_API_TOKEN is set, but no user"),
    ],
)
def test_a_wrong_setting_is_exit_2_and_sends_nothing(sandbox, shop, headway, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    refused = headway("jobs", "apply", shop)
    assert refused.status == 2
    assert words in refused.err
    assert "nothing was sent" in refused.err
    assert sandbox.requests == []


def test_a_login_page_a_wrong_token_and_nobody_home_are_exit_4(sandbox, shop, headway, monkeypatch):
    sandbox.stand_behind_login_page()
    found = headway("jobs", "apply", shop)
    assert found.status == 4
    assert "nothing was sent to Jenkins" in found.err
    assert "login page" in found.err
    sandbox.stand_behind_login_page(hidden=False)
    monkeypatch.setenv("JENKINS_API_TOKEN", "wrong")
    found = headway("jobs", "apply", shop)
    assert (found.status, "does not accept the credentials" in found.err) == (4, True)
    sandbox.stop()
    found = headway("jobs", "apply", shop)
    assert (found.status, "connection refused" in found.err) == (4, True)


def test_a_wrong_spec_stops_everything(sandbox, shop, headway):
    edit(shop, "front", "team: web", "taem: web")
    found = headway("jobs", "apply", shop)
    assert found.status == 2
    assert "did you mean 'team'?" in found.err
    assert sandbox.requests == []


def test_the_token_is_not_an_option(shop, headway):
    assert headway("jobs", "apply", "--jenkins-token", "x", shop).status == 2
    assert "token" not in headway("jobs", "apply", "--help").out.lower().replace("jenkins_api_token", "")


@pytest.fixture
def hurried(monkeypatch):
    """Pauses between attempts take no time."""
    monkeypatch.setattr("agent.adapters.jenkins.client.JenkinsServer._pause", lambda _self, _seconds: None)


FAULTS = [
    ("status", False), ("status", True), ("reset", False), ("reset", True), ("cut", False), ("crumb", False),
    ("restart", False), ("login", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "after"), FAULTS, ids=[f"{kind}{'-after' if after else ''}" for kind, after in FAULTS]
)
def test_whatever_goes_wrong_all_jobs_are_right_in_the_end(sandbox, shop, headway, kind, after, hurried):
    """Often, to meet every kind of request with a dozen jobs; as often as the issue says in the test below."""
    for number in range(12):
        add(shop, f"team{number % 3}", f"job{number}")
    headway("jobs", "apply", "--only", "*/job1", shop)
    details = {"every": 13, "times": 2} if kind == "restart" else {"every": 7}
    sandbox.fault(kind, after=after, **details)
    found = headway("jobs", "apply", shop)
    assert found.status == 0, found.out
    assert headway("jobs", "plan", "--drift", "--exit-code", shop).status == 0


@pytest.mark.parametrize("with_password", [False, True], ids=["token", "password"])
@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_one_request_in_forty_goes_wrong_in_every_way(
    sandbox, shop, headway, hurried, count, with_password, monkeypatch
):
    if with_password:
        monkeypatch.setenv("JENKINS_API_TOKEN", sandbox.password)
    for number in range(count):
        add(shop, f"team{number % 10}", f"job{number}")
    for kind, after in FAULTS:
        sandbox.fault(kind, after=after, every=40, **({"times": 3} if kind == "restart" else {}))
    found = headway("jobs", "apply", shop)
    assert found.status == 0, found.out
    assert headway("jobs", "plan", "--drift", "--exit-code", shop).status == 0
    assert len([name for name in sandbox.items if name.count("/") == 2]) == count + 3


def test_a_login_page_that_stays_is_a_failure_of_those_items_and_the_next_run_completes_it(
    sandbox, shop, headway, hurried
):
    sandbox.fault("login", every=1, times=3, method="POST")
    found = headway("jobs", "apply", shop, "--parallel", "1")
    assert found.status == 4
    assert "login page" in found.out
    assert headway("jobs", "apply", shop).status == 0
    assert headway("jobs", "plan", "--drift", "--exit-code", shop).status == 0


def environment(sandbox, runs: Path) -> dict[str, str]:
    return {
        **os.environ,
        "JENKINS_URL": sandbox.url,
        "JENKINS_USER_ID": sandbox.user,
        "JENKINS_API_TOKEN": sandbox.token,
        "HEADWAY_RUNS": str(runs),
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.parametrize(
    ("number", "status", "count"), [(signal.SIGKILL, -9, 3), (signal.SIGTERM, 143, 5), (signal.SIGINT, 130, 8)]
)
def test_a_run_that_is_ended_anywhere_is_completed_by_the_next(
    shop, headway, number, status, count, monkeypatch, tmp_path
):
    for index in range(40):
        add(shop, f"team{index % 4}", f"job{index}")
    with SandboxJenkins(latency=0.02) as sandbox:
        command = [sys.executable, "-m", "agent", "jobs", "apply", str(shop), "-v", "--parallel", "2"]
        variables = environment(sandbox, tmp_path / "runs")
        with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True) as run:
            until(lambda: len(writes(sandbox)) >= count, 30)
            run.send_signal(number)
            out = run.communicate(timeout=30)[0]
        assert run.returncode == status
        assert len(sandbox.items) < 43
        if number != signal.SIGKILL:
            assert "Interrupted:" in out
            assert out.count("not begun: interrupted") + len(sandbox.items) == 43 + 7
        for name, value in variables.items():
            if name.startswith(("JENKINS_", "HEADWAY_")):
                monkeypatch.setenv(name, value)
        assert headway("jobs", "apply", shop).status == 0
        assert headway("jobs", "plan", "--drift", "--exit-code", shop).status == 0


def test_another_version_than_the_pinned_one_makes_no_jobs(sandbox, shop, headway):
    (shop / "headway.yaml").write_text("version: 1\nowner: shop\nheadway: {agent: 99.1.0}\n", encoding="utf-8")
    refused = headway("jobs", "apply", shop)
    assert refused.status == 2
    assert "headway.yaml pins headway 99.1.0" in refused.err
    assert sandbox.requests == []


def test_where_somebody_watches_a_bar_moves_and_the_result_is_the_same(sandbox, shop):
    out, err = io.StringIO(), io.StringIO()
    assert run(["jobs", "apply", str(shop)], Console(out, err, watched=True, width=80)) == 0
    assert "Applied: 6 created" in out.getvalue()
    assert "6/6" in err.getvalue()


def test_quiet_says_nothing_but_the_result(sandbox, shop, headway):
    found = headway("jobs", "apply", "-q", shop)
    assert found.status == 0
    assert found.err == ""
