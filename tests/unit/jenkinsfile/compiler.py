"""Groovy 2.4.21 itself, the version that Jenkins embeds, as Debian packages it: one JVM that parses many sources."""

from __future__ import annotations

import atexit
import base64
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

DUMP = Path(__file__).with_name("dump.groovy")
JAR = Path("/usr/share/java/groovy-all-2.4.21.jar")
MISSING = (
    ""
    if JAR.is_file() and shutil.which("java")
    else "needs Debian's groovy 2.4.21, the version that Jenkins embeds: apt-get install groovy"
)


class Groovy:
    """A Groovy script that answers lines with lines; by default the compiler's front end."""

    def __init__(self, script: Path = DUMP, *arguments: str) -> None:
        self.process = subprocess.Popen(
            ["java", "-Xss8m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", str(JAR), "groovy.ui.GroovyMain",
             str(script), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip
        assert self._line() == "ready\n"

    def ask(self, source: str) -> dict:
        """The answer to a source: `{"tree": ...}` or `{"error": ...}` from the compiler's front end."""
        assert self.process.stdin
        self.process.stdin.write(base64.b64encode(source.encode()).decode() + "\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def tree(self, source: str) -> list:
        found = self.ask(source)
        assert "tree" in found, f"{found['error']}\n{source}"
        return found["tree"]

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "groovy ended"
        return line


@cache
def groovy() -> Groovy:
    """One for the whole test run; skips the test where Groovy is missing."""
    if MISSING:
        pytest.skip(MISSING)
    started = Groovy()
    atexit.register(started.close)
    return started


def texts(tree: object) -> list[str]:
    """Every string literal of a tree, in order; names of methods and properties are among them."""
    if isinstance(tree, list):
        if len(tree) == 2 and tree[0] == "text":
            return [tree[1]]
        return [text for item in tree for text in texts(item)]
    return []
