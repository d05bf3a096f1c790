"""The validator and the reader behind it."""

import json

import pytest

from agent.sandbox.jenkins.jenkinsfile import SyntaxProblem, literal, named_arguments, parse, positional
from agent.sandbox.jenkins.validation import as_data, as_text, check

GOOD = """#!/usr/bin/env groovy
// a comment with { and '
@Library('shop@v1') _
pipeline {
  agent { docker { image 'maven:3' } }
  /* another { */
  environment { A = "it's ${B}" }
  stages {
    stage('Build') {
      when { beforeAgent true; anyOf { branch 'main'; not { branch 'x' } } }
      steps {
        sh '''echo "{" # '
        '''
        script { if (a) { b() } else { c() } }
      }
      post { always { junit '*.xml' } }
    }
    stage("Two") { parallel { stage('a') { steps { echo 'a' } } stage('b') { steps { echo 'b' } } } }
  }
  post { unsuccessful { echo 'x' } cleanup { deleteDir() } }
}
"""


def test_a_good_one():
    assert check(GOOD) == []
    assert as_text(GOOD) == "Jenkinsfile successfully validated.\n"


@pytest.mark.parametrize(
    ("old", "new", "message", "place"),
    [
        ("agent {", "agnt {", 'Undefined section "agnt"', (5, 3)),
        ("stages {\n", "stges {\n", 'Undefined section "stges"', (8, 3)),
        ("  post { unsuccessful", "  post { whenever", 'Invalid condition "whenever"', (20, 10)),
        ("post { always", "post { allways", 'Invalid condition "allways"', (16, 14)),
        ("      steps {\n", "      stps {\n", 'Unknown stage section "stps"', (11, 7)),
        ("anyOf", "anyof", "Unknown conditional anyof", (10, 32)),
        ("stage('Build')", "stge('Build')", "Expected a stage", (9, 5)),
        ("stage('Build')", "stage()", "Expected a stage name", (9, 5)),
        ("environment {", "agent none\n  environment {", "Multiple occurrences of the agent section", (7, 3)),
    ],
)
def test_what_is_found(old, new, message, place):
    assert old in GOOD
    findings = check(GOOD.replace(old, new, 1)) or []
    found = next(finding for finding in findings if finding.message.startswith(message))
    assert (found.line, found.column) == place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pipeline { agent any\n stages { } }", "No stages specified"),
        ("pipeline { agent any }", 'Missing required section "stages"'),
        ("pipeline {\n stages { stage('a') { steps { echo 'x' } } } }", 'Missing required section "agent"'),
        ("pipeline { agent any\n stages { stage('a') { agent any } } }", 'Expected one of "steps"'),
        ("pipeline { agent any\n stages { stage('a') { steps { }\n stages { } } } }", "Only one of"),
        ("pipeline { agent any\n stages { stage('a') } }", "Stage does not have a block"),
        ("pipeline { agent any\n stages { stage('a') { when { }\n steps { } } } }", "Empty when closure"),
        ("pipeline { agent any\n post { }\n stages { stage('a') { steps { } } } }", "post can not be empty"),
        ("pipeline { agent any", "expecting '}'"),
        ("pipeline { agent any\n echo 'x\n }", "unexpected char"),
        ("pipeline { agent(any]\n }", "unexpected token: ]"),
        ("pipeline { } }", "unexpected token: }"),
        ("pipeline 'x'", "Expected a block with"),
        (
            (
                "pipeline { agent any\n stages { stage('m') { matrix { axes {\n axis { name 'V'; values '1' } }\n"
                " stages { stage('a') { steps { } } } } } } }"
            ),
            "Expected a block for axis",
        ),
    ],
)
def test_more_that_is_found(text, message):
    findings = check(text)
    assert findings is not None
    assert any(finding.message.startswith(message) for finding in findings), findings


def test_no_pipeline_at_all():
    assert check("node { pipeline }") is None
    assert as_data("echo 1") == {
        "result": "failure",
        "errors": [{"error": ["Jenkinsfile content 'echo 1' did not contain the 'pipeline' step"]}],
    }


def test_the_validator_needs_no_crumb_and_takes_forms_of_both_kinds(asked_by):
    asker = asked_by("reader", "reader")
    target = "/pipeline-model-converter/validateJenkinsfile"
    body = '--x\r\nContent-Disposition: form-data; name="jenkinsfile"\r\n\r\npipeline { agent any }\r\n--x--\r\n'
    answer = asker("POST", target, body, content_type="multipart/form-data; boundary=x")
    assert answer.status == 200
    errors = json.loads(answer.body)["data"]["errors"][0]["error"]
    assert errors == ['Missing required section "stages" @ line 1, column 1.']
    urlencoded = asker("POST", target, "jenkinsfile=node", content_type="application/x-www-form-urlencoded")
    assert b"did not contain" in urlencoded.body


def test_literals_and_arguments():
    assert literal(r"'it\'s\n'") == "it's\n"
    assert literal("'''a\"b'''") == 'a"b'
    assert literal("true") == "true"
    assert named_arguments("(name: 'A, b', list: ['x', 'y'], f: g(h: 1))") == {
        "name": "A, b",
        "list": "['x', 'y']",
        "f": "g(h: 1)",
    }
    assert positional("('a', name: 'b', \"c\")") == ["a", "c"]


@pytest.mark.parametrize("text", ["'", '"""a"', "{", "(", "a)", "(}", "[)", "{ ( }"])
def test_what_does_not_fit_has_a_place(text):
    with pytest.raises(SyntaxProblem) as caught:
        parse(text)
    assert caught.value.line == 1
    assert 1 <= caught.value.column <= len(text)
