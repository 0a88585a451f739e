"""Breakpoints that a killed debugger has left in the loader; a process of our own is the victim."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tracekit.process.leftover import BREAKPOINTS, take_out_breakpoints
from tracekit.process.memory import read_memory, write_memory

LAST = """
import ctypes, os, sys
print(hex(ctypes.cast(ctypes.CDLL(None)._dl_debug_state, ctypes.c_void_p).value), flush=True)
sys.stdin.read()
ctypes.CDLL("libm.so.6")
"""


@pytest.mark.skipif(os.uname().machine not in BREAKPOINTS, reason="no breakpoint is known of this processor")
def test_a_breakpoint_in_the_loader_is_taken_out() -> None:
    """It is written over with the file's own code, once, and the process can load a library again."""
    code = BREAKPOINTS[os.uname().machine]
    victim = [sys.executable, "-c", LAST]
    with subprocess.Popen(victim, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        at = int(process.stdout.readline(), 16)
        before = read_memory(process.pid, at, 16)
        assert take_out_breakpoints(process.pid) == 0
        assert write_memory(process.pid, at, code) and read_memory(process.pid, at, 16) != before
        assert take_out_breakpoints(process.pid) == 1
        assert read_memory(process.pid, at, 16) == before
        process.stdin.close()
        assert process.wait(30) == 0
    assert take_out_breakpoints(process.pid) == 0
