"""The watch engine under every fault: nothing lost, nothing invented, no hot loop, blindness told."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.adapters.kubernetes.errors import Answer
from agent.adapters.kubernetes.evidence import Own
from agent.adapters.kubernetes.feed import subjects
from agent.adapters.kubernetes.follower import Engine
from agent.adapters.kubernetes.kinds import Kinds
from agent.adapters.kubernetes.stream import StreamError
from agent.errors import ForbiddenError
from agent.objects import Object, Ref, name, uid
from agent.operations.mission import LockRules
from agent.rollout.feed import Blind, Changed, Listed, Sighted
from tests.fakes.api_transport import HandClock, Server, status

WEB = Ref("apps/v1", "Deployment", "shop", "web")


class Story:
    """A server, an engine, and what was heard so far."""

    def __init__(self, *, dice=lambda: 0.0, events=True):
        self.clock = HandClock()
        self.server = Server(self.clock)
        self.server.put("Deployment", "web", status={"replicas": 1})
        self.server.put("ReplicaSet", "web-1")
        self.server.put(
            "Pod", "web-1-a", status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        )
        self.own = Own(WEB)
        kinds = Kinds(lambda _: None)
        parts = subjects(WEB, "app=web", kinds, self.own)
        self.engine = Engine(self.server, self.clock, parts, self.own, kinds.item(WEB), dice=dice)
        self.heard: list[Any] = []
        self.known: dict[str, dict[str, Object]] = {}

    def begin(self):
        self._hear(self.engine.begin(lambda watch: watch.relist(self.server, self.clock.monotonic)))
        return self

    def run(self, seconds: float):
        """Turns until so much time has passed; returns what was heard meanwhile."""
        before, until = len(self.heard), self.clock.now + seconds
        turns = 0
        while True:
            self._hear(self.engine.turn())
            turns += 1
            assert turns < 20 * seconds + 50, "the engine does not wait"
            if self.clock.now >= until:
                return self.heard[before:]
            self.clock.now += min(max(self.engine.wait(), 0.01), until - self.clock.now)

    def _hear(self, events):
        for event in events:
            self.heard.append(event)
            match event:
                case Listed(resource=resource, items=items):
                    self.known[resource] = {uid(item): item for item in items}
                case Changed(resource=resource, type="DELETED", object=thing):
                    self.known[resource].pop(uid(thing), None)
                case Changed(resource=resource, object=thing):
                    self.known.setdefault(resource, {})[uid(thing)] = thing

    def truth(self, resource: str) -> dict[str, str]:
        return {
            uid(thing): thing["metadata"]["resourceVersion"]
            for (plural, _), thing in self.server.objects.items()
            if plural == resource
        }

    def belief(self, resource: str) -> dict[str, str]:
        return {key: thing["metadata"]["resourceVersion"] for key, thing in self.known.get(resource, {}).items()}

    def agrees(self) -> bool:
        return all(self.belief(each) == self.truth(each) for each in ("deployments", "replicasets", "pods"))


@pytest.fixture
def story():
    return Story().begin()


def rate(times: list[float], window: float = 10.0) -> float:
    """The most that came within any window, a second."""
    return max((sum(at <= other < at + window for other in times) / window for at in times), default=0.0)


def test_begins_with_one_list_of_each_then_four_watches(story):
    assert [event.resource for event in story.heard] == ["deployments", "replicasets", "pods", "events"]
    assert len(story.server.asked("list")) == 4
    assert len(story.server.asked("watch")) == 4
    assert story.agrees()


def test_a_workload_that_does_not_exist_yet_is_an_empty_list(story):
    fresh = Story()
    fresh.server.remove("Deployment", "web")
    fresh.begin()
    assert fresh.heard[0] == Listed(1000.0, "deployments", ())
    fresh.server.put("Deployment", "web")
    assert [event.type for event in fresh.run(1)] == ["ADDED"]


def test_changes_are_passed_on_with_their_arrival(story):
    story.clock.now += 3
    story.server.put("Pod", "web-1-b")
    (event,) = story.run(0)
    assert (event.at, event.resource, event.type, name(event.object)) == (1003.0, "pods", "ADDED", "web-1-b")


def test_managed_fields_are_dropped_and_unknown_fields_stay(story):
    story.server.put("Pod", "web-1-b", metadata={"managedFields": [{"manager": "kubelet"}]}, spec={"future": {"a": 1}})
    (event,) = story.run(0)
    assert "managedFields" not in event.object["metadata"]
    assert event.object["spec"] == {"future": {"a": 1}}


def test_a_watch_that_ends_resumes_where_it_was_p29(story):
    story.server.put("Pod", "web-1-b")
    story.run(6)
    story.server.end_watches()
    story.server.put("Pod", "web-1-c")
    events = story.run(1)
    assert [(type(event), name(event.object)) for event in events] == [(Changed, "web-1-c")]
    assert len(story.server.asked("list")) == 4


def test_bookmarks_move_the_resumption(story):
    story.server.bookmark()
    story.run(6)
    story.server.oldest = story.server.version
    story.server.end_watches()
    story.run(1)
    assert len(story.server.asked("list")) == 4, "resumed from the bookmark, so nothing had expired"


@pytest.mark.parametrize("shape", ["status", "event"])
def test_410_in_both_shapes_lists_again_p28(story, shape):
    story.run(6)
    story.server.expired_as = shape
    story.server.end_watches()
    story.server.remove("Pod", "web-1-a")
    story.server.put("Pod", "web-1-b")
    story.server.compact()
    events = story.run(8)
    assert {event.resource for event in events if isinstance(event, Listed)} == {"deployments", "replicasets", "pods"}
    assert not [event for event in events if isinstance(event, Blind)]
    assert story.agrees()


def test_a_relist_of_events_says_nothing_of_the_past_but_what_unready_pods_need(story):
    story.server.put("Pod", "web-1-b", status={"phase": "Pending"})
    story.run(6)
    about = {"kind": "Pod", "name": "web-1-b", "uid": "uid-web-1-b"}
    story.server.end_watches()
    story.server.put("Event", "e1", involvedObject=about, reason="Failed")
    story.server.put("Event", "e2", involvedObject={"kind": "Pod", "name": "other", "uid": "x"}, reason="Failed")
    story.server.compact()
    events = [event for event in story.run(3) if event.resource == "events"]
    assert [(type(event), name(event.object)) for event in events] == [(Changed, "e1")]


def test_events_of_the_past_are_asked_for_unready_pods_only_g6():
    story = Story()
    about = {"kind": "Pod", "name": "web-1-a", "uid": "uid-web-1-a"}
    story.server.put("Event", "old", involvedObject=about, reason="BackOff")
    assert Story().begin() is not None
    story.begin()
    assert story.heard[-1].items == ()
    assert len(story.server.asked("list")) == 4
    worse = Story()
    worse.server.put("Pod", "web-1-a", status={"phase": "Pending"})
    worse.server.put("Event", "old", involvedObject=about, reason="BackOff")
    worse.begin()
    assert [name(item) for item in worse.heard[-1].items] == ["old"]
    assert len(worse.server.asked("list")) == 5


def test_events_of_neighbours_are_not_passed_on_g7(story):
    for number in range(50):
        other = {"kind": "Pod", "name": f"api-{number}", "uid": f"other-{number}"}
        story.server.put("Event", f"e{number}", involvedObject=other, reason="BackOff")
    story.server.put("Event", "ours", involvedObject={"kind": "Pod", "name": "web-1-zz", "uid": "new"}, reason="Failed")
    assert [name(event.object) for event in story.run(1)] == ["ours"]


def test_without_the_right_to_read_events_the_rest_is_followed():
    story = Story()
    story.server.hide = ("events",)
    story.begin()
    assert story.heard[-1] == Listed(1000.0, "events", ())
    assert len(story.engine.watches) == 3
    story.server.put("Pod", "web-1-b")
    assert len(story.run(1)) == 1


def test_without_the_right_to_read_pods_following_is_refused():
    story = Story()
    story.server.hide = ("pods",)
    with pytest.raises(ForbiddenError, match="the pods were not listed"):
        story.begin()


def test_an_older_or_repeated_object_is_not_passed_on(story):
    newest = story.server.put("Pod", "web-1-a", status={"phase": "Running"})
    story.run(0)
    stream = next(stream for stream in story.server.streams if stream.plural == "pods")
    stream.say("MODIFIED", newest)
    stream.say("MODIFIED", newest | {"metadata": newest["metadata"] | {"resourceVersion": "101"}})
    assert story.run(0) == []
    later = story.server.put("Pod", "web-1-a", status={"phase": "Failed"})
    assert [event.object["metadata"]["resourceVersion"] for event in story.run(0)] == [
        later["metadata"]["resourceVersion"]
    ]


@pytest.mark.parametrize(
    "line", [b'{"type": "ADDED", "object": {"meta', b"<html>", b"[]", b"null", b'{"type": "ADDED"}', b"\xff\xfe"]
)
def test_a_line_that_is_no_event_ends_the_watch_and_loses_nothing(story, line):
    story.run(6)
    stream = next(stream for stream in story.server.streams if stream.plural == "pods")
    stream.pending.append(line)
    story.server.put("Pod", "web-1-b")
    assert [name(event.object) for event in story.run(3)] == ["web-1-b"]
    assert stream.closed


def test_an_error_event_that_is_no_410_reopens(story):
    story.run(6)
    stream = next(stream for stream in story.server.streams if stream.plural == "pods")
    stream.say("ERROR", {"kind": "Status", "code": 500, "message": "etcdserver: leader changed"})
    story.run(2)
    assert len(story.server.asked("watch")) == 5
    assert len(story.server.asked("list")) == 4


@pytest.mark.parametrize(
    "fate", [ConnectionResetError("reset"), StreamError("not a chunk header"), OSError("no route")]
)
def test_a_broken_connection_is_no_blindness_while_the_server_answers(story, fate):
    story.run(6)
    story.server.end_watches(fate)
    story.server.put("Pod", "web-1-b")
    assert [type(event) for event in story.run(3)] == [Changed]


def test_a_refused_connection_is_told_as_blindness_since_the_last_word_p31(story):
    story.run(6)
    story.server.put("Pod", "web-1-b")
    story.run(0)
    last = story.clock.now
    story.server.down = True
    story.server.end_watches()
    events = story.run(5)
    assert [type(event) for event in events] == [Blind]
    assert events[0].at == last
    assert "connection refused" in events[0].reason


def test_sight_returns_with_fresh_lists_before_it(story):
    story.run(6)
    story.server.down = True
    story.server.end_watches()
    story.run(30)
    story.server.put("Pod", "web-1-b")
    story.server.remove("Pod", "web-1-a")
    story.server.down = False
    events = story.run(6)
    assert [type(event) for event in events] == [Listed, Listed, Listed, Sighted]
    assert story.agrees()
    story.server.put("Pod", "web-1-c")
    assert len(story.run(2)) == 1


def test_while_blind_one_request_is_tried_at_a_time_and_ever_more_slowly(story):
    story.run(6)
    story.server.down = True
    story.server.end_watches()
    before = len(story.server.log)
    story.run(60)
    assert len(story.server.log) - before <= 20


def test_silence_is_noticed_within_20_seconds_p30(story):
    story.server.put("Pod", "web-1-b")
    story.run(0)
    last = story.clock.now
    story.server.frozen = True
    while not any(isinstance(event, Blind) for event in story.heard):
        story.run(1)
        assert story.clock.now <= last + 21
    assert story.heard[-1].at == last


def test_a_watch_that_went_deaf_alone_is_opened_again_within_20_seconds_p30(story):
    for stream in story.server.streams:
        stream.deaf = True
    story.server.put("Pod", "web-1-b")
    story.server.put("Deployment", "web", status={"replicas": 2})
    seen = story.run(20)
    assert {event.resource for event in seen} == {"pods", "deployments"}
    assert not [event for event in seen if isinstance(event, Blind)]


def test_quiet_costs_at_most_12_requests_a_minute_together_with_the_lock(story):
    before, minutes = len(story.server.log), 10
    for _ in range(minutes):
        story.run(60)
        story.server.bookmark()  # as a real API server does, about once a minute
    renewals = 60 / (LockRules().length * 2 / 3)
    assert (len(story.server.log) - before) / minutes + renewals <= 12
    assert not [event for event in story.heard if isinstance(event, Blind)]


def test_a_workload_that_vanished_unheard_is_found_gone(story):
    for stream in story.server.streams:
        stream.deaf = True
    story.server.remove("Deployment", "web")
    events = story.run(20)
    assert Listed(events[0].at, "deployments", ()) in events


def test_retry_after_is_honoured(story):
    story.run(6)
    refused = status(429, "too many requests", "TooManyRequests")
    story.server.refuse = Answer(429, {**refused.headers, "retry-after": "17"}, refused.body)
    story.server.end_watches()
    story.run(1)
    before = len(story.server.log)
    story.run(15)
    assert len(story.server.log) == before
    story.server.refuse = None
    story.run(4)
    assert isinstance(story.heard[-1], Sighted)


def test_credentials_that_are_refused_are_blindness_not_an_end(story):
    story.run(6)
    story.server.refuse = status(401, "Unauthorized", "Unauthorized")
    story.server.end_watches()
    assert "credentials" in next(event for event in story.run(5) if isinstance(event, Blind)).reason
    story.server.refuse = None
    assert isinstance(story.run(6)[-1], Sighted)


def test_watches_that_are_always_refused_end_in_asking_every_20_seconds(story):
    story.run(6)
    story.server.refuse_watches = status(503, "no watches through this proxy")
    story.server.end_watches()
    story.run(30)
    story.server.put("Pod", "web-1-b")
    story.run(60)
    assert story.agrees()
    assert any(isinstance(event, Blind) for event in story.heard)


@pytest.mark.parametrize("fault", ["short", "down", "refuse", "refuse_watches", "expired", "frozen", "html"])
def test_no_hot_loop_under_any_fault_g10(fault):
    story = Story(dice=random.Random(7).random).begin()
    story.run(6)
    story.server.end_watches()
    match fault:
        case "short" | "down" | "frozen":
            setattr(story.server, fault, True)
        case "refuse" | "refuse_watches":
            setattr(story.server, fault, status(503, "starting"))
        case "html":
            story.server.refuse = Answer(200, {"content-type": "text/html"}, b"<html>log in</html>")
        case "expired":
            story.server.oldest = 10**9
    start = story.clock.now
    story.run(120)
    reconnects = [at for at in story.server.asked("watch") if at > start]
    assert rate(reconnects) <= 1.3  # four at once, then nine in ten seconds
    assert len(reconnects) / 120 <= 1.0


FAULTS = st.sampled_from([
    "change", "remove", "end", "reset", "garble", "compact", "down", "frozen", "429", "heal", "wait", "long", "deaf",
])  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FAULTS, max_size=25), st.sampled_from(["status", "event"]), st.integers(0, 10**6))
def test_whatever_happens_the_truth_is_known_in_the_end_g10(happenings, shape, seed):  # noqa: PLR0912
    story = Story(dice=random.Random(seed).random).begin()
    server = story.server
    server.expired_as = shape
    for counter, happening in enumerate(happenings):
        match happening:
            case "change":
                server.put("Pod", f"web-1-{counter % 5}", status={"phase": "Running"})
                server.put("Deployment", "web", status={"replicas": counter})
            case "remove":
                pods = [known for plural, known in server.objects if plural == "pods"]
                if pods:
                    server.remove("Pod", pods[0])
            case "end":
                server.end_watches()
            case "reset":
                server.end_watches(ConnectionResetError("reset"))
            case "garble":
                for stream in server.streams:
                    stream.pending.append(b'{"type": "MOD')
            case "compact":
                server.compact()
            case "down" | "frozen":
                setattr(server, happening, True)
            case "429":
                server.refuse = status(429, "too many")
            case "heal":
                server.down = server.frozen = False
                server.refuse = None
            case "deaf":
                for stream in server.streams:
                    stream.deaf = True
            case "wait":
                story.run(1)
            case "long":
                story.run(40)
    server.down = server.frozen = False
    server.refuse = None
    story.run(100)
    assert story.agrees()
    blind = 0
    for event in story.heard:
        blind += isinstance(event, Blind) - isinstance(event, Sighted)
        assert blind in {0, 1}
    assert blind == 0
    moments = [event.at for event in story.heard if not isinstance(event, Blind)]
    assert moments == sorted(moments)
