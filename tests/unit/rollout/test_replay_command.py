"""`headway replay`: plain or gzipped, our form or the raw one, one message where a file is none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from agent.rollout import recording
from agent.rollout.replay import read

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings"


def raw(name):
    return RECORDINGS / f"{name}.ndjson.gz"


def ours(tmp_path, name):
    with gzip.open(raw(name), "rt", encoding="utf-8") as stream:
        tape = read(json.loads(line) for line in stream)
    lines = [
        recording.header(tape.workload, tape.policy) | {"seconds": tape.until},
        *map(recording.encode, tape.events),
    ]
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_json_is_one_object_a_file(headway):
    ran = headway("replay", "-o", "json", raw("crash"), raw("good"), raw("unready"))
    assert ran.status == 0
    crash, good, unready = map(json.loads, ran.out.splitlines())
    assert crash["verdict"] == "failed"
    assert crash["diagnosis"][0]["code"] == "crash-loop"
    assert crash["decided_at"] == pytest.approx(2.43, abs=0.01)
    assert crash["file"].endswith("crash.ndjson.gz")
    assert (good["verdict"], good["diagnosis"]) == ("complete", [])
    assert (unready["verdict"], unready["decided_at"], unready["diagnosis"]) == ("progressing", None, [])
    assert unready["suspicions"][0]["code"] == "probe-failing"


def test_text_names_the_cause_and_the_rule(headway):
    ran = headway("replay", "--explain", raw("oom"))
    assert ran.status == 0
    assert "oom.ndjson.gz: failed, after 2.4 s" in ran.out
    assert "cause: oom-killed: container app of pod/web-" in ran.out
    assert "R13:" in ran.out


def test_our_own_form_plain(headway, tmp_path):
    path = ours(tmp_path, "quota")
    ran = headway("replay", "-o", "json", path)
    assert json.loads(ran.out)["decided_at"] == pytest.approx(60.032, abs=0.001)
    ran = headway("replay", "-o", "json", "--patience", "quota=30s", "--patience", "registry=2m", path)
    assert json.loads(ran.out)["decided_at"] == pytest.approx(30.032, abs=0.001)
    ran = headway("replay", "-o", "json", "--timeout", "10s", path)
    assert json.loads(ran.out)["verdict"] == "timed-out"


def test_a_last_line_that_was_cut_off_is_forgiven(headway, tmp_path):
    path = ours(tmp_path, "crash")
    path.write_text(path.read_text(encoding="utf-8") + '{"at": 70, "chan', encoding="utf-8")
    assert headway("replay", path).status == 0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"hello\n", "line 1 is not JSON"),
        (b"[1]\n", "line 1 is not a JSON object"),
        (b"{}\n", "it names no workload"),
        (b'{"headway": 99}\n', "version 1"),
        (b'{"headway": 1, "workload": {"kind": "Deployment"}}\n', "does not name its workload"),
        (b'{"workload": "deployments/web"}\n{"t": "x"}\n', "no time `t`"),
        (b'{"workload": "deployments/web"}\n{"t": NaN, "resource": "pods", "list": {}}\n', "no time `t`"),
        (b'{"workload": "deployments/web"}\n{"t": 1e400, "resource": "pods", "list": {}}\n', "no time `t`"),
        (b'{"workload": "deployments/web"}\n{"t": 1}\n', "none of list, event, request"),
        (
            b'{"workload": "deployments/web"}\n{"t": 1, "resource": "pods", "list": {"items": [3]}}\n',
            "no Kubernetes object",
        ),
        (
            b'{"workload": "jobs/web"}\n{"t": 1, "resource": "", "list": {"items": [{"metadata": {"labels": 1}}]}}\n',
            "no Kubernetes server",
        ),
        (b'{"workload": "deployments/web"}\nnonsense\n{"t": 1}\n', "line 2 is not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "it is not text"),
        (gzip.compress(b'{"workload": "deployments/web"}\n' * 500, mtime=0)[:40], "cut off or damaged"),
        (gzip.compress(b"x" * 500, mtime=0)[:-9] + b"damaged!!", "cut off or damaged"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_recording(headway, tmp_path, content, why):
    path = tmp_path / "x.ndjson"
    path.write_bytes(content)
    ran = headway("replay", path)
    assert ran.status == 2
    assert ran.out == ""
    assert why in ran.err
    assert "was not judged" in ran.err
    assert ran.err.count("error:") == 1


@pytest.mark.parametrize("path", ["/nonexistent/file", "/"])
def test_a_file_that_cannot_be_opened(headway, path):
    ran = headway("replay", path)
    assert ran.status == 2
    assert "was not judged" in ran.err


def test_one_bad_file_hides_no_good_one(headway, tmp_path):
    bad = tmp_path / "bad"
    bad.write_text("x\n", encoding="utf-8")
    ran = headway("replay", "-o", "json", bad, raw("good"))
    assert ran.status == 2
    assert json.loads(ran.out)["verdict"] == "complete"


@pytest.mark.parametrize("patience", ["luck=3s", "registry", "registry=", "registry=soon", "registry=-3s"])
def test_patience_that_is_none(headway, patience):
    assert headway("replay", "--patience", patience, raw("good")).status == 2


def test_hostile_text_is_shown_harmlessly(headway, tmp_path):
    with gzip.open(raw("config-missing"), "rt", encoding="utf-8") as stream:
        lines = stream.read().replace('configmap \\"none\\"', '\\u001b[31mconfigmap \\"none\\"')
    path = tmp_path / "hostile.ndjson"
    path.write_text(lines, encoding="utf-8")
    ran = headway("replay", path)
    assert "\x1b" not in ran.out
    assert "\\x1b" in ran.out
