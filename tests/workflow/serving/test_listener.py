"""The web server of ``tracekit serve``, with clients as they come."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from tests.leftovers import descriptors

from tracekit.errors import OutputError, UsageError
from tracekit.workflow.serving import listener
from tracekit.workflow.serving.listener import Listener

PAGE = b"tracekit_n_total 1\n" * 200_000
"""More than any socket keeps for a client that doesn't read."""


@pytest.fixture
def served() -> Iterator[Listener]:
    """A server of the page, on a free port."""
    with contextlib.closing(Listener("127.0.0.1:0")) as found:
        found.serve(lambda: PAGE)
        yield found


def place(served: Listener) -> tuple[str, int]:
    parts = urlsplit(served.url)
    assert parts.hostname and parts.port
    return parts.hostname, parts.port


def get(served: Listener) -> bytes:
    with urllib.request.urlopen(served.url, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        content: bytes = answer.read()
        return content


def ask(served: Listener, request: bytes) -> bytes:
    """All that comes back for some bytes."""
    with socket.create_connection(place(served), timeout=60) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(1 << 16), b""))


def test_many_at_once(served: Listener) -> None:
    """Each of many who ask at the same time has the whole page."""
    with ThreadPoolExecutor(16) as pool:
        assert all(page == PAGE for page in pool.map(lambda _: get(served), range(32)))


def test_slow_clients_hold_up_nobody(served: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are answered beside clients that say nothing, half of a request, or don't read their answer."""
    monkeypatch.setattr(listener, "SECONDS", 3600.0)
    monkeypatch.setattr(listener, "MOST", 20)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(place(served), timeout=60)) for _ in range(30)]
        for number, client in enumerate(slow):
            # Those beyond the limit have sent away the first.
            with contextlib.suppress(ConnectionError):
                client.sendall((b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\n\r\n")[number % 3])
        assert get(served) == PAGE
        assert slow[0].recv(1) == b""


def test_a_slow_client_is_sent_away(served: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that takes too long to ask is left."""
    monkeypatch.setattr(listener, "SECONDS", 0.05)
    with contextlib.suppress(ConnectionError):  # it may have been left before it asked
        assert ask(served, b"GET /metrics HTTP/1.1\r\nX") == b""


def test_clients_that_go_away(served: Listener) -> None:
    """Clients that leave before, within, or by force after their request change nothing for others."""
    for request in (b"", b"GET", b"GET /metrics HTTP/1.1\r\n\r\n"):
        with socket.create_connection(place(served), timeout=60) as client:
            client.sendall(request)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert get(served) == PAGE


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"HEAD /metrics?x=1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"GET /metrics/../../etc/passwd HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed"),
        (b"\x16\x03\x01\0\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET /" + b"x" * 100_000, b""),
    ],
)  # fmt: skip
def test_requests(served: Listener, request_: bytes, answer: bytes) -> None:
    """There is one page, for who asks for it in HTTP; others are told, and nothing of theirs comes back."""
    with contextlib.suppress(ConnectionError):  # what is left of too long a request is thrown away
        found = ask(served, request_)
        assert found.partition(b"\r\n")[0] == answer
        assert len(found) < 300


def test_who_comes_early_waits() -> None:
    """The port is there before the run is, and who comes then is answered when it is."""
    with contextlib.closing(Listener("127.0.0.1:0")) as early:
        client = http.client.HTTPConnection(*place(early), timeout=60)
        client.request("GET", "/metrics")
        early.serve(lambda: b"x\n")
        assert client.getresponse().read() == b"x\n"
        client.close()


def test_nothing_is_left() -> None:
    """After the end the port is free, nothing is open, and who waited has been sent away."""
    before = descriptors()
    served = Listener("127.0.0.1:0")
    served.serve(lambda: PAGE)
    with socket.create_connection(place(served), timeout=60) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert client.recv(1)
        served.close()
        with contextlib.suppress(ConnectionError):
            while client.recv(1 << 16):
                pass
    again = Listener(f"127.0.0.1:{place(served)[1]}")
    assert again.url == served.url and again.loopback
    again.close()
    assert descriptors() == before


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("9464", "'9464' is no address to listen on"),
        (":9464", "is no address to listen on"),
        ("127.0.0.1:65536", "is no address to listen on"),
        ("::1:9464", "is no address to listen on"),
        ("no.such.host.invalid:1", "'no.such.host.invalid' in --listen no.such.host.invalid:1 is no host"),
        ("a..b:1", "is no host"),
        ("192.0.2.1:9464", "192.0.2.1:9464 is no address of this machine"),
    ],
)
def test_bad_addresses(address: str, message: str) -> None:
    """Each is refused in one sentence."""
    with pytest.raises((UsageError, OutputError)) as caught:
        Listener(address)
    assert message in caught.value.message and caught.value.hint


def test_a_taken_port(served: Listener) -> None:
    """A port on which another program listens is refused."""
    with pytest.raises(OutputError, match=r"another program listens on 127\.0\.0\.1:\d+ already"):
        Listener(":".join(map(str, place(served))))


def test_other_addresses_are_told_apart() -> None:
    """It is known whether only this machine can reach the page."""
    for address, loopback in (("127.0.0.1:0", True), ("0.0.0.0:0", False)):
        with contextlib.closing(Listener(address)) as found:
            assert found.loopback is loopback


def test_version_6_of_ip() -> None:
    """An address of IP version 6 stands in brackets."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"there is no IP version 6 here: {error}")
    with contextlib.closing(Listener("[::1]:0")) as found:
        assert found.loopback and found.url.startswith("http://[::1]:")
