"""What the running kernel says of its tracepoints."""

from __future__ import annotations

import os
import re
from typing import Final

from tracekit.backends.bpftrace.emit import BACKEND
from tracekit.core.near import near
from tracekit.errors import UnsupportedError, UsageError

_MOUNTS: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")

# Each argument has a word of 8 bytes; the common fields and the call's number are the first 16 bytes.
_FIELD: Final = re.compile(r"^\s*field:[^;]*?(\w+);\s*offset:(\d+);\s*size:8;", re.MULTILINE)
_FIRST: Final = 16


def require_tracefs(feature: str) -> str:
    """The folder where tracefs is mounted.

    Raises:
        UnsupportedError: if it isn't, or isn't ours to read.
    """
    for mount in _MOUNTS:
        if os.path.isdir(f"{mount}/events"):
            return mount
    raise UnsupportedError(
        feature=feature,
        backend=BACKEND,
        reason="tracefs is not mounted, or may not be read, where the kernel describes its tracepoints",
        remedy="Run tracekit itself with sudo; or as root: mount -t tracefs tracefs /sys/kernel/tracing",
    )


def syscall_arguments(name: str) -> tuple[str, ...]:
    """The names that the kernel gives a system call's arguments, in order.

    Args:
        name: the call's name, letters, digits and underscores only.

    Raises:
        UnsupportedError: if tracefs isn't there.
        UsageError: if there is no such call.
    """
    events = f"{require_tracefs('system calls')}/events/syscalls"
    try:
        with open(f"{events}/sys_enter_{name}/format", encoding="ascii", errors="replace") as file:
            text = file.read()
    except OSError:
        known = [e.removeprefix("sys_enter_") for e in _listed(events) if e.startswith("sys_enter_")]
        guesses = near(name, known)
        raise UsageError(
            f"the kernel has no system call {name!r} to trace",
            f"Did you mean {' or '.join(guesses)}?" if guesses else "See 'man 2 syscalls'.",
        ) from None
    fields = [(int(offset), field) for field, offset in _FIELD.findall(text)]
    return tuple(field for offset, field in sorted(fields) if offset >= _FIRST)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
