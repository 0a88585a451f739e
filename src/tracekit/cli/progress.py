"""A line on a terminal that says what takes so long, and is gone when it is done."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from time import monotonic
from typing import Final

import click

from tracekit.core.escape import printable
from tracekit.workflow.progress import shown_by

_FIRST: Final = 0.5
"""Seconds after which work is worth a line."""
_EVERY: Final = 0.5


@contextlib.contextmanager
def progress_shown(quiet: bool = False) -> Iterator[None]:
    """Within the block, say on standard error what takes long, if that is a terminal."""
    if quiet or not os.isatty(2) or os.environ.get("TERM", "dumb") == "dumb":
        yield
        return
    with shown_by(_shown):
        yield


@contextlib.contextmanager
def _shown(what: str, beside_command: bool) -> Iterator[None]:
    if beside_command:  # what the command prints would be in a line that is to be gone
        click.echo(f"{printable(what)} …", err=True)
        yield
        return
    line = _Line(printable(what))
    line.start()
    try:
        yield
    finally:
        line.end()


class _Line(threading.Thread):
    """Draws the line beside the work itself."""

    def __init__(self, what: str) -> None:
        super().__init__(name="progress", daemon=True)
        self._what, self._over, self._drawn = what, threading.Event(), False

    def run(self) -> None:
        started = monotonic()
        wait = _FIRST
        with contextlib.suppress(OSError):  # of a terminal that has gone, the work itself hears
            while not self._over.wait(wait):
                text = f"{self._what}: {monotonic() - started:.0f} s"
                columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
                self._write(f"\r\x1b[K{text[: columns - 1]}")
                self._drawn, wait = True, _EVERY

    def end(self) -> None:
        """Take the line away."""
        self._over.set()
        self.join()
        if self._drawn:
            with contextlib.suppress(OSError):
                self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
