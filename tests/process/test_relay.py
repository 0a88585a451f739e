"""What is printed to a terminal that shows something else: kept, in order, and whole."""

from __future__ import annotations

import sys

from tests.live.emulator import Emulator

RELAYED = """
import os, subprocess, sys
from tracekit.process import open_relay
def child(code):
    subprocess.run([sys.executable, "-c", code], check=True)
with open_relay(33, 99) as relay:
    child("print('at once', flush=True)")
    relay.keep()
    child("import os; print('size', os.get_terminal_size(1), os.isatty(2))")
    child("print('x' * 70000); print('half', end='')")
    taken = b""
    while not taken.endswith(b"x\\n"):
        taken += relay.take()
    assert taken.startswith(b"size os.terminal_size(columns=99, lines=33) True\\n"), taken[:80]
    assert taken.endswith(b"x" * 70000 + b"\\n") and relay.take() == b""
    holder = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    print("last words", end="", flush=True)
os.write(1, b"; after all")
holder.kill()
holder.wait()
"""


def test_all_that_is_printed_comes_out_in_its_order() -> None:
    """Whole lines can be taken, half a one waits, and the rest is there before what is printed afterwards.

    A process that goes on and could still print is not waited for.
    """
    with Emulator([sys.executable, "-c", RELAYED]) as terminal:
        assert terminal.end() == 0, terminal.screen.text
        terminal.check_restored()
        assert terminal.screen.text.split("\n") == ["at once", "halflast words; after all"]
