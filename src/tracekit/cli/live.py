"""A run on a screen of its own, in which what there is refreshes in place."""

from __future__ import annotations

import contextlib
import io
import shlex
import signal
import sys
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from tracekit import process
from tracekit.cli.screen import Screen
from tracekit.cli.terminal import Terminal
from tracekit.cli.view import EVERY, SILENT, View
from tracekit.core.result import Snapshot
from tracekit.core.target import Command, Container, Pids, Target

if TYPE_CHECKING:
    from rich.text import Text

    from tracekit.workflow.session import Session

_SOON: Final = 0.05
"""Seconds until it is looked again whether a terminal that was busy takes more."""
_WAKING: Final = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP, signal.SIGQUIT)


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
        due = _SOON if self._terminal.busy else max(0.0, self._drawn + EVERY - monotonic())
        return due if left is None else min(left, due)

    def snapshot(self, snapshot: Snapshot) -> None:
        from tracekit.render.live import rates

        before, self._snapshot = self._snapshot, snapshot
        if before is not None and snapshot.at > before.at:
            self._rates = rates(before.maps, snapshot.maps, snapshot.at - before.at)
        self._drawn = -EVERY  # a frame is due

    def tick(self) -> None:
        if signal.SIGQUIT in self._came:
            self.close()
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGQUIT)
        if signal.SIGTSTP in self._came:
            self._stand_still()
        due = monotonic() >= self._drawn + EVERY
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
        if lasted < SILENT or (self._snapshot and any(map_.total for map_ in self._snapshot.maps)):
            return ()
        if lasted >= self._looked + SILENT:
            self._looked = lasted
            self._silence = self._session.silence()
        return ("no event yet", *self._silence)


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
