"""The one writer: data on stdout, talk on stderr, colour only where somebody watches.

Talk is never worth a deploy: when a pipe is closed or a disk is full (Jenkins stops reading when it aborts, P53), what
can't be said is dropped and the work goes on. Data is different: a command whose output is its result says that it
could not be written.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import IO, Any

from agent.errors import ExitStatus, HeadwayError

# Everything that could move a cursor, ring a bell or hide text; what comes from clusters and Jenkins is hostile.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "bold": 1, "dim": 2}


class OutputError(Exception):
    """stdout took no data; the reason is the message."""


class Console:
    """Where words go.

    Args:
        out: stream for data.
        err: stream for talk.
        colour: whether either may carry colour.
        watched: whether a person sees stderr as it happens (bars and movement are for them only).
        width: columns of the terminal; 0 where there is none (nothing is cut or wrapped then).
    """

    def __init__(
        self, out: IO[str], err: IO[str], *, colour: bool = False, watched: bool = False, width: int = 0
    ) -> None:
        self.out_stream, self.err_stream = out, err
        self.colour, self.watched, self.width = colour, watched, width
        self.quiet = False
        self.verbose = False
        self._failure = ""

    @classmethod
    def of_process(cls) -> Console:
        """The console of this process: NO_COLOR, TERM=dumb, pipes and closed streams are respected."""
        _open_closed_streams()
        watched = sys.stderr.isatty()
        colour = watched and sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        if "FORCE_COLOR" in os.environ and "NO_COLOR" not in os.environ:
            colour = True
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        width = shutil.get_terminal_size((0, 0)).columns if watched else 0
        return cls(sys.stdout, sys.stderr, colour=colour, watched=watched, width=width)

    def data(self, text: str) -> None:
        """Writes a result to stdout, as it is.

        Raises:
            OutputError: the text was not taken (a full disk). A closed pipe is no error: the reader has enough.
        """
        try:
            self.out_stream.write(text if text.endswith("\n") or not text else text + "\n")
            self.out_stream.flush()
        except BrokenPipeError:
            self._detach(self.out_stream)
        except (OSError, ValueError) as problem:
            self._detach(self.out_stream)
            raise OutputError(getattr(problem, "strerror", None) or str(problem)) from problem

    def line(self, text: str = "") -> None:
        """One line of a command's story on stdout; lost without complaint when nobody reads it."""
        self._write(self.out_stream, text)

    def say(self, text: str) -> None:
        """Talk on stderr; silent with --quiet."""
        if not self.quiet:
            self._write(self.err_stream, text)

    def detail(self, text: str) -> None:
        """Talk that only --verbose shows."""
        if self.verbose:
            self._write(self.err_stream, text)

    def warn(self, text: str) -> None:
        """A warning; --quiet doesn't silence it."""
        self._write(self.err_stream, f"{self.paint('warning:', 'yellow')} {text}")

    def complain(self, text: str, *, usage: str = "") -> None:
        """An error in words that are ours already."""
        if usage:
            self._write(self.err_stream, usage)
        self._write(self.err_stream, f"{self.paint('error:', 'red')} {text}")

    def fail(self, problem: HeadwayError) -> None:
        """A HeadwayError: what was not done, the cause, the hint."""
        self.complain(clean(problem.message))
        if problem.hint:
            self._write(self.err_stream, f"{self.paint('hint:', 'cyan')} {clean(problem.hint)}")

    def crash(self, problem: BaseException) -> None:
        """A bug: said as one, with where it happened; the whole trace only with --verbose."""
        import traceback

        frame = traceback.extract_tb(problem.__traceback__)[-1:]
        place = f" at {os.path.basename(frame[0].filename)}:{frame[0].lineno}" if frame else ""  # noqa: PTH119
        self.complain(clean(f"this is a bug in Headway: {type(problem).__name__}: {problem}{place}"))
        if self.verbose or os.environ.get("HEADWAY_TRACE"):
            self._write(self.err_stream, "".join(traceback.format_exception(problem)))
        else:
            self._write(self.err_stream, "hint: HEADWAY_TRACE=1 shows where; please report it with that output")

    def paint(self, text: str, *styles: str) -> str:
        """The text in colour, where colour is wanted."""
        if not self.colour or not styles:
            return text
        codes = ";".join(str(COLOURS[style]) for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def close(self, status: ExitStatus) -> ExitStatus:
        """Flushes both streams; the command's status stands whatever becomes of them."""
        for stream in (self.out_stream, self.err_stream):
            try:
                stream.flush()
            except (OSError, ValueError):
                self._detach(stream)
        return status

    def _write(self, stream: IO[str], text: str) -> None:
        try:
            stream.write(text + "\n")
            stream.flush()
        except (OSError, ValueError):
            self._detach(stream)

    def _detach(self, stream: IO[str]) -> None:
        """Points one stream of the process at nothing, so that the interpreter's own last flush can't fail either."""
        devnull: Any = _nowhere()
        if stream is sys.stdout:
            sys.stdout = devnull
        elif stream is sys.stderr:
            sys.stderr = devnull
        else:
            return
        self.out_stream = devnull if self.out_stream is stream else self.out_stream
        self.err_stream = devnull if self.err_stream is stream else self.err_stream


def _open_closed_streams() -> None:
    """Leads closed standard streams (`>&-`) to nowhere.

    Python has None for them, and the next file or socket that is opened would get their number: what a smoke command
    prints would then go to the API server.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  as below
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()


def _nowhere() -> IO[str]:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  lives as long as the process


def clean(text: str) -> str:
    """Text from outside made harmless for terminals and logs: control characters spelled out, line breaks kept."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
