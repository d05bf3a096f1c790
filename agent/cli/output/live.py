"""One moving line at the bottom of a terminal; nothing at all in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.cli.console import Console

if TYPE_CHECKING:
    from rich.status import Status


class Live:
    """Shows how far something is; on stderr, as movement is talk.

    Args:
        console: `watched` and `width` decide whether anything is shown.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    def show(self, text: str) -> None:
        """Replaces the moving line; with --verbose in a pipe it is an ordinary line of talk."""
        if not self._console.watched or self._console.quiet:
            self._console.detail(f"            {text}")
            return
        cut = text if len(text) < self._console.width - 6 else text[: self._console.width - 7] + "…"
        if self._status is None:
            from rich.console import Console as Rich
            from rich.status import Status
            from rich.text import Text

            rich = Rich(file=self._console.err_stream, no_color=not self._console.colour)
            self._status = Status(Text(cut), console=rich, spinner="dots")
            self._status.start()
        else:
            from rich.text import Text

            self._status.update(Text(cut))

    def clear(self) -> None:
        """Takes the line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
