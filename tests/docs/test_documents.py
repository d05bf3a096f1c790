"""What the documents promise is there: commands, links, statuses, the twelve lines of the README."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from agent.cli.main import COMMANDS
from agent.cli.main import headway as group
from agent.errors import ExitStatus

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"), *ROOT.glob("shared_library/*.md")]
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def page_of_commands() -> str:
    """docs/reference/commands.md, from the commands themselves."""
    parts = [
        "# Commands\n\nWritten from the commands' own `--help`; `make golden` writes it anew.\n",
        "Settings come from flags, then the environment, then `headway.yaml`. stdout is data, stderr is talk.\n",
    ]
    top = click.Context(group, info_name="headway", help_option_names=["-h", "--help"])
    for name in COMMANDS:
        parts += described(group.get_command(top, name), top, name)
    return "\n".join(parts)


def described(command: click.Command | None, parent: click.Context, name: str) -> list[str]:
    assert command is not None
    context = click.Context(command, parent=parent, info_name=name, max_content_width=100, terminal_width=100)
    parts = [f"## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            parts += described(command.get_command(context, child), context, child)
    return parts


def test_the_page_of_commands_is_current(golden):
    golden(ROOT / "docs" / "reference" / "commands.md", page_of_commands())


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{target} is not there"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_that_a_page_shows_exists(page):
    for words in re.findall(r"^(?:\$ )?headway ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert words in COMMANDS, f"headway {words}"


def test_every_command_has_a_help_that_says_what_it_does():
    top = click.Context(group, info_name="headway", help_option_names=["-h", "--help"])
    for name in COMMANDS:
        assert group.get_command(top, name).help, name


def test_the_page_of_statuses_names_every_status():
    page = (ROOT / "docs" / "reference" / "exit-status.md").read_text(encoding="utf-8")
    for status in ExitStatus:
        assert re.search(rf"\b{int(status)}\b", page), status


def test_the_readmes_service_is_a_good_spec(tmp_path, headway):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    spec = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]
    assert len(spec.splitlines()) <= 12
    assert yaml.safe_load(spec)["service"] == "storefront"
    (tmp_path / "service.yaml").write_text(spec)
    checked = headway("check", tmp_path)
    assert checked.status == 0, checked.out + checked.err


def test_the_examples_are_good_specs(headway):
    checked = headway("check", ROOT / "examples")
    assert checked.status == 0, checked.out + checked.err
