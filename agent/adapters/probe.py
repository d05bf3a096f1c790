"""Smoke checks asked from here: HTTP by URL, and the team's own commands."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from agent.errors import UsageError
from agent.ports import CommandAnswer, HttpAnswer
from agent.rollout.scrub import scrub

if TYPE_CHECKING:
    from requests import Response

BODY_BYTES = 64 * 1024
OUTPUT_BYTES = 64 * 1024
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_GRACE = 1.0
_LINGER = 0.5


class SystemProber:
    """The Prober of this machine.

    A command gets what the check gives it, and of our own environment only PATH, HOME, LANG, LC_ALL, TZ, TMPDIR and the
    proxies (either case): no credential of Jenkins or the cluster unless the team's own files under HOME hold one.

    Args:
        folder: where commands run: the spec's folder.
        environment: what `passed on` is taken from; None: the process's own.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        known = os.environ if environment is None else environment
        names = (*_PASSED_ON, *(name.lower() for name in _PASSED_ON))
        self._folder = folder
        self._authorities: str | bool = known.get("REQUESTS_CA_BUNDLE") or known.get("CURL_CA_BUNDLE") or True
        self._base = {name: known[name] for name in names if name in known}

    def get(self, url: str, *, timeout: float) -> HttpAnswer:
        """GET, following redirects; no cookie jar, no .netrc, no credential of ours goes along.

        Args:
            url: http or https.
            timeout: seconds for everything.

        Raises:
            UsageError: another scheme.
        """
        import requests

        if not url.lower().startswith(("http://", "https://")):
            raise UsageError(f"a smoke check's URL must begin with http:// or https://, not {url[:80]!r}")
        start = time.monotonic()
        with requests.Session() as session:
            session.trust_env = False  # else .netrc is read, on redirects too
            session.proxies.update(requests.utils.get_environ_proxies(url))
            session.verify = self._authorities
            try:
                with session.get(url, timeout=timeout, stream=True, headers={"User-Agent": "headway-smoke"}) as answer:
                    body = _body(answer, start + timeout)
                    return HttpAnswer(answer.status_code, body, time.monotonic() - start)
            except (requests.RequestException, OSError, ValueError) as problem:
                seconds = time.monotonic() - start
                return HttpAnswer(0, seconds=seconds, error=in_words(problem, timeout))

    def run(self, command: str, *, environment: dict[str, str], timeout: float) -> CommandAnswer:
        """Runs `sh -c command`; at the limit its whole process group is killed.

        Args:
            command: the spec's text; trusted as the Jenkinsfile is, since it comes from the same repository.
            environment: URL, VERSION, NAMESPACE and the like.
            timeout: seconds.
        """
        start = time.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603  running the team's command is the purpose
                ["/bin/sh", "-c", command],
                cwd=self._folder,
                env={**self._base, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            return CommandAnswer(127, f"the command was not started: {problem}", time.monotonic() - start)
        assert process.stdout is not None
        try:
            with process.stdout as pipe:
                output = _output(process, pipe, start + timeout)
            status = process.poll()
        finally:
            _end(process)
        text = scrub(output.decode("utf-8", "replace"))
        return CommandAnswer(status, text, time.monotonic() - start)


def _body(answer: Response, deadline: float) -> str:
    """The first 64 KiB, within the time."""
    parts, size = [], 0
    for part in answer.iter_content(8192):
        parts.append(part)
        size += len(part)
        if size >= BODY_BYTES:
            break
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(parts)[:BODY_BYTES].decode("utf-8", "replace")


def in_words(problem: Exception, timeout: float) -> str:
    """Why there was no answer."""
    import requests

    match problem:
        case requests.Timeout() | TimeoutError():
            return f"no answer within {timeout:g} s"
        case requests.TooManyRedirects():
            return "redirected in a circle"
        case requests.exceptions.SSLError():
            return f"TLS failed: {_root(problem)}"
        case requests.ConnectionError():
            return f"no connection: {_root(problem)}"
        case _:
            return scrub(f"no request: {problem}")[:256]


def _root(problem: BaseException) -> str:
    """The innermost reason of nested exceptions."""
    inner = problem
    while (deeper := getattr(inner, "reason", None) or inner.__cause__) and isinstance(deeper, BaseException):
        inner = deeper
    if inner.args and isinstance(inner.args[0], BaseException):
        return _root(inner.args[0])
    return scrub(str(inner).rpartition(": ")[2] or type(inner).__name__)[:256]


def _output(process: subprocess.Popen[bytes], pipe: IO[bytes], deadline: float) -> bytes:
    """The end of what the command writes, until it ends or its time is up.

    A command that leaves something running in the background keeps the pipe open: half a second after its own end that
    is no longer waited for.
    """
    kept = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if selector.select(min(left, 0.05)):
                data = os.read(pipe.fileno(), 65536)
                if not data:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(max(0.0, deadline - time.monotonic()))
                    break
                kept = (kept + data)[-OUTPUT_BYTES:]
            elif process.poll() is not None:
                deadline = min(deadline, time.monotonic() + _LINGER)
    return bytes(kept)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kills what is left of the process group: first politely, if the command itself still runs."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the whole group, if there is one left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
