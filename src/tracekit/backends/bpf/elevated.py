"""The helper that runs as root, as tracekit sees it: ``Kernel`` by requests, and descriptors that come back."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Final, Self

from tracekit import process
from tracekit.backends.bpf import passing
from tracekit.backends.bpf.assembler import BACKEND
from tracekit.backends.bpf.kernel import VerifierError
from tracekit.core.escape import printable
from tracekit.errors import EngineError, UnsupportedError
from tracekit.process.elevating import Elevation

_PATIENCE: Final = 60.0
"""Seconds for an answer; the kernel takes some for a large program on a busy machine."""

_END: Final = 10.0
"""Seconds for the helper to end by itself, once the connection is closed."""


class Elevated:
    """A ``Kernel`` that is a helper; see ``privileged``."""

    def __init__(self, engine: process.Engine, connection: socket.socket, stack: ExitStack) -> None:
        """Keep it; see ``start``."""
        self._engine, self._connection, self._stack = engine, connection, stack

    @classmethod
    def start(cls, elevation: Elevation | None) -> Self:
        """Start the helper.

        It comes to a socket of ours, since sudo may put a pipe between us and its standard input. The socket's
        name is no secret: both sides ask the kernel who the other one is.

        Args:
            elevation: how it gets its rights; None for ours.

        Raises:
            EngineError: if it can't be started.
        """
        name = f"tracekit-{os.urandom(16).hex()}"
        file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "privileged.py")
        argv = [sys.executable, "-I", "-S", "-B", file, name, str(os.geteuid())]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener, ExitStack() as stack:
            listener.bind(f"\0{name}")
            listener.listen()
            engine = stack.enter_context(
                process.Engine.start(argv, env={}, name=BACKEND, grace=_END, elevation=elevation)
            )
            stack.callback(engine.wait, _END)
            connection = stack.enter_context(_accept(listener, engine))
            connection.settimeout(_PATIENCE)
            return cls(engine, connection, stack.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it; what it has made stays."""
        self._stack.close()

    def create_map(self, kind: int, key: int, value: int, entries: int, name: str) -> int:
        """See ``Kernel``."""
        return self._made("create_map", (), kind=kind, key=key, value=value, entries=entries, name=name)

    def load_program(
        self, kind: int, code: bytes, maps: Sequence[int], *, sleeps: bool, attach: int, name: str
    ) -> int:
        """See ``Kernel``."""
        if len(maps) > passing.MOST:
            raise UnsupportedError(
                feature=f"a clause with {len(maps)} maps, with --sudo",
                backend=BACKEND,
                reason=f"the kernel passes on {passing.MOST} descriptors at once",
                remedy="Split it into several clauses, or run tracekit itself with sudo.",
            )
        places = list(range(len(maps)))
        return self._made(
            "load_program", maps,
            kind=kind, code=code.hex(), maps=places, sleeps=sleeps, attach=attach, name=name,
        )  # fmt: skip

    def uprobe(self, path: str, offset: int, *, returns: bool, semaphore: int, pid: int) -> int:
        """See ``Kernel``."""
        with _opened(path) as file:
            return self._made(
                "uprobe", (file,), path=0, offset=offset, returns=returns, semaphore=semaphore, pid=pid
            )

    def tracepoint(self, number: int) -> int:
        """See ``Kernel``."""
        return self._made("tracepoint", (), number=number)

    def raw_tracepoint(self, name: str, program: int) -> int:
        """See ``Kernel``."""
        return self._made("raw_tracepoint", (program,), name=name, program=0)

    def timer(self, nanoseconds: int, hertz: int, processor: int) -> int:
        """See ``Kernel``."""
        return self._made("timer", (), nanoseconds=nanoseconds, hertz=hertz, processor=processor)

    def mappings(self, pid: int, processor: int) -> int:
        """See ``Kernel``."""
        return self._made("mappings", (), pid=pid, processor=processor)

    def attach(self, event: int, program: int, number: int | None) -> int | None:
        """See ``Kernel``."""
        return next(iter(self._ask("attach", (event, program), event=0, program=1, number=number)), None)

    def attach_many(
        self,
        program: int,
        path: str,
        offsets: Sequence[int],
        semaphores: Sequence[int],
        numbers: Sequence[int],
        *,
        returns: bool,
        pid: int,
    ) -> int:
        """See ``Kernel``."""
        with _opened(path) as file:
            return self._made(
                "attach_many", (program, file), program=0, path=1, offsets=list(offsets),
                semaphores=list(semaphores), numbers=list(numbers), returns=returns, pid=pid,
            )  # fmt: skip

    def describe(self, category: str, name: str) -> int:
        """See ``Kernel``."""
        return self._made("describe", (), category=category, name=name)

    def _made(self, request: str, descriptors: Sequence[int], /, **words: object) -> int:
        (made,) = self._ask(request, descriptors, **words)
        return made

    def _ask(self, request: str, descriptors: Sequence[int], /, **words: object) -> list[int]:
        """Ask for something, and get what was made.

        Raises:
            OSError: if the kernel refuses it, or we have no room for the descriptor.
            EngineError: if the helper has ended, or hangs.
        """
        try:
            passing.send(self._connection, (request, words), descriptors)
            reply, made = passing.receive(self._connection)
        except (ConnectionError, TimeoutError, ValueError):  # the last if it was killed while it answered
            reply, made = None, []
        if reply is None:
            raise _failure(self._engine)
        if "error" in reply:
            code, log = reply["error"], reply["log"]
            raise OSError(code, os.strerror(code)) if log is None else VerifierError(code, log)
        return made


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _accept(listener: socket.socket, engine: process.Engine) -> socket.socket:
    """The connection of the helper, which is root's."""
    poll = select.poll()
    for one in (listener, engine):
        poll.register(one, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll(_PATIENCE * 1000)]
        if listener.fileno() not in ready:
            raise _failure(engine)
        connection, _ = listener.accept()
        peer = struct.unpack("=3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if peer[1] == 0:
            return connection
        connection.close()


def _failure(engine: process.Engine) -> EngineError:
    status = engine.wait(_END)
    said = printable(" ".join(engine.stderr.decode("utf-8", "replace").split())[:300])
    how = "doesn't answer" if status is None else f"has ended ({said or f'status {status}'})"
    return EngineError(
        message=f"the helper that places probes as root {how}",
        hint="Try it again, or run tracekit itself with sudo.",
        engine=BACKEND,
    )
