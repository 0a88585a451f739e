"""Where snapshots of a run go while it goes on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Final

import click

from tracekit.cli.screen import Screen
from tracekit.core.escape import printable
from tracekit.core.result import Snapshot
from tracekit.core.target import Container, Target
from tracekit.errors import ExtraMissingError

if TYPE_CHECKING:
    from tracekit.workflow.session import Session

EVERY: Final = 1.0
"""Seconds between two snapshots, unless something else is asked; and between two frames."""
SILENT: Final = 3.0
"""Seconds without an event after which it is said why that may be."""
_LOOK: Final = 2.0
"""Seconds between two looks for that alone."""


class View:
    """Where snapshots go while a run goes on: one after another to standard output, as text."""

    def __init__(self, screen: Screen, quiet: bool) -> None:
        self._screen = screen
        self._told = quiet

    def begin(self, session: Session, target: Target | Container) -> None:
        """The probes are in place, and the target runs."""
        self._session, self._started = session, monotonic()

    def patience(self, left: float | None) -> float | None:
        """For how many seconds to wait for something to happen, if there are so many left."""
        if self._told:
            return left
        due = max(0.0, self._started + SILENT - monotonic())
        return due if left is None else min(left, due)

    def snapshot(self, snapshot: Snapshot) -> None:
        """Show what there is."""
        self._screen.snapshot(snapshot)

    def tick(self) -> None:
        """Something has happened, or time has passed."""
        if not self._told and monotonic() >= self._started + SILENT:
            self._told = True
            for reason in self._session.silence() or filter(None, [self._session.astray]):
                click.echo(f"no event yet: {printable(reason)}", err=True)

    def end(self) -> None:
        """The run is about to be stopped: what comes now stays on the terminal."""

    def close(self) -> None:
        """The target has ended, and the result comes."""


@contextlib.contextmanager
def open_view(screen: Screen, live: bool, quiet: bool) -> Iterator[View]:
    """The view of a run; on whatever way the block ends, the terminal is as it was.

    Args:
        screen: where results go.
        live: whether to show it live, if standard output is a terminal.
        quiet: whether to say nothing but results otherwise.

    Raises:
        ExtraMissingError: if what draws it isn't installed.
    """
    if not live or not _usable():
        yield View(screen, quiet)
        return
    _needed()
    from tracekit.cli.live import LiveView

    view = LiveView(screen)
    try:
        yield view
    finally:
        view.close()


def interval(asked: float | None, live: bool) -> float | None:
    """Seconds between two snapshots; None for none."""
    return EVERY if live and asked is None else asked


def looks(shown: float | None, quiet: bool) -> float | None:
    """Seconds between two looks at what there is, which are shown or not; None for none.

    On a terminal somebody waits, and is told when no event comes, and why: that takes a look.
    """
    return _LOOK if shown is None and not quiet and os.isatty(2) else shown


def _needed() -> None:
    try:
        import rich  # noqa: F401, only whether it is there
    except ImportError as error:
        raise ExtraMissingError(
            "--live needs the package rich", "Run: pip install 'tracekit[ui]', or give --interval 1s instead."
        ) from error


def _usable() -> bool:
    """Whether standard output is a terminal on which things can be drawn."""
    if not os.isatty(1) or os.environ.get("TERM", "dumb") == "dumb":
        return False
    try:
        return os.access(os.ttyname(1), os.W_OK)
    except OSError:  # in a container that doesn't have the device
        return False
