"""The body of an answer that does not end: read without waiting, cut into lines.

One thread follows a whole rollout by selecting over its watches (see `follower`), so reading may never block; that is
why the socket is read here directly once urllib3 has opened the connection and http.client has read the headers.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Protocol

_CHUNK = 65536
LONGEST_LINE = 8 * 1024 * 1024


class StreamError(Exception):
    """The stream can't be understood any more."""


class Source(Protocol):
    """A socket, as far as it is needed."""

    def recv(self, size: int, /) -> bytes:
        """Bytes, or an OSError that says why not."""

    def fileno(self) -> int:
        """For select."""


class Stream(Protocol):
    """What a follower reads from."""

    def fileno(self) -> int:
        """For select; readable when there may be news."""

    def lines(self) -> list[bytes]:
        """The complete lines that arrived since the last call; never waits.

        Raises:
            EOFError: the stream ended; half a line at its end is dropped.
            StreamError: what came is not HTTP, or a line without end.
            OSError: the connection broke.
        """

    def close(self) -> None:
        """Closes the connection."""


class ChunkDecoder:
    """HTTP/1.1 chunked coding, fed as the bytes come (RFC 9112, section 7.1)."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._state = "size"

    @property
    def ended(self) -> bool:
        """Whether the last chunk came."""
        return self._state == "end"

    def feed(self, data: bytes) -> bytes:
        """The payload in `data`."""
        self._buffer += data
        payload = bytearray()
        while self._step(payload):
            pass
        return bytes(payload)

    def _step(self, payload: bytearray) -> bool:
        """One move of the machine; False when it needs more bytes."""
        if self._state == "data":
            part = self._buffer[: self._left]
            del self._buffer[: len(part)]
            payload += part
            self._left -= len(part)
            self._state = "data" if self._left else "gap"
            return not self._left
        if self._state == "end":
            return False
        line, found, _ = self._buffer.partition(b"\n")
        if not found:
            if len(self._buffer) > _CHUNK:
                raise StreamError("a chunk header without end")
            return False
        del self._buffer[: len(line) + 1]
        if self._state == "size":
            self._left = _size(line)
            self._state = "data" if self._left else "end"
        else:
            self._state = "size"
        return True


def _size(line: bytes | bytearray) -> int:
    """The size in a chunk's header."""
    try:
        size = int(bytes(line).partition(b";")[0].strip(), 16)
    except ValueError:
        raise StreamError("not a chunk header") from None
    if size < 0:
        raise StreamError("not a chunk header")
    return size


class SocketStream:
    """The rest of an HTTP answer on a socket in non-blocking mode.

    Args:
        source: the socket.
        first: bytes of the body that were read together with the headers.
        chunked: whether the body is chunked; else it goes on to the end of the connection.
        owner: what must be closed with it.
        tally: told how many bytes came.
    """

    def __init__(
        self,
        source: Source,
        first: bytes,
        *,
        chunked: bool,
        owner: Any = None,
        tally: Callable[[int], None] | None = None,
    ) -> None:
        self._source = source
        self._tally = tally
        self._decoder = ChunkDecoder() if chunked else None
        self._owner = owner
        self._pending = first
        self._line = bytearray()

    def fileno(self) -> int:
        """The socket's."""
        return self._source.fileno()

    def lines(self) -> list[bytes]:
        """See Stream."""
        ended = self._receive()
        *lines, rest = bytes(self._line).split(b"\n")
        self._line = bytearray(rest)
        if len(rest) > LONGEST_LINE:
            raise StreamError("a line without end")
        if ended and not lines:
            raise EOFError
        return [line for line in lines if line.strip()]

    def close(self) -> None:
        """Closes the connection, so that it goes back to no pool."""
        if self._owner is not None:
            self._owner.close()

    def _receive(self) -> bool:
        """Takes what the kernel holds; whether the stream is at its end."""
        self._take(self._pending)
        self._pending = b""
        while not (self._decoder and self._decoder.ended) and len(self._line) <= LONGEST_LINE:
            try:
                data = self._source.recv(_CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            if not data:
                return True
            self._take(data)
        return bool(self._decoder and self._decoder.ended)

    def _take(self, data: bytes) -> None:
        """Decodes bytes of the body."""
        if self._tally is not None:
            self._tally(len(data))
        self._line += self._decoder.feed(data) if self._decoder else data


def take_over(response: Any, tally: Callable[[int], None] | None = None) -> SocketStream:
    """Makes a stream of a urllib3 response whose headers were read and whose body was not.

    The one place that looks under http.client: its reader may hold bytes of the body already, and those of a TLS
    connection are not to be had from the file descriptor.
    """
    reader = response._fp.fp  # noqa: SLF001
    source = reader.raw._sock  # noqa: SLF001
    source.settimeout(0)
    try:
        held = len(reader.peek(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        held = 0
    first = reader.read(held) if held else b""
    owner = _Connection(response, source)
    return SocketStream(source, first, chunked=bool(response.chunked), owner=owner, tally=tally)


class _Connection:
    """Closes the response and its socket, whichever of them still holds the file descriptor."""

    def __init__(self, response: Any, source: Any) -> None:
        self._response = response
        self._source = source

    def close(self) -> None:
        """Closes both."""
        self._response.close()
        self._source.close()
