"""The same specs give the same bytes: whatever the hash seed, time zone, locale, folder and Python."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.test_jobs import add

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
PYTHONS = {version: os.environ.get("HEADWAY_PYTHON_" + version.replace(".", "_")) for version in VERSIONS}
"""Interpreters that are not on the path but have Headway's dependencies; read before tests lose their environment."""
READY = "import click, jinja2, pydantic, yaml"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "headway.yaml").write_text("version: 1\nowner: shop\n", encoding="utf-8")
    for number in range(6):
        file = add(folder, f"team{number % 2}", f"svc{number}")
        text = file.read_text(encoding="utf-8").replace("version: 1", "version: 1\ndescription: Ünïcode 日本 „quoted“")
        kind = ("inline", "scm", "multibranch")[number % 3]
        file.write_text(text.replace("{folder", f"{{kind: {kind}, folder"), encoding="utf-8")
    return folder


def rendered(python: str, shop: Path, out: Path, **variables: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(out.parent), **variables}
    command = [python, "-m", "agent", "render", str(shop), "--job", "--out", str(out), "-q"]
    done = subprocess.run(command, env=environment, cwd=out.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256()
    files = sorted(path for path in out.rglob("*") if path.is_file())
    assert len(files) == 6
    for path in files:
        digest.update(str(path.relative_to(out)).encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def expected(shop, tmp_path_factory):
    return rendered(sys.executable, shop, tmp_path_factory.mktemp("first") / "out")


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "4294967295"},
        {"TZ": "Pacific/Kiritimati"},
        {"LANG": "C", "LC_ALL": "C"},
        {"LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8"},
        {"PYTHONUTF8": "0", "LC_ALL": "POSIX"},
    ],
    ids=str,
)
def test_the_environment_changes_no_byte(shop, expected, tmp_path, variables):
    assert rendered(sys.executable, shop, tmp_path / "out", **variables) == expected


def test_where_the_checkout_lies_changes_no_byte(shop, expected, tmp_path):
    elsewhere = tmp_path / "another place" / "checkout"
    shutil.copytree(shop, elsewhere)
    assert rendered(sys.executable, elsewhere, tmp_path / "out") == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_the_python_changes_no_byte(shop, expected, tmp_path, version):
    python = PYTHONS[version] or shutil.which(f"python{version}")
    if not python or subprocess.run([python, "-c", READY], capture_output=True, check=False).returncode:
        pytest.skip(f"no Python {version} with Headway's dependencies here")
    assert rendered(python, shop, tmp_path / "out") == expected
