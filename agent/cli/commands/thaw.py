"""`headway thaw`: the other half of `headway freeze`."""

from __future__ import annotations

from agent.cli.commands.freeze import thaw_command as command

__all__ = ["command"]
