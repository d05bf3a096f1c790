"""Consoles of builds that run nothing: the log of a pipeline as it was recorded, with this job's stages.

No step is executed: `sh` is echoed with a `+`, as the shell's `-x` would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.sandbox.jenkins.jenkinsfile import Statement, SyntaxProblem, named_arguments, parse, positional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.sandbox.jenkins.store import Item


def beginning(user: str) -> str:
    """The first line of every log."""
    return f"Started by user {user}\n"


def played(item: Item) -> tuple[str, str]:
    """The result and the log, after its first line, of a build of this job."""
    script = item.script
    if not script:
        return "SUCCESS", f"Running as SYSTEM\nBuilding in workspace /var/jenkins_home/workspace/{item.path}\n"
    try:
        statements = parse(script)
    except SyntaxProblem as wrong:
        place = f"WorkflowScript: {wrong.line}: {wrong.message} @ line {wrong.line}, column {wrong.column}."
        return "FAILURE", f"org.codehaus.groovy.control.MultipleCompilationErrorsException: startup failed:\n{place}\n"
    lines = ["Start of Pipeline", "node", "{"]
    top = next((found for found in statements if found.name == "pipeline"), None)
    if top is not None:
        for stage in top.children("stages"):
            lines.extend(_stage(stage))
    lines.extend(["}", "// node", "End of Pipeline"])
    where = f"Running on Jenkins in /var/jenkins_home/workspace/{item.path}\n"
    text = "".join(line if line.startswith("+ ") else f"[Pipeline] {line}\n" for line in lines)
    return "SUCCESS", text.replace("[Pipeline] node\n", f"[Pipeline] node\n{where}", 1)


def _stage(stage: Statement) -> Iterator[str]:
    name = "".join(positional(stage.arguments)[:1])
    yield "stage"
    yield f"{{ ({name})"
    for nested in [*stage.children("stages"), *stage.children("parallel")]:
        if nested.name == "stage":
            yield from _stage(nested)
    for step in stage.children("steps"):
        yield from _step(step)
    yield "}"
    yield "// stage"


def _step(step: Statement) -> Iterator[str]:
    if not step.name:
        return
    yield step.name
    if step.name == "sh":
        script = named_arguments(step.arguments).get("script") or "".join(positional(step.arguments)[:1])
        yield "".join(f"+ {line.strip()}\n" for line in script.splitlines() if line.strip())
