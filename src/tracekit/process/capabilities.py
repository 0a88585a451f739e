"""Linux's capabilities of our own process (capabilities(7)), which Python has no words for."""

from __future__ import annotations

import os
import struct
from typing import Final

from tracekit.process.attached import status
from tracekit.process.ptrace import libc

DAC_READ_SEARCH: Final = 1 << 2
"""To read every file and folder; it changes none."""
SETGID: Final = 1 << 6
SETUID: Final = 1 << 7
SYS_ADMIN: Final = 1 << 21
PERFMON: Final = 1 << 38
BPF: Final = 1 << 39

_VERSION_3: Final = 0x20080522
_PR_SET_KEEPCAPS: Final = 8
_PR_SET_NO_NEW_PRIVS: Final = 38


def effective(pid: int | None = None) -> int:
    """A process's capabilities that are in force, a bit each; 0 if there is no such process. None is us."""
    return int(status(os.getpid() if pid is None else pid).get("CapEff", "0"), 16)


def keep_over_change_of_user() -> None:
    """Has the next change from root to another user leave the permitted capabilities."""
    _prctl(_PR_SET_KEEPCAPS, 1)


def drop_all() -> None:
    """Drops all capabilities, also those that an exec would pass on (inheritable and ambient ones)."""
    _set(0)


def keep_only(kept: int) -> None:
    """Drops all other capabilities for good, and whatever an exec could give.

    Raises:
        OSError: if they include one that we don't have.
    """
    _set(kept)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _set(kept: int) -> None:
    low, high = kept & 0xFFFFFFFF, kept >> 32
    # Effective, permitted and inheritable ones, of the lower half and then of the upper one (capset(2)).
    sets = struct.pack("=6I", low, low, 0, high, high, 0)
    _check(libc().capset(struct.pack("=Ii", _VERSION_3, 0), sets))


def _prctl(option: int, value: int) -> None:
    import ctypes

    zero = ctypes.c_ulong(0)
    _check(libc().prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def _check(returned: int) -> None:
    if returned == -1:
        import ctypes

        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
