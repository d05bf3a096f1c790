"""Whatever stands in a spec, the pipeline has the same statements, and every value arrives as it is.

The judge is Groovy 2.4.21, Jenkins' own version, and a real shell: the tree of a Jenkinsfile full of hostile values is
the tree of the one full of harmless markers, marker for value; so are the arguments of every command.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agent.errors import UsageError
from agent.jenkinsfile import groovy as ours
from agent.jenkinsfile.render import render
from agent.jenkinsfile.shell import filled, word
from tests.unit.jenkinsfile import reader
from tests.unit.jenkinsfile.compiler import groovy, texts
from tests.unit.jenkinsfile.shapes import SHAPES, shaped

CHUNKS = [
    "'", '"', "'''", '"""', "\\", "\\\\", "\\u0027", "\\u000a", "\\\\u0027", "\\'", "\\n",
    "${x}", "$x", "$(touch pwned)",
    "`touch pwned`", "\n", "\r", "\r\n", "\t", "\b", "\f",
    "//", "/*", "*/", "{", "}", ";", "&&", "|", "\x01", "\x1b[2J", "\x7f",
    "\x85", "\u2028", "é", "\U0001f600",
    "#", " # ", "!", "~", "*", "**/", "?", " ", "-", "--", "=", "]]>", "<!--", "&#10;",
    "{{ spec.service }}", "{% raw %}", "{{ version }}", "\ufeff", "\ue000groovy:2f2f\ue001", "\ue000",
    "$/", "/$", "@", "%", "\u202e",
    "'; sh 'touch pwned", "')\nsh 'touch pwned'\n('", "\\u007d", "x", "main", "0",
]  # fmt: skip
ANY = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffe\uffff")
HOSTILE = st.lists(st.one_of(st.sampled_from(CHUNKS), st.text(ANY, max_size=4)), max_size=6).map("".join)
# Without shrinking: what is left of a failure is one tree beside another, and hypothesis would try for minutes.
QUICK = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
SOAK = settings(QUICK, max_examples=10_000, derandomize=False)

COMMANDS = ("docker", "buildah", "executor", "headway", "mkdir", "tee", "sed", "mktemp", "cat", "rm", "base64", "tr")

# Every command is a function that notes its arguments: a process each would take most of the time of the soak.
PRELUDE = """
note() {
  printf '%s\\0' "$@" END >>"$ARGV"
  case "$1 $2" in "mktemp -d") echo out ;; mktemp*) echo out/file ;; *) echo found ;; esac 2>/dev/null
}
""" + "".join(f'{name}() {{ note {name} "$@"; }}\n' for name in COMMANDS)


class Shell:
    """Runs scripts in which every command only notes its arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.argv = folder, folder / "argv"
        for name in ("out", ".headway"):
            (folder / name).mkdir()

    def arguments(self, scripts: list[str]) -> list[list[list[str]]]:
        """Of each script the argument vectors of its commands, sorted (parts of a pipe run at once), and the image."""
        self.argv.write_bytes(b"")
        environment = {"PATH": "/nonexistent", "ARGV": str(self.argv)}
        environment |= {"IMAGE": "i", "VERSION": "1", "GIT_COMMIT": "c", "REGISTRY_USER": "u", "REGISTRY_PASSWORD": "p"}
        environment |= {"KUBECONFIG_1": "k1", "KUBECONFIG_2": "k2"}
        text = PRELUDE
        for number, script in enumerate(scripts):
            # A function can't be exec'd, and a name of a function has no slash.
            known = script.replace("exec headway ", "headway ").replace("/kaniko/executor", "executor")
            text += f"(set -e\n{known}\n) || exit {number + 10}\nprintf '%s\\0' NEXT >>\"$ARGV\"\n"
        file = self.folder / "script.sh"
        file.write_bytes(text.encode())
        done = subprocess.run(["/bin/sh", file], cwd=self.folder, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, (text, done)
        found = self.argv.read_bytes().decode().split("NEXT\0")[:-1]
        vectors = [sorted(vector.split("\0") for vector in one.split("\0END\0")[:-1]) for one in found]
        image = self.folder / ".headway" / "image"
        if image.exists():
            vectors.append([[image.read_bytes().decode()]])
            image.unlink()
        return vectors


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return Shell(tmp_path_factory.mktemp("shell"))


def split(tree, scripts):
    """The tree without the scripts of `sh` steps that hold commands of ours, which are collected."""
    if not isinstance(tree, list):
        return tree
    if len(tree) == 2 and tree[0] == ["text", "script"] and tree[1][0] == "text":
        scripts.append(tree[1][1])
        return "a script"
    return [split(item, scripts) for item in tree]


def replaced(thing, values):
    if isinstance(thing, list):
        return [replaced(item, values) for item in thing]
    if isinstance(thing, str):
        for marker, value in values:
            thing = thing.replace(marker, value)
    return thing


class Fields:
    """Markers and hostile values, field by field."""

    def __init__(self, draw) -> None:
        self.draw = draw
        self.hostile: dict[str, str] = {}

    def value(self, name: str) -> str:
        # Values differ from each other, as names in a spec must; none may hold a placeholder of ours.
        if name not in self.hostile:
            drawn = self.draw(HOSTILE).replace("{{ version }}", "")
            self.hostile[name] = f"{drawn}{len(self.hostile)}"
        return self.hostile[name]

    def marker(self, name: str) -> str:
        wild = "*" if name == "when.branch" and set(self.value(name)) & set("*?") else ""
        return f"MARKER{list(self.hostile).index(name):03}X{wild}" if name in self.hostile else self._new(name)

    def _new(self, name: str) -> str:
        self.value(name)
        return self.marker(name)

    def pairs(self):
        found = []
        for name in self.hostile:
            value = self.value(name)
            if name == "image.test.junit":
                value = "".join(char for char in value if char not in "*?,/")
            found.append((self.marker(name), value))
        return found


MARKED: dict[str, tuple] = {}


def marked(jenkinsfile, verbatim, shell):
    """Tree, scripts and arguments of a Jenkinsfile full of markers: each only once, there are a few hundred."""
    if jenkinsfile not in MARKED:
        scripts: list[str] = []
        tree = split(groovy().tree(jenkinsfile), scripts)
        ours = [number for number, script in enumerate(scripts) if script not in verbatim]
        MARKED[jenkinsfile] = (tree, scripts, ours, shell.arguments([scripts[number] for number in ours]))
    return MARKED[jenkinsfile]


def check(shape, data, shell, *, library=""):
    fields = Fields(data.draw)
    hostile = render(shaped(*shape, fields.value), library=library)
    harmless = render(shaped(*shape, fields.marker), library=library)
    assert all(char == "\n" or " " <= char <= "~" for char in hostile)
    commands = {fields.marker(name) for name in ("test.run", "build.run")}
    wanted, expected, ours, arguments = marked(harmless, commands, shell)
    scripts: list[str] = []
    tree = split(groovy().tree(hostile), scripts)
    assert tree == replaced(wanted, fields.pairs())
    assert len(scripts) == len(expected)
    for number in set(range(len(scripts))) - set(ours):
        assert scripts[number] == replaced(expected[number], fields.pairs())
    vectors = [sorted(one) for one in replaced(arguments, fields.pairs())]
    assert shell.arguments([scripts[number] for number in ours]) == vectors
    assert not (shell.folder / "pwned").exists()


@pytest.mark.groovy
@given(data=st.data())
@QUICK
def test_hostile_values_change_no_statement_and_arrive_as_they_are(shell, data):
    shape = data.draw(st.sampled_from(SHAPES))
    check(shape, data, shell, library=data.draw(st.sampled_from(["", "v1"])))


@pytest.mark.groovy
@pytest.mark.soak
@pytest.mark.timeout(3600)
@given(data=st.data())
@SOAK
def test_ten_thousand_hostile_values_in_every_field(shell, data):
    shape = data.draw(st.sampled_from(SHAPES))
    check(shape, data, shell, library=data.draw(st.sampled_from(["", "v1"])))


@pytest.mark.groovy
@given(st.lists(HOSTILE, min_size=1, max_size=20))
@QUICK
def test_a_literal_means_exactly_its_value_to_groovy(values):
    tree = groovy().tree(f"x({ours.literal(values)})")
    assert texts(tree) == ["x", *values]


@given(HOSTILE)
@QUICK
def test_a_literal_means_exactly_its_value_by_groovys_rules(value):
    assert reader.decode(ours.string(value)) == value


@given(st.lists(HOSTILE, min_size=1, max_size=20))
@QUICK
def test_a_word_is_one_argument(values):
    script = "printf '%s\\0' " + " ".join(word(value) for value in values)
    out = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, env=os.environ).stdout
    assert out.decode().split("\0")[:-1] == values


@given(st.lists(HOSTILE.map(lambda text: text.replace("{{ version }}", "")), min_size=1, max_size=5))
@QUICK
def test_a_placeholder_becomes_a_variable_and_nothing_else_does(values):
    script = f"VERSION='a b$c'; printf '%s\\0' {filled('{{ version }}'.join(values), '{{ version }}', 'VERSION')}"
    out = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, env=os.environ).stdout
    assert out.decode() == "a b$c".join(values) + "\0"


@pytest.mark.parametrize("code", [0, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF])
@pytest.mark.parametrize("write", [ours.literal, word])
def test_what_no_file_and_no_argument_can_hold_is_refused(write, code):
    with pytest.raises(UsageError, match=f"U\\+{code:04X}"):
        write(f"before{chr(code)}after")
