"""python-jenkins, a stranger to the sandbox, works against it over real HTTP, its bad habits included."""

import jenkins
import pytest

from agent.sandbox.jenkins import SandboxJenkins

JENKINSFILE = (
    "pipeline {\n  agent any\n  stages {\n    stage('a') {\n      steps {\n        sh 'true'\n      }\n    }\n  }\n}\n"
)
JOB = (
    "<flow-definition><description>d</description>"
    '<definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">'
    f"<script>{JENKINSFILE}</script><sandbox>true</sandbox></definition></flow-definition>"
)


@pytest.fixture
def sandbox():
    with SandboxJenkins() as running:
        yield running


@pytest.fixture(params=["token", "password"])
def server(sandbox, request):
    client = jenkins.Jenkins(sandbox.url, sandbox.user, getattr(sandbox, request.param), timeout=10)
    yield client
    client._session.close()


def test_the_version_needs_a_login_first(server):
    with pytest.raises(jenkins.BadHTTPException):
        server.get_version()
    assert server.get_whoami()["id"] == "admin"
    assert server.get_version() == "2.504.3"


def test_jobs_and_folders(server, sandbox):
    server.create_folder("shop")
    server.create_folder("shop/payments")
    server.create_job("shop/payments/checkout", JOB)
    assert [job["fullname"] for job in server.get_all_jobs()] == ["shop", "shop/payments", "shop/payments/checkout"]
    assert server.job_exists("shop/payments/checkout")
    assert not server.job_exists("shop/payments/nothing")
    assert server.is_folder("shop")
    assert server.jobs_count() == 3
    assert server.get_job_info("shop/payments/checkout")["description"] == "d"
    with pytest.raises(jenkins.JenkinsException, match="already exists"):
        server.create_job("shop/payments/checkout", JOB)
    with pytest.raises(jenkins.JenkinsException, match="already exists"):
        server.create_folder("shop")


def test_configs(server, sandbox):
    server.create_job("checkout", JOB)
    assert "<description>d</description>" in server.get_job_config("checkout")
    server.reconfig_job("checkout", JOB.replace(">d<", ">ünï<"))
    assert sandbox.items["checkout"].description == "ünï"
    with pytest.raises(jenkins.JenkinsException):
        server.reconfig_job("checkout", "<project/>")
    with pytest.raises(jenkins.NotFoundException):
        server.reconfig_job("nothing", JOB)


def test_disable_enable_copy_rename_delete(server, sandbox):
    server.create_job("a", JOB)
    server.disable_job("a")
    assert sandbox.items["a"].disabled
    server.enable_job("a")
    server.copy_job("a", "b")
    server.rename_job("b", "c")
    assert list(sandbox.items) == ["a", "c"]
    server.delete_job("c")
    assert list(sandbox.items) == ["a"]


def test_builds(server, sandbox):
    server.create_job("a", JOB)
    number = server.build_job("a")
    assert server.get_queue_item(number)["executable"]["number"] == 1
    info = server.get_build_info("a", 1)
    assert (info["result"], info["building"]) == ("SUCCESS", False)
    assert server.get_build_console_output("a", 1).endswith("Finished: SUCCESS\n")
    sandbox.controller.executors.quiet_period = 60
    waiting = server.build_job("a")
    assert server.get_queue_info()[0]["id"] == waiting
    server.cancel_queue(waiting)
    assert server.get_queue_info() == []
    sandbox.controller.executors.quiet_period = 0
    sandbox.controller.executors.hold = True
    server.build_job("a")
    server.stop_build("a", 2)
    assert server.get_build_info("a", 2)["result"] == "ABORTED"


def test_credentials(server, sandbox):
    server.create_folder("shop")
    sandbox.add_credential("git-shop", folder="shop")
    assert server.list_credentials("shop") == [{"_class": CREDENTIAL, "id": "git-shop"}]
    assert server.credential_exists("git-shop", "shop")
    assert not server.credential_exists("other", "shop")


CREDENTIAL = "com.cloudbees.plugins.credentials.CredentialsStoreAction$CredentialsWrapper"


def test_views(server):
    server.create_job("a", JOB)
    server.create_view("mine", jenkins.EMPTY_VIEW_CONFIG_XML)
    assert server.view_exists("mine")
    assert "hudson.model.ListView" in server.get_view_config("mine")
    assert {view["name"] for view in server.get_views()} == {"all", "mine"}
    server.delete_view("mine")
    assert not server.view_exists("mine")


def test_plugins(server):
    plugins = server.get_plugins()
    assert str(plugins["workflow-job"]["version"]) == "1571.vb_423c255d6d9"
    assert server.get_plugin_info("git")["active"] is True


def test_the_jenkinsfile_is_checked(server):
    assert server.check_jenkinsfile_syntax(JENKINSFILE) == []
    broken = server.check_jenkinsfile_syntax(JENKINSFILE.replace("agent", "agnt"))
    assert 'Undefined section "agnt" @ line 2, column 3.' in broken[0]["error"]


def test_a_stale_crumb_is_never_fetched_anew(sandbox):
    client = jenkins.Jenkins(sandbox.url, sandbox.user, sandbox.password, timeout=10)
    client.create_folder("a")
    sandbox.change_crumbs()
    with pytest.raises(jenkins.JenkinsException, match="No valid crumb"):
        client.create_folder("b")
    client._session.close()


def test_a_login_page_is_followed_without_an_error(sandbox):
    client = jenkins.Jenkins(sandbox.url, sandbox.user, sandbox.token, timeout=10)
    client.create_job("a", JOB)
    sandbox.fault("login", method="POST", times=1)
    client.reconfig_job("a", JOB.replace(">d<", ">new<"))
    assert sandbox.items["a"].description == "d"
    client._session.close()
