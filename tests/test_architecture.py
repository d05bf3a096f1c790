"""The house keeps its own rules: layers, sizes, docstrings, and nothing of anybody's machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "agent").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_a_module_is_small_and_says_its_job(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "no docstring"
    assert text.count("\n") <= 300, "over 300 lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 40, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_no_name_says_nothing(path):
    assert not re.search(r"util|helper|manager|common|misc", path.stem)


def test_the_layers_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_version_and_help_import_no_library_of_a_server():
    code = (
        "import sys; from agent.cli.main import run; run(['--version']); run(['--help']);"
        "print(sorted({'kubernetes', 'jenkins', 'pydantic', 'requests', 'rich', 'yaml', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_nothing_of_a_developers_machine_is_written_down():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    hidden = re.compile(r"/work/|/var/tmp/" + r"headway-|/root/")
    for name in listed.stdout.split():
        path = ROOT / name
        if path.suffix in {".gz", ".png"} or not path.is_file() or path == Path(__file__).resolve():
            continue
        found = hidden.search(path.read_text(encoding="utf-8", errors="replace"))
        assert not found, f"{name}: {found[0]}"
