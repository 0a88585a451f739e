"""The terminal itself: a screen of our own on it, which is always left as it was found."""

from __future__ import annotations

import contextlib
import os
import select
from typing import Final

_ENTER: Final = b"\x1b[?1049h\x1b[?25l\x1b[2J"
"""The other screen, with the cursor hidden (xterm's ctlseqs); the first one stays as it is, cursor and all."""
_LEAVE: Final = b"\x1b[0m\x1b[?25h\x1b[?1049l"
_PATIENCE: Final = 2.0
"""Seconds for what restores the terminal to be taken by it."""
_SMALLEST: Final = (2, 20)


class Terminal:
    """The terminal of our standard output, to which nothing is ever written that would make us wait for it.

    Attributes:
        gone: whether it takes nothing any more.
    """

    def __init__(self) -> None:
        """Open it; see ``usable``."""
        # With a description of its own: others, such as the command and the shell, don't share its O_NONBLOCK.
        self._descriptor = os.open(os.ttyname(1), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        self._waiting = b""
        self._inside = False
        self.gone = False

    @property
    def size(self) -> tuple[int, int]:
        """Its rows and columns, as they are now."""
        try:
            columns, rows = os.get_terminal_size(self._descriptor)
        except OSError:
            columns, rows = 0, 0
        # One that doesn't know says 0.
        return max(_SMALLEST[0], rows or 24), max(_SMALLEST[1], columns or 80)

    @property
    def busy(self) -> bool:
        """Whether it has yet to take what was written before."""
        self._write(b"")
        return bool(self._waiting)

    def show(self, frame: bytes) -> None:
        """Put a frame on a screen of our own."""
        self._write((b"" if self._inside else _ENTER) + frame)
        self._inside = True

    def print_below(self, text: bytes) -> None:
        """Put text on the first screen, where it stays; the next frame hides it again."""
        if text:
            self._write((_LEAVE if self._inside else b"") + text)
            self._inside = False

    def restore(self) -> None:
        """Go back to the first screen."""
        if self._inside:
            self._inside = False
            self._write(_LEAVE)
        with contextlib.suppress(OSError):
            while self._waiting and select.select([], [self._descriptor], [], _PATIENCE)[1]:
                self._write(b"")

    def close(self) -> None:
        """Restore it and let go of it; a second call does nothing."""
        if self._descriptor >= 0:
            self.restore()
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, data: bytes) -> None:
        if self.gone:
            return
        self._waiting += data
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self._descriptor, self._waiting) :]
        except BlockingIOError:
            return
        except OSError:  # it has hung up
            self.gone, self._waiting = True, b""
