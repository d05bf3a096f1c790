"""`headway schema`: the JSON Schema of service.yaml, for editors and other tools."""

from __future__ import annotations

import json

import click

from agent.cli.console import Console
from agent.cli.options import talk_options


@click.command(name="schema", short_help="Print the JSON Schema of service.yaml.")
@talk_options
@click.pass_obj
def command(console: Console) -> None:
    """Prints the JSON Schema (2020-12) of service.yaml.

    An editor with the YAML language server completes and checks a spec that begins with
    `# yaml-language-server: $schema=` and the path or URL of this schema.
    """
    from agent.spec.schema import schema

    console.data(json.dumps(schema(), indent=2, ensure_ascii=False))
