"""What a command prints to a terminal on which something else is shown meanwhile.

The command, and tracekit itself, get a pseudo-terminal instead, so that to them nothing has changed. A thread
of ours drains it at all times, as long as somebody takes what comes.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import threading
from collections.abc import Iterator
from typing import Any, Final

from tracekit.process.user import invoking_user

_PIECE: Final = 1 << 16
_ROOM: Final = 1 << 20
"""Bytes that are kept: with more, whoever prints has to wait, as for any slow terminal."""
_PAUSE: Final = 0.1
"""Seconds after which a further piece is taken all the same: tracekit must not wait for itself."""
_PATIENCE: Final = 5.0
"""Seconds for the last of it to be printed: a terminal may have been stopped with Ctrl-S."""
_OUTPUT: Final = 1


class Relay:
    """Stands between a terminal and what is printed to it; see ``open_relay``."""

    def __init__(self, streams: tuple[int, ...], rows: int, columns: int) -> None:
        """Put a pseudo-terminal in the place of some of our standard streams."""
        self._streams = {number: os.dup(number) for number in streams}
        self._terminal = self._streams[streams[0]]
        self._main, slave = os.openpty()
        try:
            self._path = os.ttyname(slave)
            attributes: list[Any] = termios.tcgetattr(self._terminal)
            attributes[_OUTPUT] &= ~termios.OPOST  # the terminal does that itself
            termios.tcsetattr(slave, termios.TCSANOW, attributes)
            if user := invoking_user():
                os.fchown(slave, user.uid, -1)
            # Never waits, whatever is done to the pseudo-terminal.
            self._ours = os.open(self._path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            self.resize(rows, columns)
            _flush()
            for number in self._streams:
                os.dup2(slave, number)
        finally:
            os.close(slave)
        self._changed = threading.Condition()
        self._kept = bytearray()
        self._direct = True
        self._mark = b""
        self._closed = False
        self._thread = threading.Thread(target=self._drain, name="relay", daemon=True)
        self._thread.start()

    def resize(self, rows: int, columns: int) -> None:
        """Tell whoever prints how large the terminal is."""
        with contextlib.suppress(OSError):
            termios.tcsetwinsize(self._main, (rows, columns))

    def take(self) -> bytes:
        """What was printed since the last call, up to the end of its last line.

        A sequence of characters that means something to the terminal is thus seldom cut.
        """
        with self._changed:
            end = self._kept.rfind(b"\n") + 1
            if not end and len(self._kept) >= _PIECE:
                end = len(self._kept)
            taken = bytes(self._kept[:end])
            del self._kept[:end]
            self._changed.notify_all()
        return taken

    def keep(self) -> None:
        """From now on what is printed is kept until somebody takes it; before, it goes to the terminal."""
        with self._changed:
            self._direct = False

    def pass_on(self) -> None:
        """From now on everything goes to the terminal at once, also what has been kept."""
        with self._changed:
            self._direct = True
            kept = bytes(self._kept)
            self._kept.clear()
            _write(self._terminal, kept)
            self._changed.notify_all()

    def close(self) -> None:
        """Give our streams back, once all that was printed until now is on the terminal.

        What still runs and prints gets an error from then on.
        """
        if self._closed:
            return
        self._closed = True
        _flush()
        self.pass_on()
        for number, terminal in self._streams.items():
            os.dup2(terminal, number)
        self._mark_the_end()
        self._thread.join(_PATIENCE)
        if not self._thread.is_alive():  # else the terminal takes nothing, and the thread may still use them
            for descriptor in (self._main, self._ours, *self._streams.values()):
                os.close(descriptor)

    def _mark_the_end(self) -> None:
        """Print a mark of ours, before which everything else was printed, and at which the thread ends."""
        self._mark = os.urandom(16).hex().encode()
        select.select([], [self._ours], [], _PATIENCE)
        with contextlib.suppress(OSError):
            os.write(self._ours, self._mark)

    def _drain(self) -> None:
        poll = select.poll()
        poll.register(self._main, select.POLLIN)
        held = b""  # of what may be the beginning of the mark
        while True:
            poll.poll()
            try:
                piece = held + os.read(self._main, _PIECE)
            except OSError:
                return
            before, mark, after = piece.partition(self._mark) if self._mark else (piece, b"", b"")
            if mark:
                self._put(before + after)
                return
            end = len(piece) - max(0, len(self._mark) - 1)
            held = piece[max(0, end) :]
            self._put(piece[: max(0, end)])

    def _put(self, piece: bytes) -> None:
        with self._changed:
            if self._direct:
                _write(self._terminal, piece)
                return
            self._kept += piece
            self._changed.wait_for(lambda: self._direct or len(self._kept) < _ROOM, _PAUSE)


@contextlib.contextmanager
def open_relay(rows: int, columns: int) -> Iterator[Relay]:
    """Within the block, what is printed to the terminal of our standard output can be taken.

    Standard error is included if it goes to the same terminal.

    Args:
        rows: of the terminal.
        columns: of the terminal.

    Yields:
        What takes it.
    """
    same = os.path.samestat(os.fstat(1), os.fstat(2)) and os.isatty(2)
    relay = Relay((1, 2) if same else (1,), rows, columns)
    try:
        yield relay
    finally:
        relay.close()


def _flush() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; a terminal that has gone takes nothing any more, which the result will say."""
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]
