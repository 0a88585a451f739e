"""How gdb takes hold of a process, and what it is told first. Runs inside gdb, in Python 3.8 or later."""

from __future__ import annotations

import os
import signal
import time

import gdb

SETTINGS = (
    "set confirm off",
    "set pagination off",
    "set width 0",
    # An internal error must not end gdb while it holds a process; in Python it arrives as KeyboardInterrupt.
    "maintenance set internal-error quit no",
    "maintenance set internal-error corefile no",
    "maintenance set internal-warning quit no",
    "maintenance set internal-warning corefile no",
    "set mi-async on",
    "set breakpoint pending off",
    "set exec-file-mismatch off",
    # Symbols of libraries take seconds, and no name is looked up here.
    "set auto-solib-add off",
    "set libthread-db-search-path",
    # Whatever signal comes is the target's own affair.
    "handle all nostop noprint pass",
    "handle SIGINT nostop noprint pass",
)

_HANDOVER_SECONDS = 20.0


def settle() -> None:
    """Give gdb our settings."""
    for command in SETTINGS:
        gdb.execute(command, to_string=True)


def attach(pid: int, *, handover: bool, libraries: bool) -> None:
    """Take hold of a process, which stands still then.

    Args:
        pid: the process.
        handover: whether it is handed over to us, stopped by a signal before its first instruction.
        libraries: whether its libraries matter.
    """
    if not libraries:
        # Libraries that gdb doesn't find it doesn't follow: that takes longer than all the rest.
        gdb.execute("set sysroot /dev/null", to_string=True)
    # Has gdb know the program without reading its symbols, as it otherwise would.
    gdb.execute(f"exec-file /proc/{pid}/exe", to_string=True)
    if not handover:
        gdb.execute(f"attach {pid}", to_string=True)
    else:
        _await_handover(pid)
        # These two are ours, until the target runs.
        gdb.execute("handle SIGSTOP SIGCONT nopass", to_string=True)
        gdb.execute(f"attach {pid}", to_string=True)
        # Ends the stop that the target was handed over in, so that it goes on whatever becomes of gdb.
        os.kill(pid, signal.SIGCONT)
    gdb.execute("catch exec", to_string=True)


def _await_handover(pid: int) -> None:
    """Waits until nobody holds a process any more and it has stopped."""
    deadline = time.monotonic() + _HANDOVER_SECONDS
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
                pairs = (line.partition(":") for line in file)
                status = {name: value.strip() for name, _, value in pairs}
        except OSError:
            break
        if status["State"][0] in "ZX":
            break
        if status["TracerPid"] == "0" and status["State"][0] == "T":
            return
        time.sleep(0.001)
    raise gdb.GdbError("the target has not been handed over")
