"""Who may ask: passwords, tokens, crumbs, sessions, login pages."""

import json


def crumb_of(asker):
    answer = asker("GET", "/crumbIssuer/api/json")
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    return json.loads(answer.body)["crumb"], cookie


def test_a_token_needs_no_crumb(ask):
    assert ask("POST", "/job/shop/job/checkout/disable").status == 302


def test_a_password_needs_crumb_and_cookie(asked_by):
    asker = asked_by("admin", "secret")
    crumb, cookie = crumb_of(asker)
    target = "/job/shop/job/checkout/disable"
    assert asker("POST", target).status == 403
    assert asker("POST", target, jenkins_crumb=crumb).status == 403
    assert asker("POST", target, cookie=cookie).status == 403
    assert asker("POST", target, jenkins_crumb=crumb, cookie=cookie).status == 302
    assert b"No valid crumb was included in the request" in asker("POST", target).body


def test_the_crumb_may_stand_in_the_form(asked_by):
    asker = asked_by("admin", "secret")
    crumb, cookie = crumb_of(asker)
    kind = "application/x-www-form-urlencoded"
    sent = asker("POST", "/job/shop/job/checkout/disable", f"Jenkins-Crumb={crumb}", cookie=cookie, content_type=kind)
    assert sent.status == 302


def test_a_second_request_in_the_session_keeps_its_crumb(asked_by):
    asker = asked_by("admin", "secret")
    crumb, cookie = crumb_of(asker)
    again = asker("GET", "/crumbIssuer/api/json", cookie=cookie)
    assert json.loads(again.body)["crumb"] == crumb
    assert "Set-Cookie" not in again.headers


def test_changed_crumbs_are_refused_until_fetched_anew(sandbox, asked_by):
    asker = asked_by("admin", "secret")
    crumb, cookie = crumb_of(asker)
    sandbox.change_crumbs()
    assert asker("POST", "/job/shop/job/checkout/disable", jenkins_crumb=crumb, cookie=cookie).status == 403
    fresh = json.loads(asker("GET", "/crumbIssuer/api/json", cookie=cookie).body)["crumb"]
    assert asker("POST", "/job/shop/job/checkout/disable", jenkins_crumb=fresh, cookie=cookie).status == 302


def test_a_restart_forgets_sessions(sandbox, asked_by):
    asker = asked_by("admin", "secret")
    crumb, cookie = crumb_of(asker)
    sandbox.restart()
    assert asker("POST", "/job/shop/job/checkout/disable", jenkins_crumb=crumb, cookie=cookie).status == 403


def test_somebody_elses_crumb_is_none(asked_by):
    crumb, cookie = crumb_of(asked_by("admin", "secret"))
    target = "/job/shop/job/checkout/disable"
    assert asked_by("bot", "bot")("POST", target, jenkins_crumb=crumb, cookie=cookie).status == 403


def test_the_anonymous_are_shown_the_way_to_the_login_page(ask):
    ask.authorization = ""
    answer = ask("GET", "/job/shop/config.xml?x=1")
    assert answer.status == 403
    assert b"url=/login?from=%2Fjob%2Fshop%2Fconfig.xml%3Fx%3D1" in answer.body


def test_wrong_credentials_of_every_kind_are_401(ask, asked_by):
    assert asked_by("admin", "wrong")("GET", "/api/json").status == 401
    assert asked_by("nobody", "secret")("GET", "/api/json").status == 401
    assert asked_by("admin", "")("GET", "/api/json").status == 401
    ask.authorization = "Basic %%%"
    assert ask("GET", "/api/json").status == 401
    ask.authorization = "Bearer 11token"
    assert ask("GET", "/api/json").status == 401


def test_a_reader_reads(asked_by):
    asker = asked_by("reader", "11reader")
    assert asker("GET", "/job/shop/config.xml").status == 200
    refused = asker("POST", "/job/shop/job/checkout/disable")
    assert refused.status == 403
    assert refused.headers["X-You-Are-Authenticated-As"] == "reader"


def test_the_list_of_plugins_needs_more_than_a_jobs_token(sandbox, ask, asked_by):
    target = "/pluginManager/api/json?tree=plugins[shortName]"
    assert ask("GET", target).status == 200
    assert asked_by("bot", "11bot")("GET", target).status == 403
    sandbox.hide_plugins()
    assert ask("GET", target).status == 403


def test_behind_a_login_page_nothing_else_is_seen(sandbox, ask):
    sandbox.stand_behind_login_page()
    answer = ask.create("/createItem?name=x")
    assert answer.status == 302
    assert answer.headers["Location"] == "/login?from=/createItem"
    page = ask("GET", answer.headers["Location"])
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html;charset=utf-8"
    assert "x" not in sandbox.items


def test_who_am_i(ask):
    assert ask.json("/me/api/json")["id"] == "admin"
    assert ask.json("/whoAmI/api/json")["authenticated"] is True
