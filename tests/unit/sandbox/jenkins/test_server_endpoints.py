"""Views, credentials, plugins, pages and the sandbox's own surface."""

import json

VIEW = """<hudson.model.ListView><name>mine</name><jobNames>
<comparator class="java.lang.String$CaseInsensitiveComparator"/>
<string>checkout</string></jobNames></hudson.model.ListView>"""


def test_a_view_of_a_folder(sandbox, ask):
    assert ask.create("/job/shop/createView?name=mine", VIEW).status == 200
    assert (
        ask.create("/job/shop/createView?name=mine", VIEW).headers["X-Error"]
        == 'A view already exists with the name "mine"'
    )
    listed = ask.json("/job/shop/api/json?tree=views[name,url]")["views"]
    assert [view["name"] for view in listed] == ["all", "mine"]
    assert listed[1]["url"].endswith("/job/shop/view/mine/")
    assert [job["name"] for job in ask.json("/job/shop/view/mine/api/json?tree=jobs[name]")["jobs"]] == ["checkout"]
    assert ask("GET", "/job/shop/view/mine/config.xml").body.decode().count("<string>checkout</string>") == 1


def test_jobs_enter_and_leave_a_view(sandbox, ask):
    ask.create("/job/shop/createView?name=mine", "<hudson.model.ListView/>")
    view = sandbox.items["shop"].views["mine"]
    assert ask("POST", "/job/shop/view/mine/addJobToView?name=checkout").status == 200
    assert view.job_names == ["checkout"]
    ask("POST", "/job/shop/job/checkout/confirmRename?newName=till")
    assert view.job_names == ["till"]
    assert ask("POST", "/job/shop/view/mine/removeJobFromView?name=till").status == 200
    assert view.job_names == []
    assert ask("POST", "/job/shop/view/mine/addJobToView?name=nobody").status == 400


def test_a_deleted_job_leaves_its_views(sandbox, ask):
    ask.create("/job/shop/createView?name=mine", VIEW)
    ask("DELETE", "/job/shop/job/checkout/")
    assert sandbox.items["shop"].views["mine"].job_names == []


def test_views_are_changed_and_deleted(sandbox, ask):
    ask.create("/createView?name=v", "<hudson.model.ListView/>")
    assert (
        ask.create(
            "/view/v/config.xml", "<hudson.model.ListView><description>d</description></hudson.model.ListView>"
        ).status
        == 200
    )
    assert ask.json("/view/v/api/json")["description"] == "d"
    assert ask.create("/view/v/config.xml", "<project/>").status == 500
    assert ask.create("/createView?name=w", "<project/>").status == 500
    assert ask("POST", "/view/v/doDelete").status == 302
    assert ask("GET", "/view/v/config.xml").status == 404
    assert ask("GET", "/view/all/api/json").status == 200


def test_credentials_of_the_system_and_of_a_folder(sandbox, ask, asked_by):
    sandbox.add_credential("git-shop", kind="Username with password")
    sandbox.add_credential("kubeconfig-staging", folder="shop")
    listed = ask.json("/credentials/store/system/domain/_/api/json?depth=1")["credentials"]
    assert [(entry["id"], entry["typeName"]) for entry in listed] == [("git-shop", "Username with password")]
    held = ask.json("/job/shop/credentials/store/folder/domain/_/api/json?tree=credentials[id]")["credentials"]
    assert [entry["id"] for entry in held] == ["kubeconfig-staging"]
    one = "/job/shop/credentials/store/folder/domain/_/credential/{}/api/json"
    assert ask.json(one.format("kubeconfig-staging"))["id"] == "kubeconfig-staging"
    assert ask("GET", one.format("nobody")).status == 404
    assert ask("GET", "/job/shop/credentials/store/system/domain/_/api/json").status == 404
    assert ask("GET", "/credentials/store/system/domain/_/api/json/more").status == 404
    assert asked_by("bot", "11bot")("GET", "/credentials/store/system/domain/_/api/json").status == 403


def test_a_folder_keeps_views_and_credentials_in_its_config(sandbox, ask):
    folder = sandbox.items["shop"]
    ask.create("/job/shop/createView?name=mine", VIEW)
    sandbox.add_credential("kubeconfig", folder="shop")
    text = ask("GET", "/job/shop/config.xml").body.decode()
    assert "<name>mine</name>" in text
    assert "<id>kubeconfig</id>" in text
    sandbox.save("shop")
    assert folder.config == text
    changed = text.replace("<properties>", "<description>new</description><properties>", 1)
    assert ask.create("/job/shop/config.xml", changed).status == 200
    assert folder.views["mine"].job_names == ["checkout"]
    assert [credential.id for credential in folder.credentials] == ["kubeconfig"]


def test_a_folder_that_is_replaced_loses_them(sandbox, ask):
    ask.create("/job/shop/createView?name=mine", VIEW)
    sandbox.add_credential("kubeconfig", folder="shop")
    ask.create("/job/shop/config.xml", "<com.cloudbees.hudson.plugins.folder.Folder/>")
    folder = sandbox.items["shop"]
    assert (folder.views, folder.credentials) == ({}, [])


def test_plugins_come_and_go(sandbox, ask):
    target = "/pluginManager/api/json?tree=plugins[shortName,version,active]"
    before = {plugin["shortName"] for plugin in ask.json(target)["plugins"]}
    assert {"workflow-job", "git", "cloudbees-folder", "timestamper"} <= before
    sandbox.remove_plugin("timestamper")
    assert {plugin["shortName"] for plugin in ask.json(target)["plugins"]} == before - {"timestamper"}


def test_pages_for_people(ask):
    for path in ("/", "/job/shop/", "/job/shop/job/checkout/"):
        answer = ask("GET", path)
        assert answer.status == 200
        assert answer.headers["X-Jenkins"] == "2.504.3"
    assert ask("GET", "/job/shop/job/nobody/").status == 404
    assert ask("GET", "/no/such/thing").status == 404


def test_what_is_echoed_is_escaped(ask):
    refused = ask.create("/createItem?name=%3Cscript%3E")
    assert refused.status == 400
    assert b"&lt;" in refused.body
    assert b"<  is" not in refused.body
    ask.authorization = "Basic wrong"
    echoed = ask("GET", "/<script>").body
    assert b"&lt;script&gt;" in echoed
    assert b"<script>" not in echoed


def test_quiet_down(ask):
    ask("POST", "/quietDown")
    assert ask.json("/api/json")["quietingDown"] is True
    ask("POST", "/cancelQuietDown")
    assert ask.json("/api/json")["quietingDown"] is False


class TestAdmin:
    """`/_sandbox/`."""

    def test_about(self, sandbox, ask):
        ask("GET", "/api/json")
        about = ask.json("/_sandbox/")
        assert about["user"] == "admin"
        assert about["items"] == 2
        assert about["requests"] == {"GET": 1}

    def test_faults(self, ask):
        made = json.loads(ask("POST", "/_sandbox/faults", '{"kind": "status", "every": 2}').body)
        assert made["status"] == 503
        assert [ask("GET", "/api/json").status for _ in range(2)] == [200, 503]
        assert ask.json("/_sandbox/faults")[0]["struck"] == 1
        assert ask("DELETE", "/_sandbox/faults").status == 204
        assert [ask("GET", "/api/json").status for _ in range(2)] == [200, 200]

    def test_requests(self, sandbox, ask):
        ask.create("/createItem?name=a", "<project/>")
        assert ask.json("/_sandbox/requests")[0]["bytes"] == len("<project/>")
        ask("DELETE", "/_sandbox/requests")
        assert sandbox.requests == []

    def test_what_it_can_do(self, sandbox, ask, payments):
        sandbox.items["shop/checkout"].config = payments
        assert json.loads(ask("POST", "/_sandbox/build-declarative", '{"path": "shop/checkout"}').body) == {
            "rewritten": True
        }
        assert ask("POST", "/_sandbox/save", '{"path": "shop"}').status == 204
        assert ask("POST", "/_sandbox/upgrade-plugins").status == 204
        assert ask("POST", "/_sandbox/change-crumbs").status == 204
        assert ask("POST", "/_sandbox/restart").status == 204
        assert ask("POST", "/_sandbox/credentials", '{"id": "x", "folder": "shop"}').status == 204
        assert sandbox.items["shop"].credentials[0].id == "x"
        assert ask("POST", "/_sandbox/advance", '{"seconds": 5}').status == 204
        assert ask("POST", "/_sandbox/switches", '{"plugins_hidden": true, "latency": 0}').status == 204
        assert ask("GET", "/pluginManager/api/json").status == 403
        assert ask("POST", "/_sandbox/switches", '{"behind_login_page": true}').status == 204
        assert ask("GET", "/api/json").status == 302

    def test_what_it_refuses(self, ask):
        assert ask("GET", "/_sandbox/nothing").status == 404
        for path, body in [
            ("faults", '{"kind": "explode"}'),
            ("faults", "[]"),
            ("faults", "{"),
            ("faults", '{"kind": "status", "wibble": 1}'),
            ("save", '{"path": "nobody"}'),
            ("save", "{}"),
            ("switches", '{"wibble": true}'),
        ]:
            assert ask("POST", f"/_sandbox/{path}", body).status == 400, (path, body)
