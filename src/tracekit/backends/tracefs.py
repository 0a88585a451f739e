"""What the running kernel says of its tracepoints."""

from __future__ import annotations

import os
import re
from typing import Final

from tracekit.core.near import near
from tracekit.errors import UnsupportedError, UsageError

_MOUNTS: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")

# Each argument has a word of 8 bytes; the common fields and the call's number are the first 16 bytes.
_FIELD: Final = re.compile(r"^\s*field:[^;]*?(\w+);\s*offset:(\d+);\s*size:8;", re.MULTILINE)
_FIRST: Final = 16
_ANY_FIELD: Final = re.compile(r"^\s*field:[^;]*?(\w+)(?:\[\d*\])?;\s*offset:(\d+);", re.MULTILINE)


def require_tracefs(feature: str, backend: str) -> str:
    """The folder where tracefs is mounted.

    Args:
        feature: what it is needed for.
        backend: who needs it.

    Raises:
        UnsupportedError: if it isn't, or isn't ours to read.
    """
    for mount in _MOUNTS:
        if os.path.isdir(f"{mount}/events"):
            return mount
    raise UnsupportedError(
        feature=feature,
        backend=backend,
        reason="tracefs is not mounted, or may not be read, where the kernel describes its tracepoints",
        remedy="Run tracekit itself with sudo; or as root: mount -t tracefs tracefs /sys/kernel/tracing",
    )


def syscall_arguments(name: str, backend: str) -> tuple[str, ...]:
    """The names that the kernel gives a system call's arguments, in order.

    Args:
        name: the call's name, letters, digits and underscores only.
        backend: who asks.

    Raises:
        UnsupportedError: if tracefs isn't there.
        UsageError: if there is no such call.
    """
    events = f"{require_tracefs('system calls', backend)}/events/syscalls"
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


def tracepoint(category: str, name: str, backend: str) -> tuple[int, dict[str, int]]:
    """A tracepoint's number, and where its fields are.

    Args:
        category: such as ``sched``.
        name: the tracepoint's name.
        backend: who asks.

    Returns:
        The number; and for each field's name how many bytes it is from the start.

    Raises:
        UnsupportedError: if tracefs or the tracepoint isn't there.
    """
    folder = f"{require_tracefs('tracepoints of the kernel', backend)}/events/{category}/{name}"
    try:
        with open(f"{folder}/id", encoding="ascii") as file:
            number = int(file.read())
        with open(f"{folder}/format", encoding="ascii", errors="replace") as file:
            text = file.read()
    except OSError:
        raise UnsupportedError(
            feature=f"the tracepoint {category}:{name}",
            backend=backend,
            reason="this kernel doesn't have it, or doesn't let us read of it",
        ) from None
    return number, {field: int(offset) for field, offset in _ANY_FIELD.findall(text)}
