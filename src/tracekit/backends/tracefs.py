"""What the running kernel says of its tracepoints."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tracekit.core.near import near
from tracekit.errors import UnsupportedError, UsageError

_MOUNTS: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")

# Each argument has a word of 8 bytes; the common fields and the call's number are the first 16 bytes.
_FIELD: Final = re.compile(r"^\s*field:[^;]*?(\w+);\s*offset:(\d+);\s*size:8;", re.MULTILINE)
_FIRST: Final = 16
_ID: Final = re.compile(r"^ID: (\d+)$", re.MULTILINE)
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
    raise _unread(feature, backend)


def _unread(feature: str, backend: str) -> UnsupportedError:
    mount = "mount -t tracefs tracefs /sys/kernel/tracing"
    return UnsupportedError(
        feature=feature,
        backend=backend,
        reason="tracefs is not mounted, or may not be read, where the kernel describes its tracepoints",
        remedy=f"Run: {mount}" if os.geteuid() == 0 else f"Run tracekit itself with sudo; or as root: {mount}",
    )


Describe = Callable[[str, str], int]
"""Opens the kernel's description of a tracepoint, by its category and name.

Raises FileNotFoundError if there is none, and another OSError if there is no tracefs, or none to be read.
"""


def syscall_arguments(name: str, backend: str, describe: Describe | None = None) -> tuple[str, ...]:
    """The names that the kernel gives a system call's arguments, in order.

    Args:
        name: the call's name, letters, digits and underscores only.
        backend: who asks.
        describe: who opens its description; None for us.

    Raises:
        UnsupportedError: if tracefs isn't there.
        UsageError: if there is no such call.
    """
    describe = describe or _opener("system calls", backend)
    try:
        text = _text(describe("syscalls", f"sys_enter_{name}"))
    except FileNotFoundError:
        known = [e.removeprefix("sys_enter_") for e in _syscalls() if e.startswith("sys_enter_")]
        guesses = near(name, known)
        raise UsageError(
            f"the kernel has no system call {name!r} to trace",
            f"Did you mean {' or '.join(guesses)}?" if guesses else "See 'man 2 syscalls'.",
        ) from None
    except OSError:
        raise _unread("system calls", backend) from None
    fields = [(int(offset), field) for field, offset in _FIELD.findall(text)]
    return tuple(field for offset, field in sorted(fields) if offset >= _FIRST)


def _opener(feature: str, backend: str) -> Describe:
    mount = require_tracefs(feature, backend)
    return lambda category, name: os.open(
        f"{mount}/events/{category}/{name}/format", os.O_RDONLY | os.O_CLOEXEC
    )


def _text(descriptor: int) -> str:
    with open(descriptor, encoding="ascii", errors="replace") as file:
        return file.read()


def _syscalls() -> list[str]:
    for mount in _MOUNTS:
        with suppress(OSError):
            return os.listdir(f"{mount}/events/syscalls")
    return []


def tracepoint(
    category: str, name: str, backend: str, describe: Describe | None = None
) -> tuple[int, dict[str, int]]:
    """A tracepoint's number, and where its fields are.

    Args:
        category: such as ``sched``.
        name: the tracepoint's name.
        backend: who asks.
        describe: who opens its description; None for us.

    Returns:
        The number; and for each field's name how many bytes it is from the start.

    Raises:
        UnsupportedError: if tracefs or the tracepoint isn't there.
    """
    describe = describe or _opener("tracepoints of the kernel", backend)
    try:
        text = _text(describe(category, name))
    except FileNotFoundError:
        raise UnsupportedError(
            feature=f"the tracepoint {category}:{name}", backend=backend, reason="this kernel doesn't have it"
        ) from None
    except OSError:
        raise _unread("tracepoints of the kernel", backend) from None
    number = _ID.search(text)
    return int(number[1]) if number else 0, {field: int(offset) for field, offset in _ANY_FIELD.findall(text)}
