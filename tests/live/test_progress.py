"""The line that says what takes so long, in a real terminal."""

from __future__ import annotations

import signal
import sys

from tests.live.emulator import Emulator

WORK = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
from tracekit.cli.progress import progress_shown
from tracekit.workflow.progress import doing
with progress_shown():
    with doing("reading \\x1b[2J" + "x" * 100):
        signal.sigwait([signal.SIGUSR1])
    with doing("running it", beside_command=True):
        print("hello")
print("done", flush=True)
"""


def test_it_comes_after_a_while_and_is_gone_when_the_work_is_done() -> None:
    """It fits the terminal and is escaped; beside a command, which may print, it is a line of its own."""
    with Emulator([sys.executable, "-c", WORK], columns=60) as terminal:
        terminal.until(lambda screen: screen.text.startswith("reading \\x1b[2Jxxx"))
        assert "\n" not in terminal.screen.text
        terminal.signal(signal.SIGUSR1)
        assert terminal.end() == 0
        said = [line for line in terminal.screen.text.split("\n") if line]
        assert said == ["running it …", "hello", "done"]
