"""A report as JUnit XML: one suite a deploy; the rollout, each smoke check and the undo are its cases."""

from __future__ import annotations

import re
from typing import Any

# What XML 1.0 can't carry at all, escaped or not.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

GOOD_UNDO = {"none", "verified"}

ROLLOUT = {"deploy": "rollout", "soak": "soak", "undo": "rollout of the undo"}
SMOKE = {"baseline": "baseline", "deploy": "smoke", "soak": "smoke after the soak", "undo": "smoke after the undo"}


def render(report: dict[str, Any]) -> str:
    """The XML text, for Jenkins' `junit` step.

    Args:
        report: the dictionary form of docs/reference/report.md.
    """
    from junitparser import JUnitXml, TestSuite

    where = ".".join(part for part in (report["service"], report["environment"]) if part) or "headway"
    suite = TestSuite(_text(f"headway {report['command']} {where}"))
    suite.add_property("verdict", _text(report["verdict"]))
    for case in _cases(report, where):
        suite.add_testcase(case)
    suite.time = report["seconds"]
    document = JUnitXml()
    document.add_testsuite(suite)
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]  # junitparser has no types
    return written.decode("utf-8")


def _cases(report: dict[str, Any], where: str) -> list[Any]:
    """TestCases in the order in which things happened."""
    cases = []
    if report["verdict"] == "refused":
        cases.append(_case(where, report["command"], "refused", "\n".join(report["remarks"])))
    for each in report["workloads"]:
        name = f"{ROLLOUT[each['phase']]} of {each['workload']}"
        failure = "" if each["verdict"] == "complete" else each["text"] or each["verdict"]
        cases.append(_case(where, name, failure, _sentences(report, each["phase"]), each["seconds"]))
    for check in report["smoke"]:
        failure = "" if check["passed"] or check["phase"] == "baseline" else check["detail"] or "failed"
        name = f"{SMOKE[check['phase']]}: {check['name']}"
        cases.append(_case(where, name, failure, check["answer"], check["seconds"]))
    undo = report["undo"]
    if undo != "none":
        failure = "" if undo in GOOD_UNDO else f"the undo ended {undo}: a person is needed"
        cases.append(_case(where, "undo", failure, ""))
    return cases


def _sentences(report: dict[str, Any], phase: str) -> str:
    """The causes of a rollout, with the end of the log where it was fetched."""
    causes = report["undo_diagnosis" if phase == "undo" else "diagnosis"]
    return "\n".join(f"{found['code']}: {found['sentence']}\n{found['log']}".rstrip() for found in causes)


def _case(where: str, name: str, failure: str, detail: str, seconds: float | None = None) -> Any:
    from junitparser import Failure, TestCase

    case = TestCase(_text(name), classname=_text(where), time=seconds)
    if failure:
        result = Failure(_text(failure))
        result.text = _text(detail)
        case.result = [result]
    return case


def _text(value: object) -> str:
    return FORBIDDEN.sub("\ufffd", str(value))
