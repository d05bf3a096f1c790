"""The validator of pipeline-model-definition, as far as the recording and a linter's tests need it.

Finds: no `pipeline` step; brackets and quotes that don't fit; unknown, repeated and missing sections of the pipeline
and of its stages; empty `stages`; stages without or with two bodies; unknown and repeated conditions of `post` and
`when`; a block of several statements in one line within `axis`. Does not find: wrong options, step arguments, agent
types, tools, environment values. Messages and their order are the plugin's (its Messages.properties) where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.sandbox.jenkins.jenkinsfile import Statement, SyntaxProblem, parse, positional

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTIONS = {
    "agent", "environment", "libraries", "options", "parameters", "post", "stages", "tools", "triggers",
}  # fmt: skip
_STAGE_SECTIONS = {
    "agent", "environment", "failFast", "input", "matrix", "options", "parallel", "post", "stages", "steps", "tools",
    "when",
}  # fmt: skip
_BODIES = ("steps", "stages", "parallel", "matrix")
_POST = (
    "always", "changed", "fixed", "regression", "aborted", "success", "unsuccessful", "unstable", "failure", "notBuilt",
    "cleanup",
)  # fmt: skip
_WHEN = (
    "allOf", "anyOf", "branch", "buildingTag", "changelog", "changeRequest", "changeset", "environment", "equals",
    "expression", "isRestartedRun", "not", "tag", "triggeredBy",
)  # fmt: skip
_WHEN_SWITCHES = {"beforeAgent", "beforeInput", "beforeOptions"}
_OPTIONAL_STATEMENT = {"failFast"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One complaint.

    Args:
        message: the plugin's words.
        line: from 1.
        column: from 1.
    """

    message: str
    line: int
    column: int

    @property
    def placed(self) -> str:
        """With its place, as the JSON answer has it."""
        return f"{self.message} @ line {self.line}, column {self.column}."


def check(text: str) -> list[Finding] | None:
    """The complaints about a Jenkinsfile; None when there is no `pipeline` step."""
    try:
        statements = parse(text)
    except SyntaxProblem as wrong:
        return [Finding(wrong.message, wrong.line, wrong.column)]
    pipeline = next((statement for statement in statements if statement.name == "pipeline"), None)
    if pipeline is None:
        return None
    if pipeline.block is None:
        return [_at(pipeline, 'Expected a block with the "pipeline" step')]
    return [*_structure(pipeline), *_requirements(pipeline)]


def as_text(text: str) -> str:
    """The body that POST validate answers."""
    findings = check(text)
    if findings is None:
        return f"Jenkinsfile content '{text}' did not contain the 'pipeline' step\n"
    if not findings:
        return "Jenkinsfile successfully validated.\n"
    lines = text.replace("\r\n", "\n").split("\n")
    shown = [
        f"WorkflowScript: {found.line}: {found.placed}\n   {lines[found.line - 1]}\n   {' ' * (found.column - 1)}^\n"
        for found in findings
    ]
    return "Errors encountered validating Jenkinsfile:\n" + "\n".join(shown) + "\n"


def as_data(text: str) -> dict[str, object]:
    """The `data` that POST validateJenkinsfile answers."""
    findings = check(text)
    if findings is None:
        errors = [f"Jenkinsfile content '{text}' did not contain the 'pipeline' step"]
    elif findings:
        errors = [found.placed for found in findings]
    else:
        return {"result": "success"}
    return {"result": "failure", "errors": [{"error": errors}]}


def _at(statement: Statement, message: str) -> Finding:
    return Finding(message, statement.line, statement.column)


def _structure(pipeline: Statement) -> Iterator[Finding]:
    """What the plugin's parser finds on its way through the text."""
    seen: set[str] = set()
    for section in pipeline.block or []:
        if section.name in seen:
            yield _at(section, f"Multiple occurrences of the {section.name} section")
        seen.add(section.name)
        if section.name not in _SECTIONS:
            yield _at(section, f'Undefined section "{section.name}"')
        elif section.name == "stages":
            yield from _stages(section)
        elif section.name == "post":
            yield from _post(section)


def _requirements(pipeline: Statement) -> Iterator[Finding]:
    """What the plugin's validator finds afterwards."""
    stages = pipeline.find("stages")
    if stages is None:
        yield _at(pipeline, 'Missing required section "stages"')
    elif not stages.block:
        yield _at(stages, "No stages specified")
    if pipeline.find("agent") is None:
        yield _at(pipeline, 'Missing required section "agent"')


def _stages(section: Statement) -> Iterator[Finding]:
    if section.block is None:
        yield _at(section, f"Expected a block for {section.name}")
    for stage in section.block or []:
        if stage.name == "stage" and stage.block is not None:
            yield from _stage(stage)
        elif stage.name == "stage":
            yield _at(stage, "Stage does not have a block")
        elif stage.name not in _OPTIONAL_STATEMENT:
            yield _at(stage, "Expected a stage")


def _stage(stage: Statement) -> Iterator[Finding]:
    name = "".join(positional(stage.arguments)[:1])
    if not name:
        yield _at(stage, "Expected a stage name but did not find any")
    seen: set[str] = set()
    for section in stage.block or []:
        if section.name in seen:
            yield _at(section, f"Multiple occurrences of the {section.name} section")
        seen.add(section.name)
        if section.name not in _STAGE_SECTIONS:
            yield _at(
                section,
                f'Unknown stage section "{section.name}". Starting with version 0.5, steps in a stage must be in a '
                "\u2018steps\u2019 block.",
            )
        yield from _stage_section(section)
    bodies = [body for body in _BODIES if body in seen]
    if not bodies:
        yield _at(stage, f'Expected one of "steps", "stages", or "parallel" for stage "{name}"')
    if len(bodies) > 1:
        yield _at(stage, f'Only one of "matrix", "parallel", "stages", or "steps" allowed for stage "{name}"')


def _stage_section(section: Statement) -> Iterator[Finding]:
    match section.name:
        case "stages" | "parallel":
            yield from _stages(section)
        case "post":
            yield from _post(section)
        case "when":
            yield from _when(section)
        case "matrix":
            yield from _matrix(section)


def _matrix(section: Statement) -> Iterator[Finding]:
    for axis in section.children("axes"):
        if axis.one_line and len(axis.block or []) > 1:
            yield _at(axis, "Expected a block for axis")
    stages = section.find("stages")
    if stages is not None:
        yield from _stages(stages)


def _post(section: Statement) -> Iterator[Finding]:
    if not section.block:
        yield _at(section, "post can not be empty")
    seen: set[str] = set()
    for condition in section.block or []:
        if condition.name not in _POST:
            names = ", ".join(_POST)
            yield _at(condition, f'Invalid condition "{condition.name}" - valid conditions are [{names}]')
        if condition.name in seen:
            yield _at(section, f'Duplicate build condition name: "{condition.name}"')
        seen.add(condition.name)


def _when(section: Statement) -> Iterator[Finding]:
    conditions = [found for found in section.block or [] if found.name not in _WHEN_SWITCHES]
    if not conditions:
        yield _at(section, "Empty when closure, remove the property or add some content.")
    for condition in conditions:
        if condition.name not in _WHEN:
            yield _at(condition, f"Unknown conditional {condition.name}. Valid conditionals are: {', '.join(_WHEN)}")
