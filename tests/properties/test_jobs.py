"""Promises of the Jenkins half over random worlds: what is not ours is never touched, a second apply sends nothing."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import HeadwayError, RefusedError
from agent.jobs.configxml import write
from agent.jobs.definition import JobDefinition, Kind, marked, sha256
from agent.jobs.marker import Marker, attach, detach, parse
from agent.jobs.names import is_below
from agent.jobs.shapes import Folder, Git, InlineJob, MultibranchJob
from agent.jobs.triage import Options
from agent.jobs.xmltext import UnwritableError, read
from agent.operations.crew import Crew
from agent.operations.jobs import survey
from agent.operations.jobs_apply import apply
from tests.fakes.jenkins import FakeJenkins, Notes, StillClock

EXAMPLES = 10_000 if os.environ.get("HEADWAY_SOAK") else 60
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
OWNERS = ("shop", "other", "")
NAMES = ("a", "b", "c", "f/a", "f/b", "f/g/a", "f/g/b", "h/a")


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.builds(Marker, TEXT, TEXT.filter(bool), *[TEXT] * 6), TEXT)
def test_a_marker_survives_any_value_and_any_description(marker, words):
    text = attach(words, marker)
    assert parse(text) == marker
    assert attach(detach(text), marker) == text
    assert text.count("<!-- headway ") == detach(words).count("<!-- headway ") + 1


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXT, TEXT)
def test_text_reaches_jenkins_as_it_is_or_not_at_all(description, script):
    try:
        text = write(InlineJob(description, script))
    except UnwritableError:
        return
    root = read(text)
    assert (root.findtext("description"), root.findtext("definition/script")) == (description, script)
    assert len(list(root.iter())) == len(list(read(write(InlineJob("x", "y"))).iter()))


def config(owner: str | None, job: str, spec: str, script: str, tombstone: str, disabled: bool, kind: str) -> str:
    text = write(MultibranchJob("", Git("https://x/y"), "id") if kind == "multibranch" else InlineJob("", script))
    if disabled:
        at = text.rindex("</")
        text = text[:at] + "  <disabled>true</disabled>\n" + text[at:]
    if owner is None:
        return text
    return marked(text, Marker(owner, job, spec, "t", "", sha256(text), tombstone))


@st.composite
def worlds(draw):
    items = {name: write(Folder("")) for name in ("f", "f/g", "h")}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
        items[name] = config(
            draw(st.sampled_from((*OWNERS, None))),
            draw(st.sampled_from((name, name, "a"))),
            draw(st.sampled_from((f"{name}/service.yaml", "zz/service.yaml", ""))),
            draw(st.sampled_from("xy")),
            draw(st.sampled_from(("", "", "enabled"))),
            draw(st.booleans()),
            draw(st.sampled_from(("inline", "inline", "multibranch"))),
        )
    return items


def desired(name: str, script: str) -> JobDefinition:
    text = write(InlineJob("", script))
    marker = Marker("shop", name, f"{name}/service.yaml", "t", "", sha256(text))
    return JobDefinition(name, Kind.PIPELINE, marked(text, marker), marker, "", name)


def now() -> float:
    return 0.0


def run(fake: FakeJenkins, jobs, options: Options):
    planned = survey(fake, jobs, options, Crew(1, now))
    return apply(fake, planned, Crew(1, now), StillClock(), Notes(), lambda _progress: None)


def owner_of(name: str, text: str) -> Marker | None:
    try:
        marker = parse(read(text).findtext("description"))
    except HeadwayError:
        return None
    return marker if marker is not None and marker.binds(name) else None


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    worlds(),
    st.lists(st.sampled_from(NAMES), unique=True),
    st.lists(st.sampled_from(("", "f", "f/g", "a")), min_size=1, unique=True),
    st.lists(st.sampled_from(("f/*", "*a", "h/*")), max_size=1),
)
def test_a_prune_touches_only_what_this_owner_made_in_this_scope(world, wanted, scopes, only):
    fake = FakeJenkins(world)
    jobs = [desired(name, "x") for name in wanted]
    options = Options("shop", prune=True, scopes=tuple(scopes), only=tuple(only), max_deletes=100)
    run(fake, jobs, options)
    for name, before in world.items():
        if fake.items.get(name) == before or name in wanted:
            continue
        marker = owner_of(name, before)
        assert marker is not None, f"{name} was not ours"
        assert marker.owner == "shop"
        assert any(is_below(marker.spec, scope) for scope in scopes)
        if name not in fake.items:
            assert marker.tombstone, f"{name} was deleted without being disabled first"
            assert read(before).findtext("disabled") == "true"


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds(), st.lists(st.sampled_from(NAMES), unique=True), st.booleans())
def test_without_adopting_nothing_foreign_changes_at_all(world, wanted, prune):
    fake = FakeJenkins(world)
    jobs = [desired(name, "x") for name in wanted]
    run(fake, jobs, Options("shop", prune=prune, scopes=("",), max_deletes=100))
    for name, before in world.items():
        marker = parse(read(before).findtext("description"))
        if marker is None or marker.owner == "other":
            assert fake.items.get(name) == before


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds(), st.lists(st.sampled_from(NAMES), unique=True), st.booleans())
def test_a_second_apply_sends_nothing(world, wanted, adopt):
    fake = FakeJenkins(world)
    jobs = [desired(name, "x") for name in wanted]
    options = Options("shop", adopt=adopt, max_deletes=100)
    run(fake, jobs, options)
    fake.writes.clear()
    report = run(fake, jobs, options)
    assert fake.writes == []
    assert not report.plan.pending


@settings(max_examples=EXAMPLES, deadline=None)
@given(worlds(), st.lists(st.sampled_from(NAMES), unique=True), st.integers(0, 5))
def test_a_limit_is_never_passed(world, wanted, limit):
    fake = FakeJenkins(world)
    jobs = [desired(name, "x") for name in wanted]
    try:
        run(fake, jobs, Options("shop", prune=True, scopes=("",), max_changes=limit, max_deletes=limit))
    except RefusedError:
        assert fake.writes == []
        return
    assert len({name for _, name in fake.writes}) <= limit
