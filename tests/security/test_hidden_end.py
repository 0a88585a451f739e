"""A target whose end a debugger sees first, and keeps to itself."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tracekit.core.result import Ending
from tracekit.process import Target, reaping

HOLD = """
import ctypes, os, sys, time
if sys.argv[2] == "stranger" and os.fork():
    os._exit(0)  # whose parent isn't the test then
assert ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), None, None) == 0  # PTRACE_SEIZE
print(os.getpid(), flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def holder(pid: int, whose: str) -> Iterator[int]:
    """A debugger that takes hold of a process and then hangs."""
    words = [sys.executable, "-c", HOLD, str(pid), whose]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        held_by = int(started.stdout.readline())
        try:
            yield held_by
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(held_by, signal.SIGKILL)


@pytest.mark.parametrize(
    ("whose", "ending"), [("ours", Ending(signal="SIGKILL", by_us=True)), ("stranger", Ending(by_us=True))]
)
def test_a_debugger_that_hangs_does_not_make_us_hang(
    monkeypatch: pytest.MonkeyPatch, whose: str, ending: Ending
) -> None:
    """Ours is killed once what it holds is dead; a stranger's is left alone, and the status isn't known."""
    monkeypatch.setattr(reaping, "PATIENCE", 0.3)
    with Target.start(["sleep", "60"]) as target:
        target.release()
        with holder(target.pid, whose) as debugger:
            target.kill()
            assert target.poll() is None
            assert target.end() == ending
            alive = whose == "stranger"
            with open(f"/proc/{debugger}/stat") as file:
                assert (file.read().rpartition(")")[2].split()[0] not in "ZX") == alive
