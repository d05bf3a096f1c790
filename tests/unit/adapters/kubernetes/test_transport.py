"""Real sockets on loopback: every way an exchange can go wrong becomes a sentence, and none tells a secret."""

from __future__ import annotations

import gzip
import os
import select
import socket
import ssl
import subprocess
import time
from typing import Any

import pytest

from agent.adapters.kubernetes.connection import Connection
from agent.adapters.kubernetes.errors import Answer, NoAnswerError
from agent.adapters.kubernetes.transport import HttpTransport, Request
from agent.errors import HeadwayError, UsageError
from tests.fakes.loopback import kubeconfig, serving

GET = Request("GET", "/api/v1/pods", timeout=2.0)


@pytest.fixture
def there(tmp_path):
    """A server, and a transport to it."""

    def make(handler):
        context = serving(handler)
        server = context.__enter__()
        opened.append(context)
        path = kubeconfig(tmp_path / "config", server.url)
        return server, HttpTransport(Connection(None, {"KUBECONFIG": str(path)}))

    opened: list[Any] = []
    yield make
    for context in opened:
        context.__exit__(None, None, None)


def lines_of(stream, count, seconds=5.0):
    """The next lines of a stream, waiting as a follower does."""
    found: list[bytes] = []
    until = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < until:
        select.select([stream], [], [], 0.1)
        found += stream.lines()
    return found


def test_the_token_and_nothing_else_goes_along(there):
    server, transport = there(lambda heard, wire: wire.json({"kind": "PodList"}))
    answer = transport.send(GET)
    assert (answer.status, answer.body) == (200, b'{"kind": "PodList"}')
    assert server.heard[0].headers["authorization"] == "Bearer sesame"
    assert server.heard[0].headers["user-agent"].startswith("headway/")
    assert "cookie" not in server.heard[0].headers


def test_the_query_is_escaped(there):
    server, transport = there(lambda heard, wire: wire.json({}))
    transport.send(Request("GET", "/x", {"labelSelector": "a=b,c!=d&watch=true"}))
    assert server.heard[0].target == "/x?labelSelector=a%3Db%2Cc%21%3Dd%26watch%3Dtrue"


def test_connections_are_used_again(there):
    server, transport = there(lambda heard, wire: wire.json({}))
    for _ in range(5):
        transport.send(GET)
    assert len(server.connections) == 1
    assert transport.traffic.requests == 5


def test_a_compressed_answer_is_unpacked(there):
    body = b'{"a": "' + b"x" * 10_000 + b'"}'
    _, transport = there(lambda heard, wire: wire.answer(gzip.compress(body), Content_Encoding="gzip"))
    assert transport.send(GET).body == body


def test_a_401_is_tried_once_more_with_fresh_credentials_p33(there, tmp_path):
    def handler(heard, wire):
        if heard.headers.get("authorization") == "Bearer fresh":
            wire.json({"ok": True})
        else:
            kubeconfig(tmp_path / "config", server.url, user={"token": "fresh"})
            os.utime(tmp_path / "config", ns=(1, 1))  # even where the clock of the file system is coarse
            wire.refuse(401, "Unauthorized")

    server, transport = there(handler)
    assert transport.send(GET).status == 200
    assert [heard.headers["authorization"] for heard in server.heard] == ["Bearer sesame", "Bearer fresh"]


def test_a_401_that_stays_is_the_answer_after_two_tries(there):
    server, transport = there(lambda heard, wire: wire.refuse(401, "Unauthorized"))
    assert transport.send(GET).status == 401
    assert len(server.heard) == 2


def test_redirects_are_not_followed(there):
    server, transport = there(lambda heard, wire: wire.answer(b"", 302, Location="https://login.example.com/"))
    assert transport.send(GET).status == 302
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("handler", "words", "sent"),
    [
        (lambda heard, wire: wire.hang_up(), "broke the connection", True),
        (lambda heard, wire: wire.hang_up(b"SSH-2.0-OpenSSH\r\n\r\n"), "broke the", True),
        (lambda heard, wire: wire.stop.wait(10), "did not answer in time", True),
        (
            lambda heard, wire: wire.hang_up(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
            "broke the connection",
            True,
        ),
        (
            lambda heard, wire: wire.hang_up(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"),
            "broke the connection",
            True,
        ),
        (lambda heard, wire: wire.answer(b"junk", Content_Encoding="gzip"), "broke the connection", True),
    ],
)
def test_broken_answers_are_no_answers(there, handler, words, sent):
    _, transport = there(handler)
    with pytest.raises(NoAnswerError) as caught:
        transport.send(Request("GET", "/api/v1/pods", timeout=0.3))
    assert words in caught.value.message
    assert caught.value.sent is sent
    assert "sesame" not in repr(caught.value)


def test_a_refused_connection_was_not_sent(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    path = kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}")
    transport = HttpTransport(Connection(None, {"KUBECONFIG": str(path)}))
    with pytest.raises(NoAnswerError) as caught:
        transport.send(GET)
    assert caught.value.message == f"http://127.0.0.1:{port} can't be connected: connection refused"
    assert not caught.value.sent


def test_a_name_that_nobody_knows_was_not_sent(tmp_path):
    path = kubeconfig(tmp_path / "config", "http://no-such-host.invalid")
    transport = HttpTransport(Connection(None, {"KUBECONFIG": str(path)}))
    with pytest.raises(NoAnswerError) as caught:
        transport.send(GET)
    assert caught.value.message == "http://no-such-host.invalid is not known by that name (DNS)"
    assert not caught.value.sent


def test_a_total_limit_cuts_what_drips(there):
    def handler(heard, wire):
        wire.begin_stream()
        while not wire.stop.wait(0.02):
            wire.chunk(b"drip\n")

    _, transport = there(handler)
    began = time.monotonic()
    answer = transport.send(Request("GET", "/log", timeout=5.0, total=0.4))
    assert time.monotonic() - began < 2
    assert answer.truncated
    assert answer.body.startswith(b"drip\n")


def test_more_bytes_than_wanted_are_cut(there):
    _, transport = there(lambda heard, wire: wire.answer(b"x" * 100_000))
    answer = transport.send(Request("GET", "/log", most=1000))
    assert (len(answer.body), answer.truncated) == (1000, True)


def test_a_watch_is_read_as_it_comes(there):
    def handler(heard, wire):
        wire.begin_stream()
        wire.chunk(b'{"a"')
        wire.chunk(b': 1}\n{"b": 2}\n{"c"')
        wire.stop.wait(0.05)
        wire.chunk(b": 3}\n")
        wire.end_stream()

    _, transport = there(handler)
    stream = transport.open(GET)
    assert not isinstance(stream, Answer)
    assert lines_of(stream, 3) == [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}']
    with pytest.raises(EOFError):
        lines_of(stream, 1)
    stream.close()
    assert transport.traffic.received > 30


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_a_watch_that_ends_with_its_connection(there, head):
    def handler(heard, wire):
        wire.raw(head + b"Content-Type: application/json\r\n\r\nfirst\n")
        wire.stop.wait(0.05)
        wire.raw(b"second\n")
        wire.keep = False

    _, transport = there(handler)
    stream = transport.open(GET)
    assert not isinstance(stream, Answer)
    assert lines_of(stream, 2) == [b"first", b"second"]
    with pytest.raises(EOFError):
        lines_of(stream, 1)


def test_a_closed_watch_closes_its_connection(there):
    closed = []

    def handler(heard, wire):
        wire.begin_stream()
        wire.connection.settimeout(5)
        closed.append(wire.connection.recv(1))

    _, transport = there(handler)
    stream = transport.open(GET)
    assert not isinstance(stream, Answer)
    stream.close()
    until = time.monotonic() + 5
    while not closed and time.monotonic() < until:
        select.select([], [], [], 0.01)
    assert closed == [b""]


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (lambda heard, wire: wire.refuse(410, "too old", "Expired"), 410),
        (lambda heard, wire: wire.answer(b"<html>log in</html>", 200, "text/html"), 200),
    ],
)
def test_a_watch_that_is_refused_is_an_answer(there, handler, status):
    _, transport = there(handler)
    answer = transport.open(GET)
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert answer.body


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", "key.pem", "-out", "cert.pem"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    return folder


def tls_server(authority, *, ask_client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "cert.pem", authority / "key.pem")
    if ask_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority / "cert.pem")
    return context


def big_watch(heard, wire):
    """More than one TLS record a read."""
    if "watch" not in heard.target:
        wire.json({"kind": "PodList"})
        return
    wire.begin_stream()
    for number in range(200):
        wire.chunk(b'{"n": %d, "pad": "%s"}\n' % (number, b"x" * 3000))
    wire.stop.wait(10)


def test_over_tls_with_a_client_certificate(authority, tmp_path):
    with serving(big_watch, tls_server(authority, ask_client=True)) as server:
        files = {"client-certificate": str(authority / "cert.pem"), "client-key": str(authority / "key.pem")}
        path = kubeconfig(
            tmp_path / "config", server.url, user=files, cluster={"certificate-authority": str(authority / "cert.pem")}
        )
        transport = HttpTransport(Connection(None, {"KUBECONFIG": str(path)}))
        assert transport.send(GET).status == 200
        stream = transport.open(Request("GET", "/watch"))
        assert not isinstance(stream, Answer)
        assert len(lines_of(stream, 200)) == 200
        stream.close()


def test_a_server_that_the_ca_does_not_know_is_refused_and_nothing_sent(authority, tmp_path):
    with serving(big_watch, tls_server(authority)) as server:
        path = kubeconfig(tmp_path / "config", server.url)
        transport = HttpTransport(Connection(None, {"KUBECONFIG": str(path)}))
        with pytest.raises(NoAnswerError, match="failed the TLS handshake") as caught:
            transport.send(GET)
        assert not caught.value.sent
        assert server.heard == []


def test_insecure_works_and_is_loud(authority, tmp_path):
    with serving(big_watch, tls_server(authority)) as server:
        path = kubeconfig(tmp_path / "config", server.url, cluster={"insecure-skip-tls-verify": True})
        connection = Connection(None, {"KUBECONFIG": str(path)})
        assert HttpTransport(connection).send(GET).status == 200
        assert "TLS is not verified for cluster 'here'" in connection.warnings[0]


def test_a_ca_that_is_no_certificate_is_a_clear_message(tmp_path):
    (tmp_path / "ca.pem").write_text("nonsense")
    path = kubeconfig(tmp_path / "config", "https://127.0.0.1:1", cluster={"certificate-authority": "ca.pem"})
    with pytest.raises(UsageError, match="certificates or proxy can't be used"):
        Connection(None, {"KUBECONFIG": str(path)})


def test_a_proxy_of_the_kubeconfig_is_used(tmp_path):
    with serving(lambda heard, wire: wire.json({"through": heard.target})) as proxy:
        path = kubeconfig(tmp_path / "config", "http://api.example:6443", cluster={"proxy-url": proxy.url})
        answer = HttpTransport(Connection(None, {"KUBECONFIG": str(path)})).send(GET)
        assert answer.body == b'{"through": "http://api.example:6443/api/v1/pods"}'


def test_a_proxy_that_is_away_is_named(tmp_path):
    path = kubeconfig(tmp_path / "config", "http://api.example:6443", cluster={"proxy-url": "http://127.0.0.1:9"})
    with pytest.raises(HeadwayError, match=r"the proxy before http://api\.example:6443 can't be connected"):
        HttpTransport(Connection(None, {"KUBECONFIG": str(path)})).send(GET)
