"""A report as a page and as JUnit: readable by people and by Jenkins, whatever stands in it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

from agent.reports import html, junit
from agent.reports.deploy import Cause, DeployReport, SmokeReport, WorkloadReport
from agent.reports.events import Serving, Touched
from agent.rollout.diagnosis import Code, Diagnosis

HOSTILE = "</script><script>alert(1)</script>\"'&<b>\x1b[31m"

TIMELINE = {
    "replicas": [],
    "marks": [
        {"at": 0.0, "text": "applied"},
        {"at": 4.2, "text": "complete"},
        {"at": 20.0, "text": "undo to " + HOSTILE},
    ],
    "pods": [
        {
            "workload": "deployment/web",
            "pod": "web-old-1",
            "revision": "revision 41",
            "new": False,
            "node": "n1",
            "states": [{"at": -2.0, "state": "ready"}, {"at": 4.0, "state": "stopping"}, {"at": 6.0, "state": "gone"}],
        },
        {
            "workload": "deployment/web",
            "pod": "web-new-1-" + "x" * 60,
            "revision": "revision 42",
            "new": True,
            "node": "n1",
            "states": [
                {"at": 0.3, "state": "starting"},
                {"at": 1.5, "state": "running"},
                {"at": 4.0, "state": "ready"},
                {"at": 21.0, "state": "CrashLoopBackOff" + HOSTILE},
            ],
        },
    ],
}


def undone(text: str = "500 from /api (expected 200)") -> DeployReport:
    found = Diagnosis(Code.SMOKE_FAILED, "pod/web-7d9f-x2x1p", "app", text, 4.2, permanent=True)
    return DeployReport(
        "deploy",
        "web",
        "staging",
        "eu",
        "shop",
        "deployment/web",
        verdict="failed",
        undo="verified",
        image="registry.example.com/shop/web:v2",
        version="v2",
        release=42,
        before=Serving(41, "registry.example.com/shop/web:v1", "v1", "2026-11-23T10:00:00Z", verified=True),
        undone_to=Serving(41, "registry.example.com/shop/web:v1", "v1", "2026-11-23T10:00:00Z", verified=True),
        live_seconds=24.0,
        diagnosis=(Cause(found, 4.2, log=f"{text}\nlast words"),),
        smoke=(
            SmokeReport("healthy", "deploy", True, "200 from 3 pods", 1, 0.03),
            SmokeReport("an order goes through", "deploy", False, text, 3, 15.0, answer=text, pod="web-7d9f-x2x1p"),
            SmokeReport("healthy", "undo", True, "200 from 3 pods", 1, 0.03),
        ),
        workloads=(
            WorkloadReport("deployment/web", "complete", "deploy", "3 of 3 new pods available, old ones gone", 4.2),
            WorkloadReport("deployment/web", "complete", "undo", "3 of 3 available", 5.1),
        ),
        objects=(Touched("deployment/web", "change", (f"image: v1 -> {text}",)), Touched("service/web", "keep")),
        timeline=TIMELINE,
        build="https://jenkins.example.com/job/web/7/",
        started="2026-11-23T12:00:00Z",
        finished="2026-11-23T12:00:31Z",
        seconds=31.0,
    )


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.text = [], ""

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def read(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def test_the_page_names_verdict_cause_and_what_serves_now():
    text = read(html.render(undone().to_dict())).text
    assert "Failed, undone and verified" in text
    assert "release 41 (v1) serves again. The release that failed was live for 24 s." in text
    assert "500 from /api (expected 200)" in text
    assert "last words" in text
    assert "an order goes through" in text


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing():
    tags = read(html.render(undone().to_dict())).seen
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in tags}
    assert not [
        name for _, attributes in tags for name in attributes if name.startswith("on") or name in {"src", "href"}
    ]


def test_the_picture_survives_a_policy_without_styles():
    tags = read(html.render(undone().to_dict())).seen
    assert not [tag for tag, attributes in tags if "style" in attributes]
    bars = [attributes for tag, attributes in tags if tag == "rect"]
    assert len(bars) >= 9
    assert all(attributes.get("fill", "").startswith("#") for attributes in bars)


def test_hostile_text_stays_text():
    page = html.render(undone(HOSTILE).to_dict())
    assert "script" not in {tag for tag, _ in read(page).seen}
    assert "<script>" not in page


def test_a_report_without_pods_or_checks_is_a_page_too():
    refused = DeployReport("deploy", "web", "staging", "eu", "shop", "deployment/web", verdict="refused", changed=False)
    text = read(html.render(refused.to_dict())).text
    assert "Refused" in text
    assert "Smoke checks" not in text


@pytest.mark.parametrize("undo", ["none", "verified", "unverified", "failed", "no-target"])
@pytest.mark.parametrize("verdict", ["complete", "failed", "timed-out", "superseded", "gone", "interrupted", "refused"])
def test_every_ending_has_a_title(verdict, undo):
    report = DeployReport("deploy", "web", "staging", "eu", "shop", "deployment/web", verdict=verdict, undo=undo)
    assert html.render(report.to_dict())


def cases(report: DeployReport) -> dict[str, ET.Element]:
    root = ET.fromstring(junit.render(report.to_dict()))
    return {case.get("name", ""): case for case in root.iter("testcase")}


def test_junit_has_a_case_for_the_rollout_each_check_and_the_undo():
    found = cases(undone())
    assert list(found) == [
        "rollout of deployment/web",
        "rollout of the undo of deployment/web",
        "smoke: healthy",
        "smoke: an order goes through",
        "smoke after the undo: healthy",
        "undo",
    ]
    assert [name for name, case in found.items() if case.find("failure") is not None] == [
        "smoke: an order goes through"
    ]
    assert found["smoke: an order goes through"].get("time") == "15.0"


def test_junit_calls_a_failed_rollout_failed_with_its_cause():
    report = DeployReport(
        "deploy",
        "web",
        "staging",
        "eu",
        "shop",
        "deployment/web",
        verdict="failed",
        undo="failed",
        diagnosis=(
            Cause(Diagnosis(Code.IMAGE_PULL_FAILED, "pod/web-1", "app", "v9: not found", 1.0, permanent=True), 1.0),
        ),
        workloads=(WorkloadReport("deployment/web", "failed", "deploy", "0 of 3 new pods available", 1.2),),
    )
    found = cases(report)
    failure = found["rollout of deployment/web"].find("failure")
    assert failure is not None
    assert "image-pull-failed" in (failure.text or "")
    assert "v9: not found" in (failure.text or "")
    assert found["undo"].find("failure") is not None


def test_a_check_that_failed_before_the_deploy_is_nobodys_failure():
    report = DeployReport(
        "deploy",
        "web",
        "staging",
        "eu",
        "shop",
        "deployment/web",
        verdict="complete",
        smoke=(SmokeReport("healthy", "baseline", False, "503", 1, 0.1),),
    )
    assert cases(report)["baseline: healthy"].find("failure") is None


def test_junit_carries_what_xml_can_and_nothing_else():
    found = cases(undone(HOSTILE + "\x00\ufffe"))
    message = found["smoke: an order goes through"].find("failure").get("message")
    assert "alert(1)" in message
    assert "\x1b" not in message
