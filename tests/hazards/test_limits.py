"""What would load a machine is refused or told, before and while it is traced."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest
from tests.hazards.conftest import Used, on

import tracekit as tk


@pytest.mark.live
@pytest.mark.skipif(os.geteuid() != 0, reason="starting a command for dtrace needs root")
def test_more_probes_than_dtrace_comes_to_an_end_with_are_refused() -> None:
    """Thousands of its probes have kept a kernel busy for an hour: no dtrace is started for them."""
    program = tk.parse("uprobe:libc.so.6:* { @ = count() }")
    with pytest.raises(tk.UnsupportedError, match="with more than 500 the kernel may be busy"):
        tk.run(program, tk.Command(["true"]), backend="dtrace", options=tk.Options(max_probes=10_000))


@pytest.mark.live
@on("bpf own", "bpftrace 0.17", "dtrace 2.0.7", "gdb 13")
def test_others_that_meet_the_probes_are_told(
    used: Used, victim: str, waiting: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """Whoever runs the same file is slowed, though not counted; gdb's breakpoints are in one process only."""
    process, _, _ = waiting(), waiting(), waiting()
    with used.start(f"uprobe:{victim}:hit {{ @ = count() }}", process.pid) as session:
        notes = session.notes
    told = f"2 other processes have {victim} loaded, and meet the probes in it, too"
    assert any(note.startswith(told) for note in notes) == (used.backend != "gdb")
