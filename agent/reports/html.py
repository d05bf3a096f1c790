"""A report as one self-contained page: what was deployed, the verdict and why, a picture of every pod over time.

It is read in Jenkins, whose content policy strips styles and scripts from archived pages: there are no scripts, the
picture is drawn with SVG attributes, and without its style sheet the page is still a plain, readable document.
"""

from __future__ import annotations

from html import escape
from typing import Any

from agent.reports import chart

TITLES = {
    "complete": "Complete",
    "failed": "Failed",
    "timed-out": "Timed out",
    "superseded": "Superseded",
    "gone": "Gone",
    "interrupted": "Interrupted",
    "refused": "Refused",
}
UNDO = {
    "none": "",
    "verified": "undone and verified",
    "unverified": "undone, but not verified",
    "failed": "and the undo failed",
    "no-target": "and there was nothing to go back to",
}
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;max-width:1000px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin:0}h2{font-size:1.1em;margin:2em 0 .4em;border-bottom:1px solid #d8dde3}
table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1.2em .2em 0;vertical-align:top}
th{color:#5b6672;font-weight:500}
pre{background:#f4f6f8;padding:.8em;overflow:auto;font-size:13px}.bad{color:#b3261e}.good{color:#1a7f4b}.dim{color:#5b6672}
"""


def render(report: dict[str, Any]) -> str:
    """The page.

    Args:
        report: the dictionary form of docs/reference/report.md.
    """
    where = f"{report['service']} {report['version']} to {report['environment']}".strip()
    sections = [_head(report), _causes(report), _picture(report), _smoke(report), _objects(report), _facts(report)]
    return (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(where)}: {_title(report)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(filter(None, sections)) + "\n</body></html>\n"
    )


def _title(report: dict[str, Any]) -> str:
    undo = UNDO[report["undo"]]
    return TITLES[report["verdict"]] + (f", {undo}" if undo else "")


def _head(report: dict[str, Any]) -> str:
    good = report["exit_status"] == 0
    colour = "#1a7f4b" if good else "#b3261e"
    what = f"{report['service']} {report['version']}".strip()
    place = f"{report['environment']} (cluster {report['cluster']}, namespace {report['namespace']})"
    lines = [
        f'<h1><font color="{colour}">{escape(_title(report))}</font></h1>',
        f"<p>{escape(report['command'].capitalize())} of <b>{escape(what)}</b> to {escape(place)}</p>",
    ]
    if report["undone_to"]:
        back = report["undone_to"]
        live = (
            f" The release that failed was live for {report['live_seconds']:.0f} s." if report["live_seconds"] else ""
        )
        lines.append(f"<p>Now {escape(_release(back))} serves again.{live}</p>")
    lines += [f'<p class="dim">{escape(remark)}</p>' for remark in report["remarks"]]
    return "\n".join(lines)


def _release(serving: dict[str, Any]) -> str:
    version = f" ({serving['version']})" if serving["version"] else ""
    return f"release {serving['release']}{version}" if serving["release"] else serving["image"]


def _causes(report: dict[str, Any]) -> str:
    parts = [_cause(found) for found in report["diagnosis"]]
    if report["undo_diagnosis"]:
        parts += ["<h2>Why the undo did not end well</h2>", *(_cause(found) for found in report["undo_diagnosis"])]
    return "<h2>Why</h2>\n" + "\n".join(parts) if parts else ""


def _cause(found: dict[str, Any]) -> str:
    details = [found["code"], found["object"], found["container"] and f"container {found['container']}"]
    details += [found["node"] and f"node {found['node']}", f"first seen at {found['first_seen']:.1f} s"]
    if found["exit_code"] is not None:
        details.append(f"exit code {found['exit_code']}")
    log = f"\n<pre>{escape(found['log'])}</pre>" if found["log"] else ""
    sentence = found["sentence"] or found["message"]
    return (
        f'<p><b>{escape(sentence)}</b><br><span class="dim">{escape(", ".join(filter(None, details)))}</span></p>{log}'
    )


def _picture(report: dict[str, Any]) -> str:
    """The chart, and its numbered moments as a list below it."""
    timeline = report["timeline"]
    if not timeline.get("pods"):
        return ""
    rows = "".join(
        f"<tr><td>{n}</td><td>{m['at']:.1f} s</td><td>{escape(m['text'])}</td></tr>" for n, m in _numbered(timeline)
    )
    chart_text = chart.render(timeline, report["seconds"])
    return f"<h2>What ran, second by second</h2>\n{chart_text}\n<table>{rows}</table>"


def _numbered(timeline: dict[str, Any]) -> enumerate[dict[str, Any]]:
    return enumerate(timeline["marks"], 1)


def _smoke(report: dict[str, Any]) -> str:
    if not report["smoke"]:
        return ""
    rows = []
    for check in report["smoke"]:
        colour, word = ("#1a7f4b", "passed") if check["passed"] else ("#b3261e", "FAILED")
        answer = f"<pre>{escape(check['answer'])}</pre>" if check["answer"] else ""
        rows.append(
            f"<tr><td>{escape(check['phase'])}</td><td>{escape(check['name'])}</td>"
            f'<td><font color="{colour}">{word}</font></td><td>{escape(check["detail"])}{answer}</td>'
            f"<td>{check['tries']}</td><td>{check['seconds']:.2f} s</td></tr>"
        )
    head = "<tr><th>when</th><th>check</th><th></th><th>answer</th><th>tries</th><th>took</th></tr>"
    return f"<h2>Smoke checks</h2>\n<table>{head}{''.join(rows)}</table>"


def _objects(report: dict[str, Any]) -> str:
    if not report["objects"]:
        return ""
    rows = []
    for each in report["objects"]:
        changes = "<br>".join(escape(line) for line in each["changes"])
        rows.append(f"<tr><td>{escape(each['object'])}</td><td>{escape(each['action'])}</td><td>{changes}</td></tr>")
    return f"<h2>What was applied</h2>\n<table>{''.join(rows)}</table>"


def _facts(report: dict[str, Any]) -> str:
    before = report["before"]
    facts = {
        "image": report["image"],
        "release": str(report["release"] or ""),
        "before": _release(before) if before else "",
        "workload": report["workload"],
        "build": report["build"],
        "commit": report["commit"],
        "started": report["started"],
        "finished": f"{report['finished']} ({report['seconds']:.1f} s)" if report["finished"] else "",
        "exit status": str(report["exit_status"]),
    }
    rows = "".join(f"<tr><th>{key}</th><td>{escape(value)}</td></tr>" for key, value in facts.items() if value)
    return f"<h2>Facts</h2>\n<table>{rows}</table>"
