"""Bytes of an endless answer: however they are cut, the same lines come out."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.adapters.kubernetes import stream
from agent.adapters.kubernetes.stream import ChunkDecoder, SocketStream, StreamError


def chunked(parts: list[bytes]) -> bytes:
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"


@given(st.lists(st.binary(max_size=40), max_size=12), st.lists(st.integers(1, 30), min_size=1))
def test_chunks_come_out_whole_however_the_bytes_are_cut(parts, cuts):
    wire, decoder, got, place = chunked(parts), ChunkDecoder(), b"", 0
    while place < len(wire):
        size = cuts[place % len(cuts)]
        got += decoder.feed(wire[place : place + size])
        place += size
    assert got == b"".join(parts)
    assert decoder.ended


@pytest.mark.parametrize("wire", [b"zz\r\n", b"-5\r\n", b"\r\n", b"<html>\n"])
def test_what_is_no_chunk_header_is_refused(wire):
    with pytest.raises(StreamError, match="not a chunk header"):
        ChunkDecoder().feed(wire)


def test_a_chunk_header_without_end_is_refused():
    with pytest.raises(StreamError, match="without end"):
        ChunkDecoder().feed(b"1" * 70_000)


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    near.settimeout(0)
    yield near, far
    near.close()
    far.close()


def test_lines_that_are_not_complete_wait(pair):
    near, far = pair
    reader = SocketStream(near, b"fi", chunked=False)
    assert reader.lines() == []
    far.sendall(b"rst\nsec")
    assert reader.lines() == [b"first"]
    far.sendall(b"ond\n\nthird\n")
    assert reader.lines() == [b"second", b"third"]


def test_the_end_comes_after_the_last_line_and_half_a_line_is_dropped(pair):
    near, far = pair
    reader = SocketStream(near, b"", chunked=False)
    far.sendall(b"last\nhalf")
    far.close()
    assert reader.lines() == [b"last"]
    with pytest.raises(EOFError):
        reader.lines()


def test_the_last_chunk_ends_the_stream_though_the_connection_stays(pair):
    near, far = pair
    reader = SocketStream(near, b"", chunked=True)
    far.sendall(chunked([b"one\n", b"two\n"]))
    assert reader.lines() == [b"one", b"two"]
    with pytest.raises(EOFError):
        reader.lines()


def test_bytes_are_counted(pair):
    near, far = pair
    counted: list[int] = []
    reader = SocketStream(near, b"abc\n", chunked=False, tally=counted.append)
    far.sendall(b"defg\n")
    reader.lines()
    assert sum(counted) == 9


def test_a_line_without_end_is_refused_before_it_eats_the_memory(pair, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST_LINE", 1000)
    near, far = pair
    reader = SocketStream(near, b"", chunked=False)
    far.sendall(b"x" * 5000)
    with pytest.raises(StreamError, match="without end"):
        reader.lines()
