"""Runs a rendered Jenkinsfile the way Jenkins would, as far as Headway's own go: stages in order, `sh` steps for real.

Every stage with an agent gets a workspace of its own, `stash` carries files between them, and each script runs under
`sh -xe` with the environment that the pipeline made. What the small reader doesn't know, it refuses.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.jenkinsfile.reader import Statement, Text, declarative


@dataclass
class Step:
    """One `sh` step that ran."""

    stage: str
    label: str
    script: str
    status: int
    output: str


class FailedError(Exception):
    """A step ended with another status than 0, which ends the build."""


@dataclass
class Build:
    """One build of a pipeline.

    Attributes:
        folder: for workspaces and stashes.
        repository: what every checkout copies.
        environment: of the agent, with credentials as Jenkins would bind them under `bound`.
    """

    folder: Path
    repository: Path
    environment: dict[str, str]
    bound: dict[str, str] = field(default_factory=dict)
    number: int = 1
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    steps: list[Step] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    archived: list[Path] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    failed: bool = False

    def run(self, jenkinsfile: str) -> None:
        """The whole pipeline; after a failure, later stages are skipped and post blocks run."""
        pipeline = declarative(jenkinsfile)
        self.env |= {"BUILD_NUMBER": str(self.number), "BUILD_URL": f"https://ci.example.com/job/x/{self.number}/"}
        try:
            self._stages(_part(pipeline, "stages"), None)
        except FailedError:
            self.failed = True

    @property
    def last(self) -> Step:
        return self.steps[-1]

    def _stages(self, section: Statement, workspace: Path | None) -> None:
        for stage in section.block or ():
            self._stage(stage, workspace)

    def _stage(self, stage: Statement, workspace: Path | None) -> None:
        names = {part.name for part in stage.block or ()}
        if "agent" in names:
            workspace = self.folder / f"workspace-{self.number}-{stage.text.replace(' ', '-')}"
            workspace.mkdir(parents=True)
        if "options" in names:
            self.locks += [
                one.argument("resource") for one in _part(stage, "options").block or () if one.name == "lock"
            ]
        conditions = ["always", "unsuccessful"]
        try:
            if "stages" in names:
                self._stages(_part(stage, "stages"), workspace)
            else:
                self._block(_part(stage, "steps"), stage.text, workspace, {})
            conditions.remove("unsuccessful")
        finally:
            for condition in _part(stage, "post").block or () if "post" in names else ():
                assert condition.name in {"always", "unsuccessful"}
                if condition.name in conditions:
                    self._block(condition, stage.text, workspace, {})

    def _block(self, block: Statement, stage: str, here: Path | None, extra: dict[str, str]) -> None:
        for step in block.block or ():
            self._step(step, stage, here, extra)

    def _step(self, step: Statement, stage: str, here: Path | None, extra: dict[str, str]) -> None:  # noqa: PLR0912
        match step.name:
            case "timeout" | "script":
                self._block(step, stage, here, extra)
            case "withCredentials":
                self._block(step, stage, here, extra | self._credentials(step))
            case "node":
                fresh = self.folder / f"workspace-{self.number}-{stage.replace(' ', '-')}-post"
                fresh.mkdir()
                self._block(step, stage, fresh, extra)
            case "withEnv":
                self.env["WORKSPACE"] = str(here)
                assert here
                name, _, value = self._value(step.head[3 : step.head.index("]")], here).partition("=")
                self._block(step, stage, here, extra | {name: value})
            case "dir":
                assert here
                inside = here / step.text
                inside.mkdir(parents=True, exist_ok=True)
                self._block(step, stage, inside, extra)
            case "milestone" | "junit":
                pass
            case "deleteDir":
                assert here
                shutil.rmtree(here)
            case "env":
                assert here
                self.env[str(step.head[2])] = self._value(step.head[4:], here)
            case "checkout":
                assert here
                self._checkout(here)
            case "writeFile":
                assert here
                at = step.head.index("text")
                self._file(here, step.argument("file"), self._value(step.head[at + 2 :], here))
            case "stash" | "unstash":
                assert here
                self._stash(step, here)
            case "archiveArtifacts":
                assert here
                self.archived += sorted(path for path in here.glob(step.argument("artifacts") + "/*") if path.is_file())
            case "sh":
                assert here
                self._sh(step, stage, here, extra)
            case _:
                raise AssertionError(f"line {step.line}: no idea how to run {step.name}")

    def _sh(self, step: Statement, stage: str, here: Path, extra: dict[str, str]) -> None:
        script = here.parent / f"script-{len(self.steps)}.sh"
        script.write_text(step.argument("script"), encoding="utf-8")
        done = subprocess.run(
            ["sh", "-xe", script],
            cwd=here,
            env=self.environment | self.env | {"WORKSPACE": str(here)} | extra,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=600,
            check=False,
        )
        self.steps.append(Step(stage, step.argument("label"), step.argument("script"), done.returncode, done.stdout))
        if done.returncode:
            raise FailedError

    def _credentials(self, step: Statement) -> dict[str, str]:
        names = [
            name.value
            for part, name in zip(step.head, step.head[2:], strict=False)
            if part in ("variable", "usernameVariable", "passwordVariable") and isinstance(name, Text)
        ]
        return {name: self.bound[name] for name in names}

    def _checkout(self, here: Path) -> None:
        shutil.copytree(self.repository, here, dirs_exist_ok=True)

    def _file(self, here: Path, name: str, text: str) -> None:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text, encoding="utf-8")

    def _stash(self, step: Statement, here: Path) -> None:
        store = self.folder / f"stash-{self.number}"
        if step.name == "unstash":
            shutil.copytree(store, here, dirs_exist_ok=True)
            return
        for name in step.argument("includes").split(","):
            if (here / name).is_file():
                self._file(store, name, (here / name).read_text(encoding="utf-8"))

    def _value(self, tokens: list[str | Text], here: Path) -> str:
        """Strings, `env.NAME`, its `.substring(0, N)`, `readFile().trim()`, `checkout().GIT_COMMIT`, joined by +."""
        words = tokens
        out, at = "", 0
        while at < len(words):
            word = words[at]
            if isinstance(word, Text):
                out, at = out + word.value, at + 1
            elif word == "env" and words[at + 3 : at + 5] == [".", "substring"]:
                length = int(str(words[at + 8]))
                assert words[at + 4 : at + 8] == ["substring", "(", "0", ","]
                out, at = out + self.env[str(words[at + 2])][:length], at + 10
            elif word == "env":
                out, at = out + self.env[str(words[at + 2])], at + 3
            elif word == "readFile":
                name = words[at + 2]
                assert isinstance(name, Text)
                out, at = out + (here / name.value).read_text(encoding="utf-8").strip(), len(words)
            elif word == "checkout":
                assert words[-1] == "GIT_COMMIT"
                self._checkout(here)
                out, at = self.commit, len(words)
            else:
                assert word == "+", word
                at += 1
        return out


def _part(parent: Statement, name: str) -> Statement:
    return next(part for part in parent.block or () if part.name == name)
