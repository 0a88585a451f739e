"""A terminal with a program in it: a pseudo-terminal, and pyte, which reads what a person would see."""

from __future__ import annotations

import copy
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pyte

SECONDS = 120.0
"""How long anything may take, on however busy a machine."""
_ALTERNATE = 1049 << 5  # as pyte has private modes


class Screen(pyte.Screen):
    """A screen with a second one, as xterm has it; pyte's own has none.

    Attributes:
        alternate: whether the second one is shown.
    """

    alternate = False

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        super().set_mode(*modes, **kwargs)
        if 1049 in modes and kwargs.get("private") and not self.alternate:
            self._first = copy.deepcopy(self.buffer), copy.copy(self.cursor)
            self.alternate = True

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        super().reset_mode(*modes, **kwargs)
        if 1049 in modes and kwargs.get("private") and self.alternate:
            hidden = self.cursor.hidden
            buffer, self.cursor = self._first
            self.cursor.hidden = hidden
            self.buffer.clear()
            self.buffer.update(buffer)
            self.alternate = False

    @property
    def text(self) -> str:
        """What is to be seen."""
        return "\n".join(line.rstrip() for line in self.display).rstrip()


class Emulator:
    """A terminal with one program in it; close it in any case.

    Attributes:
        screen: what is to be seen.
        output: all that was written to it.
        shell: the program.
    """

    def __init__(
        self, words: Sequence[str], rows: int = 24, columns: int = 80, env: Mapping[str, str] = {}
    ) -> None:
        """Start the program; the terminal is the controlling one, so that Ctrl-C and the like work."""
        self.screen = Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.output = b""
        self._main, self.terminal = os.openpty()
        termios.tcsetwinsize(self._main, (rows, columns))
        self.before = termios.tcgetattr(self.terminal)

        def controlling() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.shell = subprocess.Popen(
            list(words), stdin=self.terminal, stdout=self.terminal, stderr=self.terminal,
            preexec_fn=controlling, env={**os.environ, "TERM": "xterm-256color", **env},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shell.poll() is None:
            self.shell.kill()
        self.shell.wait()
        self.hang_up()

    def read(self, seconds: float) -> bool:
        """Take what comes within a time; whether anything has."""
        if not select.select([self._main], [], [], seconds)[0]:
            return False
        data = os.read(self._main, 1 << 16)
        self.output += data
        self._stream.feed(data)
        return True

    def until(self, seen: Callable[[Screen], bool]) -> None:
        """Wait until the screen is as it should be."""
        deadline = time.monotonic() + SECONDS
        while not seen(self.screen):
            assert time.monotonic() < deadline, f"not to be seen:\n{self.screen.text}\n{self.output[-300:]!r}"
            ended = self.shell.poll() is not None
            assert self.read(0.2) or not ended, f"it has ended:\n{self.screen.text}"

    def shows(self, *texts: str) -> None:
        """Wait until texts are to be seen, while the program is on the second screen."""
        self.until(lambda screen: screen.alternate and all(text in screen.text for text in texts))

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._main, keys)

    def resize(self, rows: int, columns: int) -> None:
        """Make it another size; the program is told by SIGWINCH."""
        self.screen.resize(rows, columns)
        termios.tcsetwinsize(self._main, (rows, columns))

    def hang_up(self) -> None:
        """Close it, as its window may be."""
        for descriptor in (self._main, self.terminal):
            if descriptor >= 0:
                os.close(descriptor)
        self._main = self.terminal = -1

    def signal(self, number: signal.Signals) -> None:
        """Signal the program."""
        self.shell.send_signal(number)

    def end(self) -> int:
        """Wait for the program's end; its status."""
        deadline = time.monotonic() + SECONDS
        while self.shell.poll() is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.screen.text}"
            self.read(0.1)
        while self.read(0.0):
            pass
        return self.shell.returncode

    def check_restored(self) -> None:
        """The terminal is as it was: settings, screen, cursor."""
        assert termios.tcgetattr(self.terminal) == self.before
        assert not self.screen.alternate
        assert not self.screen.cursor.hidden
        assert self.screen.cursor.attrs == self.screen.default_char


def tracekit(*words: str) -> list[str]:
    """The command."""
    return [sys.executable, "-P", "-m", "tracekit", *words]
