"""A web server for one page, which holds up nobody and which nobody holds up.

prometheus_client's own has a thread for each client and waits for them without end. This one has one thread, a
limit on what a client may take of time, and one on how many there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import re
import socket
import threading
from collections.abc import Callable
from typing import Final

from tracekit.errors import OutputError, UsageError

SECONDS: Final = 10.0
"""How long a client may take, from its connection to the last byte of its answer."""

MOST: Final = 100
"""How many clients there may be at once; one more, and the oldest is sent away."""

_LONGEST: Final = 1 << 14
"""Bytes of a request."""

_PATH: Final = b"/metrics"
_PAGE: Final = "text/plain; version=0.0.4; charset=utf-8"
_WORDS: Final = "text/plain; charset=utf-8"


class Listener:
    """The server. It listens at once, and answers once ``serve`` was called: who comes before that waits.

    Attributes:
        url: where the page is.
        loopback: whether only this machine can reach it.
    """

    def __init__(self, address: str) -> None:
        """Take a port.

        Args:
            address: ``HOST:PORT``, such as ``127.0.0.1:9464`` or ``[::1]:9464``; a port of 0 is a free one.

        Raises:
            UsageError: if it is no address.
            OutputError: if nothing can listen there.
        """
        host, port = _parsed(address)
        self._socket = _listening(address, host, port)
        name, number = self._socket.getsockname()[:2]
        self.loopback = ipaddress.ip_address(name).is_loopback
        self.url = f"http://{f'[{name}]' if ':' in name else name}:{number}{_PATH.decode()}"
        self._clients: dict[asyncio.Task[None], None] = {}
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # a client's fault is none of ours
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def serve(self, page: Callable[[], bytes]) -> None:
        """Begin to answer.

        Args:
            page: gives the page as it is now; called in another thread, and raises nothing.
        """
        self._page = page
        self._thread.start()

    def close(self) -> None:
        """Send everybody away and give the port back."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()
        self._socket.close()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._answer_all())

    async def _answer_all(self) -> None:
        server = await asyncio.start_server(self._client, sock=self._socket, limit=_LONGEST)
        await self._over.wait()
        server.close()
        # Some may have come that are no clients yet.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = None
        if len(self._clients) > MOST:
            next(iter(self._clients)).cancel()
        try:
            async with asyncio.timeout(SECONDS):
                writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                writer.close()
                await writer.wait_closed()
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # too slow, too much, or gone
        finally:
            self._clients.pop(task, None)
            writer.transport.abort()

    def _answer(self, head: bytes) -> bytes:
        request = re.match(rb"([A-Z]+) ([^ ?]*)\S* HTTP/1\.[01]\r\n", head)
        if request is None:
            return _response("400 Bad Request", _WORDS, b"this is no request\n")
        if request[1] not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", _WORDS, b"only GET is allowed\n", "Allow: GET, HEAD\r\n")
        if request[2] != _PATH:
            return _response("404 Not Found", _WORDS, b"the metrics are at /metrics\n")
        return _response("200 OK", _PAGE, self._page(), body=request[1] == b"GET")


def _response(status: str, type_: str, content: bytes, more: str = "", *, body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {type_}\r\nContent-Length: {len(content)}\r\n"
        f"X-Content-Type-Options: nosniff\r\nConnection: close\r\n{more}\r\n"
    )
    return head.encode() + (content if body else b"")


def _parsed(address: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):(\d{1,5})", address, re.ASCII)
    if match is None or int(match[3]) > 65_535:
        raise UsageError(
            f"{address!r} is no address to listen on", "Give HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464."
        )
    return match[1] or match[2], int(match[3])


def _listening(address: str, host: str, port: int) -> socket.socket:
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no host's name"
        raise UsageError(
            f"{host!r} in --listen {address} is no host: {reason}", "Give its IP address."
        ) from error
    with contextlib.ExitStack() as undo:
        found = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
        # What an earlier server has left to be closed by its clients is in nobody's way.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(place)
            found.listen(MOST)
        except OSError as error:
            raise _cannot(address, error) from error
        undo.pop_all()
    return found


def _cannot(address: str, error: OSError) -> OutputError:
    if error.errno == errno.EADDRINUSE:
        return OutputError(
            f"another program listens on {address} already", "End it, or give another port with --listen."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return OutputError(f"{address} is no address of this machine", "Give one that 'ip address' lists.")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OutputError(f"nothing can listen on {address}: {reason}", "Give another address with --listen.")
