"""A run on a screen of its own, in which what there is refreshes in place."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

from tracekit import process
from tracekit.cli.screen import Screen
from tracekit.cli.terminal import Terminal, usable
from tracekit.core.escape import printable
from tracekit.core.result import Snapshot
from tracekit.core.target import Command, Container, Pids, Target
from tracekit.errors import ExtraMissingError

if TYPE_CHECKING:
    from rich.text import Text

    from tracekit.workflow.session import Session

_EVERY: Final = 1.0
"""Seconds between two snapshots, unless something else is asked; and between two frames."""
_SOON: Final = 0.05
"""Seconds until it is looked again whether a terminal that was busy takes more."""
_SILENT: Final = 3.0
"""Seconds without an event after which it is said why that may be."""
_LOOK: Final = 2.0
"""Seconds between two looks for that alone."""
_WAKING: Final = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP, signal.SIGQUIT)


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
        due = max(0.0, self._started + _SILENT - monotonic())
        return due if left is None else min(left, due)

    def snapshot(self, snapshot: Snapshot) -> None:
        """Show what there is."""
        self._screen.snapshot(snapshot)

    def tick(self) -> None:
        """Something has happened, or time has passed."""
        if not self._told and monotonic() >= self._started + _SILENT:
            self._told = True
            for reason in self._session.silence() or filter(None, [self._session.astray]):
                click.echo(f"no event yet: {printable(reason)}", err=True)

    def end(self) -> None:
        """The run is about to be stopped: what comes now stays on the terminal."""

    def close(self) -> None:
        """The target has ended, and the result comes."""


class LiveView(View):
    """The same on a screen of its own.

    The command, and tracekit, print to a relay meanwhile; what they print is put on the first screen, where it
    would be without all this, each time before a frame is drawn.
    """

    def __init__(self, screen: Screen) -> None:
        """Take the terminal; nothing is shown yet."""
        super().__init__(screen, quiet=True)
        self._stack = contextlib.ExitStack()
        self._terminal = Terminal()
        self._stack.callback(self._terminal.close)
        self._size = self._terminal.size
        self._relay = self._stack.enter_context(process.open_relay(*self._size))
        self._handlers: dict[signal.Signals, Any] = {}
        self._came: set[int] = set()
        self._snapshot: Snapshot | None = None
        self._rates: dict[Any, float] = {}
        self._said = ""
        self._silence: tuple[str, ...] = ()
        self._looked = 0.0

    def begin(self, session: Session, target: Target | Container) -> None:
        super().begin(session, target)
        self._head = f"{_name(target, session)}, {session.backend}"
        self._handlers = {number: signal.signal(number, self._note) for number in _WAKING}
        self._relay.keep()
        self._draw()

    def patience(self, left: float | None) -> float | None:
        due = _SOON if self._terminal.busy else max(0.0, self._drawn + _EVERY - monotonic())
        return due if left is None else min(left, due)

    def snapshot(self, snapshot: Snapshot) -> None:
        from tracekit.render.live import rates

        before, self._snapshot = self._snapshot, snapshot
        if before is not None and snapshot.at > before.at:
            self._rates = rates(before.maps, snapshot.maps, snapshot.at - before.at)
        self._drawn = -_EVERY  # a frame is due

    def tick(self) -> None:
        if signal.SIGQUIT in self._came:
            self.close()
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGQUIT)
        if signal.SIGTSTP in self._came:
            self._stand_still()
        due = monotonic() >= self._drawn + _EVERY
        if (due or self._came) and not self._terminal.busy:
            self._came.clear()
            self._draw()

    def end(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        self._terminal.restore()
        self._relay.pass_on()

    def close(self) -> None:
        self.end()
        self._stack.close()

    def _note(self, number: int, _frame: object) -> None:
        self._came.add(number)

    def _stand_still(self) -> None:
        """Do what Ctrl-Z asks for, on the first screen, until tracekit is continued."""
        self._terminal.print_below(self._relay.take())
        self._terminal.restore()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._note)
        self._came = {signal.SIGCONT}

    def _draw(self) -> None:
        self._drawn = monotonic()
        size = self._terminal.size
        if size != self._size:
            self._size = size
            self._relay.resize(*size)
        if printed := self._relay.take():
            self._said = _last_line(printed) or self._said
            self._terminal.print_below(printed)
        self._terminal.show(_frame(self._lines(*size), *size))

    def _lines(self, rows: int, columns: int) -> list[Text]:
        from tracekit.render.live import Moment, render_live

        moment = Moment(
            head=self._head,
            seconds=monotonic() - self._started,
            maps=self._snapshot.maps if self._snapshot else (),
            rates=self._rates,
            losses=self._session.losses,
            alerts=(*_alerts(self._session), *self._why_silent()),
            said=self._said,
            foot="Ctrl-C ends this; the result comes then",
        )
        return render_live(moment, rows, columns)

    def _why_silent(self) -> tuple[str, ...]:
        lasted = monotonic() - self._started
        if lasted < _SILENT or (self._snapshot and any(map_.total for map_ in self._snapshot.maps)):
            return ()
        if lasted >= self._looked + _SILENT:
            self._looked = lasted
            self._silence = self._session.silence()
        return ("no event yet", *self._silence)


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
    if not live or not usable():
        yield View(screen, quiet)
        return
    _needed()
    view = LiveView(screen)
    try:
        yield view
    finally:
        view.close()


def interval(asked: float | None, live: bool) -> float | None:
    """Seconds between two snapshots; None for none."""
    return _EVERY if live and asked is None else asked


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


def _name(target: Target | Container, session: Session) -> str:
    match target:
        case Command(argv):
            return f"{shlex.join(argv)} (process {session.pid})"
        case Pids(pids):
            return f"process {', '.join(map(str, pids))}"
        case Container(name):
            return f"container {name}"
        case _:
            return "every process"


def _alerts(session: Session) -> tuple[str, ...]:
    if session.engine_died and session.running:
        return ("the engine has died: nothing more is counted; the command goes on",)
    return () if session.overload is None else (session.overload.message,)


def _last_line(printed: bytes) -> str:
    lines = [line for line in printed.decode("utf-8", "surrogateescape").split("\n") if line.strip()]
    return lines[-1].strip() if lines else ""


def _frame(lines: Sequence[Text], rows: int, columns: int) -> bytes:
    """What draws some lines from the top, whatever was there."""
    from rich.console import Console

    file = io.StringIO()
    console = Console(
        file=file, force_terminal=True, width=columns, height=rows, highlight=False, legacy_windows=False
    )
    for number, line in enumerate(lines, 1):
        file.write(f"\x1b[{number};1H\x1b[K")
        console.print(line, end="", no_wrap=True, crop=True)
    return file.getvalue().encode(sys.stdout.encoding or "utf-8", "replace")
