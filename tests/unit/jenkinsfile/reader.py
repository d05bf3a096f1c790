"""Reads the Groovy that Headway writes: statements, blocks and decoded strings, and the rules of declarative pipelines.

Independent of the renderer on purpose: it decodes literals by Groovy's rules, not by ours. What it doesn't know it
refuses, so a Jenkinsfile that passes is within a small subset that the real parser is known to take.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"(?P<space>[ \t]+)|(?P<comment>//[^\n]*)|(?P<newline>\n)"
    r"|(?P<string>'''(?:\\.|(?!''')[^\\])*'''|'(?:\\.|[^'\\\n])*')"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9]+)|(?P<mark>[@{}()\[\],:.=+])",
    re.DOTALL,
)
NAMED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


@dataclass
class Text:
    """A string literal, decoded."""

    value: str


@dataclass
class Statement:
    """Tokens of one statement (strings decoded), and the block that follows it."""

    line: int
    head: list[str | Text]
    block: list[Statement] | None = None
    inner: list[Statement] = field(default_factory=list)

    @property
    def name(self) -> str:
        first = self.head[0] if self.head else ""
        return first if isinstance(first, str) else ""

    @property
    def text(self) -> str:
        """The first string of the head."""
        return next(part.value for part in self.head if isinstance(part, Text))

    def argument(self, name: str) -> str:
        """The string that follows `name:`."""
        for at, part in enumerate(self.head[:-2]):
            if part == name and self.head[at + 1] == ":":
                found = self.head[at + 2]
                assert isinstance(found, Text), f"line {self.line}: {name} is no string"
                return found.value
        raise AssertionError(f"line {self.line}: no argument {name}")

    def walk(self) -> Iterator[Statement]:
        yield self
        for statement in self.block or ():
            yield from statement.walk()


def decode(literal: str) -> str:
    """The value of a Groovy string literal."""
    body = literal[3:-3] if literal.startswith("'''") else literal[1:-1]
    # Groovy's UnicodeEscapingReader: a backslash that follows a backslash is never looked at.
    body = re.sub(r"\\u+([0-9a-fA-F]{4})|(\\.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], body, flags=re.DOTALL)

    def one(found: re.Match[str]) -> str:
        mark = found[1]
        if mark[0] in "01234567":
            return chr(int(mark, 8))
        return NAMED.get(mark, mark)

    text = re.sub(r"\\([0-3]?[0-7]{1,2}|.)", one, body, flags=re.DOTALL)
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def read(text: str) -> list[Statement]:
    """The statements of a Jenkinsfile."""
    assert all(char == "\n" or " " <= char <= "~" for char in text), "not printable ASCII"
    tokens: list[tuple[str, str, int]] = []
    at, line = 0, 1
    while at < len(text):
        found = TOKEN.match(text, at)
        assert found, f"line {line}: not understood: {text[at : at + 60]!r}"
        kind = found.lastgroup or ""
        if kind not in {"space", "comment"}:
            tokens.append((kind, found[0], line))
        line += found[0].count("\n")
        at = found.end()
    statements, rest = _block(tokens, 0)
    assert rest == len(tokens), "a block closes that never opened"
    return statements


def _block(tokens: list[tuple[str, str, int]], at: int) -> tuple[list[Statement], int]:
    statements: list[Statement] = []
    current = Statement(0, [])
    depth = 0
    while at < len(tokens):
        kind, text, line = tokens[at]
        at += 1
        if kind == "newline":
            if depth == 0 and current.head:
                statements.append(current)
                current = Statement(0, [])
            continue
        if text == "}" and kind == "mark":
            assert not current.head, f"line {line}: a block closes on the line of a statement"
            return statements, at - 1
        if not current.head:
            current.line = line
        if text == "{" and kind == "mark":
            assert depth == 0, f"line {line}: a block inside parentheses"
            assert tokens[at][0] == "newline", f"line {line}: a block begins on one line"
            current.block, at = _block(tokens, at)
            assert at < len(tokens), f"line {line}: a block never closes"
            at += 1
            assert at == len(tokens) or tokens[at][0] == "newline", f"line {line}: something follows a block"
            statements.append(current)
            current = Statement(0, [])
            continue
        depth += (text in {"(", "["}) - (text in {")", "]"}) if kind == "mark" else 0
        current.head.append(Text(decode(text)) if kind == "string" else text)
    assert depth == 0, "parentheses never close"
    return statements, at


SECTIONS = {"agent", "options", "triggers", "environment", "parameters", "stages", "post"}
STAGE = {"agent", "when", "options", "input", "environment", "steps", "stages", "post"}
OPTIONS = {
    "skipDefaultCheckout",
    "timestamps",
    "buildDiscarder",
    "durabilityHint",
    "preserveStashes",
    "disableConcurrentBuilds",
}
CONDITIONS = {
    "always", "changed", "fixed", "regression", "aborted", "success", "unsuccessful", "unstable", "failure", "notBuilt",
    "cleanup",
}  # fmt: skip
STEPS = {
    "archiveArtifacts", "checkout", "deleteDir", "dir", "echo", "headwayDeploy", "headwayRecover", "junit", "milestone",
    "node", "podTemplate",
    "script", "sh", "stash", "timeout", "unstash", "withCredentials", "withEnv", "writeFile",
}  # fmt: skip
AGENTS = {"label": set(), "docker": {"image"}, "kubernetes": {"inheritFrom", "retries"}}


def declarative(text: str) -> Statement:
    """The pipeline of a Jenkinsfile, once it is known to be a valid declarative one."""
    statements = read(text)
    *before, pipeline = statements
    assert [statement.head[:2] for statement in before] in ([], [["@", "Library"]]), "something before the pipeline"
    assert pipeline.name == "pipeline"
    sections = _sections(pipeline, SECTIONS)
    assert {"agent", "stages"} <= sections.keys()
    assert sections["agent"].head == ["agent", "none"]
    _options(sections.get("options"), OPTIONS)
    names = [stage.text for stage in pipeline.walk() if stage.name == "stage"]
    assert len(set(names)) == len(names), f"stages share a name: {names}"
    _stages(sections["stages"], has_agent=False)
    _post(sections.get("post"), on_agent=False)
    return pipeline


def _sections(parent: Statement, known: set[str]) -> dict[str, Statement]:
    found = {statement.name: statement for statement in parent.block or ()}
    assert found.keys() <= known, f"line {parent.line}: unknown section among {sorted(found)}"
    assert len(found) == len(parent.block or ()), f"line {parent.line}: a section twice"
    return found


def _stages(section: Statement, *, has_agent: bool) -> None:
    assert section.block, f"line {section.line}: no stage"
    for stage in section.block:
        assert stage.name == "stage", f"line {stage.line}: {stage.name} among stages"
        assert len(stage.head) == 4, f"line {stage.line}: a stage has one name"
        _stage(stage, has_agent=has_agent)


def _stage(stage: Statement, *, has_agent: bool) -> None:
    parts = _sections(stage, STAGE)
    assert ("steps" in parts) != ("stages" in parts), f"line {stage.line}: steps or stages, one of them"
    if "agent" in parts:
        _agent(parts["agent"])
    _options(parts.get("options"), {"lock", "timeout"})
    _when(parts.get("when"))
    if "input" in parts:
        assert {one.name for one in parts["input"].block or ()} <= {"message", "ok", "submitter", "submitterParameter"}
        assert "agent" not in parts, f"line {stage.line}: an input would hold an executor"
    inside = has_agent or "agent" in parts
    if "stages" in parts:
        _stages(parts["stages"], has_agent=inside)
    else:
        assert parts["steps"].block, f"line {stage.line}: no steps"
        _steps(parts["steps"], on_agent=inside)
    _post(parts.get("post"), on_agent=inside)


def _post(section: Statement | None, *, on_agent: bool) -> None:
    for condition in (section.block or ()) if section else ():
        assert condition.name in CONDITIONS, f"line {condition.line}: post has no {condition.name}"
        assert condition.block, f"line {condition.line}: empty"
        _steps(condition, on_agent=on_agent)


def _agent(section: Statement) -> None:
    if section.block is None:
        assert section.head in (["agent", "any"], ["agent", "none"])
        return
    (kind,) = section.block
    assert kind.name in AGENTS, f"line {kind.line}: no agent is called {kind.name}"
    assert {one.name for one in kind.block or ()} <= AGENTS[kind.name]


def _options(section: Statement | None, known: set[str]) -> None:
    if section is not None:
        assert section.block, f"line {section.line}: empty options are refused"
        for option in section.block:
            assert option.name in known, f"line {option.line}: option {option.name} is not for here"
            assert option.head[1] == "(", f"line {option.line}: options have parentheses"


def _when(section: Statement | None) -> None:
    if section is None:
        return
    names = [condition.name for condition in section.block or ()]
    assert set(names) <= {"beforeOptions", "branch", "not"}, f"line {section.line}: {names}"
    assert set(names) - {"beforeOptions"}, f"line {section.line}: no condition"


def _steps(section: Statement, *, on_agent: bool, in_script: bool = False) -> None:
    for step in section.block or ():
        if in_script and step.name in {"env", "docker"}:
            continue
        assert step.name in STEPS, f"line {step.line}: no step is called {step.name}"
        allocated = on_agent or step.name in {"node", "podTemplate"}
        assert allocated or step.name in {"milestone", "script", "echo"}, (
            f"line {step.line}: {step.name} needs an agent"
        )
        if step.block is not None:
            assert step.block, f"line {step.line}: empty block"
            _steps(step, on_agent=allocated, in_script=in_script or step.name == "script")


def scripts(pipeline: Statement) -> list[tuple[str, str]]:
    """Label and script of every `sh` step, in order."""
    return [(step.argument("label"), step.argument("script")) for step in pipeline.walk() if step.name == "sh"]
