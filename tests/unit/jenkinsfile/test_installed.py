"""The templates lie outside the package: they are found from an installed wheel and from an editable install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from agent.jenkinsfile.render import render
from agent.spec.load import demand

ROOT = Path(__file__).resolve().parents[3]
CASE = ROOT / "tests" / "golden" / "jenkinsfile" / "buildah"


def run(*words: object, **more) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, env=environment, check=False, **more
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture
def place(tmp_path):
    """A virtual environment that sees the dependencies of this one, but not this checkout."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    # A path in a .pth file is searched last, and .pth files in it (such as that of an editable install) are not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return tmp_path / "venv"


def install(place: Path, *what: object) -> None:
    run(
        sys.executable, "-m", "pip", "--python", place / "bin" / "python", "install", "--quiet", "--no-deps",
        "--no-index", "--ignore-installed", "--disable-pip-version-check", *what,
    )  # fmt: skip


def found(place: Path, elsewhere: Path) -> tuple[Path, Path]:
    """Where the installed command has its package and its templates, once it has rendered what the checkout renders."""
    text = run(place / "bin" / "headway", "render", CASE, cwd=elsewhere)
    (here,) = demand([CASE], files=False)
    assert text == render(here.spec, near=here.folder)
    code = "import agent.jenkinsfile.templates as t; print(t.__file__); print(t.shipped())"
    package, templates = run(place / "bin" / "python", "-c", code, cwd=elsewhere).splitlines()
    return Path(package), Path(templates)


@pytest.mark.skipif(sys.platform == "win32", reason="paths of a POSIX virtual environment")
def test_from_a_wheel(wheel, place, tmp_path):
    install(place, wheel)
    package, templates = found(place, tmp_path)
    assert package.is_relative_to(place)
    assert templates == package.parents[1] / "_templates"


def test_from_an_editable_install(tmp_path):
    """The one that `make setup` makes; hatchling's force-include does not reach the checkout that it imports from."""
    told = json.loads(distribution("headway").read_text("direct_url.json") or "{}")
    if not told.get("dir_info", {}).get("editable"):
        pytest.skip("this environment has headway installed, but not as an editable install")
    package, templates = found(Path(sys.prefix), tmp_path)
    assert package.is_relative_to(ROOT)
    assert templates == ROOT / "jenkinsfile_templates"


def test_a_wheel_holds_every_template_and_no_test(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for template in (ROOT / "jenkinsfile_templates").glob("*.j2"):
        assert f"agent/_templates/{template.name}" in names
    assert not any(name.startswith(("tests/", "jenkinsfile_templates/")) for name in names)
