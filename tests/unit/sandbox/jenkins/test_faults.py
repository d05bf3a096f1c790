"""Misbehaviour by script, and the simulated latency."""

import threading
from collections import Counter

import pytest

from agent.sandbox.jenkins import SandboxJenkins
from agent.sandbox.jenkins.http import Delivery, Request

FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"


def test_one_in_three(sandbox, ask):
    sandbox.fault("status", every=3, retry_after=7)
    answers = [ask("GET", "/api/json") for _ in range(9)]
    assert [answer.status for answer in answers] == [200, 200, 503] * 3
    assert answers[2].headers["Retry-After"] == "7"


def test_only_what_is_meant_and_only_so_often(sandbox, ask):
    fault = sandbox.fault("status", status=502, method="POST", path="createItem$", times=1)
    assert ask("GET", "/createItem").status == 405
    assert ask("POST", "/job/shop/job/checkout/disable").status == 302
    assert ask.create("/createItem?name=a").status == 502
    assert ask.create("/createItem?name=a").status == 200
    assert fault.spent


def test_before_nothing_has_happened_and_after_it_has(sandbox, ask):
    sandbox.fault("status", path="createItem", times=1)
    assert ask.create("/createItem?name=a").status == 503
    assert "a" not in sandbox.items
    sandbox.fault("reset", path="createItem", times=1, after=True)
    assert ask.create("/createItem?name=a").delivery is Delivery.RESET
    assert "a" in sandbox.items


def test_a_reset_before_anything(sandbox, ask):
    sandbox.fault("reset", times=1)
    assert ask.create("/createItem?name=a").delivery is Delivery.RESET
    assert "a" not in sandbox.items
    assert sandbox.requests[-1].status == 0


def test_slow_and_cut_answers(sandbox, ask):
    sandbox.fault("slow", times=1, pace=0.5)
    slow = ask("GET", "/api/json")
    assert (slow.status, slow.delivery, slow.pace) == (200, Delivery.SLOW, 0.5)
    sandbox.fault("cut", times=1)
    assert ask("GET", "/api/json").delivery is Delivery.CUT


def test_a_login_page_in_between(sandbox, ask):
    sandbox.fault("login", times=1)
    assert ask.create("/createItem?name=a").headers["Location"] == "/login"
    assert "a" not in sandbox.items


def test_crumbs_change_mid_run(sandbox, asked_by):
    asker = asked_by("admin", "secret")
    session = sandbox.controller.access.open_session(sandbox.controller.access.identify(request(asker)))
    headers = {
        "cookie": f"JSESSIONID.sandbox={session}",
        "jenkins_crumb": sandbox.controller.access.crumb("admin", session),
    }
    sandbox.fault("crumb", every=2, times=1)
    assert [asker("POST", "/job/shop/job/checkout/disable", **headers).status for _ in range(2)] == [302, 403]


def request(asker) -> Request:
    return Request("GET", "/", {"authorization": asker.authorization})


def test_a_restart_lasts_some_requests(sandbox, ask):
    sandbox.fault("restart", every=2, times=3, retry_after=1)
    assert [ask("GET", "/api/json").status for _ in range(6)] == [200, 503, 503, 503, 200, 200]


def test_faults_are_checked():
    with pytest.raises(ValueError, match="no such fault"):
        SandboxJenkins().fault("explode")
    with pytest.raises(ValueError, match="1 or more"):
        SandboxJenkins().fault("status", every=0)
    with pytest.raises(TypeError):
        SandboxJenkins().fault("status", wibble=1)


def test_the_record_of_requests(sandbox, ask):
    ask.create("/job/shop/createItem?name=a", "<project/>")
    seen = sandbox.requests[-1]
    assert (seen.method, seen.path, seen.query) == ("POST", "/job/shop/createItem", {"name": "a"})
    assert (seen.status, seen.user, seen.content_type) == (200, "admin", "text/xml; charset=utf-8")
    assert seen.body == b"<project/>"


def test_latency_passes_without_sleeping():
    slept: list[float] = []
    sandbox = SandboxJenkins(latency=0.02, sleep=slept.append)
    sandbox.handle(Request("GET", "/api/json"))
    assert slept == [0.02]
    sandbox.handle(Request("POST", "/createItem?name=a"))
    assert slept[1:] == [0.01, 0.01]


class Creations:
    """Counts how many creations pass the time at once in their second half, which is spent in the folder's lock."""

    def __init__(self) -> None:
        self.halves: Counter[int] = Counter()
        self.inside = self.most = 0
        self.lock = threading.Lock()
        self.together = threading.Barrier(2)
        self.meet = False

    def sleep(self, _seconds: float) -> None:
        with self.lock:
            me = threading.get_ident()
            self.halves[me] += 1
            second = self.halves[me] % 2 == 0
            self.inside += second
            self.most = max(self.most, self.inside)
        if second and self.meet:
            self.together.wait(10)
        if second:
            with self.lock:
                self.inside -= 1


def run(sandbox, paths):
    def create(path):
        headers = {"authorization": BASIC, "content-type": "text/xml;charset=utf-8"}
        sandbox.handle(Request("POST", path, headers, b"<project/>"))

    threads = [threading.Thread(target=create, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)


BASIC = "Basic YWRtaW46c2FuZGJveA=="


@pytest.fixture
def creations():
    return Creations()


@pytest.fixture
def slow(creations):
    sandbox = SandboxJenkins(latency=0.02, sleep=creations.sleep)
    sandbox.create("a", FOLDER)
    sandbox.create("b", FOLDER)
    # A password needs a crumb, so these creations are refused in the end; what counts is how they wait.
    return sandbox


def test_creation_is_serialised_in_a_folder(slow, creations):
    run(slow, [f"/job/a/createItem?name=j{number}" for number in range(8)])
    assert creations.most == 1


def test_creation_is_not_serialised_across_folders(slow, creations):
    creations.meet = True
    run(slow, ["/job/a/createItem?name=j", "/job/b/createItem?name=j"])
    assert creations.most == 2


def test_most_at_once(slow, creations):
    creations.meet = True
    run(slow, ["/job/a/createItem?name=j", "/job/b/createItem?name=j"])
    assert slow.service.most_at_once == 2
